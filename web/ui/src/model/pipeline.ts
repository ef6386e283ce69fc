import { formatBytes, formatCount, formatShort } from "./amount.ts";
import type { ClusterStatus, MemberState, MemberStatus, UpstreamStatus } from "./wire.ts";

/** One answer of GET /api/cluster, and its time on our clock. */
export interface Poll {
  readonly at: number;
  readonly status: ClusterStatus;
}

/** The cluster as it is drawn: one lane for each member, the leader's first. */
export interface Pipeline {
  /** The node that answered. */
  readonly node: string;
  /** The leader; undefined while none is known. */
  readonly leader?: string;
  /** Why it leads, if it is a venue. */
  readonly leads?: MemberStatus["leads"];
  readonly term: number;
  /** The indexes of the node that answered. */
  readonly commit: number;
  readonly applied: number;
  readonly entriesPerSecond?: number;
  /**
   * The leader's last index, the end of every lane; the commit index if the leader's view is
   * unknown.
   */
  readonly last: number;
  /** How many of the last entries a lane shows: a bar of the whole log would always look full. */
  readonly span: number;
  /**
   * Whether the lanes are as the leader sees them. Only the leader knows how far each follower is.
   */
  readonly known: boolean;
  readonly lanes: readonly Lane[];
  /** Problems that an operator should look into. */
  readonly warnings: readonly string[];
  /** Whether the boards of the node that answered are known to be wrong. */
  readonly diverged: boolean;
  /** How the node that answered gets the log, in words, if it is an edge. */
  readonly edge?: string;
}

export interface Lane {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly suffrage: "voter" | "learner";
  readonly state: MemberState;
  /** Whether it is the node that answered. */
  readonly here: boolean;
  /** The address of its own pages, if known. */
  readonly pages?: string;
  /** Its progress as the leader sees it; undefined if the leader could not be asked. */
  readonly progress?: Progress;
  readonly rttMs?: number;
  /** How long ago the leader heard from it; undefined if never, and for the leader itself. */
  readonly heardMs?: number;
  readonly sentBytes?: number;
  readonly bytesPerSecond?: number;
  /** Its state, in words for readers who do not know Raft. */
  readonly words: string;
}

export interface Progress {
  readonly match: number;
  readonly next: number;
  readonly inflight: number;
  readonly inflightLimit: number;
  /** Undefined while this leader has not heard from it. */
  readonly lag?: number;
  readonly lagMs: number;
  /** How much of the lane is filled, 0 to 1. */
  readonly filled: number;
  /** How many entries arrived on its disk since the poll before. */
  readonly arrived: number;
}

/** Rates over a shorter time would be noise. */
const shortest = 200;
const smallestSpan = 32;

/**
 * What to draw after a poll. `previous` is the poll before it: rates come from the changes between
 * the two.
 */
export function pipeline(previous: Poll | undefined, poll: Poll): Pipeline {
  const { status } = poll;
  // Counters start again with another node, and the leader's with another leader.
  const before = previous?.status.clusterId === status.clusterId ? previous : undefined;
  const same = before?.status.leaderId === status.leaderId ? before : undefined;
  const leader = status.members.find((m) => m.state === "leader");
  const known = leader !== undefined && leader.next > 0;
  const last = known ? Math.max(leader.match, status.commit) : status.commit;
  const span = spanOf(status.members, known, last);
  return {
    node: status.node,
    leader: status.leader || undefined,
    leads: leader?.leads,
    term: status.term,
    commit: status.commit,
    applied: status.applied,
    entriesPerSecond: before?.status.nodeId === status.nodeId ? rate(before, poll, before.status.commit, status.commit) : undefined,
    last,
    span,
    known,
    warnings: status.warnings ?? [],
    diverged: status.members.some((m) => m.id === status.nodeId && m.diverged),
    edge: status.upstream && edge(status.upstream),
    lanes: status.members.map((m) => lane(m, poll, same, known, span)).sort(order),
  };
}

function edge(u: UpstreamStatus): string {
  const behind =
    u.lag === 0 ? "As far as it knows, it is up to date." : `It has been ${formatCount(u.lag)} entries behind for ${formatShort(u.lagMs)}.`;
  const stale = u.stale ? " It has heard nothing new for a while, so its boards may be out of date." : "";
  return `This node is an edge, outside the group, at depth ${u.depth}: ${u.path.map((h) => h.name).join(" › ")}. ${behind}${stale}`;
}

