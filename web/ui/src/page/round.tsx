import type { VNode } from "preact";
import type { Choice } from "../model/boards.ts";
import type { Live } from "../model/live.ts";
import { delayOf } from "../model/live.ts";
import { routeOf } from "../model/route.ts";
import { speakResult } from "../model/speak.ts";
import { attend, nowhere, type Spot } from "../model/spotlight.ts";
import { stageOf, type Stage } from "../model/stage.ts";
import { happened, lastMoves, type Happening } from "../model/ticker.ts";
import { isEvent, type Frame, type Standings } from "../model/wire.ts";
import { ApiError, round, standings } from "../net/api.ts";
import type { Phase } from "../net/connection.ts";
import { closeLink, viewToken } from "../net/link.ts";
import { change, settings } from "../net/settings.ts";
import { Bar, type Tab } from "../view/bar.tsx";
import { missingRound, NotFound } from "../view/notfound.tsx";
import { RoundView } from "../view/round.tsx";
import { EventOf } from "./event.ts";
import { LiveRound } from "./live-round.ts";
import { local, type Page, type Shell } from "./page.ts";

/** How often the tables are fetched again while they are on show. */
const refresh = 15_000;

type Sought = Pick<Choice, "query" | "team" | "federation">;
const nothingSought: Sought = { query: "", team: "", federation: "" };

/** What a viewer last sought in a round, for the way back from a board. */
const soughtBefore = new Map<string, Sought>();

/** `/round/{rid}`: all boards of a round, and the other views of it. */
export class RoundPage implements Page {
  readonly #liveRound: LiveRound;
  readonly #event: EventOf;
  readonly #abort = new AbortController();
  #asked = false;
  #missing: string | undefined;
  #sought: Sought;
  #spot: Spot = nowhere;
  #happenings: readonly Happening[] = [];
  #standings: Standings | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly shell: Shell,
    private readonly id: string,
    private tab: Tab,
  ) {
    this.#sought = soughtBefore.get(id) ?? nothingSought;
    this.#event = new EventOf(() => shell.redraw());
    this.#liveRound = new LiveRound(id, undefined, {
      frame: (frame, before, live) => this.#frame(frame, before, live),
      phase: (phase) => this.#phase(phase),
      changed: () => shell.redraw(),
    });
  }

  open(): void {
    this.#happenings = lastMoves(this.#liveRound.live.boards.values());
    this.#liveRound.open();
    this.#name(this.#liveRound.live);
    this.#loadTables();
  }

  close(): void {
    soughtBefore.set(this.id, this.#sought);
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#event.close();
    this.#liveRound.close();
  }

  /** Another view of the same round comes over the same connection. */
  turn(path: string): boolean {
    const to = routeOf(path);
    if (to.page !== "round" || to.id !== this.id || this.#missing !== undefined) return false;
    this.tab = to.tab;
    this.#loadTables();
    return true;
  }

  title(): string {
    if (this.#missing) return "No such round · chessrelay";
    const live = this.#liveRound.live.round;
    return [live?.name, this.#event.tournament?.name ?? live?.tournamentName, "chessrelay"].filter(Boolean).join(" · ");
  }

  condition() {
    return this.#missing ? undefined : this.#liveRound.condition();
  }

  bar(): VNode | undefined {
    const { round } = this.#liveRound.live;
    if (!round || this.#missing) return undefined;
    return (
      <Bar
        event={this.#event.tournament}
        tournament={round.tournament}
        tournamentName={round.tournamentName}
        round={round}
        stage={this.#stage()}
        tab={this.tab}
        now={this.#now()}
      />
    );
  }

  view(): VNode {
    if (this.#missing) return <NotFound text={this.#missing} />;
    return (
      <RoundView
        live={this.#liveRound.live}
        event={this.#event.tournament}
        id={this.id}
        tab={this.tab}
        stage={this.#stage()}
        now={this.#liveRound.now()}
        linked={viewToken() !== undefined}
        diverged={this.#liveRound.isDiverged}
        settings={settings()}
        sought={this.#sought}
        spot={this.#spot}
        happenings={this.#happenings}
        standings={this.#standings}
        onSeek={(part) => {
          this.#sought = { ...this.#sought, ...part };
          this.shell.redraw();
        }}
        onSet={change}
        onPin={(board) => {
          this.#spot = { board, since: local(), pinned: !(this.#spot.pinned && this.#spot.board === board) };
          this.shell.redraw();
        }}
      />
    );
  }

  key(event: KeyboardEvent): void {
    if (event.key !== "/") return;
    const field = document.querySelector<HTMLInputElement>(".toolbar input[type=search]");
    if (!field) return;
    field.focus();
    field.select();
    event.preventDefault();
  }

  /** The time on the node's clock, without any delay. */
  #now(): number {
    return (this.#liveRound.now() ?? Date.now()) + delayOf(this.#liveRound.live) * 1000;
  }

  #stage(): Stage | undefined {
    const { live } = this.#liveRound;
    return live.round && stageOf(live.round, live.boards.values(), this.#now(), delayOf(live));
  }

  #frame(frame: Frame, before: Live, live: Live): void {
    this.#name(live);
    if (frame.type === "snapshot") this.#happenings = lastMoves(live.boards.values());
    if (frame.type === "deleted" && live.boards !== before.boards) this.shell.announce(`Board ${frame.board} was deleted.`);
    if (!isEvent(frame) || live.boards === before.boards) return;
    const board = live.boards.get(frame.board);
    if (!board) return;
    this.#happenings = happened(this.#happenings, frame, board, this.#liveRound.now());
    this.#spot = attend(this.#spot, frame, local());
    // Announcing every move of twelve boards would be too much, so only results are announced.
    if (frame.type === "result" && !settings().hideResults) {
      this.shell.announce(`Board ${board.board}, ${board.white.name} against ${board.black.name}: ${speakResult(board)}`);
    }
  }

  #phase(phase: Phase): void {
    if (phase.kind === "refused" && phase.reason === "ended") closeLink();
    if (phase.kind === "refused") this.#missing = missingRound(phase.reason, viewToken()) ?? this.#missing;
    // A WebSocket cannot say why it failed. HTTP can, and it has the boards too.
    if (phase.kind === "waiting" && this.#liveRound.live.index === 0 && !this.#asked) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#asked = true;
    try {
      const answer = await round(this.id, this.#abort.signal);
      this.#liveRound.offer(answer);
      this.#name(this.#liveRound.live);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) {
        if (error instanceof ApiError && error.diverged) this.#liveRound.diverge();
        this.#asked = false;
        return;
      }
      this.#missing = missingRound(error.deleted ? "deleted" : "no-round", viewToken());
      this.#liveRound.close();
      this.shell.redraw();
    }
  }

  #name({ round }: Live): void {
    if (!round) return;
    this.#event.name(round.tournament);
    this.#event.update(round);
    this.#loadTables();
  }

  /** Fetches the tables, again and again while they are on show. */
  #loadTables(): void {
    const tournament = this.#liveRound.live.round?.tournament;
    if (this.tab !== "standings" || tournament === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#loadTables();
    }, refresh);
    standings(tournament, this.#abort.signal).then(
      (tables) => {
        this.#standings = tables;
        this.shell.redraw();
      },
      () => undefined, // the next attempt comes by itself
    );
  }
}
