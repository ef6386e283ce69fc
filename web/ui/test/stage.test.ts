import assert from "node:assert/strict";
import { test } from "node:test";
import { attend, nowhere } from "../src/model/spotlight.ts";
import { stageOf } from "../src/model/stage.ts";
import type { Board, Event, Round } from "../src/model/wire.ts";

const round: Round = { id: "r", tournament: "t", name: "Round 1" };
const board = (result: string, ply: number) => ({ result, ply }) as Board;

test("the stage of a round is about its games", () => {
  const at = 1_000_000;
  assert.deepEqual(stageOf({ ...round, startsAt: at + 5 }, [board("*", 0)], at, 0), { kind: "before", startsAt: at + 5 });
  assert.deepEqual(stageOf(round, [board("*", 3), board("1-0", 9)], at, 0), { kind: "live", playing: 1, all: 2 });
  assert.deepEqual(stageOf(round, [board("*", 0), board("1-0", 0)], at, 0), { kind: "live", playing: 1, all: 2 }, "a forfeit begins a round");
  assert.deepEqual(stageOf(round, [board("1/2-1/2", 3), board("1-0", 9)], at, 0), { kind: "finished" });
  assert.deepEqual(stageOf({ ...round, status: "finished" }, [], at, 0), { kind: "finished" });
  assert.deepEqual(stageOf({ ...round, startsAt: at - 5 }, [], at, 60), { kind: "held", until: at - 5 + 60_000 });
  assert.deepEqual(stageOf(round, [], at, 60), { kind: "held", until: undefined });
});

test("the spotlight stays long enough to be looked at", () => {
  const move = (board: number) => ({ type: "move", board }) as Event;
  const result = (board: number) => ({ type: "result", board }) as Event;
  const first = attend(nowhere, move(3), 1000);
  assert.equal(first.board, 3);
  assert.equal(attend(first, move(4), 3000).board, 3);
  assert.equal(attend(first, move(4), 7000).board, 4);
  assert.equal(attend(first, result(5), 3000).board, 5);
  assert.equal(attend(first, { type: "clock", board: 9 } as Event, 60_000).board, 3);
  assert.equal(attend({ ...first, pinned: true }, result(5), 60_000).board, 3);
});
