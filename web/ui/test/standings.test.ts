import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { matches, type Match } from "../src/model/matches.ts";
import { byRound, got, progress, written } from "../src/model/standings.ts";

interface Case {
  readonly name: string;
  readonly games: readonly { readonly board: number; readonly white: string; readonly black: string; readonly result: string }[];
  readonly matches: readonly Match[];
}

// The cases that the node is held to, too.
const cases = JSON.parse(readFileSync("../../relay/standings/testdata/matches.json", "utf8")) as Case[];

for (const c of cases) {
  test(`matches: ${c.name}`, () => {
    const boards = c.games.map((g) => ({ ...g, white: { team: g.white || undefined }, black: { team: g.black } }));
    assert.deepEqual(matches(boards.reverse()), c.matches);
  });
}

test("points are written with fractions", () => {
  assert.deepEqual([0, 0.5, 1, 6.5, 24.25, 0.75, 10, 0.33, 4.08, 2451, 1.3333].map(written), [
    "0",
    "½",
    "1",
    "6½",
    "24¼",
    "¾",
    "10",
    "0.33",
    "4.08",
    "2451",
    "1.33",
  ]);
});

test("points differ between a game, a forfeit and a game that goes on", () => {
  const e = { round: 1, board: 1, white: true };
  assert.deepEqual(
    [
      e,
      { ...e, points: 0 },
      { ...e, points: 0.5 },
      { ...e, points: 1, unplayed: true },
      { ...e, points: 0, unplayed: true },
      { ...e, points: 0.5, unplayed: true },
    ].map(got),
    ["·", "0", "½", "+", "−", "½"],
  );
});

test("encounters stand in the columns of their rounds", () => {
  const [a, b, c] = [{ round: 1 }, { round: 3 }, { round: 3 }];
  assert.deepEqual(byRound([a!, b!, c!], 3), [[a], [], [b, c]]);
});

test("progress in words", () => {
  const round = (finished: boolean) => ({ id: "r", name: "R", finished });
  assert.equal(progress({ finished: false, rounds: [round(false)], players: [], tieBreaks: [] }), "Standings, no round is finished yet");
  assert.equal(progress({ finished: false, rounds: [round(true), round(false)], players: [], tieBreaks: [] }), "Standings, 1 round of 2 finished");
  assert.equal(progress({ finished: true, rounds: [round(true), round(true)], players: [], tieBreaks: [] }), "Final standings after 2 rounds");
});
