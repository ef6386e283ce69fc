import type { Encounter, Standings } from "./wire.ts";

/** Points as they are written: "6½", "½", "24¼"; other fractions as decimals, "0.33". */
export function written(points: number): string {
  const whole = Math.floor(points);
  if (points === whole) return `${whole}`;
  const rest = { 0.25: "¼", 0.5: "½", 0.75: "¾" }[points - whole];
  if (rest === undefined) return `${Math.round(points * 100) / 100}`;
  return whole === 0 ? rest : `${whole}${rest}`;
}

/**
 * A player's points in one game: "1", "½" or "0", a forfeit "+" or "−", and "·" while it goes on.
 */
export function got(e: Encounter): string {
  if (e.points === undefined) return "·";
  if (e.unplayed && e.points !== 0.5) return e.points > 0 ? "+" : "−";
  return written(e.points);
}

/** The encounters of a line, one list for each round. */
export function byRound<E extends { readonly round: number }>(results: readonly E[], rounds: number): readonly (readonly E[])[] {
  const out: E[][] = Array.from({ length: rounds }, () => []);
  for (const e of results) out[e.round - 1]?.push(e);
  return out;
}

/** The progress of the tournament, in words. */
export function progress(s: Standings): string {
  const done = s.rounds.filter((r) => r.finished).length;
  if (s.finished) return `Final standings after ${rounds(done)}`;
  return done === 0 ? "Standings, no round is finished yet" : `Standings, ${rounds(done)} of ${s.rounds.length} finished`;
}

function rounds(n: number): string {
  return n === 1 ? "1 round" : `${n} rounds`;
}
