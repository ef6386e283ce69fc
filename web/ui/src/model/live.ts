import type {
  Board,
  BoardSummary,
  DeletedFrame,
  Evaluation,
  EvaluationFrame,
  EvaluationsFrame,
  Event,
  Frame,
  HelloFrame,
  Round,
  RoundFrame,
  RoundWithGames,
  SnapshotFrame,
  StatusFrame,
  SummaryFrame,
} from "./wire.ts";

/**
 * What a spectator knows of a round. The functions here make the next state of it, and are pure: the
 * same frames in the same order make the same state. An unchanged board keeps its identity, so a view can tell cheaply
 * what to draw again.
 */
export interface Live {
  readonly cluster?: string;
  readonly node?: string;
  /**
   * The log index up to which this state has everything; 0 before the first snapshot. It is our
   * cursor: `since`.
   */
  readonly index: number;
  /**
   * The events of `index` itself that this state has. One command may make several events with its
   * index, such as a mating move and its result. Undefined after a snapshot, which has all of them.
   */
  readonly seen?: readonly string[];
  readonly round?: Round;
  readonly boards: ReadonlyMap<number, Board>;
  /** The standing of boards that we do not watch, as far as summaries gave it. */
  readonly summaries: ReadonlyMap<number, BoardSummary>;
  /** Whether an engine evaluates the round; undefined: the node has not said. */
  readonly evaluates?: boolean;
  /**
   * By board, the newest evaluation of the line that is played. After a move it is that of an
   * earlier ply, until the next one comes.
   */
  readonly evaluations: ReadonlyMap<number, Evaluation>;
  /** An event was about an unknown board: this state is incomplete and needs a new snapshot. */
  readonly incomplete: boolean;
  /** The node's clock minus ours, as well as we know it. */
  readonly offset?: number;
  /** When the last frame came, on our clock. */
  readonly heardAt?: number;
  readonly stale: boolean;
  readonly age: number;
  readonly spectators?: number;
  /** How many seconds late we see the round, if we see it before the public. */
  readonly early?: number;
}

export const nothing: Live = { index: 0, boards: new Map(), summaries: new Map(), evaluations: new Map(), incomplete: false, stale: false, age: 0 };

/** The state after a frame that came at `local`, in milliseconds on our monotonic clock. */
export function reduce(state: Live, frame: Frame, local: number): Live {
  const timed = { ...state, heardAt: local, ...offset(state, frame, local) };
  switch (frame.type) {
    case "hello":
      return hello(timed, frame);
    case "snapshot":
      return snapshot(timed, frame);
    case "status":
      return status(timed, frame);
    case "summary":
      return summary(timed, frame);
    case "round":
      return renamed(timed, frame);
    case "deleted":
      return deleted(timed, frame);
    case "evaluations":
      return evaluates(timed, frame);
    case "evaluation":
      return evaluation(timed, frame);
    default:
      return event(timed, frame);
  }
}

/** The time on the node's clock, or undefined if no frame gave it. */
export function serverNow(state: Live, local: number): number | undefined {
  return state.offset === undefined ? undefined : local + state.offset;
}

/** How many seconds this view is behind the boards. */
export function delayOf(state: Live): number {
  const delay = state.round?.delay ?? 0;
  return Math.min(state.early ?? delay, delay);
}

/**
 * The state with a round from HTTP. It shows something while no WebSocket gets through; a snapshot
 * replaces it.
 */
export function provisional(state: Live, { games, ...round }: RoundWithGames): Live {
  if (state.index > 0) return state;
  const boards = games.map(({ id, ...rest }): Board => ({ ...rest, game: id }));
  return { ...state, round, boards: byNumber(boards) };
}

function hello(state: Live, frame: HelloFrame): Live {
  const known = state.cluster;
  const next = { ...state, cluster: frame.cluster, node: frame.node, early: frame.delay, stale: false, age: 0 };
  if (known === undefined || known === frame.cluster) return next;
  // Another cluster has its own indexes: ours means nothing there. The boards stay until its
  // snapshot comes.
  return { ...next, index: 0, seen: undefined, summaries: new Map(), evaluates: undefined, evaluations: new Map() };
}

function snapshot(state: Live, frame: SnapshotFrame): Live {
  // A node that is behind our previous one sends an older state. Ours continues that state, and its
  // events will catch up with us, so nothing is taken back.
  if (frame.index < state.index) return state;
  const boards = byNumber(frame.boards);
  const evaluations = frame.round.evaluations === false ? new Map() : stillTrue(state, boards);
  return { ...state, index: frame.index, seen: undefined, round: frame.round, boards, evaluations, incomplete: false };
}

/** The evaluations of the boards that have not changed. */
function stillTrue(state: Live, boards: ReadonlyMap<number, Board>): ReadonlyMap<number, Evaluation> {
  const same = (number: number): boolean => {
    const [before, after] = [state.boards.get(number), boards.get(number)];
    return before !== undefined && before.game === after?.game && before.fen === after.fen;
  };
  return new Map([...state.evaluations].filter(([number]) => same(number)));
}

function evaluates(state: Live, frame: EvaluationsFrame): Live {
  return { ...state, evaluates: frame.on, evaluations: frame.on ? state.evaluations : new Map() };
}

/** The state with the evaluation, unless it is about another position than the one on the board. */
function evaluation(state: Live, { game, board, ply, cp, mate, depth, pv }: EvaluationFrame): Live {
  const on = state.boards.get(board);
  if (on?.game !== game || on.ply !== ply || state.round?.evaluations === false) return state;
  const score = mate === undefined ? { cp } : { mate };
  return { ...state, evaluations: new Map(state.evaluations).set(board, { ply, ...score, depth, pv }) };
}

