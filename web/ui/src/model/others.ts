import type { BoardSummary, Player, Result, RoundWithGames } from "./wire.ts";

/** A board of the round in little: who plays, and how it stands. */
export interface Other {
  readonly board: number;
  readonly white: Player;
  readonly black: Player;
  /** The last move; missing if there is none. */
  readonly san?: string;
  readonly result: Result;
  readonly forfeit?: boolean;
}

/** All boards of a round as HTTP gave it, with what the stream has told of them since. */
export function others(round: RoundWithGames, told: ReadonlyMap<number, BoardSummary>): Other[] {
  return round.games.map((g) => {
    const { board, white, black } = g;
    const news = told.get(board);
    // Another game at this board is one that this round is not whole without: see [unknown].
    if (news === undefined || news.game !== g.id) return { board, white, black, san: g.lastMove?.san, result: g.result, forfeit: g.forfeit };
    return { board, white, black, san: news.san, result: news.result, forfeit: news.result === g.result ? g.forfeit : undefined };
  });
}

/** Whether the stream tells of a game that this round does not have yet. */
export function unknown(round: RoundWithGames, told: ReadonlyMap<number, BoardSummary>): boolean {
  const games = new Set(round.games.map((g) => g.id));
  return [...told.values()].some((t) => !games.has(t.game));
}
