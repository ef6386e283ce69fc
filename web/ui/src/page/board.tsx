import type { VNode } from "preact";
import { checked, moveNumber, numbering, squares, turn, type Side } from "../model/fen.ts";
import { delayOf, type Live } from "../model/live.ts";
import { others, unknown, type Other } from "../model/others.ts";
import { routeOf } from "../model/route.ts";
import { blank, compare, loaded, record, startFen, type ScoreSheet } from "../model/score-sheet.ts";
import { speakMove, speakResult, writeResult } from "../model/speak.ts";
import { listedStage } from "../model/stage.ts";
import { afterChange, by, following, goTo, missed, shown, type Step } from "../model/step.ts";
import { isEvent, type Board, type DeletedFrame, type Evaluation, type Frame, type RoundWithGames } from "../model/wire.ts";
import { ApiError, evaluations, game, round } from "../net/api.ts";
import { backoff, type Phase } from "../net/connection.ts";
import { closeLink, viewToken } from "../net/link.ts";
import { settings } from "../net/settings.ts";
import { Bar } from "../view/bar.tsx";
import { Early } from "../view/early.tsx";
import { BoardView, type Shown } from "../view/board.tsx";
import { Loading, missingRound, NotFound } from "../view/notfound.tsx";
import type { SheetTab } from "../view/sheet.tsx";
import { knock } from "./sound.ts";
import { EventOf } from "./event.ts";
import { LiveRound } from "./live-round.ts";
import { isAbort, type Page, type Shell } from "./page.ts";

/** How often the evaluations of all plies are fetched again. */
const evaluateEvery = 15_000;

/** The ply that an address asks for, as in `?ply=37`. */
function plyOf(search: string): number | undefined {
  const text = new URLSearchParams(search).get("ply");
  return text !== null && /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}

