import type { Board, Round } from "./wire.ts";

/** What a round is like now. It is a fact about the games, and not about our connection. */
export type Stage =
  | { readonly kind: "before"; readonly startsAt?: number }
  /** The round has a delay, and the public has seen nothing of it yet. */
  | { readonly kind: "held"; readonly until?: number }
  | { readonly kind: "live"; readonly playing: number; readonly all: number }
  | { readonly kind: "finished" };

/** `now` is a time on the node's clock. */
export function stageOf(round: Round, boards: Iterable<Board>, now: number, delay: number): Stage {
  let playing = 0;
  let all = 0;
  let begun = false;
  for (const b of boards) {
    all++;
    if (b.result === "*") playing++;
    if (b.ply > 0 || b.result !== "*") begun = true;
  }
  if (round.status === "finished") return { kind: "finished" };
  if (all > 0 && playing === 0) return { kind: "finished" };
  if (begun || round.status === "started") return { kind: "live", playing, all };
  if (delay > 0 && all === 0 && (round.startsAt === undefined || round.startsAt <= now)) {
    return { kind: "held", until: round.startsAt === undefined ? undefined : round.startsAt + delay * 1000 };
  }
  return { kind: "before", startsAt: round.startsAt };
}

/** The same for a round in the list of an event, of whose boards we know nothing. */
export function listedStage({ status }: Round): "live" | "finished" | "before" {
  return status === "started" ? "live" : status === "finished" ? "finished" : "before";
}
