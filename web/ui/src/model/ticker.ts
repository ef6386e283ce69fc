import type { Board, Event } from "./wire.ts";

/** Something that happened on a board, for the list of what happened in a round. */
export interface Happening {
  readonly key: string;
  readonly kind: Event["type"];
  readonly board: number;
  readonly ply: number;
  /** The move with its number in the game's position, or empty. */
  readonly san: string;
  readonly fen: string;
  readonly at?: number;
}

/** No more than so many are kept. */
const most = 300;

/** What is known when a page opens: the last move of each board, the newest first. */
export function lastMoves(boards: Iterable<Board>): readonly Happening[] {
  return [...boards]
    .filter((b) => b.lastMove !== null)
    .map((b): Happening => ({ key: `${b.game} ${b.ply}`, kind: "move", board: b.board, ply: b.ply, san: b.lastMove!.san, fen: b.fen, at: b.at }))
    .sort((a, b) => (b.at ?? 0) - (a.at ?? 0))
    .slice(0, most);
}

/** The list after an event; the newest is first. `board` is the board after it. */
export function happened(list: readonly Happening[], event: Event, board: Board, now: number | undefined): readonly Happening[] {
  if (event.type === "clock" || event.type === "game") return list;
  const at = "at" in event && event.at !== undefined ? event.at : now;
  const next: Happening = {
    key: `${event.index} ${event.type} ${event.board}`,
    kind: event.type,
    board: event.board,
    ply: board.ply,
    san: event.type === "move" ? event.san : "",
    fen: board.fen,
    at,
  };
  return [next, ...list].slice(0, most);
}