/** `/round/{rid}/{board}`: one board. The viewer can step through its game while it goes on. */
export class BoardPage implements Page {
  readonly #liveRound: LiveRound;
  readonly #event: EventOf;
  readonly #abort = new AbortController();
  #abortGame = new AbortController();
  #number: number;
  #round: RoundWithGames | undefined;
  #sheet: ScoreSheet = blank;
  #step: Step = following;
  #bottom: Side = "white";
  #missing: string | undefined;
  #tab: SheetTab = "moves";
  #sharing = false;
  #evaluations: readonly Evaluation[] = [];
  #evaluating: ReturnType<typeof setTimeout> | undefined;
  /** The ply of the address, until the game is known. */
  #wanted = plyOf(location.search);
  #fetching = false;
  #reloading = false;
  #failures = 0;
  #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(
    private readonly shell: Shell,
    private readonly id: string,
    number: number,
  ) {
    this.#number = number;
    this.#event = new EventOf(() => shell.redraw());
    this.#liveRound = new LiveRound(id, number, {
      frame: (frame, before, live) => this.#frame(frame, before, live),
      phase: (phase) => this.#phase(phase),
      changed: () => shell.redraw(),
    });
  }

  open(): void {
    this.#liveRound.open();
    void this.#loadRound();
  }

  close(): void {
    this.#abort.abort();
    this.#abortGame.abort();
    this.#timers.forEach(clearTimeout);
    clearTimeout(this.#evaluating);
    this.#event.close();
    this.#liveRound.close();
  }

  /** Another board of the round comes over the same connection. */
  turn(path: string): boolean {
    const to = routeOf(path);
    if (to.page !== "board" || to.id !== this.id || this.#missing !== undefined) return false;
    this.#number = to.board;
    this.#sheet = blank;
    this.#step = following;
    this.#bottom = "white";
    this.#wanted = plyOf(location.search);
    this.#evaluations = [];
    clearTimeout(this.#evaluating);
    this.#evaluating = undefined;
    this.#abortGame.abort();
    this.#abortGame = new AbortController();
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
    this.#fetching = this.#reloading = false;
    this.#failures = 0;
    this.#liveRound.watch(to.board);
    if (this.#round === undefined) void this.#loadRound(); // a retry may have been one of the timers
    return true;
  }

  title(): string {
    const board = this.#board();
    if (this.#missing || !board) return this.#missing ? "No such board · chessrelay" : "chessrelay";
    const players = `${board.white.name} – ${board.black.name}`;
    const round = this.#liveRound.live.round?.name ?? this.#round?.name ?? "";
    if (board.result !== "*" && settings().hideResults) return `${players} · ${round}`;
    if (board.result !== "*") return `${writeResult(board)} ${players} · ${round}`;
    if (!board.lastMove) return `${players} · ${round}`;
    return `${moveNumber(board.fen)} ${board.lastMove.san} ${players} · ${round}`;
  }

  condition() {
    return this.#missing ? undefined : this.#liveRound.condition();
  }

  bar(): VNode | undefined {
    const round = this.#liveRound.live.round ?? this.#round;
    if (!round || this.#missing) return undefined;
    const now = (this.#liveRound.now() ?? Date.now()) + delayOf(this.#liveRound.live) * 1000;
    const kind = listedStage(round);
    const games = this.#round?.games ?? [];
    const playing = games.filter((g) => g.result === "*").length;
    const stage =
      kind === "live"
        ? ({ kind, playing, all: games.length } as const)
        : kind === "before"
          ? ({ kind, startsAt: round.startsAt } as const)
          : { kind };
    return (
      <Bar
        event={this.#event.tournament}
        tournament={round.tournament}
        tournamentName={round.tournamentName}
        round={round}
        stage={stage}
        tab="boards"
        now={now}
      />
    );
  }

  view(): VNode {
    if (this.#missing) return <NotFound text={this.#missing} />;
    const board = this.#board();
    if (!board) return <Loading diverged={this.#liveRound.isDiverged} />;
    return (
      <>
        <Early live={this.#liveRound.live} linked={viewToken() !== undefined} />
        <BoardView
          id={this.id}
          round={this.#liveRound.live.round ?? this.#round}
          event={this.#event.tournament}
          settings={settings()}
          tab={this.#tab}
          sharing={this.#sharing}
          evaluation={this.#evaluation(board)}
          evaluations={this.#evaluations}
          onTab={(tab) => {
            this.#tab = tab;
            this.shell.redraw();
          }}
          onShare={(open) => {
            this.#sharing = open;
            this.shell.redraw();
          }}
          others={this.#others()}
          board={board}
          shown={this.#shown(board)}
          game={this.#sheet.game}
          missed={missed(this.#step, this.#plies(board))}
          following={this.#step.ply === null}
          bottom={this.#bottom}
          now={this.#liveRound.now()}
          onGo={(ply) => this.#show(goTo(this.#step, ply, this.#plies(board)), board)}
          onFlip={() => this.#flip()}
          onLive={() => this.#show(following, board)}
        />
      </>
    );
  }

  key(event: KeyboardEvent): void {
    const board = this.#board();
    if (!board) return;
    const total = this.#plies(board);
    switch (event.key) {
      case "ArrowLeft":
        this.#show(by(this.#step, -1, total), board);
        break;
      case "ArrowRight":
        this.#show(by(this.#step, 1, total), board);
        break;
      case "Home":
        this.#show(goTo(this.#step, 0, total), board);
        break;
      case "End":
        this.#show(following, board);
        break;
      case "f":
        this.#flip();
        break;
      case "ArrowUp":
      case "ArrowDown": {
        const numbers = this.#others().map((o) => o.board);
        const to = numbers[numbers.indexOf(this.#number) + (event.key === "ArrowUp" ? -1 : 1)];
        if (to === undefined) return;
        this.shell.go(`/round/${this.id}/${to}`);
        break;
      }
      default:
        return;
    }
    event.preventDefault();
  }

  /** The board as it stands: from the stream, otherwise from HTTP. */
  #board(): Board | undefined {
    const known = this.#liveRound.live.boards.get(this.#number);
    if (known) return known;
    const game = this.#round?.games.find((g) => g.board === this.#number);
    const summary = this.#liveRound.live.summaries.get(this.#number);
    if (summary && (summary.game !== game?.id || summary.ply !== game.ply || summary.result !== game.result)) return undefined; // it has changed since
    return game && { ...game, game: game.id };
  }

  /** The boards of the round. The board on show follows its own events. */
  #others(): Other[] {
    if (!this.#round) return [];
    const board = this.#liveRound.live.boards.get(this.#number);
    return others(this.#round, this.#liveRound.live.summaries).map((o) =>
      board && o.board === board.board ? { ...o, san: board.lastMove?.san, result: board.result, forfeit: board.forfeit } : o,
    );
  }

  /**
   * How many plies there are to step through: those with known positions, or up to the one on the
   * board.
   */
  #plies(board: Board): number {
    return this.#sheet.game?.moves.length ?? board.ply;
  }

  #shown(board: Board): Shown {
    const total = this.#plies(board);
    const ply = shown(this.#step, total);
    const game = this.#sheet.game;
    if (this.#step.ply === null || !game) {
      // The end of the game is the board itself, which is right even while the list of moves is
      // being fetched.
      const last = board.lastMove;
      const illegal = last?.illegal ? last.san : undefined;
      return { fen: board.fen, ply: board.ply, marks: squares(last?.uci), check: checked(board.fen, last?.san), clock: board, illegal };
    }
    const move = game.moves[ply - 1];
    const fen = move?.fen ?? startFen(game);
    return {
      fen,
      ply,
      marks: squares(move?.uci),
      check: checked(fen, move?.san),
      clock: { fen, ply, clock: move?.clock ?? {}, result: board.result },
      illegal: move?.illegal ? move.san : undefined,
    };
  }

  #show(step: Step, board: Board): void {
    const total = this.#plies(board);
    const moved = shown(step, total) !== shown(this.#step, total);
    this.#step = step;
    if (moved) this.#say(board);
    this.shell.redraw();
  }

  /** What an engine thinks of the position on show. */
  #evaluation(board: Board): Evaluation | undefined {
    const live = this.#liveRound.live.evaluations.get(this.#number);
    const ply = shown(this.#step, this.#plies(board));
    if (live?.ply === ply) return live;
    return this.#evaluations.find((e) => e.ply === ply) ?? (this.#step.ply === null ? live : undefined);
  }

  /** Fetches what is known of the earlier plies, now and then while there is an engine. */
  #loadEvaluations(): void {
    const id = this.#board()?.game;
    if (this.#liveRound.live.evaluates !== true || id === undefined || this.#evaluating !== undefined) return;
    this.#evaluating = setTimeout(() => {
      this.#evaluating = undefined;
      this.#loadEvaluations();
    }, evaluateEvery);
    evaluations(id, this.#abortGame.signal).then(
      (list) => {
        this.#evaluations = list;
        this.shell.redraw();
      },
      () => undefined, // the next attempt comes by itself
    );
  }

  #flip(): void {
    this.#bottom = this.#bottom === "white" ? "black" : "white";
    this.shell.redraw();
  }

  #say(board: Board): void {
    const at = this.#shown(board);
    const game = this.#sheet.game;
    const move = game?.moves[at.ply - 1];
    if (!game || !move) return this.shell.announce("Start of the game");
    const n = numbering(startFen(game), at.ply);
    this.shell.announce(`Move ${n.move}, ${n.side}: ${speakMove(move)}`);
  }

  #frame(frame: Frame, before: Live, live: Live): void {
    if (live.round) {
      this.#event.name(live.round.tournament);
      this.#event.update(live.round);
    }
    if (frame.type === "hello" && before.cluster !== undefined && before.cluster !== frame.cluster) this.#sheet = blank;
    if (frame.type === "summary" && this.#round && !this.#reloading && unknown(this.#round, live.summaries)) this.#reload();
    if (frame.type === "evaluations" && !frame.on) this.#evaluations = [];
    if (frame.type === "evaluations" || frame.type === "evaluation") this.#loadEvaluations();
    if (frame.type === "deleted") return this.#gone(frame, before);
    // After a second snapshot on a connection, some boards of the fetched round may be gone.
    if (frame.type === "snapshot" && before.index > 0 && !this.#reloading) this.#reload();
    const board = live.boards.get(this.#number);
    if (frame.type === "snapshot") {
      if (board) this.#sheet = compare(this.#sheet, board, live.index);
      else this.#miss();
    }
    if (isEvent(frame) && frame.board === this.#number) {
      this.#sheet = record(this.#sheet, frame);
      if (live.boards !== before.boards && board) this.#tell(frame.type, board);
    }
    this.#followUp();
  }

  /** A board was deleted: the one on show, or one of the others. */
  #gone(frame: DeletedFrame, before: Live): void {
    if (before.boards.get(this.#number)?.game === frame.game) return this.#miss("This board was deleted.");
    if (this.#round) this.#round = { ...this.#round, games: this.#round.games.filter((g) => g.id !== frame.game) };
  }

  /** Announces a move as it comes, unless the viewer looks at an earlier one. */
  #tell(type: string, board: Board): void {
    if (type === "result") return settings().hideResults ? undefined : this.shell.announce(speakResult(board));
    if (type === "takeback") return this.shell.announce(`Moves were taken back. The game stands after ply ${board.ply}.`);
    if (type === "correction") return this.shell.announce(`Moves were corrected. The game stands after ply ${board.ply}.`);
    if (type !== "move" || this.#step.ply !== null || !board.lastMove) return;
    if (settings().sound) knock(board.lastMove.san.includes("x"));
    this.shell.announce(`${turn(board.fen) === "white" ? "Black" : "White"}: ${speakMove(board.lastMove)}`);
  }

  /** Follows every change of the score sheet: keeps the step inside the game, and fills a gap. */
  #followUp(): void {
    const game = this.#sheet.game;
    if (game && !this.#sheet.gap) {
      this.#step = this.#wanted === undefined ? afterChange(this.#step, game.moves.length) : goTo(following, this.#wanted, game.moves.length);
      this.#wanted = undefined;
    }
    if (this.#sheet.gap && !this.#fetching) void this.#loadGame();
  }

  #phase(phase: Phase): void {
    if (phase.kind === "refused" && phase.reason === "ended") closeLink();
    if (phase.kind === "refused") this.#missing = missingRound(phase.reason, viewToken()) ?? this.#missing;
  }

  #miss(why = `This round has no board ${this.#number}, at least not yet.`): void {
    this.#missing = why;
    this.#liveRound.close();
    this.shell.redraw();
  }

  /** Fetches the round again, because it has new boards. It waits first, since the node may lag. */
  #reload(): void {
    this.#reloading = true;
    this.#later(() => {
      this.#reloading = false;
      void this.#loadRound();
    });
  }

  async #loadRound(): Promise<void> {
    try {
      const answer = await round(this.id, this.#abort.signal);
      this.#round = { ...answer, games: [...answer.games].sort((a, b) => a.board - b.board) };
      this.#failures = 0;
      this.#followUp();
      this.shell.redraw();
    } catch (error) {
      if (isAbort(error)) return;
      if (error instanceof ApiError && error.status === 404) {
        this.#missing = missingRound(error.deleted ? "deleted" : "no-round", viewToken());
        this.#liveRound.close();
        return this.shell.redraw();
      }
      if (error instanceof ApiError && error.diverged) this.#liveRound.diverge();
      this.#later(() => void this.#loadRound());
    }
  }

  async #loadGame(): Promise<void> {
    const id = this.#board()?.game;
    if (id === undefined) return;
    this.#fetching = true;
    try {
      const answer = await game(id, this.#abortGame.signal);
      if (this.#board()?.game === id) this.#sheet = loaded(this.#sheet, answer);
      if (!this.#sheet.gap) this.#failures = 0;
    } catch (error) {
      if (isAbort(error)) return;
    }
    // An answer that leaves a gap came from a node that lags; asking again at once does not help.
    if (this.#sheet.gap) {
      this.#later(() => {
        this.#fetching = false;
        this.#followUp();
      });
      return;
    }
    this.#fetching = false;
    this.#followUp();
    this.shell.redraw();
  }

  #later(what: () => void): void {
    this.#failures++;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        what();
      },
      backoff(this.#failures, Math.random()),
    );
    this.#timers.add(timer);
  }
}
