import { running, timeLeft, untilNextTick } from "../model/clock.ts";
import { delayOf, nothing, provisional, reduce, serverNow, turned, type Live } from "../model/live.ts";
import { condition, type Condition } from "../model/status.ts";
import { isEvent, type Frame, type RoundWithGames } from "../model/wire.ts";
import { askAt, homeAnswers, liveUrl } from "../net/api.ts";
import { viewToken } from "../net/link.ts";
import { Connection, type Phase } from "../net/connection.ts";
import { local } from "./page.ts";

/**
 * A node takes 50 messages in ten seconds. A viewer who changes boards faster asks only for the
 * last one.
 */
const askEvery = 250;
/** A node that has not sent the requested boards by then does not know how. */
const answerTimeout = 5000;

export interface LiveRoundListener {
  /** Called after each frame: `live` is the state after it, `before` the state before it. */
  frame?(frame: Frame, before: Live, live: Live): void;
  phase?(phase: Phase): void;
  changed(): void;
}

/** Rounds that this tab has shown, so that the way back to one shows it at once. */
const shown = new Map<string, Live>();
const mostShown = 8;

/** The live state of a round, or of one board of it, kept up to date until it is closed. */
export class LiveRound {
  live: Live = nothing;
  phase: Phase = { kind: "connecting", attempt: 0 };
  readonly #listener: LiveRoundListener;
  readonly #connection: Connection;
  #ticker: ReturnType<typeof setTimeout> | undefined;
  #board: number | undefined;
  /** We asked for another board, and the frames are still about the previous one. */
  #turning = false;
  #asked = -Infinity; // when
  #asker: ReturnType<typeof setTimeout> | undefined;
  readonly #wake = () => {
    if (document.visibilityState === "visible") this.#connection.check();
  };

  // Otherwise the node would count a viewer for every page of ours in the tab's history.
  readonly #sleep = () => this.#connection.sleep();

  constructor(
    private readonly round: string,
    board: number | undefined,
    listener: LiveRoundListener,
  ) {
    this.#listener = listener;
    this.#board = board;
    if (board === undefined) this.live = shown.get(this.#name()) ?? nothing;
    this.#connection = new Connection({
      url: (node) => liveUrl(round, this.#board, node),
      homeAnswers,
      now: local,
      cursor: () => ({ since: this.live.index, cluster: this.live.cluster }),
      onFrames: (frames) => this.#take(frames),
      onPhase: (phase) => {
        this.phase = phase;
        if (phase.kind === "open") askAt(this.#connection.node);
        listener.phase?.(phase);
        listener.changed();
      },
    });
  }

  open(): void {
    // There is no listener for "offline": a server on this computer works without a network.
    window.addEventListener("online", this.#wake);
    window.addEventListener("pageshow", this.#wake);
    window.addEventListener("pagehide", this.#sleep);
    document.addEventListener("visibilitychange", this.#wake);
    this.#connection.open();
    this.#tick();
  }

  close(): void {
    window.removeEventListener("online", this.#wake);
    window.removeEventListener("pageshow", this.#wake);
    window.removeEventListener("pagehide", this.#sleep);
    document.removeEventListener("visibilitychange", this.#wake);
    clearTimeout(this.#ticker);
    clearTimeout(this.#asker);
    this.#connection.close();
    askAt(undefined);
    if (this.#board !== undefined || this.live.index === 0) return;
    shown.delete(this.#name());
    shown.set(this.#name(), this.live);
    if (shown.size > mostShown) shown.delete(shown.keys().next().value!);
  }

  /** Names what this is the state of: with another viewing link, other boards may be on show. */
  #name(): string {
    return `${this.round} ${viewToken() ?? ""}`;
  }

  /** Watches another board of the round, on the same connection if it can send. */
  watch(board: number): void {
    this.#board = board;
    this.#turning = true;
    this.live = turned(this.live);
    clearTimeout(this.#asker);
    this.#asker = setTimeout(() => this.#ask(board), Math.max(0, this.#asked + askEvery - local()));
  }

  #ask(board: number): void {
    this.#asked = local();
    if (this.#connection.send(JSON.stringify({ type: "subscribe", boards: [board] }))) {
      this.#asker = setTimeout(() => this.#connection.restart(), answerTimeout);
    } else {
      this.#connection.restart();
    }
  }

  /** Takes a round from HTTP, if there is nothing better. */
  offer(round: RoundWithGames): void {
    this.live = provisional(this.live, round);
    this.#listener.changed();
  }

  /** The node said by HTTP that its boards have diverged. */
  diverge(): void {
    this.#connection.diverge();
  }

  /** Whether the node shows no boards because they have diverged from the others'. */
  get isDiverged(): boolean {
    return "diverged" in this.phase;
  }

  /**
   * The time for reading clocks, on the node's clock. A delayed broadcast shows the clocks of that
   * earlier time. While the page is not live, its clocks stand: how they go on is unknown.
   */
  now(): number | undefined {
    const { live } = this;
    const well = live.heardAt === undefined || condition(this.phase, live, local()).status === "live";
    const now = well ? serverNow(live, local()) : serverNow(live, live.heardAt! - live.age);
    return now === undefined ? undefined : now - delayOf(live) * 1000;
  }

  condition(): { condition: Condition; spectators?: number } {
    return { condition: condition(this.phase, this.live, local()), spectators: this.live.spectators };
  }

  #take(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (this.#turning && !this.#turned(frame)) continue;
      const before = this.live;
      this.live = reduce(before, frame, local());
      this.#listener.frame?.(frame, before, this.live);
    }
    if (this.live.incomplete) {
      this.live = { ...this.live, incomplete: false };
      this.#connection.restart();
    }
    this.#listener.changed();
  }

  /**
   * Whether a frame concerns us while we wait for the other board. The first is its snapshot,
   * except for frames without an index.
   */
  #turned(frame: Frame): boolean {
    if (frame.type !== "snapshot") return !isEvent(frame) && frame.type !== "round" && frame.type !== "deleted";
    // A snapshot without "only" has all boards, or those that we asked for when we connected.
    if (frame.only !== undefined && !frame.only.includes(this.#board!)) return false;
    this.#turning = false;
    clearTimeout(this.#asker);
    return true;
  }

  /**
   * Asks for a redraw whenever a clock on show changes, and each second for the ages in the status
   * line.
   */
  #tick(): void {
    const now = this.now();
    let wait = 1000;
    for (const board of this.live.boards.values()) {
      const side = running(board);
      const left = side && timeLeft(board, side, now);
      if (left) wait = Math.min(wait, untilNextTick(left));
    }
    // With many boards the seconds begin at many moments; ten redraws a second are enough for all.
    this.#ticker = setTimeout(
      () => {
        this.#listener.changed();
        this.#tick();
      },
      Math.max(wait, 100),
    );
  }
}
