import type { Evaluation } from "./wire.ts";

type Score = Pick<Evaluation, "cp" | "mate">;

/** White's share of the board, from 0 to 1, as lichess draws it: a pawn more is 59 %. */
export function share({ cp, mate }: Score): number {
  if (mate !== undefined) return mate > 0 ? 1 : 0;
  return 1 / (1 + Math.exp(-0.00368208 * (cp ?? 0)));
}

/** An evaluation in few letters: "+0.3", "−1.2", "M3" for a mate, "−M3" if Black mates. */
export function score({ cp, mate }: Score): string {
  if (mate !== undefined) return mate > 0 ? `M${mate}` : `−M${-mate}`;
  const pawns = Math.abs((cp ?? 0) / 100).toFixed(1);
  return pawns === "0.0" ? "0.0" : `${(cp ?? 0) > 0 ? "+" : "−"}${pawns}`;
}

/** Smaller swings are not worth a mark. */
const least = 0.12;
const most = 6;

/** The plies that changed White's share most, each with its change; only where both sides of it are known. */
export function swings(evaluations: readonly Evaluation[]): ReadonlyMap<number, number> {
  const by = new Map(evaluations.map((e) => [e.ply, share(e)]));
  const all: [number, number][] = [];
  for (const [ply, after] of by) {
    const before = by.get(ply - 1);
    if (before !== undefined && Math.abs(after - before) >= least) all.push([ply, after - before]);
  }
  all.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  return new Map(all.slice(0, most));
}
