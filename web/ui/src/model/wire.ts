// The shapes that a node sends, over HTTP and over the WebSocket. A newer node may add a field. So
// we check only what we use, and ignore the unknown.

export type Result = "*" | "1-0" | "0-1" | "1/2-1/2" | "0-0" | "1/2-0" | "0-1/2";

/**
 * Times are Unix milliseconds on the node's clock, clocks are milliseconds left. A side that is
 * unknown is missing.
 */
export interface Clock {
  readonly white?: number;
  readonly black?: number;
}

/** The side whose clock runs now, null if none does. Some nodes leave it out. */
export interface LiveClock extends Clock {
  readonly running?: "white" | "black" | null;
}

export interface Player {
  readonly name: string;
  readonly title?: string;
  readonly rating?: number;
  readonly fideId?: number;
  readonly federation?: string;
  readonly team?: string;
}

export interface LastMove {
  readonly san: string;
  readonly uci: string;
  /** It was played although it is illegal. Then uci may be empty, and san is the arbiter's text. */
  readonly illegal?: boolean;
}

/** A board as a snapshot has it: enough to show the position, and no more of the game. */
export interface Board {
  readonly game: string;
  readonly board: number;
  readonly white: Player;
  readonly black: Player;
  readonly fen: string;
  readonly ply: number;
  readonly lastMove: LastMove | null;
  readonly clock: LiveClock;
  readonly result: Result;
  /** The game was not played, or not played out. */
  readonly forfeit?: boolean;
  /** A problem of the game, such as a source that cannot be read further. */
  readonly warning?: string;
  /**
   * When the clocks were set, with the last move or later; the clock of the side to move runs since
   * then.
   */
  readonly at?: number;
  /** The index of the last change to the game. */
  readonly index?: number;
  readonly timeControl?: string;
  readonly controls?: readonly Control[];
  readonly variant?: string;
  readonly startFen?: string;
}

export type RoundStatus = "new" | "started" | "finished";

export interface Round {
  readonly id: string;
  readonly tournament: string;
  /** Only in the stream; HTTP has it with the tournament. */
  readonly tournamentName?: string;
  readonly name: string;
  readonly startsAt?: number;
  /** Seconds by which the broadcast is behind the games. */
  readonly delay?: number;
  readonly status?: RoundStatus;
  readonly description?: string;
  readonly createdAt?: number;
  /** The arbiter has switched an engine's evaluations off; missing if not. */
  readonly evaluations?: false;
}

export interface RoundWithGames extends Round {
  readonly games: readonly (Omit<Board, "game"> & { readonly id: string })[];
}

export interface Tournament {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly location?: string;
  readonly format?: string;
  readonly timeControl?: string;
  readonly timeZone?: string;
  readonly players?: string;
  readonly website?: string;
  readonly createdAt: number;
  /** Only holders of a token or a link see it. */
  readonly private?: boolean;
  readonly rounds: readonly Round[];
}

/** The answer of GET /api/overview. */
export interface Overview {
  readonly live: readonly OverviewRound[];
  readonly soon: readonly OverviewRound[];
  readonly finished: readonly OverviewEvent[];
}

/** A round that goes on or comes. */
export interface OverviewRound {
  readonly tournament: string;
  readonly tournamentName: string;
  readonly location?: string;
  readonly round: Round;
  readonly boards: number;
  readonly playing: number;
  readonly lastMoveAt?: number;
  /** The leading board. */
  readonly board?: Omit<Board, "game"> & { readonly id: string };
}

/** A tournament in which nothing goes on or comes. */
export interface OverviewEvent {
  readonly id: string;
  readonly name: string;
  readonly location?: string;
  readonly rounds: number;
  readonly last?: string;
  readonly at: number;
}

/** One game as one of its players sees it. */
export interface Encounter {
  /** Its number, from 1. */
  readonly round: number;
  readonly board: number;
  readonly white: boolean;
  /** The opponent's place; missing if there is no opponent, as in a bye. */
  readonly opponent?: number;
  /** Missing while the game goes on. */
  readonly points?: number;
  readonly unplayed?: boolean;
}

export interface StandingsLine {
  readonly place: number;
  readonly rank: number;
  readonly player: Player;
  readonly points: number;
  readonly games: number;
  /** Values that are always sent, whether they decide or not. */
  readonly tieBreaks: {
    /** The place among players with the same points; missing if there is no other. */
    readonly directEncounterRank?: number;
    readonly performance?: number;
  };
  /** The values of the table's tieBreaks, in their order. */
  readonly values: readonly number[];
  readonly results: readonly Encounter[];
}

/** A tie-break that a table is ranked by. */
export interface TieBreak {
  /** FIDE's code, such as "BHC1". */
  readonly code: string;
  readonly name: string;
  readonly meaning: string;
}

