import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAge, formatClock, running, timeLeft, untilNextTick } from "../src/model/clock.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

test("a clock reads like a chess clock", () => {
  const table: [number, string][] = [
    [2 * hour, "2:00:00"],
    [hour + 2 * minute + 3 * second + 999, "1:02:03"],
    [hour, "1:00:00"],
    [hour - 1, "59:59"],
    [15 * minute + 19 * second, "15:19"],
    [minute, "1:00"],
    [20 * second, "0:20"],
    [20 * second - 1, "0:19.9"],
    [9 * second + 50, "0:09.0"],
    [100, "0:00.1"],
    [0, "0:00.0"],
    [-5 * second, "0:00.0"],
  ];
  for (const [ms, text] of table) assert.equal(formatClock(ms), text);
});

const blackToMove = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1";
const board = { fen: blackToMove, ply: 1, clock: { white: 90 * second, black: 80 * second }, result: "*" as const, at: 1_000_000 };

test("the clock of the side to move runs, on the node's time, and never below zero", () => {
  assert.equal(running(board), "black");
  assert.equal(timeLeft(board, "black", 1_010_000), 70 * second);
  assert.equal(timeLeft(board, "white", 1_010_000), 90 * second);
  assert.equal(timeLeft(board, "black", 9_000_000), 0);
  assert.equal(timeLeft(board, "black", 999_000), 80 * second, "a move from the future adds no time");
  assert.equal(timeLeft(board, "black", undefined), 80 * second);
});

test("no clock runs before the first move, after the last, or without a start time", () => {
  assert.equal(running({ ...board, ply: 0 }), undefined);
  assert.equal(running({ ...board, result: "1/2-1/2" }), undefined);
  assert.equal(running({ ...board, at: undefined }), undefined);
  assert.equal(timeLeft({ ...board, clock: { white: 5 } }, "black", 1_010_000), undefined);
});

test("a clock's text is right until the next tick", () => {
  for (const ms of [65_432, 20_999, 20_001, 19_999, 5_050, 100]) {
    const wait = untilNextTick(ms);
    assert.ok(wait > 0 && wait <= 1001);
    assert.equal(formatClock(ms - wait + 1), formatClock(ms), `${ms} holds for ${wait}`);
  }
});

test("an age is told in the unit that fits", () => {
  assert.deepEqual([0, 42_400, 99_000, 180_000, 7_200_000].map(formatAge), ["0 s", "42 s", "99 s", "3 min", "2 h"]);
});
