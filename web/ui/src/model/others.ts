import type { BoardSummary, Player, Result, RoundWithGames } from "./wire.ts";

/** A board of the round in brief: the players and the standing. */
export interface Other {
  readonly board: number;
  readonly white: Player;
  readonly black: Player;
  /** The last move; missing if there is none. */
  readonly san?: string;
  readonly result: Result;
  readonly forfeit?: boolean;
}

/** All boards of a round from HTTP, with the stream's newer summaries. */
export function others(round: RoundWithGames, summaries: ReadonlyMap<number, BoardSummary>): Other[] {
  return round.games.map((g) => {
    const { board, white, black } = g;
    const news = summaries.get(board);
    // Another game at this board means that this round is incomplete: see [unknown].
    if (news === undefined || news.game !== g.id) return { board, white, black, san: g.lastMove?.san, result: g.result, forfeit: g.forfeit };
    return { board, white, black, san: news.san, result: news.result, forfeit: news.result === g.result ? g.forfeit : undefined };
  });
}

/** Whether the stream has a game that this round does not have yet. */
export function unknown(round: RoundWithGames, summaries: ReadonlyMap<number, BoardSummary>): boolean {
  const games = new Set(round.games.map((g) => g.id));
  return [...summaries.values()].some((t) => !games.has(t.game));
}
