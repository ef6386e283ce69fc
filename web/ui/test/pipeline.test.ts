import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes, formatRate, formatShort } from "../src/model/amount.ts";
import { changes, pipeline, type Poll } from "../src/model/pipeline.ts";
import type { ClusterStatus, MemberStatus } from "../src/model/wire.ts";

function member(id: string, more: Partial<MemberStatus> = {}): MemberStatus {
  return {
    id,
    name: `venue-${id}`,
    role: "venue",
    http: `http://10.0.0.${id}:8080`,
    suffrage: "voter",
    state: "replicate",
    match: 100,
    next: 101,
    inflight: 0,
    inflightLimit: 256,
    lag: 0,
    lagMs: 0,
    lastContactMs: 42,
    rttMicros: 68,
    sentBytes: 1000,
    ...more,
  };
}

const recorder = member("1", { name: "recorder", role: "recorder", state: "leader", lastContactMs: 0, rttMicros: undefined, sentBytes: 0 });

function poll(at: number, more: Partial<ClusterStatus> = {}): Poll {
  const members = [member("10"), member("2"), recorder];
  return {
    at,
    status: {
      clusterId: "c",
      node: "recorder",
      nodeId: "1",
      leader: "recorder",
      leaderId: "1",
      term: 2,
      commit: 100,
      applied: 100,
      members,
      ...more,
    },
  };
}

const lane = (p: ReturnType<typeof pipeline>, name: string) => p.lanes.find((l) => l.name === name)!;

test("the leader's lane is the first, the others come by name", () => {
  const p = pipeline(undefined, poll(0));
  assert.deepEqual(
    p.lanes.map((l) => l.name),
    ["recorder", "venue-2", "venue-10"],
  );
  assert.equal(p.leader, "recorder");
  assert.equal(p.known, true);
  assert.deepEqual(
    p.lanes.map((l) => l.here),
    [true, false, false],
  );
});

test("it says why a venue leads", () => {
  const venue = member("2", { state: "leader", leads: "by_hand" });
  assert.equal(pipeline(undefined, poll(0, { leader: "venue-2", members: [venue] })).leads, "by_hand");
  assert.equal(pipeline(undefined, poll(0)).leads, undefined);
});

test("one poll has no rates", () => {
  const p = pipeline(undefined, poll(0));
  assert.equal(p.entriesPerSecond, undefined);
  assert.equal(lane(p, "venue-2").bytesPerSecond, undefined);
  assert.equal(lane(p, "venue-2").progress?.arrived, 0, "what was there before we looked did not arrive now");
});

test("rates and arrivals are what changed between two polls", () => {
  const later = poll(3000, {
    commit: 130,
    members: [{ ...recorder, match: 131, next: 132 }, member("2", { match: 128, next: 132, lag: 3, lagMs: 40, inflight: 2, sentBytes: 7000 })],
  });
  const p = pipeline(poll(1000), later);
  assert.equal(p.entriesPerSecond, 15);
  assert.equal(p.last, 131, "the leader's log, which is ahead of what is committed");
  const l = lane(p, "venue-2");
  assert.equal(l.bytesPerSecond, 3000);
  assert.deepEqual(l.progress, { match: 128, next: 132, inflight: 2, inflightLimit: 256, lag: 3, lagMs: 40, filled: 1 - 3 / 32, arrived: 28 });
  assert.equal(l.rttMs, 0.068);
});

test("there is no rate over a very short time, or across a restart", () => {
  const more = { commit: 200, members: [recorder, member("2", { sentBytes: 9000 })] };
  assert.equal(pipeline(poll(0), poll(100, more)).entriesPerSecond, undefined);
  assert.equal(pipeline(poll(0), poll(1000, { ...more, commit: 5 })).entriesPerSecond, undefined, "the commit index went back");
  assert.equal(pipeline(poll(0), poll(1000, { ...more, clusterId: "d" })).entriesPerSecond, undefined, "another cluster");
  assert.equal(pipeline(poll(0), poll(1000, { ...more, nodeId: "2" })).entriesPerSecond, undefined, "another node");
  assert.equal(
    lane(pipeline(poll(0), poll(1000, { ...more, leaderId: "2" })), "venue-2").bytesPerSecond,
    undefined,
    "another leader counts for itself",
  );
  assert.equal(lane(pipeline(poll(0), poll(1000, { members: [recorder, member("2", { sentBytes: 10 })] })), "venue-2").bytesPerSecond, undefined);
});

test("a lane's span is such that the largest lag fills at most half of it", () => {
  const p = pipeline(
    undefined,
    poll(0, {
      commit: 900,
      members: [{ ...recorder, match: 1000, next: 1001 }, member("2"), member("3", { state: "unreachable", match: 1, next: 1, lag: 100 })],
    }),
  );
  assert.equal(p.span, 256);
  assert.equal(pipeline(undefined, poll(0, { commit: 7, members: [{ ...recorder, match: 8, next: 9 }] })).span, 8, "no more than there are");
  assert.equal(lane(p, "venue-3").progress?.filled, 1 - 100 / 256);
  assert.equal(lane(p, "venue-2").progress?.filled, 1);
  assert.equal(lane(p, "venue-3").rttMs, undefined, "it was measured when there was somebody");
});

