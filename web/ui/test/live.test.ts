import assert from "node:assert/strict";
import { test } from "node:test";
import { delayOf, nothing, provisional, reduce, serverNow, type Live } from "../src/model/live.ts";
import { parseFrames, type Board, type Frame, type MoveFrame } from "../src/model/wire.ts";

const start = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
const afterE4 = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1";

function board(n: number, more: Partial<Board> = {}): Board {
  return {
    game: `game000${n}`,
    board: n,
    white: { name: "W" },
    black: { name: "B" },
    fen: start,
    ply: 0,
    lastMove: null,
    clock: {},
    result: "*",
    ...more,
  };
}

function move(index: number, n: number, ply: number, more: Partial<MoveFrame> = {}): MoveFrame {
  return { type: "move", index, game: `game000${n}`, board: n, ply, san: "e4", uci: "e2e4", fen: afterE4, clock: { white: 1000 }, at: 5, ...more };
}

const hello: Frame = { type: "hello", cluster: "c1", node: "n1", index: 10, now: 1_000_000 };
const snapshot: Frame = { type: "snapshot", index: 10, round: { id: "round001", tournament: "t", name: "Round 1" }, boards: [board(2), board(1)] };

function play(frames: Frame[], from: Live = nothing): Live {
  return frames.reduce((state, frame) => reduce(state, frame, 1000), from);
}

test("a snapshot gives the boards in the order of their numbers", () => {
  const state = play([hello, snapshot]);
  assert.equal(state.index, 10);
  assert.equal(state.round?.name, "Round 1");
  assert.deepEqual([...state.boards.keys()], [1, 2]);
});

test("a viewing link sets the viewer's delay, at most the public's", () => {
  const round = { id: "round001", tournament: "t", name: "Round 1", delay: 900 };
  const seen = (delay?: number) => play([{ ...hello, ...(delay !== undefined && { delay }) } as Frame, { ...snapshot, round } as Frame]);
  assert.equal(delayOf(seen()), 900);
  assert.equal(delayOf(seen(300)), 300);
  assert.equal(delayOf(seen(0)), 0);
  const shorter = play([{ type: "round", index: 11, round: { ...round, delay: 60 } } as Frame], seen(300));
  assert.equal(delayOf(shorter), 60);
  assert.equal(delayOf(play([hello, snapshot])), 0);
});

test("a move changes its board and no other", () => {
  const before = play([hello, snapshot]);
  const after = play([move(11, 1, 1)], before);
  assert.equal(after.index, 11);
  assert.equal(after.boards.get(1)?.fen, afterE4);
  assert.deepEqual(after.boards.get(1)?.lastMove, { san: "e4", uci: "e2e4" });
  assert.equal(after.boards.get(2), before.boards.get(2), "the other board keeps its identity");
  assert.equal(before.boards.get(1)?.ply, 0, "the state before is untouched");
});

test("events that were seen before, or are in the snapshot, are ignored", () => {
  const state = play([hello, snapshot, move(11, 1, 1), move(12, 1, 2, { san: "e5" })]);
  for (const old of [move(12, 1, 2, { san: "d5" }), move(11, 1, 1, { san: "d4" }), move(10, 1, 9), move(3, 2, 4)]) {
    const after = reduce(state, old, 1000);
    assert.deepEqual(after.boards, state.boards);
    assert.equal(after.index, 12);
  }
});

test("two events of one index are both applied, once", () => {
  const result: Frame = { type: "result", index: 11, game: "game0001", board: 1, result: "1-0" };
  const state = play([hello, snapshot, move(11, 1, 1), result]);
  assert.equal(state.boards.get(1)?.ply, 1);
  assert.equal(state.boards.get(1)?.result, "1-0");
  const again = reduce(state, { ...result, result: "0-1" }, 1000);
  assert.equal(again.boards.get(1)?.result, "1-0");
});

test("a gap of indexes is no gap: the log has other rounds too", () => {
  const state = play([hello, snapshot, move(900, 2, 7)]);
  assert.equal(state.index, 900);
  assert.equal(state.boards.get(2)?.ply, 7);
  assert.equal(state.incomplete, false);
});

test("a takeback shows the position gone back to", () => {
  const state = play([hello, snapshot, move(11, 1, 1), { type: "takeback", index: 12, game: "game0001", board: 1, ply: 0, fen: start }]);
  assert.equal(state.boards.get(1)?.ply, 0);
  assert.equal(state.boards.get(1)?.fen, start);
  assert.equal(state.boards.get(1)?.lastMove, null);
});