export interface StandingsTeam {
  readonly place: number;
  readonly rank: number;
  readonly team: string;
  readonly matches: number;
  /** The values of the table's teamTieBreaks, in their order. */
  readonly values: readonly number[];
  readonly results: readonly {
    readonly round: number;
    readonly opponent: number;
    readonly score: readonly [number, number];
    readonly finished: boolean;
  }[];
}

/** The tables of a tournament. */
export interface Standings {
  readonly finished: boolean;
  readonly rounds: readonly { readonly id: string; readonly name: string; readonly finished: boolean }[];
  readonly players: readonly StandingsLine[];
  readonly teams?: readonly StandingsTeam[];
  /** The tie-breaks between players with the same points, in this order. */
  readonly tieBreaks: readonly TieBreak[];
  /** The tie-breaks that rank teams; the first is their score. */
  readonly teamTieBreaks?: readonly TieBreak[];
}

export interface Move {
  readonly ply: number;
  readonly san: string;
  readonly uci: string;
  readonly fen: string;
  readonly clock: Clock;
  readonly at?: number;
  /** See LastMove. */
  readonly illegal?: boolean;
}

/** A period of a time control; times are milliseconds. */
export interface Control {
  readonly moves?: number;
  readonly time: number;
  readonly increment?: number;
}

/** What was taken back, corrected or set by a person: when and why. */
export interface Change {
  readonly kind: string;
  readonly index: number;
  readonly at: number;
  readonly reason?: string;
  readonly fromPly: number;
  readonly toPly: number;
  readonly result?: string;
  readonly was?: string;
  readonly forfeit?: boolean;
}

export interface Game {
  readonly id: string;
  readonly round: string;
  readonly board: number;
  readonly white: Player;
  readonly black: Player;
  readonly fen: string;
  readonly startFen?: string;
  readonly ply: number;
  readonly moves: readonly Move[];
  readonly result: Result;
  readonly forfeit?: boolean;
  readonly clock?: Clock;
  readonly index: number;
  readonly timeControl?: string;
  readonly controls?: readonly Control[];
  readonly variant?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly changes?: readonly Change[];
}

export interface HelloFrame {
  readonly type: "hello";
  /** Other nodes, at which we may go on with our index. */
  readonly nodes?: readonly string[];
  readonly cluster: string;
  readonly node: string;
  readonly index: number;
  readonly now?: number;
  /** How many seconds late we see the round, if a viewing link lets us see it before the public. */
  readonly delay?: number;
}

export interface SnapshotFrame {
  readonly type: "snapshot";
  readonly index: number;
  readonly round: Round;
  readonly boards: readonly Board[];
  /** The boards that the client asked for; missing if it asked for all. */
  readonly only?: readonly number[];
  readonly now?: number;
}

/** The standing of the boards that the client does not watch. It has no index. */
export interface SummaryFrame {
  readonly type: "summary";
  readonly boards: readonly BoardSummary[];
  readonly now?: number;
}

export interface BoardSummary {
  readonly game: string;
  readonly board: number;
  readonly ply: number;
  /** The last move; missing if there is none. */
  readonly san?: string;
  readonly result: Result;
}

/** What an engine thinks of the position after ply, for White. It has cp or mate. */
export interface Evaluation {
  readonly ply: number;
  /** In hundredths of a pawn. */
  readonly cp?: number;
  /** Moves until White mates; negative: until Black does. */
  readonly mate?: number;
  readonly depth: number;
  /** The best line, in SAN, at most 8 moves. */
  readonly pv: readonly string[];
}

/** The newest evaluation of a board that we watch. It has no index. */
export interface EvaluationFrame extends Evaluation {
  readonly type: "evaluation";
  readonly game: string;
  readonly board: number;
  readonly now?: number;
}

/** Whether there are evaluations of the round. When it changes, those from before are void. */
export interface EvaluationsFrame {
  readonly type: "evaluations";
  readonly on: boolean;
  readonly now?: number;
}

/** The answer of GET /api/games/{gid}/evaluations: the plies that the node knows, in order. */
export interface GameEvaluations {
  readonly game: string;
  /** The arbiter has not switched them off. */
  readonly on: boolean;
  readonly evaluations: readonly Evaluation[];
}

export interface StatusFrame {
  readonly type: "status";
  readonly stale: boolean;
  /** The age of this node's boards, in milliseconds. */
  readonly age?: number;
  readonly spectators?: number;
  readonly now?: number;
}

interface BoardEvent {
  readonly index: number;
  readonly game: string;
  readonly board: number;
  readonly now?: number;
}

export interface MoveFrame extends BoardEvent, Move {
  readonly type: "move";
}

export interface TakebackFrame extends BoardEvent {
  readonly type: "takeback";
  readonly ply: number;
  readonly fen: string;
  readonly clock?: Clock;
  readonly lastMove?: LastMove | null;
  readonly at?: number;
  readonly reason?: string;
}