/** The evaluations without that of a board. */
function withoutBoard(evaluations: ReadonlyMap<number, Evaluation>, board: number): ReadonlyMap<number, Evaluation> {
  if (!evaluations.has(board)) return evaluations;
  const left = new Map(evaluations);
  left.delete(board);
  return left;
}

function status(state: Live, frame: StatusFrame): Live {
  return { ...state, stale: frame.stale, age: frame.age ?? 0, spectators: frame.spectators ?? state.spectators };
}

function summary(state: Live, frame: SummaryFrame): Live {
  const summaries = new Map(state.summaries);
  for (const b of frame.boards) summaries.set(b.board, b);
  return { ...state, summaries };
}

/** The state after a change to other boards: it has none of them until their snapshot comes. */
export function turned(state: Live): Live {
  return { ...state, index: 0, seen: undefined, boards: new Map(), evaluations: new Map(), incomplete: false };
}

/** The state with the event of that name marked as seen, or undefined if it was seen before. */
function noted(state: Live, index: number, name: string): Live | undefined {
  if (index < state.index) return undefined;
  const seen = index > state.index ? [] : state.seen;
  if (seen === undefined || seen.includes(name)) return undefined;
  return { ...state, index, seen: [...seen, name] };
}

function renamed(state: Live, frame: RoundFrame): Live {
  const next = noted(state, frame.index, frame.type);
  if (next === undefined) return state;
  const evaluations = frame.round.evaluations === false ? new Map() : next.evaluations;
  return { ...next, evaluations, round: { tournamentName: state.round?.tournamentName, ...frame.round } };
}

/** The state without the board, which may be one that we do not watch. */
function deleted(state: Live, frame: DeletedFrame): Live {
  const next = noted(state, frame.index, `${frame.type} ${frame.board}`);
  if (next === undefined) return state;
  const boards = lacking(state.boards, frame);
  const evaluations = boards === state.boards ? state.evaluations : withoutBoard(state.evaluations, frame.board);
  return { ...next, boards, evaluations, summaries: lacking(state.summaries, frame) };
}

function lacking<B extends { readonly game: string }>(boards: ReadonlyMap<number, B>, { game, board }: DeletedFrame): ReadonlyMap<number, B> {
  if (boards.get(board)?.game !== game) return boards; // the board already has another game
  const left = new Map(boards);
  left.delete(board);
  return left;
}

function event(state: Live, frame: Event): Live {
  const next = noted(state, frame.index, `${frame.type} ${frame.board}`);
  if (next === undefined) return state;

  const before = state.boards.get(frame.board);
  const after = changed(before, frame);
  if (after === undefined) return { ...next, incomplete: true };
  // After a move the one before is near enough until the next comes. Every other line is new.
  const anotherLine = frame.type === "takeback" || frame.type === "correction" || after.game !== before?.game || after.ply < before.ply;
  const evaluations = anotherLine ? withoutBoard(next.evaluations, frame.board) : next.evaluations;
  return {
    ...next,
    evaluations,
    boards: before === undefined ? byNumber([...state.boards.values(), after]) : new Map(state.boards).set(frame.board, after),
  };
}

/** The board after the event, or undefined if the event is about a board that we do not know. */
function changed(board: Board | undefined, frame: Event): Board | undefined {
  if (frame.type === "game") return opened(frame);
  if (board === undefined || board.game !== frame.game) return undefined;
  switch (frame.type) {
    case "move":
      // The event has the whole position, so a gap before it does not matter here.
      return {
        ...board,
        ply: frame.ply,
        fen: frame.fen,
        lastMove: { san: frame.san, uci: frame.uci, ...(frame.illegal && { illegal: true }) },
        clock: frame.clock ?? {},
        at: frame.at,
      };
    case "takeback":
      return { ...board, ply: frame.ply, fen: frame.fen, lastMove: frame.lastMove ?? null, clock: frame.clock ?? {}, at: frame.at };
    case "correction":
      return {
        ...board,
        ply: frame.ply,
        fen: frame.fen,
        lastMove: frame.lastMove ?? null,
        clock: frame.clock ?? {},
        at: frame.at,
        result: frame.result,
        forfeit: frame.forfeit,
      };
    case "clock":
      return { ...board, clock: frame.clock, at: frame.at };
    case "result":
      return { ...board, result: frame.result, forfeit: frame.forfeit, clock: frame.clock ?? board.clock };
  }
}

function opened(frame: Event & { type: "game" }): Board {
  const { game, board, white, black, fen, ply, lastMove, clock, result, forfeit, warning, at, timeControl, controls, variant, startFen } = frame;
  return {
    timeControl,
    controls,
    variant,
    startFen,
    game,
    board,
    white,
    black,
    fen,
    ply: ply ?? 0,
    lastMove: lastMove ?? null,
    clock: clock ?? {},
    result: result ?? "*",
    forfeit,
    warning,
    at,
  };
}

function byNumber(boards: readonly Board[]): ReadonlyMap<number, Board> {
  return new Map([...boards].sort((a, b) => a.board - b.board).map((b) => [b.board, b]));
}

/**
 * Only an offset larger than any network delay counts as a clock that jumped or a computer that
 * slept.
 */
const jump = 2000;

/**
 * A frame is never early: the fastest frame is nearest to the truth, so the largest offset wins. A
 * much smaller offset means that a clock was set.
 */
function offset(state: Live, frame: Frame, local: number): { offset?: number } {
  if (frame.now === undefined) return {};
  const fresh = frame.now - local;
  const keep = state.offset !== undefined && frame.type !== "hello" && fresh <= state.offset && fresh > state.offset - jump;
  return { offset: keep ? state.offset : fresh };
}
