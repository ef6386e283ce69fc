import assert from "node:assert/strict";
import { test } from "node:test";
import { blank, compare, loaded, record, startFen } from "../src/model/score-sheet.ts";
import type { Board, Event, Game, Move } from "../src/model/wire.ts";

const start = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

function ply(n: number): Move {
  return { ply: n, san: `m${n}`, uci: "a1a2", fen: `fen${n} w - - 0 1`, clock: {}, at: n };
}

function game(plies: number, index: number): Game {
  const moves = Array.from({ length: plies }, (_, i) => ply(i + 1));
  return {
    id: "g",
    round: "r",
    board: 1,
    white: { name: "W" },
    black: { name: "B" },
    fen: moves.at(-1)?.fen ?? start,
    ply: plies,
    moves,
    result: "*",
    index,
  };
}

function move(index: number, n: number): Event {
  return { type: "move", index, game: "g", board: 1, ...ply(n) };
}

function takeback(index: number, n: number): Event {
  return { type: "takeback", index, game: "g", board: 1, ply: n, fen: n === 0 ? start : ply(n).fen };
}

test("moves append", () => {
  const sheet = [move(11, 3), move(12, 4)].reduce(record, loaded(blank, game(2, 10)));
  assert.equal(sheet.gap, false);
  assert.deepEqual(
    sheet.game?.moves.map((m) => m.san),
    ["m1", "m2", "m3", "m4"],
  );
  assert.equal(sheet.game?.fen, ply(4).fen);
  assert.equal(sheet.game?.index, 12);
});

test("events that came before the game was fetched are applied to it, if they are newer", () => {
  const waiting = [move(9, 1), move(10, 2), move(11, 3)].reduce(record, blank);
  assert.equal(waiting.gap, true);
  const sheet = loaded(waiting, game(2, 10));
  assert.equal(sheet.gap, false);
  assert.equal(sheet.game?.moves.length, 3);
});

test("duplicates and old events change nothing", () => {
  const sheet = [move(11, 3)].reduce(record, loaded(blank, game(2, 10)));
  for (const old of [move(11, 3), move(10, 2), move(4, 1), takeback(9, 0)]) assert.equal(record(sheet, old), sheet);
  assert.equal(record(sheet, { ...move(12, 4), game: "other" }), sheet);
});

test("a missing ply is a gap, and the game that is fetched then closes it", () => {
  const gapped = record(loaded(blank, game(2, 10)), move(14, 5));
  assert.equal(gapped.gap, true);
  assert.equal(gapped.game?.moves.length, 2, "what we have stays on show");
  const more = record(gapped, move(15, 6));
  const lagging = loaded(more, game(3, 11));
  assert.equal(lagging.gap, true, "an answer from a node that lags does not close it");
  const closed = loaded(lagging, game(5, 14));
  assert.equal(closed.gap, false);
  assert.equal(closed.game?.moves.length, 6);
});

test("an older answer does not undo what we know", () => {
  const sheet = record(loaded(blank, game(2, 10)), move(11, 3));
  assert.equal(loaded(sheet, game(2, 10)).game?.moves.length, 3);
});

test("a takeback cuts, and the game goes on from there", () => {
  const sheet = [takeback(11, 1), move(12, 2)].reduce(record, loaded(blank, game(4, 10)));
  assert.deepEqual(
    sheet.game?.moves.map((m) => m.ply),
    [1, 2],
  );
  const all = record(loaded(blank, game(4, 10)), takeback(11, 0));
  assert.equal(all.game?.fen, start);
  assert.equal(record(loaded(blank, game(2, 10)), takeback(12, 3)).gap, true, "to a ply that we never had");
});

function correction(index: number, toPly: number, moves: Move[]): Event {
  const last = moves.at(-1);
  return { type: "correction", index, game: "g", board: 1, toPly, moves, ply: toPly + moves.length, fen: last?.fen ?? start, result: "*" };
}

test("a correction leaves nothing of the old line", () => {
  const other = (n: number): Move => ({ ...ply(n), san: `c${n}`, fen: `other${n} b - - 0 1` });
  const before = loaded(blank, game(4, 10));
  const sheet = [correction(11, 2, [other(3)]), move(12, 4)].reduce(record, before);
  assert.deepEqual(
    sheet.game?.moves.map((m) => m.san),
    ["m1", "m2", "c3", "m4"],
  );
  assert.equal(record(before, correction(11, 2, [other(3)])).game?.fen, other(3).fen);
  assert.equal(record(before, correction(11, 0, [])).game?.fen, start);
  assert.equal(record(sheet, correction(11, 2, [other(3)])), sheet, "an old one");
  assert.equal(record(before, { ...correction(11, 4, []), result: "1-0" } as Event).game?.result, "1-0");
  assert.equal(record(loaded(blank, game(1, 10)), correction(12, 3, [other(4)])).gap, true, "after a ply that we never had");
});

