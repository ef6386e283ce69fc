import type { Board } from "./wire.ts";

/** Two teams that meet on boards of one round. The first has White on the first of the boards. */
export interface Match {
  readonly teams: readonly [string, string];
  /** Board points, from the boards that have a result. */
  readonly score: readonly [number, number];
  readonly boards: readonly number[];
  readonly results: number;
  readonly finished: boolean;
}

type Paired = Pick<Board, "board"> & {
  readonly result: string;
  readonly white: { readonly team?: string };
  readonly black: { readonly team?: string };
};

/**
 * The points of a result for White and Black, also of forfeits. Any other result is of a game that
 * goes on.
 */
const worth: Readonly<Record<string, readonly [number, number]>> = {
  "1-0": [1, 0],
  "0-1": [0, 1],
  "1/2-1/2": [0.5, 0.5],
  "0-0": [0, 0],
  "1/2-0": [0.5, 0],
  "0-1/2": [0, 0.5],
};

/**
 * The matches of a round, by their first board, computed as the node does (relay/standings). The
 * node sends them only once, but they change with every result.
 */
export function matches(boards: Iterable<Paired>): readonly Match[] {
  const found = new Map<string, Match>();
  const meets = new Map<string, number>(); // on how many boards
  for (const b of [...boards].sort((x, y) => x.board - y.board)) {
    const [white, black] = [key(b.white.team), key(b.black.team)];
    if (white === "" || black === "" || white === black) continue;
    for (const team of [white, black]) meets.set(team, (meets.get(team) ?? 0) + 1);
    const pair = JSON.stringify([white, black].sort());
    const match = found.get(pair) ?? { teams: [name(b.white.team), name(b.black.team)], score: [0, 0], boards: [], results: 0, finished: false };
    found.set(pair, add(match, b, key(match.teams[0]) === white));
  }
  // Otherwise they are the clubs of an open, whose players meet now and then.
  return [...found.values()].filter(({ teams, boards: { length } }) => length >= 2 && teams.every((t) => 2 * length >= meets.get(key(t))!));
}

function add(m: Match, b: Paired, firstIsWhite: boolean): Match {
  const got = Object.hasOwn(worth, b.result) ? worth[b.result] : undefined;
  const [first, second] = (firstIsWhite ? got : got && [got[1], got[0]]) ?? [0, 0];
  const boards = [...m.boards, b.board];
  const results = m.results + (got ? 1 : 0);
  return { teams: m.teams, score: [m.score[0] + first!, m.score[1] + second!], boards, results, finished: results === boards.length };
}

function name(team = ""): string {
  return team.trim().replace(/\s+/g, " ");
}

/**
 * One key for all spellings of a team's name, as relay.TeamKey makes it; "" if there is no team.
 */
function key(team = ""): string {
  const folded = team
    .normalize("NFKC")
    .replaceAll("\u200b", " ")
    .replace(/\p{Cf}/gu, "")
    .toUpperCase()
    .toLowerCase();
  return folded
    .normalize("NFKC")
    .split(/[^\p{L}\p{Nd}\p{M}]+/u)
    .filter(Boolean)
    .join(" ");
}
