import type { VNode } from "preact";
import type { Standings, Tournament } from "../model/wire.ts";
import { ApiError, standings, tournament } from "../net/api.ts";
import { NotFound } from "../view/notfound.tsx";
import { TournamentView } from "../view/tournament.tsx";
import { isAbort, type Page, type Shell } from "./page.ts";

/** How often visible tables are fetched again. */
const refresh = 30_000;

/** `/tournament/{tid}`: its rounds and tables. */
export class TournamentPage implements Page {
  #tournament: Tournament | undefined;
  #standings: Standings | undefined;
  #error: string | undefined;
  #missing: string | undefined;
  readonly #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #wake = () => {
    if (document.visibilityState === "hidden" || this.#timer === undefined) return;
    clearTimeout(this.#timer);
    void this.#load();
  };

  constructor(
    private readonly shell: Shell,
    private readonly id: string,
  ) {}

  open(): void {
    document.addEventListener("visibilitychange", this.#wake);
    void this.#load();
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.#wake);
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  title(): string {
    if (this.#missing) return "No such tournament · chessrelay";
    return [this.#tournament?.name, "chessrelay"].filter(Boolean).join(" · ");
  }

  view(): VNode {
    if (this.#missing) return <NotFound text={this.#missing} />;
    return <TournamentView tournament={this.#tournament} standings={this.#standings} error={this.#error} now={Date.now()} />;
  }

  async #load(): Promise<void> {
    this.#timer = undefined;
    try {
      this.#tournament = await tournament(this.id, this.#abort.signal);
      this.#standings = await standings(this.id, this.#abort.signal);
      this.#error = undefined;
    } catch (error) {
      if (isAbort(error)) return;
      this.#missing = error instanceof ApiError && error.status === 404 ? missing(error) : undefined;
      this.#error = error instanceof TypeError ? "The server cannot be reached." : (error as Error).message;
    }
    this.shell.redraw();
    // A page in the background asks when it becomes visible again.
    this.#timer = setTimeout(() => document.visibilityState === "visible" && void this.#load(), refresh);
  }
}

function missing(error: ApiError): string {
  if (error.deleted) return "This tournament was deleted.";
  return "There is no tournament at this address. It may have been mistyped, or belong to another server.";
}
