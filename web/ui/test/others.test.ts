import assert from "node:assert/strict";
import { test } from "node:test";
import { nothing, reduce, turned } from "../src/model/live.ts";
import { others, unknown } from "../src/model/others.ts";
import type { BoardSummary, Frame, RoundWithGames } from "../src/model/wire.ts";

const player = (name: string) => ({ name });
const game = (board: number, more: object = {}) => ({
  id: `G${board}`,
  board,
  white: player(`W${board}`),
  black: player(`B${board}`),
  fen: "",
  ply: 0,
  lastMove: null,
  clock: {},
  result: "*" as const,
  ...more,
});
const round: RoundWithGames = {
  id: "R",
  tournament: "T",
  name: "Round 1",
  games: [game(1, { ply: 3, lastMove: { san: "Nf3", uci: "g1f3" } }), game(2), game(3, { result: "1-0", forfeit: true })],
};
const summary = (...boards: BoardSummary[]): Frame => ({ type: "summary", boards });

test("a summary is kept by board, and touches neither the boards that are watched nor the cursor", () => {
  const before = reduce(nothing, { type: "snapshot", index: 7, round, boards: [{ ...game(1), game: "G1" }], only: [1] }, 0);
  const first = reduce(before, summary({ game: "G1", board: 1, ply: 3, san: "Nf3", result: "*" }, { game: "G2", board: 2, ply: 0, result: "*" }), 1);
  const after = reduce(first, summary({ game: "G2", board: 2, ply: 1, san: "d4", result: "*" }), 2);
  assert.equal(after.boards, before.boards);
  assert.equal(after.index, 7);
  assert.deepEqual(
    [...after.summaries.values()].map((t) => [t.board, t.san]),
    [
      [1, "Nf3"],
      [2, "d4"],
    ],
  );
  assert.equal(reduce(after, { type: "hello", cluster: "c", node: "n", index: 9 }, 3).summaries.size, 2);
});

test("another cluster's hello forgets our summaries", () => {
  const known = reduce(
    reduce(nothing, { type: "hello", cluster: "a", node: "n", index: 9 }, 0),
    summary({ game: "G2", board: 2, ply: 1, result: "*" }),
    1,
  );
  assert.equal(reduce(known, { type: "hello", cluster: "b", node: "n", index: 9 }, 2).summaries.size, 0);
});

test("after a switch to another board it is empty, and the others' summaries stay", () => {
  const before = reduce(
    reduce(nothing, { type: "snapshot", index: 7, round, boards: [{ ...game(1), game: "G1" }] }, 0),
    summary({ game: "G2", board: 2, ply: 1, result: "*" }),
    1,
  );
  const after = turned(before);
  assert.equal(after.index, 0);
  assert.equal(after.boards.size, 0);
  assert.equal(after.summaries.size, 1);
  assert.equal(after.round, before.round);
});

test("the list of boards is the round's, with what was told since", () => {
  const summaries = new Map([
    [1, { game: "G1", board: 1, ply: 4, san: "Nf6", result: "*" }],
    [2, { game: "another", board: 2, ply: 9, san: "Kd5", result: "1-0" }],
    [3, { game: "G3", board: 3, ply: 0, result: "*" }],
  ] satisfies [number, BoardSummary][]);
  assert.deepEqual(
    others(round, summaries).map((o) => [o.board, o.san, o.result, o.forfeit]),
    [
      [1, "Nf6", "*", undefined],
      [2, undefined, "*", undefined],
      [3, undefined, "*", undefined],
    ],
  );
  assert.deepEqual(
    others(round, new Map()).map((o) => [o.san, o.result, o.forfeit]),
    [
      ["Nf3", "*", undefined],
      [undefined, "*", undefined],
      [undefined, "1-0", true],
    ],
  );
  assert.equal(unknown(round, summaries), true);
  assert.equal(unknown(round, new Map([[1, summaries.get(1)!]])), false);
});
