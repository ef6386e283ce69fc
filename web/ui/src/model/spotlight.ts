import type { Event } from "./wire.ts";

/** The board that is drawn large beside the others. */
export interface Spot {
  readonly board: number | undefined;
  /** When it came there, on our clock. */
  readonly since: number;
  readonly pinned: boolean;
}

export const nowhere: Spot = { board: undefined, since: -Infinity, pinned: false };

/** A viewer must have the time to look: a move waits so long for its turn, a result less. */
const stay = 6000;
const stayForResult = 2000;

/** The spot after an event that came at `local`. */
export function attend(spot: Spot, event: Event, local: number): Spot {
  if (event.board === spot.board || spot.pinned) return spot;
  if (event.type !== "move" && event.type !== "result" && event.type !== "takeback" && event.type !== "correction") return spot;
  const wait = event.type === "move" ? stay : stayForResult;
  return local - spot.since < wait ? spot : { ...spot, board: event.board, since: local };
}