test("a correction shows the position of the new line, and its result", () => {
  const frame: Frame = {
    type: "correction",
    index: 12,
    game: "game0001",
    board: 1,
    toPly: 0,
    moves: [],
    ply: 1,
    fen: afterE4,
    lastMove: { san: "e4", uci: "e2e4" },
    clock: { white: 9 },
    result: "1-0",
    at: 7,
  };
  const state = play([hello, snapshot, frame]);
  const { ply, fen, lastMove, clock, result, at } = state.boards.get(1) ?? board(9);
  assert.deepEqual(
    { ply, fen, lastMove, clock, result, at },
    { ply: 1, fen: afterE4, lastMove: { san: "e4", uci: "e2e4" }, clock: { white: 9 }, result: "1-0", at: 7 },
  );
  assert.equal(play([{ ...frame, ply: 9 }], state).boards.get(1)?.ply, 1, "once");
});

test("a round event changes the round, and keeps what it does not say", () => {
  const named = { ...snapshot, round: { ...snapshot.round, tournamentName: "Open" } } as Frame;
  const state = play([hello, named, { type: "round", index: 11, round: { id: "round001", tournament: "t", name: "Round 2", status: "finished" } }]);
  assert.deepEqual(state.round, { id: "round001", tournament: "t", name: "Round 2", status: "finished", tournamentName: "Open" });
  assert.equal(state.index, 11);
  const again = play([{ type: "round", index: 12, round: { id: "round001", tournament: "t", name: "Round 2", tournamentName: "Open 2026" } }], state);
  assert.equal(again.round?.tournamentName, "Open 2026");
});

test("a game event opens a board, and changes tags", () => {
  const opened: Frame = { ...board(3, { white: { name: "New" } }), type: "game", index: 11 };
  const state = play([hello, snapshot, opened]);
  assert.deepEqual([...state.boards.keys()], [1, 2, 3]);
  const renamed = reduce(state, { ...board(3, { white: { name: "Newer", title: "GM" } }), type: "game", index: 12 }, 1000);
  assert.deepEqual(renamed.boards.get(3)?.white, { name: "Newer", title: "GM" });
});

test("an event about an unknown board asks for a new snapshot, which settles it", () => {
  const state = play([hello, snapshot, move(11, 7, 1)]);
  assert.equal(state.incomplete, true);
  const mended = reduce(state, { ...snapshot, index: 11, boards: [board(7, { ply: 1 })] }, 1000);
  assert.equal(mended.incomplete, false);
  assert.deepEqual([...mended.boards.keys()], [7]);
});

test("a newer snapshot replaces everything, an older one nothing", () => {
  const state = play([hello, snapshot, move(11, 1, 1)]);
  const older = reduce(state, snapshot, 1000);
  assert.equal(older.boards, state.boards);
  assert.equal(older.index, 11);
  const newer = reduce(state, { ...snapshot, index: 50, boards: [board(1, { ply: 30 })] }, 1000);
  assert.equal(newer.boards.get(1)?.ply, 30);
  assert.equal(newer.boards.has(2), false);
});

test("another cluster's indexes start from nothing", () => {
  const state = play([hello, snapshot, move(500, 1, 1), { ...hello, cluster: "c2" }]);
  assert.equal(state.index, 0);
  const after = reduce(state, { ...snapshot, index: 4 }, 1000);
  assert.equal(after.index, 4);
  assert.equal(after.boards.get(1)?.ply, 0);
});

test("status says how fresh this is, and hello makes it fresh", () => {
  const state = play([hello, snapshot, { type: "status", stale: true, age: 42_000, spectators: 7 }]);
  assert.deepEqual([state.stale, state.age, state.spectators], [true, 42_000, 7]);
  assert.equal(play([hello], state).stale, false);
  assert.equal(play([{ type: "status", stale: false }], state).spectators, 7);
});

test("the node's clock is the one of the frame that travelled fastest", () => {
  let state = reduce(nothing, hello, 1000); // offset 999000
  assert.equal(serverNow(state, 2000), 1_001_000);
  state = reduce(state, { type: "status", stale: false, now: 1_009_500 }, 11_000); // half a second late
  assert.equal(serverNow(state, 11_000), 1_010_000);
  state = reduce(state, { type: "status", stale: false, now: 1_020_100 }, 21_000); // faster than the first
  assert.equal(serverNow(state, 21_000), 1_020_100);
  state = reduce(state, { type: "status", stale: false, now: 900_000 }, 31_000); // the node's clock was set
  assert.equal(serverNow(state, 31_000), 900_000);
  assert.equal(serverNow(nothing, 5), undefined);
});

