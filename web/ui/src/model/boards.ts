import { running, timeLeft } from "./clock.ts";
import { personKey } from "./names.ts";
import type { Board } from "./wire.ts";

export const chips = ["all", "playing", "trouble", "finished", "followed"] as const;
export type Chip = (typeof chips)[number];

export const orders = ["board", "move", "clock", "rating"] as const;
export type Order = (typeof orders)[number];

/** Which boards a viewer wants to see, and in which order. */
export interface Choice {
  readonly query: string;
  readonly chip: Chip;
  /** Empty: every team, every federation. */
  readonly team: string;
  readonly federation: string;
  readonly order: Order;
}

export const everything: Choice = { query: "", chip: "all", team: "", federation: "", order: "board" };

/** A player with less than this on a running clock is short of time. */
const trouble = 2 * 60_000;

export function isShort(board: Board, now: number | undefined): boolean {
  const side = running(board);
  const left = side && timeLeft(board, side, now);
  return left !== undefined && left < trouble;
}

/** Text in one form: without case, accents and marks. */
function plain(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase();
}

/** Whether each word of the query is in a name, a team or a federation, or is the board's number. */
function matches(board: Board, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = plain([board.white, board.black].flatMap((p) => [p.name, p.title, p.team, p.federation]).join(" "));
  return words.every((w) => text.includes(w) || w === `${board.board}` || w === `#${board.board}`);
}

/** The boards that fit the choice, in its order. `followed` has the keys of people. */
export function choose(boards: Iterable<Board>, choice: Choice, followed: ReadonlySet<string>, now: number | undefined): Board[] {
  const words = plain(choice.query).split(/\s+/).filter(Boolean);
  const kept = [...boards].filter((b) => inChip(b, choice.chip, followed, now) && inGroup(b, choice) && matches(b, words));
  const compare = by(choice.order, now);
  return compare ? kept.sort((a, b) => compare(a, b) || a.board - b.board) : kept;
}

function inChip(board: Board, chip: Chip, followed: ReadonlySet<string>, now: number | undefined): boolean {
  switch (chip) {
    case "all":
      return true;
    case "playing":
      return board.result === "*";
    case "trouble":
      return isShort(board, now);
    case "finished":
      return board.result !== "*";
    case "followed":
      return followed.has(personKey(board.white)) || followed.has(personKey(board.black));
  }
}

function inGroup({ white, black }: Board, { team, federation }: Choice): boolean {
  return (
    (team === "" || white.team === team || black.team === team) &&
    (federation === "" || white.federation === federation || black.federation === federation)
  );
}

function by(order: Order, now: number | undefined): ((a: Board, b: Board) => number) | undefined {
  switch (order) {
    case "board":
      return undefined;
    case "move":
      return (a, b) => (b.at ?? 0) - (a.at ?? 0);
    case "clock": {
      const left = (b: Board) => {
        const side = running(b);
        return (side && timeLeft(b, side, now)) ?? Infinity;
      };
      return (a, b) => (left(a) === left(b) ? 0 : left(a) - left(b));
    }
    case "rating": {
      const rating = ({ white, black }: Board) => Math.max(white.rating ?? 0, black.rating ?? 0);
      return (a, b) => rating(b) - rating(a);
    }
  }
}

/** The teams and the federations of the boards, each once, in alphabetical order. */
export function groups(boards: Iterable<Board>): { readonly teams: readonly string[]; readonly federations: readonly string[] } {
  const teams = new Set<string>();
  const federations = new Set<string>();
  for (const { white, black } of boards) {
    for (const p of [white, black]) {
      if (p.team) teams.add(p.team);
      if (p.federation) federations.add(p.federation);
    }
  }
  return { teams: [...teams].sort((a, b) => a.localeCompare(b)), federations: [...federations].sort() };
}
