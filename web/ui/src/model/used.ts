import { numbering } from "./fen.ts";
import { startFen } from "./score-sheet.ts";
import type { Control, Game } from "./wire.ts";

/**
 * The time that each ply took, in milliseconds, by the clocks; undefined where they do not say. The
 * time that a control adds after so many moves is not seen, so such a move has none.
 */
export function usedTimes(game: Game): readonly (number | undefined)[] {
  const control = game.controls?.[0];
  const left: { white?: number; black?: number } = { white: control?.time, black: control?.time };
  const start = startFen(game);
  return game.moves.map((m) => {
    const { side } = numbering(start, m.ply);
    const [before, after] = [left[side], m.clock[side]];
    if (after !== undefined) left[side] = after;
    if (before === undefined || after === undefined) return undefined;
    const used = before + (control?.increment ?? 0) - after;
    return used < 0 ? undefined : used;
  });
}

/** The time on both clocks at the start of a game; undefined if the time control does not say. */
export function startTime(controls: readonly Control[] | undefined): number | undefined {
  return controls?.[0]?.time;
}

/** What both clocks showed after each ply, for a graph. */
export function clockPoints(game: Game): { readonly white: readonly Point[]; readonly black: readonly Point[]; readonly most: number } {
  const start = startTime(game.controls);
  const first: Point[] = start === undefined ? [] : [{ ply: 0, left: start }];
  const out = { white: [...first], black: [...first] };
  const from = startFen(game);
  for (const m of game.moves) {
    const { side } = numbering(from, m.ply);
    const left = m.clock[side];
    if (left !== undefined) out[side].push({ ply: m.ply, left });
  }
  const most = Math.max(1, ...[...out.white, ...out.black].map((p) => p.left));
  return { ...out, most };
}

export interface Point {
  readonly ply: number;
  readonly left: number;
}
