import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { backoff, Connection, events, silence, type Channel, type Phase } from "../src/net/connection.ts";

/** A WebSocket that the test plays the node for. */
class Socket {
  onmessage: Channel["onmessage"] = null;
  onclose: ((c: { code: number; reason?: string }) => void) | null = null;
  closed = false;
  said: string[] = [];
  constructor(readonly url: string) {}
  send(text: string) {
    this.said.push(text);
  }
  close() {
    this.closed = true;
  }
  says(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  ends(code: number, reason = "") {
    this.onclose?.({ code, reason });
  }
}

let sockets: Socket[] = [];
let phases: Phase[] = [];
let cursor: { since: number; cluster?: string } = { since: 0 };
let connection: Connection;
let home = false;

const hello = { type: "hello", cluster: "c 1", node: "n", index: 5 };
const last = () => sockets.at(-1)!;
const phase = () => phases.at(-1)!;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  sockets = [];
  phases = [];
  cursor = { since: 0 };
  home = false;
  connection = new Connection({
    url: (node) => `${node ?? "ws://x"}/live?round=r`,
    homeAnswers: () => Promise.resolve(home),
    cursor: () => cursor,
    onFrames: () => {},
    onPhase: (p) => phases.push(p),
    now: () => Date.now(),
    random: () => 0.5,
    open: (url) => {
      const socket = new Socket(url);
      sockets.push(socket);
      return socket;
    },
    openEvents: (url) => {
      const socket = new Socket(url);
      sockets.push(socket);
      return Object.assign(socket as Channel, { send: undefined });
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

test("a node whose boards have diverged is named until it speaks again", () => {
  last().says(hello);
  last().ends(4000, "the boards of this node have diverged; try another one");
  assert.equal("diverged" in phase(), true);
  mock.timers.tick(20_000);
  assert.deepEqual(phase(), { kind: "connecting", attempt: 1, diverged: true });
  last().says(hello);
  assert.deepEqual(phase(), { kind: "open" });
  last().ends(1006);
  assert.equal("diverged" in phase(), false);
});

test("HTTP can say that the boards have diverged, before the node has sent anything", () => {
  connection.diverge();
  assert.deepEqual(phase(), { kind: "connecting", attempt: 0, diverged: true });
  last().ends(1006);
  assert.equal("diverged" in phase(), true);
  mock.timers.tick(1000);
  last().says(hello);
  assert.deepEqual(phase(), { kind: "open" });
  connection.diverge(); // an answer that was late
  assert.deepEqual(phase(), { kind: "open" });
});

test("it resumes at its cursor", () => {
  last().says(hello);
  cursor = { since: 42, cluster: "c 1" };
  last().ends(1006);
  assert.equal(phase().kind, "waiting");
  mock.timers.tick(375);
  assert.equal(sockets.length, 2);
  assert.equal(last().url, "ws://x/live?round=r&since=42&cluster=c%201");
});

test("it waits longer each time it fails, and no longer than the limit", () => {
  assert.deepEqual(
    [1, 2, 3, 4].map((n) => backoff(n, 1)),
    [500, 1000, 2000, 4000],
  );
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

test("too slow: it reconnects at once with the cursor, but does not repeat that", () => {
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

test("going away: it reconnects soon, after a random wait", () => {
  last().says(hello);
  last().ends(4000);
  const p = phase();
  assert.ok(p.kind === "waiting" && p.until - Date.now() === 1100);
});

test("another cluster: it reconnects at once without the cursor", () => {
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

test("a round that was deleted ends it, whether we saw it or not", () => {
  last().says(hello);
  cursor = { since: 42 };
  last().ends(4404, "this round was deleted");
  assert.deepEqual(phase(), { kind: "refused", reason: "deleted" });
  mock.timers.tick(60_000);
  assert.equal(sockets.length, 1);
});

test("a viewing link that has ended ends it", () => {
  last().says(hello);
  cursor = { since: 42 };
  last().ends(4403, "the token or link is no longer valid");
  assert.deepEqual(phase(), { kind: "refused", reason: "ended" });
  mock.timers.tick(60_000);
  assert.equal(sockets.length, 1);
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

test("a closed connection does not reconnect", () => {
  last().says(hello);
  connection.close();
  mock.timers.tick(100_000);
  assert.equal(sockets.length, 1);
});

test("a page that is left closes its socket, and opens another one on return", () => {
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

test("a refused page does not wake up", () => {
  last().ends(4404);
  connection.sleep();
  connection.check();
  assert.equal(sockets.length, 1);
});

/** Two WebSockets that end before a word is said, as behind a proxy that lets none through. */
function mute() {
  for (let n = 1; n <= 2; n++) {
    assert.match(last().url, /^ws:/);
    last().ends(1006);
    mock.timers.tick(backoff(n, 0.5));
  }
}

test("if WebSockets stay silent, it switches to Server-Sent Events and stays with them", () => {
  cursor = { since: 42, cluster: "c 1" };
  mute();
  assert.equal(last().url, "http://x/events?round=r&since=42&cluster=c%201");
  last().says(hello);
  assert.deepEqual(phase(), { kind: "open" });
  cursor = { since: 50, cluster: "c 1" };
  last().ends(4000);
  mock.timers.tick(1100);
  assert.equal(last().url, "http://x/events?round=r&since=50&cluster=c%201");
});

test("a WebSocket that is silent until it is given up counts as well", () => {
  for (let n = 1; n <= 2; n++) {
    mock.timers.tick(10_000);
    mock.timers.tick(backoff(n, 0.5));
  }
  assert.equal(last().url, "http://x/events?round=r");
});

test("if the events are silent, too, it tries WebSockets again, and the next events without the cursor", () => {
  cursor = { since: 42 };
  mute();
  last().ends(1006);
  mock.timers.tick(backoff(3, 0.5));
  for (let n = 4; n <= 5; n++) {
    assert.equal(last().url, "ws://x/live?round=r&since=42");
    last().ends(1006);
    mock.timers.tick(backoff(n, 0.5));
  }
  assert.equal(last().url, "http://x/events?round=r", "it may be the cursor that was refused");
});

test("a close with a reason, or after a frame, does not lead to events", () => {
  for (let n = 0; n < 3; n++) {
    last().ends(4000);
    mock.timers.tick(30_000);
    assert.match(last().url, /^ws:/);
  }
  for (let n = 0; n < 3; n++) {
    last().says(hello);
    last().ends(1006);
    mock.timers.tick(30_000);
    assert.match(last().url, /^ws:/);
  }
});

test("send works only on an open WebSocket", () => {
  assert.equal(connection.send("a"), false);
  last().says(hello);
  assert.equal(connection.send("b"), true);
  assert.deepEqual(last().said, ["b"]);
  last().ends(1006);
  assert.equal(connection.send("c"), false);
  mock.timers.tick(backoff(1, 0.5));
  mute();
  last().says(hello);
  assert.deepEqual(phase(), { kind: "open" });
  assert.equal(connection.send("d"), false);
});

test("an EventSource looks like a WebSocket, and does not reconnect by itself", () => {
  let source!: FakeSource;
  class FakeSource extends EventTarget {
    onmessage: ((m: { data: string }) => void) | null = null;
    onerror: (() => void) | null = null;
    closed = false;
    constructor(readonly url: string) {
      super();
      source = this;
    }
    close() {
      this.closed = true;
    }
  }
  Object.assign(globalThis, { EventSource: FakeSource });
  const heard: unknown[] = [];
  const open = () => {
    const channel = events("http://x/events?round=r");
    channel.onmessage = (m) => heard.push(m.data);
    channel.onclose = (c) => heard.push(c.code);
    return channel;
  };
  open();
  source.onmessage!({ data: "1" });
  source.dispatchEvent(Object.assign(new Event("close"), { data: '{"code":4001,"reason":"slow"}' }));
  assert.deepEqual(heard, ["1", 4001]);
  assert.equal(source.closed, true);
  open();
  source.onerror!();
  assert.deepEqual(heard, ["1", 4001, 1006]);
  assert.equal(source.closed, true);
  open().close();
  assert.equal(source.closed, true);
});

test("a lost node is left for the next one within a second, and each is tried once before a pause", () => {
  last().says({ ...hello, nodes: ["http://b", "http://c/", "ftp://d"] });
  cursor = { since: 7, cluster: "c 1" };
  last().ends(1006);
  mock.timers.tick(999);
  assert.equal(sockets.length, 2);
  assert.equal(last().url, "http://b/live?round=r&since=7&cluster=c%201");
  assert.equal((phase() as { node?: string }).node, "http://b");
  last().ends(1006);
  mock.timers.tick(999);
  assert.equal(last().url, "http://c//live?round=r&since=7&cluster=c%201");
  last().ends(1006);
  mock.timers.tick(999);
  assert.equal(last().url, "ws://x/live?round=r&since=7&cluster=c%201");
  last().ends(1006);
  const before = sockets.length;
  mock.timers.tick(300);
  assert.equal(sockets.length, before, "all were tried: now there is a pause");
  mock.timers.tick(20_000);
  assert.equal(last().url, "http://b/live?round=r&since=7&cluster=c%201");
});

test("a node that is going away is left at once, and the page's own is gone back to", async () => {
  last().says({ ...hello, nodes: ["http://b"] });
  cursor = { since: 7, cluster: "c 1" };
  last().ends(4000, "this node is shutting down");
  mock.timers.tick(500);
  assert.match(last().url, /^http:\/\/b\//);
  last().says(hello);
  assert.deepEqual(phase(), { kind: "open" });
  mock.timers.tick(20_000);
  for (let i = 0; i < 5; i++) await Promise.resolve();
  assert.match(last().url, /^http:\/\/b\//, "the own node does not answer yet");
  home = true;
  last().says({ type: "status", stale: false });
  mock.timers.tick(20_000);
  for (let i = 0; i < 5; i++) await Promise.resolve();
  assert.match(last().url, /^ws:\/\/x\//);
});

test("a slow viewer stays at its node", () => {
  last().says({ ...hello, nodes: ["http://b"] });
  last().ends(4001);
  mock.timers.tick(1000);
  assert.match(last().url, /^ws:\/\/x\//);
});
