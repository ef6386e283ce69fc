import type { VNode } from "preact";
import type { Overview } from "../model/wire.ts";
import { find, more, overview, type Found } from "../net/api.ts";
import { settings } from "../net/settings.ts";
import { HomeView } from "../view/home.tsx";
import { isAbort, type Page, type Shell } from "./page.ts";

/** How often a visible overview is fetched again. */
const refresh = 10_000;
/** A search waits so long for the next key. */
const pause = 250;

/** What is shown before the first answer comes, after the first visit in this tab. */
let last: Overview | undefined;
let query = "";

/** `/`: what goes on, what comes and what is over, and a search in all of it. */
export class TournamentsPage implements Page {
  #found: Found | undefined;
  #error: string | undefined;
  readonly #abort = new AbortController();
  #search = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #typing: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly shell: Shell) {}

  open(): void {
    void this.#load();
    if (query !== "") void this.#find();
  }

  close(): void {
    this.#abort.abort();
    this.#search.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#typing);
  }

  title(): string {
    return "chessrelay";
  }

  view(): VNode {
    return (
      <HomeView
        overview={last}
        error={this.#error}
        now={Date.now()}
        query={query}
        found={this.#found}
        hideResults={settings().hideResults}
        onSeek={(text) => {
          query = text;
          clearTimeout(this.#typing);
          this.#typing = setTimeout(() => void this.#find(), pause);
          this.shell.redraw();
        }}
        onMore={(next) => void this.#more(next)}
      />
    );
  }

  key(event: KeyboardEvent): void {
    if (event.key !== "/") return;
    document.querySelector<HTMLInputElement>(".find input")?.focus();
    event.preventDefault();
  }

  async #load(): Promise<void> {
    try {
      if (document.visibilityState === "visible" || last === undefined) last = await overview(this.#abort.signal);
      this.#error = undefined;
    } catch (error) {
      if (isAbort(error)) return;
      this.#error = words(error);
    }
    this.shell.redraw();
    this.#timer = setTimeout(() => void this.#load(), refresh);
  }

  async #find(): Promise<void> {
    this.#search.abort();
    this.#search = new AbortController();
    if (query.trim() === "") {
      this.#found = undefined;
      return this.shell.redraw();
    }
    try {
      this.#found = await find(query.trim(), this.#search.signal);
    } catch (error) {
      if (isAbort(error)) return;
      this.#error = words(error);
    }
    this.shell.redraw();
  }

  async #more(next: string): Promise<void> {
    try {
      const page = await more(next, this.#search.signal);
      this.#found = { tournaments: [...(this.#found?.tournaments ?? []), ...page.tournaments], next: page.next };
    } catch (error) {
      if (isAbort(error)) return;
      this.#error = words(error);
    }
    this.shell.redraw();
  }
}

function words(error: unknown): string {
  return error instanceof TypeError ? "The server cannot be reached." : (error as Error).message;
}
