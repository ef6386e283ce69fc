import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { backoff, Connection, silence, type Phase } from "../src/net/connection.ts";

/** A WebSocket that the test plays the node for. */
class Socket {
  onmessage: ((m: { data: string }) => void) | null = null;
  onclose: ((c: { code: number }) => void) | null = null;
  closed = false;
  constructor(readonly url: string) {}
  close() {
    this.closed = true;
  }
  says(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  ends(code: number) {
    this.onclose?.({ code });
  }
}

let sockets: Socket[] = [];
let phases: Phase[] = [];
let cursor: { since: number; cluster?: string } = { since: 0 };
let connection: Connection;

const hello = { type: "hello", cluster: "c 1", node: "n", index: 5 };
const last = () => sockets.at(-1)!;
const phase = () => phases.at(-1)!;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  sockets = [];
  phases = [];
  cursor = { since: 0 };
  connection = new Connection({
    url: "ws://x/live?round=r",
    cursor: () => cursor,
    onFrames: () => {},
    onPhase: (p) => phases.push(p),
    now: () => Date.now(),
    random: () => 0.5,
    open: (url) => {
      const socket = new Socket(url);
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
  });
  connection.open();
});

afterEach(() => {
  connection.close();
  mock.timers.reset();
});

test("it is open once the node has spoken", () => {
  assert.equal(last().url, "ws://x/live?round=r");
  assert.deepEqual(phase(), { kind: "connecting", attempt: 0 });
  last().says(hello);
  assert.deepEqual(phase(), { kind: "open" });
});

test("it comes back from where it was", () => {
  last().says(hello);
  cursor = { since: 42, cluster: "c 1" };
  last().ends(1006);
  assert.equal(phase().kind, "waiting");
  mock.timers.tick(375);
  assert.equal(sockets.length, 2);
  assert.equal(last().url, "ws://x/live?round=r&since=42&cluster=c%201");
});

test("it waits longer each time it fails, and no longer than the limit", () => {
  assert.deepEqual([1, 2, 3, 4].map((n) => backoff(n, 1)), [500, 1000, 2000, 4000]);
  assert.equal(backoff(99, 1), 20_000);
  assert.equal(backoff(1, 0), 250);
  for (let n = 1; n <= 4; n++) {
    last().ends(1006);
    const p = phase();
    assert.ok(p.kind === "waiting" && p.attempt === n && p.until - Date.now() === backoff(n, 0.5));
    mock.timers.tick(backoff(n, 0.5));
  }
  assert.equal(sockets.length, 5);
});

test("a connection that lasted makes failures count from one again", () => {
  last().ends(1006);
  mock.timers.tick(375);
  last().says(hello);
  for (let i = 0; i < 3; i++) {
    mock.timers.tick(10_000);
    last().says({ type: "status" });
  }
  last().ends(1006);
  const p = phase();
  assert.ok(p.kind === "waiting" && p.attempt === 1);
});

test("a silent connection is dead", () => {
  last().says(hello);
  mock.timers.tick(10_000);
  last().says({ type: "status", stale: false });
  mock.timers.tick(silence - 1);
  assert.equal(phase().kind, "open");
  mock.timers.tick(1);
  assert.equal(phase().kind, "waiting");
  assert.equal(sockets[0]!.closed, true);
});

test("a connection that never says hello is given up", () => {
  mock.timers.tick(10_000);
  assert.equal(phase().kind, "waiting");
});

test("too slow: at once, with the cursor; but not in a circle", () => {
  last().says(hello);
  cursor = { since: 42 };
  last().ends(4001);
  mock.timers.tick(0);
  assert.match(last().url, /since=42/);
  last().says(hello);
  last().ends(4001);
  mock.timers.tick(10);
  assert.equal(sockets.length, 2);
});

test("going away: soon, and not all in the same instant", () => {
  last().says(hello);
  last().ends(4000);
  const p = phase();
  assert.ok(p.kind === "waiting" && p.until - Date.now() === 1100);
});

test("another cluster: at once, without the cursor", () => {
  last().says(hello);
  cursor = { since: 42, cluster: "c 1" };
  last().ends(4409);
  mock.timers.tick(0);
  assert.equal(last().url, "ws://x/live?round=r");
});

test("no such round ends it, but only if we never saw it", () => {
  last().ends(4404);
  assert.deepEqual(phase(), { kind: "refused", reason: "no-round" });
  mock.timers.tick(60_000);
  assert.equal(sockets.length, 1);
});

test("a node that does not have our round yet is asked again", () => {
  last().says(hello);
  cursor = { since: 42 };
  last().ends(4404);
  assert.equal(phase().kind, "waiting");
});

test("coming back to the page cuts the waiting short, and finds a dead connection", () => {
  last().ends(1006);
  connection.check();
  assert.equal(sockets.length, 2);
  last().says(hello);
  connection.check();
  assert.equal(sockets.length, 2, "a connection that is well is left alone");
  mock.timers.tick(13_000);
  connection.check();
  assert.equal(sockets.length, 3);
  assert.equal(sockets[1]!.closed, true);
});

test("closed is closed", () => {
  last().says(hello);
  connection.close();
  mock.timers.tick(100_000);
  assert.equal(sockets.length, 1);
});

test("a page that is left lets go of its socket, and takes another one on the way back", () => {
  last().says(hello);
  cursor = { since: 42 };
  connection.sleep();
  assert.equal(last().closed, true);
  mock.timers.tick(60_000);
  assert.equal(sockets.length, 1, "nothing is tried while it sleeps");
  connection.check();
  assert.equal(sockets.length, 2);
  assert.match(last().url, /since=42/);
  last().says(hello);
  assert.deepEqual(phase(), { kind: "open" });
});

test("a page that was refused has nothing to wake up for", () => {
  last().ends(4404);
  connection.sleep();
  connection.check();
  assert.equal(sockets.length, 1);
});
