import assert from "node:assert/strict";
import { test } from "node:test";
import { flag, nameParts, personKey } from "../src/model/names.ts";

test("a name is split at its comma only", () => {
  assert.deepEqual(nameParts("Carlsen, Magnus"), { family: "Carlsen", given: "Magnus" });
  assert.deepEqual(nameParts("Magnus Carlsen"), { family: "Magnus Carlsen", given: "" });
  assert.deepEqual(nameParts("Gukesh D"), { family: "Gukesh D", given: "" });
});

test("a person is known by the FIDE id, otherwise by the name", () => {
  assert.equal(personKey({ name: "A", fideId: 7 }), personKey({ name: "B", fideId: 7 }));
  assert.equal(personKey({ name: "Doe,  Jane " }), personKey({ name: "DOE, JANE" }));
  assert.notEqual(personKey({ name: "Doe, Jane" }), personKey({ name: "Doe, John" }));
});

test("flags", () => {
  assert.equal(flag("GER"), "\u{1f1e9}\u{1f1ea}");
  assert.equal(flag("sui"), "\u{1f1e8}\u{1f1ed}");
  assert.equal(flag("RSA"), "\u{1f1ff}\u{1f1e6}");
  assert.equal([...flag("ENG")].length, 7);
  assert.equal(flag("FID"), "");
  assert.equal(flag(undefined), "");
});
