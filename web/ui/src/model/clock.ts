import { turn, type Side } from "./fen.ts";
import type { Clock, Result } from "./wire.ts";

/** Below this, tenths of a second are shown. */
const tenths = 20_000;

/**
 * h:mm:ss, m:ss, or m:ss.t when time is short. A part of a second does not count until it is over.
 */
export function formatClock(ms: number): string {
  const left = Math.max(0, ms);
  const whole = Math.floor(left / 1000);
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = two(whole % 60);
  if (h > 0) return `${h}:${two(m)}:${s}`;
  return left < tenths ? `${m}:${s}.${Math.floor((left % 1000) / 100)}` : `${m}:${s}`;
}

/** What the clocks need from a board. */
export interface Ticking {
  readonly fen: string;
  readonly ply: number;
  readonly clock: Clock;
  readonly result: Result;
  readonly at?: number;
  readonly controls?: readonly { readonly time: number }[];
}

/**
 * The side whose clock runs. None runs before the first move, after the game, or if we do not know
 * since when.
 */
export function running(board: Ticking): Side | undefined {
  if (board.result !== "*" || board.ply === 0 || board.at === undefined) return undefined;
  return turn(board.fen);
}

/**
 * The time that a side has left at `now`, on the node's clock; never negative. Undefined if
 * unknown.
 */
export function timeLeft(board: Ticking, side: Side, now: number | undefined): number | undefined {
  const ms = board.clock[side] ?? (board.ply === 0 ? board.controls?.[0]?.time : undefined);
  if (ms === undefined) return undefined;
  if (now === undefined || board.at === undefined || running(board) !== side) return ms;
  return Math.max(0, ms - Math.max(0, now - board.at));
}

/** How long the text of [formatClock] stays right, for a clock that runs. */
export function untilNextTick(ms: number): number {
  const unit = ms < tenths + 1000 ? 100 : 1000;
  return (ms % unit) + 1;
}

/** "42 s", "3 min", "2 h": how long ago something was, for a person. */
export function formatAge(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 100) return `${s} s`;
  const min = Math.round(s / 60);
  return min < 100 ? `${min} min` : `${Math.round(min / 60)} h`;
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}