test("a round from HTTP shows until the snapshot is there, and not after", () => {
  const { game, ...rest } = board(4);
  const http = { id: "round001", tournament: "t", name: "By HTTP", games: [{ ...rest, id: game }] };
  const early = provisional(nothing, http);
  assert.equal(early.boards.get(4)?.game, "game0004");
  assert.equal(early.index, 0);
  const live = play([hello, snapshot], early);
  assert.equal(live.boards.has(4), false);
  assert.equal(provisional(live, http), live);
});

test("frames come alone or in an array; what is unknown or broken is left out", () => {
  assert.deepEqual(parseFrames(JSON.stringify(hello)), [hello]);
  assert.deepEqual(parseFrames(JSON.stringify([hello, { type: "chat", text: "hi" }, snapshot])), [hello, snapshot]);
  for (const bad of ["", "{", "null", "7", '"move"', "[null, 1, []]", "{}"]) assert.deepEqual(parseFrames(bad), []);
});

test("a clock that is told without a move replaces the clocks, and runs from then on", () => {
  const clock: Frame = { type: "clock", index: 12, game: "game0001", board: 1, clock: { white: 900, black: 700, running: "black" }, at: 77 };
  const state = play([hello, snapshot, move(11, 1, 1), ...parseFrames(JSON.stringify(clock))]);
  const { ply, clock: shown, at } = state.boards.get(1) ?? board(9);
  assert.deepEqual({ ply, shown, at }, { ply: 1, shown: { white: 900, black: 700, running: "black" }, at: 77 });
  const over = play(
    [{ type: "result", index: 13, game: "game0001", board: 1, result: "1-0", clock: { white: 900, black: 700, running: null } }],
    state,
  );
  assert.equal(over.boards.get(1)?.clock.running, null);
});

test("an illegal move is marked until the next one", () => {
  const state = play([hello, snapshot, move(11, 1, 1, { san: "Ke3", uci: "", illegal: true })]);
  assert.deepEqual(state.boards.get(1)?.lastMove, { san: "Ke3", uci: "", illegal: true });
  assert.deepEqual(play([move(12, 1, 2)], state).boards.get(1)?.lastMove, { san: "e4", uci: "e2e4" });
});

test("a forfeit comes with its result and goes with it, and a warning with the game", () => {
  const result = (index: number, result: "1-0" | "*", forfeit?: true): Frame => ({
    type: "result",
    index,
    game: "game0001",
    board: 1,
    result,
    forfeit,
  });
  let state = play([hello, snapshot, result(11, "1-0", true)]);
  assert.equal(state.boards.get(1)?.forfeit, true);
  state = play([result(12, "*")], state);
  assert.equal(state.boards.get(1)?.forfeit, undefined);
  state = play([{ ...board(1, { warning: "the source stops", result: "0-1", forfeit: true }), type: "game", index: 13 }], state);
  assert.equal(state.boards.get(1)?.warning, "the source stops");
  assert.equal(state.boards.get(1)?.forfeit, true);
  state = play([move(14, 1, 1)], state);
  assert.equal(state.boards.get(1)?.warning, "the source stops");
  state = play([{ ...board(1), type: "game", index: 15 }], state);
  assert.equal(state.boards.get(1)?.warning, undefined);
});

test("a board that is deleted is gone, and so is what was told of it; another game at its number stays", () => {
  const deleted = (index: number, game: string, number: number): Frame => ({ type: "deleted", index, game, board: number });
  const summary: Frame = { type: "summary", boards: [{ game: "game0007", board: 7, ply: 1, san: "d4", result: "*" }] };
  let state = play([hello, snapshot, summary, ...parseFrames(JSON.stringify(deleted(11, "game0001", 1))), deleted(12, "game0007", 7)]);
  assert.equal(state.boards.has(1), false);
  assert.equal(state.summaries.has(7), false);
  assert.equal(state.index, 12);
  assert.equal(state.incomplete, false);
  state = play([{ ...board(1), type: "game", index: 13, game: "another1" }, deleted(14, "game0001", 1)], state);
  assert.equal(state.boards.get(1)?.game, "another1");
  assert.equal(play([deleted(11, "another1", 1)], state).boards.has(1), true, "a late deletion is ignored");
});
