import assert from "node:assert/strict";
import { test } from "node:test";
import { choose, everything, groups, isShort, type Choice } from "../src/model/boards.ts";
import { personKey } from "../src/model/names.ts";
import type { Board, Player, Result } from "../src/model/wire.ts";

const start = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

function board(n: number, white: Partial<Player>, black: Partial<Player>, more: Partial<Board> = {}): Board {
  return {
    game: `game${n}`,
    board: n,
    white: { name: "Roe, White", ...white },
    black: { name: "Roe, Black", ...black },
    fen: start,
    ply: 2,
    lastMove: { san: "e5", uci: "e7e5" },
    clock: { white: 3_600_000, black: 3_600_000 },
    result: "*",
    at: 1000 * n,
    ...more,
  };
}

const boards = [
  board(1, { name: "Carlsen, Magnus", federation: "NOR", rating: 2830, fideId: 1503014 }, { name: "Müller, Jörg", team: "Bergen", rating: 2400 }),
  board(2, { team: "Oslo", rating: 2500 }, { federation: "GER" }, { result: "1-0" as Result }),
  board(3, { rating: 2100 }, {}, { clock: { white: 100_000, black: 3_600_000 } }),
  board(13, {}, { team: "Oslo" }, { clock: {}, at: undefined }),
];
const followed = new Set<string>();

function numbers(choice: Partial<Choice>, now = 10_000, who: ReadonlySet<string> = followed): number[] {
  return choose(boards, { ...everything, ...choice }, who, now).map((b) => b.board);
}

test("words of a query are in names, teams and federations, or are a board's number", () => {
  const cases: [string, number[]][] = [
    ["", [1, 2, 3, 13]],
    ["carlsen", [1]],
    ["magnus CARLSEN", [1]],
    ["muller", [1]],
    ["oslo", [2, 13]],
    ["ger", [2]],
    ["3", [3]],
    ["#13", [13]],
    ["nobody", []],
  ];
  for (const [query, want] of cases) assert.deepEqual(numbers({ query }), want, query);
});

test("chips", () => {
  assert.deepEqual(numbers({ chip: "playing" }), [1, 3, 13]);
  assert.deepEqual(numbers({ chip: "finished" }), [2]);
  assert.deepEqual(numbers({ chip: "trouble" }), [3]);
  assert.deepEqual(numbers({ chip: "followed" }), []);
  assert.deepEqual(numbers({ chip: "followed" }, 0, new Set([personKey(boards[0]!.white)])), [1]);
});

test("a team, a federation, and both", () => {
  assert.deepEqual(numbers({ team: "Oslo" }), [2, 13]);
  assert.deepEqual(numbers({ federation: "GER" }), [2]);
  assert.deepEqual(numbers({ team: "Oslo", federation: "NOR" }), []);
  assert.deepEqual(groups(boards), { teams: ["Bergen", "Oslo"], federations: ["GER", "NOR"] });
});

test("orders; a board without a time comes last, and equals stay in the boards' order", () => {
  assert.deepEqual(numbers({ order: "board" }), [1, 2, 3, 13]);
  assert.deepEqual(numbers({ order: "move" }), [3, 2, 1, 13]);
  assert.deepEqual(numbers({ order: "clock" }), [3, 1, 2, 13]);
  assert.deepEqual(numbers({ order: "rating" }), [1, 2, 3, 13]);
});

test("a clock gets short while its side thinks", () => {
  const b = board(1, {}, {}, { clock: { white: 180_000 }, at: 0 });
  assert.equal(isShort(b, 59_000), false);
  assert.equal(isShort(b, 61_000), true);
  assert.equal(isShort({ ...b, result: "0-1" }, 61_000), false);
});
