import { moveNumber } from "./fen.ts";
import { writeResult } from "./speak.ts";
import type { Board } from "./wire.ts";

/** The last move with its number, as "12. Nf3" or "12… Nf6"; empty before the first. */
export function lastMoveText({ fen, lastMove }: Pick<Board, "fen" | "lastMove">): string {
  return lastMove ? `${moveNumber(fen)} ${lastMove.san}` : "";
}

/** All of a board in one sentence, for screen readers. */
export function label(b: Board, hideResults: boolean): string {
  const last = b.lastMove ? `last move ${b.lastMove.san}${b.lastMove.illegal ? ", illegal" : ""}` : "not begun";
  const state = b.result === "*" ? last : hideResults ? "over" : writeResult(b);
  return `Board ${b.board}: ${b.white.name} – ${b.black.name}, ${state}${b.warning ? `; warning: ${b.warning}` : ""}`;
}

/** For how many whole seconds the side to move has been thinking; undefined if it is not known. */
export function thinkingFor({ result, ply, at }: Pick<Board, "result" | "ply" | "at">, now: number | undefined): number | undefined {
  if (result !== "*" || ply === 0 || at === undefined || now === undefined) return undefined;
  return Math.max(0, Math.floor((now - at) / 1000));
}
