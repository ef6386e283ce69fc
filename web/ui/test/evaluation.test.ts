import assert from "node:assert/strict";
import { test } from "node:test";
import { type Live, nothing, reduce } from "../src/model/live.ts";
import { type Frame, parseFrames } from "../src/model/wire.ts";

const fen = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

function board(number: number, game = `game000${number}`, ply = 0) {
  return { game, board: number, white: { name: "A" }, black: { name: "B" }, fen, ply, lastMove: null, clock: {}, result: "*" as const };
}

const round = { id: "round001", tournament: "tourney1", name: "Round 1" };
const snapshot: Frame = { type: "snapshot", index: 10, round, boards: [board(1), board(2)] };
const on: Frame = { type: "evaluations", on: true };
const evaluation = (number: number, ply: number, cp: number): Frame => ({
  type: "evaluation",
  game: `game000${number}`,
  board: number,
  ply,
  cp,
  depth: 12,
  pv: ["e4"],
});
const move = (index: number, ply: number): Frame => ({
  type: "move",
  index,
  game: "game0001",
  board: 1,
  ply,
  san: "e4",
  uci: "e2e4",
  fen: `${fen} ${ply}`,
  clock: {},
});

function play(frames: readonly Frame[], from: Live = nothing): Live {
  return frames.reduce((state, frame) => reduce(state, frame, 1), from);
}

test("an evaluation is kept by board, and moves neither the cursor nor the boards", () => {
  const before = play([snapshot, on]);
  const after = play([evaluation(1, 0, 31), evaluation(2, 0, -5)], before);
  assert.equal(after.evaluates, true);
  assert.deepEqual(after.evaluations.get(1), { ply: 0, cp: 31, depth: 12, pv: ["e4"] });
  assert.equal(after.evaluations.get(2)?.cp, -5);
  assert.equal(after.index, before.index);
  assert.equal(after.boards, before.boards);
  assert.equal(before.evaluations.size, 0);
});

test("an evaluation of another position or another game is left out", () => {
  const other = { ...evaluation(1, 0, 31), game: "game0009" } as Frame;
  assert.equal(play([snapshot, on, evaluation(1, 3, 31), other, evaluation(7, 0, 1)]).evaluations.size, 0);
});

test("after a move the evaluation before stays until the next; after a takeback it is gone", () => {
  const state = play([snapshot, on, evaluation(1, 0, 31), evaluation(2, 0, 7), move(11, 1)]);
  assert.equal(state.evaluations.get(1)?.ply, 0);
  const next = play([evaluation(1, 1, 40)], state);
  assert.equal(next.evaluations.get(1)?.ply, 1);
  for (const frame of [
    { type: "takeback", index: 12, game: "game0001", board: 1, ply: 0, fen },
    { type: "correction", index: 12, game: "game0001", board: 1, toPly: 0, moves: [], ply: 1, fen, result: "*" },
    { type: "game", index: 12, ...board(1, "game0005") },
    { type: "deleted", index: 12, game: "game0001", board: 1 },
  ] as Frame[]) {
    const gone = play([frame], next);
    assert.equal(gone.evaluations.has(1), false, frame.type);
    assert.equal(gone.evaluations.get(2)?.cp, 7, frame.type);
  }
});

test("a snapshot keeps what is still true", () => {
  const state = play([snapshot, on, evaluation(1, 0, 31), evaluation(2, 0, 7)]);
  const later = { type: "snapshot", index: 20, round, boards: [{ ...board(1), fen: "8/8", ply: 4 }, board(2)] } as Frame;
  const after = play([later], state);
  assert.deepEqual([...after.evaluations.keys()], [2]);
});

test("switched off, everything is gone, and nothing comes back before it is on", () => {
  const state = play([snapshot, on, evaluation(1, 0, 31)]);
  assert.equal(play([{ type: "evaluations", on: false }], state).evaluations.size, 0);
  const off = play([{ type: "round", index: 11, round: { ...round, evaluations: false } }], state);
  assert.equal(off.evaluations.size, 0);
  assert.equal(play([evaluation(1, 0, 31)], off).evaluations.size, 0);
  const again = play([{ type: "round", index: 12, round }, evaluation(1, 0, 31)], off);
  assert.equal(again.evaluations.size, 1);
});

test("parseFrames leaves out evaluations that no view could draw", () => {
  const good = { type: "evaluation", game: "game0001", board: 1, ply: 2, mate: -3, depth: 30, pv: ["Qh4#"] };
  assert.deepEqual(parseFrames(JSON.stringify([good, { type: "evaluations", on: true }])), [good, { type: "evaluations", on: true }]);
  for (const bad of [
    { ...good, mate: undefined },
    { ...good, cp: 3 },
    { ...good, mate: "x" },
    { ...good, pv: "Qh4#" },
    { ...good, pv: [1] },
    { ...good, ply: null },
  ]) {
    assert.deepEqual(parseFrames(JSON.stringify(bad)), []);
  }
});
