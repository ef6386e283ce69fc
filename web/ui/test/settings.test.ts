import assert from "node:assert/strict";
import { test } from "node:test";
import { choices, parseSettings, sizeFor, toggled, usual } from "../src/model/settings.ts";

test("settings of ours come back; anything else is ignored", () => {
  const s = { ...usual, size: "list", order: "clock", chip: "followed", spotlight: false, followed: ["fide 1"], hideResults: true } as const;
  assert.deepEqual(parseSettings(JSON.stringify(s)), s);
  for (const text of [null, "", "null", "7", "{", '"x"']) assert.deepEqual(parseSettings(text), usual, String(text));
  const odd = parseSettings('{"size":"huge","order":7,"chip":null,"followed":[1,"fide 2"],"hideResults":"yes"}');
  assert.deepEqual(odd, { ...usual, size: undefined, spotlight: undefined, followed: ["fide 2"] });
});

test("following, and no longer following", () => {
  const s = toggled(usual, "a");
  assert.deepEqual(s.followed, ["a"]);
  assert.deepEqual(toggled(s, "a").followed, []);
});

test("many boards are a list, unless the viewer chose", () => {
  assert.equal(sizeFor(usual, 32), "medium");
  assert.equal(sizeFor(usual, 33), "list");
  assert.equal(sizeFor({ ...usual, size: "small" }, 1000), "small");
});

test("a site that frames a page chooses by the address", () => {
  assert.deepEqual(choices("?squares=brown&results=hidden"), { squares: "brown", hideResults: true });
  assert.deepEqual(choices("?squares=evil&results=shown&order=clock"), {});
});
