import assert from "node:assert/strict";
import { test } from "node:test";
import { afterChange, by, following, goTo, missed, shown } from "../src/model/step.ts";

test("a viewer who follows sees every new ply", () => {
  assert.equal(shown(following, 40), 40);
  assert.equal(shown(afterChange(following, 41), 41), 41);
  assert.equal(missed(following, 41), 0);
});

test("a viewer who went back stays there, and is told how much was missed", () => {
  const step = by(following, -3, 40);
  assert.equal(shown(step, 40), 37);
  const later = afterChange(step, 42);
  assert.equal(shown(later, 42), 37);
  assert.equal(missed(later, 42), 2);
  assert.equal(missed(by(later, 2, 42), 42), 2, "stepping about does not forget it");
});

test("stepping to the end follows again", () => {
  const step = by(following, -1, 40);
  assert.deepEqual(by(step, 1, 40), following);
  assert.notDeepEqual(by(step, 1, 41), following);
  assert.deepEqual(goTo(step, 999, 41), following);
});

test("steps stop at both ends", () => {
  assert.equal(shown(by(following, -99, 40), 40), 0);
  assert.equal(shown(by(by(following, -99, 40), -1, 40), 40), 0);
  assert.deepEqual(by(following, 1, 40), following);
  assert.deepEqual(goTo(following, 0, 0), following, "an empty game has one ply to look at");
});

test("a takeback moves only a viewer of a removed ply", () => {
  const at30 = goTo(following, 30, 40);
  assert.equal(shown(afterChange(at30, 35), 35), 30);
  assert.deepEqual(afterChange(at30, 30), following);
  assert.deepEqual(afterChange(at30, 20), following);
  const cut = afterChange(at30, 35);
  assert.equal(missed(cut, 36), 1, "plies that were taken back are not new ones");
});