/** The changes between two pictures that are worth saying aloud. */
export function changes(before: Pipeline | undefined, after: Pipeline): string[] {
  if (before === undefined) return [];
  const said: string[] = [];
  if (after.leader !== before.leader) said.push(after.leader === undefined ? "Nobody leads" : `${after.leader} leads`);
  const states = new Map(before.lanes.map((l) => [l.id, l.state]));
  for (const l of after.lanes) {
    const state = states.get(l.id);
    states.delete(l.id);
    if (state === undefined) said.push(`${l.name} joined`);
    else if (state === "unreachable" && l.state !== "unknown") said.push(`${l.name} is back`);
    else if (l.state === "unreachable" && state !== l.state) said.push(`${l.name} is unreachable`);
  }
  for (const l of before.lanes) if (states.has(l.id)) said.push(`${l.name} was removed`);
  return said;
}

function lane(m: MemberStatus, poll: Poll, before: Poll | undefined, known: boolean, span: number): Lane {
  const leads = m.state === "leader";
  const then = before?.status.members.find((b) => b.id === m.id);
  const told = known && m.state !== "unknown";
  const heardMs = told && !leads && m.lastContactMs >= 0 ? m.lastContactMs : undefined;
  return {
    id: m.id,
    name: m.name,
    role: m.role,
    suffrage: m.suffrage,
    state: m.state,
    here: m.id === poll.status.nodeId,
    // It comes from the node itself, so it may be harmful.
    pages: /^https?:\/\//.test(m.http) ? m.http : undefined,
    progress: told ? progress(m, then, span) : undefined,
    // A measurement from before it went silent is out of date.
    rttMs: told && !leads && m.rttMicros && m.state !== "unreachable" ? m.rttMicros / 1000 : undefined,
    heardMs,
    sentBytes: told && !leads ? m.sentBytes : undefined,
    bytesPerSecond: told && !leads && then ? rate(before!, poll, then.sentBytes, m.sentBytes) : undefined,
    words: words(m, heardMs) + clock(m.skewMs ?? 0) + (m.diverged ? " Its boards have diverged from the others’, and it shows none." : ""),
  };
}

function clock(skewMs: number): string {
  if (Math.abs(skewMs) <= 1000) return "";
  return ` Its clock is ${formatShort(Math.abs(skewMs))} ${skewMs > 0 ? "ahead of" : "behind"} the others'.`;
}

function words(m: MemberStatus, heardMs: number | undefined): string {
  const failed = m.snapshotError === undefined ? "" : ` The last try failed and is repeated: ${m.snapshotError}`;
  switch (m.state) {
    case "leader":
      return "Orders the moves and sends them to the others.";
    case "replicate":
      // A few entries are always on their way.
      if (m.lagMs < 1000) return m.diverged ? "Gets each move as it comes." : "Up to date: gets each move as it comes.";
      return "Behind, and catching up move by move.";
    case "probe":
      return `Back: the leader is finding out how far it got.${failed}`;
    case "snapshot": {
      const by = m.snapshotFrom === undefined ? "" : ` from ${m.snapshotFrom}`;
      const sofar = m.snapshotBytes === undefined ? "" : `, ${formatBytes(m.snapshotBytes)} so far`;
      return `Too far behind for single moves: gets all boards at once${by}${sofar}.${failed}`;
    }
    case "unreachable":
      return `${heardMs === undefined ? "Has not answered this leader yet" : `Has not answered for ${formatShort(heardMs)}`}. It catches up once it is back.`;
    case "unknown":
      return "Only the leader knows how far it is.";
  }
}

function progress(m: MemberStatus, then: MemberStatus | undefined, span: number): Progress {
  return {
    match: m.match,
    next: m.next,
    inflight: m.inflight,
    inflightLimit: m.inflightLimit,
    lag: m.match === 0 ? undefined : m.lag,
    lagMs: m.lagMs,
    filled: m.match === 0 ? 0 : span === 0 ? 1 : Math.max(0, 1 - m.lag / span),
    // Next is never 0 for a member whose progress was known.
    arrived: then && then.next > 0 && then.match > 0 ? Math.max(0, m.match - then.match) : 0,
  };
}

/**
 * Twice the largest known lag, but at most the whole log. It is a power of two, so it seldom
 * changes, and a lag of one entry stays visible.
 */
function spanOf(members: readonly MemberStatus[], known: boolean, last: number): number {
  const most = known ? Math.max(0, ...members.map((m) => (m.match === 0 ? 0 : m.lag))) : 0;
  let span = smallestSpan;
  while (span < 2 * most) span *= 2;
  return Math.min(span, last);
}

/**
 * The growth of a counter per second; undefined if it began again, or too little time has passed.
 */
function rate(before: Poll, now: Poll, from: number, to: number): number | undefined {
  const ms = now.at - before.at;
  return ms < shortest || to < from ? undefined : ((to - from) * 1000) / ms;
}

function order(a: Lane, b: Lane): number {
  const first = (l: Lane) => (l.state === "leader" ? 0 : 1);
  return first(a) - first(b) || a.name.localeCompare(b.name, "en", { numeric: true });
}
