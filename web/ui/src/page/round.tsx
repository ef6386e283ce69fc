import type { VNode } from "preact";
import type { Live } from "../model/live.ts";
import { speakResult } from "../model/speak.ts";
import type { Frame } from "../model/wire.ts";
import { ApiError, round, tournament } from "../net/api.ts";
import type { Phase } from "../net/connection.ts";
import { closeLink, viewToken } from "../net/link.ts";
import { missingRound, NotFound } from "../view/notfound.tsx";
import { RoundView } from "../view/round.tsx";
import { LiveRound } from "./live-round.ts";
import type { Page, Shell } from "./page.ts";

/** `/round/{rid}`: all boards of a round. */
export class RoundPage implements Page {
  readonly #liveRound: LiveRound;
  readonly #abort = new AbortController();
  #tournament: string | undefined; // its name
  #asked = false;
  #named = false;
  #missing: string | undefined;

  constructor(
    private readonly shell: Shell,
    private readonly id: string,
  ) {
    this.#liveRound = new LiveRound(id, undefined, {
      frame: (frame, before, live) => this.#frame(frame, before, live),
      phase: (phase) => this.#phase(phase),
      changed: () => shell.redraw(),
    });
  }

  open(): void {
    this.#liveRound.open();
  }

  close(): void {
    this.#abort.abort();
    this.#liveRound.close();
  }

  title(): string {
    if (this.#missing) return "No such round · chessrelay";
    const name = this.#liveRound.live.round?.name;
    return [name, this.#tournament, "chessrelay"].filter(Boolean).join(" · ");
  }

  condition() {
    return this.#missing ? undefined : this.#liveRound.condition();
  }

  view(): VNode {
    if (this.#missing) return <NotFound text={this.#missing} />;
    return (
      <RoundView
        live={this.#liveRound.live}
        tournament={this.#tournament}
        id={this.id}
        now={this.#liveRound.now()}
        linked={viewToken() !== undefined}
        diverged={this.#liveRound.isDiverged}
      />
    );
  }

  #frame(frame: Frame, before: Live, live: Live): void {
    this.#name(live);
    if (frame.type === "deleted" && live.boards !== before.boards) this.shell.announce(`Board ${frame.board} was deleted.`);
    // Announcing every move of twelve boards would be too much, so only results are announced.
    const board = frame.type === "result" ? live.boards.get(frame.board) : undefined;
    if (board && board !== before.boards.get(board.board)) {
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

  #name(live: Live): void {
    if (live.round?.tournamentName !== undefined) this.#tournament = live.round.tournamentName;
    if (this.#tournament !== undefined || this.#named || live.round === undefined) return;
    this.#named = true;
    tournament(live.round.tournament, this.#abort.signal).then(
      (answer) => {
        this.#tournament = answer.name;
        this.shell.redraw();
      },
      () => (this.#named = false), // the page works without its name; the next frame asks again
    );
  }
}
