import type { Round, Tournament } from "../model/wire.ts";
import { tournament } from "../net/api.ts";
import { isAbort } from "./page.ts";

/** How often a visible page asks for the event's rounds again. */
const refresh = 30_000;

/** Answers that were fetched before, so that the bar stays while a viewer goes from page to page. */
const known = new Map<string, Tournament>();
const mostKnown = 20;

/** The event that a page belongs to: its name and its rounds, fetched again and again until it is closed. */
export class EventOf {
  #id: string | undefined;
  readonly #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly changed: () => void) {}

  /** The tournament, once it is known. */
  get tournament(): Tournament | undefined {
    return this.#id === undefined ? undefined : known.get(this.#id);
  }

  /** Names the tournament. Only the first call counts. */
  name(id: string): void {
    if (this.#id !== undefined || this.#abort.signal.aborted) return;
    this.#id = id;
    void this.#load(id);
  }

  /** Puts what a round says of itself into the list at once. */
  update(round: Round): void {
    const t = this.tournament;
    if (!t) return;
    const rounds = t.rounds.map((r) => (r.id === round.id && r.status !== round.status ? { ...r, status: round.status } : r));
    const name = round.tournamentName ?? t.name;
    if (name === t.name && rounds.every((r, i) => r === t.rounds[i])) return;
    known.set(t.id, { ...t, name, rounds });
  }

  close(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  async #load(id: string): Promise<void> {
    if (document.visibilityState === "visible" || !known.has(id)) {
      try {
        const answer = await tournament(id, this.#abort.signal);
        known.delete(id);
        known.set(id, { ...answer, rounds: answer.rounds ?? [] });
        if (known.size > mostKnown) known.delete(known.keys().next().value!);
        this.changed();
      } catch (error) {
        if (isAbort(error)) return;
        // The page works without the list of rounds; the next attempt may bring it.
      }
    }
    this.#timer = setTimeout(() => void this.#load(id), refresh);
  }
}
