import assert from "node:assert/strict";
import { test } from "node:test";
import { nothing, type Live } from "../src/model/live.ts";
import { condition } from "../src/model/status.ts";

const round = { id: "r", tournament: "t", name: "Round 1" };
const live: Live = { ...nothing, index: 5, round, heardAt: 100_000 };

test("only a live page says so", () => {
  assert.equal(condition({ kind: "open" }, live, 104_000).status, "live");
  assert.equal(condition({ kind: "open" }, nothing, 104_000).status, "reconnecting", "no board has come yet");
  assert.deepEqual(condition({ kind: "connecting", attempt: 0 }, nothing, 0), { status: "reconnecting", text: "Connecting…", first: true });
});

test("a stale node's age goes on growing", () => {
  const stale = { ...live, stale: true, age: 42_000 };
  assert.match(condition({ kind: "open" }, stale, 100_000).text, /42 s/);
  assert.match(condition({ kind: "open" }, stale, 108_000).text, /50 s/);
  assert.equal(condition({ kind: "open" }, stale, 108_000).status, "stale");
});

test("a node that is silent is not live", () => {
  const c = condition({ kind: "open" }, live, 118_000);
  assert.equal(c.status, "stale");
  assert.match(c.text, /18 s/);
});

test("reconnecting counts down, and says how old the boards are", () => {
  const c = condition({ kind: "waiting", attempt: 3, until: 113_500 }, live, 110_000);
  assert.equal(c.status, "reconnecting");
  assert.equal(c.text, "Reconnecting in 4 s · boards as of 10 s ago");
});

test("a node whose boards have diverged is not merely reconnecting", () => {
  const c = condition({ kind: "waiting", attempt: 1, until: 3000, diverged: true }, nothing, 0);
  assert.equal(c.status, "stale");
  assert.match(c.text, /diverged/);
  assert.equal(condition({ kind: "connecting", attempt: 2, diverged: true }, nothing, 0).status, "stale");
});