test("a snapshot with a newer game makes it fetch the game again, even if the position is the same", () => {
  const sheet = loaded(blank, game(2, 10));
  const board: Board = {
    game: "g",
    board: 1,
    white: { name: "W" },
    black: { name: "B" },
    fen: ply(2).fen,
    ply: 2,
    lastMove: null,
    clock: {},
    result: "*",
  };
  assert.equal(compare(sheet, { ...board, index: 11 }, 20).gap, true);
  assert.equal(compare(sheet, { ...board, index: 10 }, 20), sheet);
});

test("a result that comes with the move, at the same index, counts", () => {
  const result: Event = { type: "result", index: 11, game: "g", board: 1, result: "0-1" };
  const sheet = [move(11, 3), result].reduce(record, loaded(blank, game(2, 10)));
  assert.equal(sheet.game?.result, "0-1");
  assert.equal(sheet.game?.moves.length, 3);
});

test("tags change in place", () => {
  const tags: Event = {
    type: "game",
    index: 11,
    game: "g",
    board: 1,
    white: { name: "Renamed" },
    black: { name: "B" },
    fen: ply(2).fen,
    ply: 2,
    lastMove: null,
    clock: {},
    result: "*",
  };
  const sheet = record(loaded(blank, game(2, 10)), tags);
  assert.equal(sheet.game?.white.name, "Renamed");
  assert.equal(sheet.game?.moves.length, 2);
});

test("a snapshot that agrees keeps the moves, one that does not is a gap", () => {
  const sheet = loaded(blank, game(2, 10));
  const board: Board = {
    game: "g",
    board: 1,
    white: { name: "W" },
    black: { name: "B" },
    fen: ply(2).fen,
    ply: 2,
    lastMove: null,
    clock: {},
    result: "*",
  };
  assert.equal(compare(sheet, board, 20), sheet);
  assert.equal(compare(sheet, { ...board, result: "1-0" }, 20).game?.result, "1-0");
  assert.equal(compare(sheet, { ...board, ply: 5, fen: "x" }, 20).gap, true);
  assert.equal(compare(sheet, { ...board, ply: 1, fen: ply(1).fen }, 9), sheet, "an older one says nothing");
  assert.equal(compare(sheet, { ...board, game: "h" }, 20).game, undefined, "another game at this board");
});

test("the start is the game's own, or the usual one", () => {
  assert.equal(startFen(game(2, 1)), start);
  assert.equal(startFen({ ...game(2, 1), startFen: "8/8/8/8/8/8/8/K1k5 b - - 0 9" }), "8/8/8/8/8/8/8/K1k5 b - - 0 9");
  assert.equal(startFen({ ...game(0, 1), fen: "8/8/8/8/8/8/8/K1k5 w - - 0 1" }), "8/8/8/8/8/8/8/K1k5 w - - 0 1");
});

test("a clock that is told without a move is that of the last one", () => {
  const tick: Event = { type: "clock", index: 11, game: "g", board: 1, clock: { white: 9, running: "white" }, at: 5 };
  const sheet = record(loaded(blank, game(2, 10)), tick);
  assert.equal(sheet.gap, false);
  assert.deepEqual(
    sheet.game?.moves.map((m) => m.clock.white),
    [undefined, 9],
  );
  assert.equal(sheet.game?.index, 11);
});

test("an illegal move stays marked in the sheet, also through a correction", () => {
  const illegal = { ...ply(3), illegal: true };
  let sheet = record(loaded(blank, game(2, 10)), { type: "move", index: 11, game: "g", board: 1, ...illegal });
  assert.equal(sheet.game?.moves[2]?.illegal, true);
  assert.ok(!("illegal" in sheet.game!.moves[1]!));
  sheet = record(sheet, {
    type: "correction",
    index: 12,
    game: "g",
    board: 1,
    toPly: 1,
    moves: [{ ...illegal, ply: 2 }],
    ply: 2,
    fen: illegal.fen,
    result: "1-0",
    forfeit: true,
  });
  assert.equal(sheet.game?.moves[1]?.illegal, true);
  assert.equal(sheet.game?.forfeit, true);
  sheet = record(sheet, { type: "result", index: 13, game: "g", board: 1, result: "1-0" });
  assert.equal(sheet.game?.forfeit, undefined);
});
