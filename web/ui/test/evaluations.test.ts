import assert from "node:assert/strict";
import { test } from "node:test";
import { score, share, swings } from "../src/model/evaluation.ts";

test("an evaluation in few letters, and as a share", () => {
  const cases: [{ cp?: number; mate?: number }, string, number][] = [
    [{ cp: 0 }, "0.0", 50],
    [{ cp: 34 }, "+0.3", 53],
    [{ cp: -120 }, "−1.2", 39],
    [{ cp: -4 }, "0.0", 50],
    [{ mate: 3 }, "M3", 100],
    [{ mate: -2 }, "−M2", 0],
  ];
  for (const [e, text, percent] of cases) {
    assert.equal(score(e), text);
    assert.equal(Math.round(share(e) * 100), percent, text);
  }
});

test("the biggest swings, and none where one side is unknown", () => {
  const at = (ply: number, cp: number) => ({ ply, cp, depth: 10, pv: [] });
  const found = swings([at(0, 20), at(1, 30), at(2, 400), at(4, -900), at(5, 800)]);
  assert.deepEqual([...found.keys()], [5, 2]);
  assert.ok(found.get(2)! > 0);
});
