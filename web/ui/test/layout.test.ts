import assert from "node:assert/strict";
import { test } from "node:test";
import { columnsIn, rowsOf, visible } from "../src/model/layout.ts";

const measures = { columns: 3, item: 100, head: 40 };

test("rows of groups, with their headings", () => {
  const { rows, height } = rowsOf([{ head: "a", items: [1, 2, 3, 4] }, { items: [5] }], measures);
  assert.deepEqual(
    rows.map(({ top, items, head }) => [top, head ?? items]),
    [
      [0, "a"],
      [40, [1, 2, 3]],
      [140, [4]],
      [240, [5]],
    ],
  );
  assert.equal(height, 340);
  assert.deepEqual(rowsOf([], measures), { rows: [], height: 0 });
});

test("only what is on the screen is drawn, and never less", () => {
  const { rows } = rowsOf([{ items: Array.from({ length: 3000 }, (_, i) => i) }], measures);
  const on = visible(rows, 5_050, 5_350);
  assert.deepEqual(
    on.map((r) => r.top),
    [5000, 5100, 5200, 5300],
  );
  assert.deepEqual(visible(rows, -500, 0), []);
  assert.equal(visible(rows, -500, 1).length, 1);
  assert.deepEqual(visible(rows, 100_000, 100_500), []);
  assert.equal(visible(rows, 99_999, 100_500).length, 1);
});

test("columns", () => {
  assert.equal(columnsIn(1000, 300, 10), 3);
  assert.equal(columnsIn(610, 300, 10), 2);
  assert.equal(columnsIn(609, 300, 10), 1);
  assert.equal(columnsIn(0, 300, 10), 1);
});