test("a follower that cannot reach the leader shows nobody's progress", () => {
  const alone = [{ ...recorder, match: 0, next: 0, lastContactMs: 9000 }, member("2", { state: "unknown", match: 0, next: 0, lastContactMs: 3 })];
  const p = pipeline(poll(0), poll(1000, { node: "venue-2", nodeId: "2", members: alone }));
  assert.equal(p.known, false);
  assert.equal(p.last, 100);
  assert.deepEqual(
    p.lanes.map((l) => l.progress),
    [undefined, undefined],
  );
  assert.equal(lane(p, "venue-2").here, true);
  const back = pipeline(poll(1000, { members: alone }), poll(2000));
  assert.equal(lane(back, "venue-2").progress?.arrived, 0, "what was not known before did not arrive now");
});

test("without a leader there is a picture too", () => {
  const p = pipeline(undefined, poll(0, { leader: "", leaderId: undefined, members: [member("2", { state: "unknown", next: 0 })] }));
  assert.equal(p.leader, undefined);
  assert.equal(p.known, false);
});

test("an edge says by which nodes it gets the log, and what it lacks", () => {
  const upstream = { path: [{ name: "venue-1" }, { name: "edge-1" }, { name: "leaf" }], depth: 2, lag: 0, lagMs: 0, stale: false };
  const said = (more: Partial<typeof upstream>) =>
    pipeline(undefined, poll(0, { node: "leaf", term: 0, members: [], upstream: { ...upstream, ...more } })).edge;
  assert.equal(said({}), "This node is an edge, outside the group, at depth 2: venue-1 › edge-1 › leaf. As far as it knows, it is up to date.");
  assert.match(said({ lag: 1200, lagMs: 3000, stale: true })!, /1.200 entries behind for 3.* out of date/);
  assert.equal(pipeline(undefined, poll(0)).edge, undefined);
});

test("only a web address is a link", () => {
  const p = pipeline(undefined, poll(0, { members: [recorder, member("2", { http: "javascript:alert(1)" }), member("3", { http: "" })] }));
  assert.deepEqual(
    p.lanes.map((l) => l.pages),
    ["http://10.0.0.1:8080", undefined, undefined],
  );
});

test("it announces changes, and nothing else", () => {
  const was = pipeline(undefined, poll(0));
  const now = (members: MemberStatus[], more: Partial<ClusterStatus> = {}) => changes(was, pipeline(undefined, poll(1000, { members, ...more })));
  assert.deepEqual(changes(undefined, was), []);
  assert.deepEqual(changes(was, pipeline(poll(0), poll(1000, { commit: 300 }))), []);
  assert.deepEqual(now([recorder, member("2", { state: "unreachable" }), member("11")]), [
    "venue-2 is unreachable",
    "venue-11 joined",
    "venue-10 was removed",
  ]);
  assert.deepEqual(now([recorder, member("2"), member("10")], { leader: "" }), ["Nobody leads"]);
  const lost = pipeline(undefined, poll(0, { members: [recorder, member("2", { state: "unreachable" })] }));
  assert.deepEqual(changes(lost, pipeline(undefined, poll(0, { members: [recorder, member("2", { state: "probe" })] }))), ["venue-2 is back"]);
});

test("amounts are short", () => {
  assert.deepEqual([0, 640, 999, 1000, 21_908, 999_600, 3_400_000].map(formatBytes), [
    "0 B",
    "640 B",
    "999 B",
    "1.00 kB",
    "21.9 kB",
    "1.00 MB",
    "3.40 MB",
  ]);
  assert.deepEqual([0, 3.24, 48.4, 1250].map(formatRate), ["0", "3.2", "48", "1,250"]);
  assert.deepEqual([0, 0.068, 3, 42, 3100, 42_000, 180_000].map(formatShort), ["0 ms", "0.07 ms", "3 ms", "42 ms", "3.1 s", "42 s", "3 min"]);
});

test("each lane says its node's state in words", () => {
  const words = (more: Partial<MemberStatus>) => lane(pipeline(undefined, poll(0, { members: [recorder, member("2", more)] })), "venue-2").words;
  assert.match(words({}), /up to date/i);
  assert.match(words({ lag: 20000, lagMs: 4000 }), /catching up/);
  assert.match(words({ state: "unreachable", lastContactMs: 6000 }), /not answered for 6\.0 s/);
  assert.match(words({ state: "unreachable", lastContactMs: -1 }), /not answered this leader yet/);
  const sent = words({ state: "snapshot", snapshotFrom: "club", snapshotBytes: 1480208, snapshotError: "connection reset" });
  assert.match(sent, /from club, 1\.48 MB so far\. .*connection reset/);
  assert.doesNotMatch(words({ state: "snapshot" }), /undefined|failed/);
});

test("the progress of a node that this leader never heard is unknown", () => {
  const p = pipeline(
    undefined,
    poll(0, { commit: 50000, members: [{ ...recorder, match: 50000, next: 50001 }, member("2", { state: "unreachable", match: 0, lag: 50000 })] }),
  );
  assert.equal(lane(p, "venue-2").progress?.lag, undefined);
  assert.equal(lane(p, "venue-2").progress?.filled, 0);
  assert.equal(p.span, 32);
});

test("a diverged node is named", () => {
  const members = [recorder, member("2", { diverged: true })];
  const p = pipeline(undefined, poll(0, { members, nodeId: "2", warnings: ["the boards of venue-2 differ"] }));
  assert.equal(p.diverged, true);
  assert.deepEqual(p.warnings, ["the boards of venue-2 differ"]);
  assert.match(lane(p, "venue-2").words, /diverged/);
  assert.doesNotMatch(lane(p, "venue-2").words, /up to date/i);
  assert.equal(pipeline(undefined, poll(0)).diverged, false);
});
