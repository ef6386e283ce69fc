import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { LiveRound } from "../src/page/live-round.ts";

class Socket {
  static all: Socket[] = [];
  onmessage: ((m: { data: string }) => void) | null = null;
  onclose: ((c: { code: number }) => void) | null = null;
  said: string[] = [];
  closed = false;
  constructor(readonly url: string) {
    Socket.all.push(this);
  }
  send(text: string) {
    this.said.push(text);
  }
  close() {
    this.closed = true;
  }
  says(...frames: object[]) {
    this.onmessage?.({ data: JSON.stringify(frames) });
  }
}

const board = (n: number, ply = 0) => ({
  game: `G${n}`,
  board: n,
  white: { name: "W" },
  black: { name: "B" },
  fen: "",
  ply,
  lastMove: null,
  clock: {},
  result: "*",
});
const round = { id: "R", tournament: "T", name: "Round 1" };
const snapshot = (index: number, n: number, ply = 0) => ({ type: "snapshot", index, round, boards: [board(n, ply)], only: [n] });
const move = (index: number, n: number, ply: number) => ({
  type: "move",
  index,
  game: `G${n}`,
  board: n,
  ply,
  san: "e4",
  uci: "e2e4",
  fen: "",
  clock: {},
});
const last = () => Socket.all.at(-1)!;

let liveRound: LiveRound;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  Socket.all = [];
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  Object.assign(globalThis, { window: new EventTarget(), document, WebSocket: Socket, location: { protocol: "http:", host: "x" } });
  liveRound = new LiveRound("R", 1, { changed: () => {} });
  liveRound.open();
  last().says({ type: "hello", cluster: "c", node: "n", index: 5 }, snapshot(5, 1));
});

afterEach(() => {
  liveRound.close();
  mock.timers.reset();
});

test("another board comes over the same connection, and late frames of the one before are ignored", () => {
  liveRound.watch(2);
  mock.timers.tick(0);
  assert.deepEqual(last().said, ['{"type":"subscribe","boards":[2]}']);
  last().says(move(6, 1, 1), { type: "round", index: 7, round: { ...round, name: "Round 2" } });
  last().says(snapshot(7, 1, 1)); // it had been moved forward just then
  assert.equal(liveRound.live.boards.size, 0);
  assert.equal(liveRound.live.index, 0, "who is cut now comes back for a snapshot");
  last().says(snapshot(8, 2, 3), move(9, 2, 4));
  assert.deepEqual([...liveRound.live.boards.keys()], [2]);
  assert.equal(liveRound.live.boards.get(2)!.ply, 4);
  assert.equal(liveRound.live.index, 9);
  mock.timers.tick(10_000);
  assert.equal(Socket.all.length, 1);
});

test("after quick switches it asks only for the last board", () => {
  for (let n = 2; n <= 9; n++) liveRound.watch(n);
  mock.timers.tick(300);
  assert.deepEqual(last().said, ['{"type":"subscribe","boards":[9]}']);
});

test("a lost connection comes back with the wanted board, without a cursor", () => {
  liveRound.watch(2);
  mock.timers.tick(0);
  last().onclose!({ code: 1006 });
  mock.timers.tick(500);
  assert.equal(Socket.all.length, 2);
  assert.equal(last().url, "ws://x/live?round=R&evaluations=1&boards=2");
  last().says({ type: "hello", cluster: "c", node: "n", index: 5 }, snapshot(8, 2, 3));
  assert.deepEqual([...liveRound.live.boards.keys()], [2]);
});

test("if the node cannot switch boards, it makes a new connection", () => {
  liveRound.watch(2);
  mock.timers.tick(0);
  mock.timers.tick(5000);
  assert.equal(last().url, "ws://x/live?round=R&evaluations=1&boards=2");
  const { only: _, ...old } = snapshot(8, 2, 3);
  last().says({ type: "hello", cluster: "c", node: "n", index: 5 }, old);
  assert.deepEqual([...liveRound.live.boards.keys()], [2]);
});

test("if it cannot send, it makes a new connection at once", () => {
  last().onclose!({ code: 1006 });
  liveRound.watch(2);
  mock.timers.tick(0);
  assert.equal(last().url, "ws://x/live?round=R&evaluations=1&boards=2");
});