/** The moves replace the plies after toPly. */
export interface CorrectionFrame extends BoardEvent {
  readonly type: "correction";
  readonly toPly: number;
  readonly moves: readonly Move[];
  readonly ply: number;
  readonly fen: string;
  readonly clock?: Clock;
  readonly lastMove?: LastMove | null;
  readonly result: Result;
  readonly forfeit?: boolean;
  readonly at?: number;
  readonly reason?: string;
}

export interface ResultFrame extends BoardEvent {
  readonly type: "result";
  readonly result: Result;
  readonly forfeit?: boolean;
  readonly clock?: LiveClock;
}

/** The clocks at a time, without a move. */
export interface ClockFrame extends BoardEvent {
  readonly type: "clock";
  readonly clock: LiveClock;
  readonly at: number;
}

export interface GameFrame extends BoardEvent, Board {
  readonly type: "game";
  readonly index: number;
  readonly game: string;
  readonly board: number;
}

/** The board was deleted. Its number may come back with another game. */
export interface DeletedFrame extends BoardEvent {
  readonly type: "deleted";
}

/** The round's own fields changed. */
export interface RoundFrame {
  readonly type: "round";
  readonly index: number;
  readonly round: Round;
  readonly now?: number;
}

/** What happened on one board; index is the log index, the same on every node. */
export type Event = MoveFrame | TakebackFrame | CorrectionFrame | ResultFrame | ClockFrame | GameFrame;
export type Frame = HelloFrame | SnapshotFrame | StatusFrame | SummaryFrame | RoundFrame | DeletedFrame | EvaluationFrame | EvaluationsFrame | Event;

const events = new Set(["move", "takeback", "correction", "result", "clock", "game"]);

export function isEvent(frame: Frame): frame is Event {
  return events.has(frame.type);
}

const known = new Set(["hello", "snapshot", "status", "summary", "round", "deleted", "evaluation", "evaluations", ...events]);

/** The frames of one text message: one object, or an array of them. Unknown types are left out. */
export function parseFrames(text: string): Frame[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((f): f is Frame => typeof f === "object" && f !== null && known.has((f as { type?: string }).type ?? "")).filter(sound);
}

/** An evaluation comes from an engine by way of other nodes, so a view can rely on what it has. */
function sound(frame: Frame): boolean {
  if (frame.type !== "evaluation") return true;
  const score = Number.isFinite(frame.cp) !== Number.isFinite(frame.mate);
  return score && Number.isInteger(frame.ply) && Array.isArray(frame.pv) && frame.pv.every((san) => typeof san === "string");
}

/**
 * How a member's replication goes, as the leader sees it. A follower that cannot ask the leader
 * says "unknown".
 */
export type MemberState = "leader" | "replicate" | "probe" | "snapshot" | "unreachable" | "unknown";

export interface MemberStatus {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly http: string;
  readonly suffrage: "voter" | "learner";
  readonly state: MemberState;
  readonly match: number;
  readonly next: number;
  /** Why a venue leads: for want of a recorder, or because somebody chose it. */
  readonly leads?: "last_resort" | "by_hand";
  readonly inflight: number;
  readonly inflightLimit: number;
  readonly lag: number;
  /** How long ago the leader appended the first entry that the member lacks; 0: it lacks none. */
  readonly lagMs: number;
  /** How long ago the leader heard from it; -1: never. */
  readonly lastContactMs: number;
  readonly rttMicros?: number;
  readonly sentBytes: number;
  /** How far its clock is ahead of the median of all members' clocks; negative: behind. */
  readonly skewMs?: number;
  /** Its boards have diverged from those of most members. */
  readonly diverged?: boolean;
  /** The node that is sending it the boards, and how many bytes of them it has. */
  readonly snapshotFrom?: string;
  readonly snapshotBytes?: number;
  /** Why the previous boards did not arrive. */
  readonly snapshotError?: string;
}

/** The answer of GET /api/cluster to the public. */
export interface PublicCluster {
  readonly public: true;
  readonly clusterId: string;
  readonly node: string;
  readonly role: string;
  /** Empty while nobody leads. */
  readonly leader: string;
  readonly stale: boolean;
  /** `stale` is missing if only the leader knows it and could not be asked. */
  readonly members: readonly { readonly name: string; readonly role: string; readonly stale?: boolean }[];
}

/** The answer to operators: the group, as the node that answers sees it. */
export interface ClusterStatus {
  readonly public?: undefined;
  readonly clusterId: string;
  readonly node: string;
  readonly nodeId: string;
  readonly leader: string;
  readonly leaderId?: string;
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  /** Sentences about diverged boards and wrong clocks. */
  readonly warnings?: readonly string[];
  readonly members: readonly MemberStatus[];
  /** Only on an edge, which is not a member: how it gets the log. */
  readonly upstream?: UpstreamStatus;
}

export interface UpstreamStatus {
  /** The nodes from a member of the group down to this edge. */
  readonly path: readonly { readonly name: string }[];
  readonly depth: number;
  readonly lag: number;
  readonly lagMs: number;
  readonly stale: boolean;
}
