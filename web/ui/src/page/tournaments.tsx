import type { VNode } from "preact";
import type { Tournament } from "../model/wire.ts";
import { tournaments } from "../net/api.ts";
import { TournamentsView } from "../view/tournaments.tsx";
import { isAbort, type Page, type Shell } from "./page.ts";

/** How often a visible list is fetched again. */
const refresh = 30_000;

/** `/`: the list of tournaments. */
export class TournamentsPage implements Page {
  #list: readonly Tournament[] | undefined;
  #error: string | undefined;
  readonly #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly shell: Shell) {}

  open(): void {
    void this.#load();
  }

  close(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  title(): string {
    return "chessrelay";
  }

  view(): VNode {
    return <TournamentsView list={this.#list} error={this.#error} now={Date.now()} />;
  }

  async #load(): Promise<void> {
    try {
      const list = await tournaments(this.#abort.signal);
      this.#list = [...list].sort((a, b) => b.createdAt - a.createdAt);
      this.#error = undefined;
    } catch (error) {
      if (isAbort(error)) return;
      this.#error = error instanceof TypeError ? "The server cannot be reached." : (error as Error).message;
    }
    this.shell.redraw();
    this.#timer = setTimeout(() => void this.#load(), refresh);
  }
}
