import assert from "node:assert/strict";
import { test } from "node:test";
import { checked, moveNumber, numbering, pieces, place, squares, turn } from "../src/model/fen.ts";
import { pieceName, speak, speakMove, speakResult, writeResult } from "../src/model/speak.ts";

test("a position is read square by square", () => {
  const all = pieces("r3k2r/8/8/8/4P3/8/8/R3K2R b KQkq e3 0 1");
  assert.equal(all.length, 7);
  assert.deepEqual(all[0], { square: "a8", piece: "br" });
  assert.deepEqual(all[3], { square: "e4", piece: "wp" });
  assert.deepEqual(all.at(-1), { square: "h1", piece: "wr" });
  assert.equal(turn("8/8/8/8/8/8/8/8 b - - 0 1"), "black");
  assert.deepEqual(place("a8"), { x: 0, y: 0 });
  assert.deepEqual(place("h1"), { x: 7, y: 7 });
});

test("a move has two squares, a null move none", () => {
  assert.deepEqual(squares("e7e8q"), ["e7", "e8"]);
  assert.deepEqual(squares("0000"), []);
  assert.deepEqual(squares(undefined), []);
});

test("a check marks the king of the side to move", () => {
  assert.equal(checked("4k3/8/8/8/8/8/8/4RK2 b - - 0 1", "Re1+"), "e8");
  assert.equal(checked("4k3/8/8/8/8/8/8/4RK2 b - - 0 1", "Re1"), undefined);
});

test("plies are numbered as on a score sheet", () => {
  const start = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
  assert.deepEqual(numbering(start, 1), { move: 1, side: "white" });
  assert.deepEqual(numbering(start, 24), { move: 12, side: "black" });
  assert.deepEqual(numbering("8/8/8/8/8/8/8/K1k5 b - - 0 40", 1), { move: 40, side: "black" });
  assert.deepEqual(numbering("8/8/8/8/8/8/8/K1k5 b - - 0 40", 2), { move: 41, side: "white" });
});

test("a position tells the number of the move that led to it", () => {
  assert.equal(moveNumber("rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1"), "1.");
  assert.equal(moveNumber("rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2"), "1…");
});

test("moves can be said", () => {
  const table: [string, string][] = [
    ["e4", "e4"],
    ["exd5", "e takes d5"],
    ["Nf3", "knight f3"],
    ["Nbxd7+", "knight b takes d7, check"],
    ["R1a3", "rook 1 a3"],
    ["Qh4xe1", "queen h4 takes e1"],
    ["O-O", "castles kingside"],
    ["O-O-O#", "castles queenside, checkmate"],
    ["bxa8=N", "b takes a8, becomes a knight"],
    ["--", "--"],
  ];
  for (const [san, said] of table) assert.equal(speak(san), said);
  assert.equal(pieceName("bq"), "black queen");
});

test("an illegal move and a forfeit are said", () => {
  assert.equal(speakMove({ san: "Nbxd7+" }), "knight b takes d7, check");
  assert.equal(speakMove({ san: "Ke3", illegal: true }), "king e3, an illegal move");
  assert.equal(speakMove({ san: "--", illegal: true }), "--, an illegal move");
  assert.equal(speakResult({ result: "1-0" }), "White wins");
  assert.equal(speakResult({ result: "0-1", forfeit: true }), "Black wins, by forfeit");
  assert.equal(writeResult({ result: "0-0", forfeit: true }), "0-0 by forfeit");
});
