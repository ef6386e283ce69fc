import type { Board, Change, Event, Game, Move, Player, Result } from "./wire.ts";

/**
 * The score sheet of one game: every move, kept up to date by the events of its board. All
 * functions here are pure.
 *
 * An event that does not follow the last ply is a gap. From there on events wait, and the game must
 * be fetched again ([loaded]). Then the events that are newer than the game are applied.
 */
export interface ScoreSheet {
  readonly game?: Game;
  readonly waiting: readonly Event[];
  /** The game must be fetched: we have none, or the one we have lacks a ply. */
  readonly gap: boolean;
}

export const blank: ScoreSheet = { waiting: [], gap: true };

/** The sheet after an event of this game's board. */
export function record(sheet: ScoreSheet, event: Event): ScoreSheet {
  if (sheet.game === undefined || sheet.gap) return { ...sheet, waiting: [...sheet.waiting, event] };
  const game = write(sheet.game, event);
  if (game === undefined) return { ...sheet, waiting: [event], gap: true };
  return game === sheet.game ? sheet : { ...sheet, game };
}

/** The sheet with the fetched game, and the events since then. */
export function loaded(sheet: ScoreSheet, game: Game): ScoreSheet {
  // An answer may come from a node that is behind us.
  const base = sheet.game !== undefined && sheet.game.id === game.id && sheet.game.index > game.index ? sheet.game : game;
  return sheet.waiting.reduce(record, { game: base, waiting: [], gap: false } as ScoreSheet);
}

/**
 * The sheet after a snapshot at `index`, which has the board but not the moves: it checks that they
 * still agree.
 */
export function compare(sheet: ScoreSheet, board: Board, index: number): ScoreSheet {
  const game = sheet.game;
  if (game === undefined || sheet.gap) return sheet;
  if (game.id !== board.game) return blank;
  if (index < game.index) return sheet;
  // The game has changed since then. A correction may reach the same position by other moves.
  if (board.index !== undefined && board.index > game.index) return { ...sheet, waiting: [], gap: true };
  if (board.ply !== game.moves.length || board.fen !== game.fen) return { ...sheet, waiting: [], gap: true };
  return same(game, board)
    ? sheet
    : { ...sheet, game: { ...game, white: board.white, black: board.black, result: board.result, forfeit: board.forfeit, index } };
}

/**
 * The game after the event: the same object if the event is not new, undefined if one between them
 * is missing.
 */
function write(game: Game, event: Event): Game | undefined {
  if (event.index < game.index || event.game !== game.id) return game;
  // One command may make two events with one index. Each of them is harmless when repeated.
  const again = event.index === game.index;
  const index = event.index;
  switch (event.type) {
    case "move":
      if (event.ply === game.moves.length + 1) return played({ ...game, index }, [...game.moves, moveOf(event)]);
      return again ? game : undefined;
    case "takeback":
      if (event.ply < game.moves.length) {
        const changed = { ...game, index, changes: withChange(game, event, game.moves.length, event.ply) };
        return { ...played(changed, game.moves.slice(0, event.ply)), fen: event.fen };
      }
      return again || event.ply === game.moves.length ? game : undefined;
    case "correction":
      if (event.toPly > game.moves.length) return again ? game : undefined;
      return {
        ...played({ ...game, index, changes: withChange(game, event, game.moves.length, event.toPly) }, [
          ...game.moves.slice(0, event.toPly),
          ...event.moves.map(moveOf),
        ]),
        fen: event.fen,
        result: event.result,
        forfeit: event.forfeit,
      };
    case "result":
      return { ...game, index, result: event.result, forfeit: event.forfeit };
    case "clock": {
      const last = game.moves.at(-1);
      const moves =
        last === undefined ? game.moves : [...game.moves.slice(0, -1), { ...last, clock: { white: event.clock.white, black: event.clock.black } }];
      return { ...game, index, clock: event.clock, moves };
    }
    case "game":
      if (event.ply !== undefined && event.ply !== game.moves.length) return again ? game : undefined;
      return { ...game, index, white: event.white, black: event.black, result: event.result ?? game.result, forfeit: event.forfeit };
  }
}

/** The game's changes with that of an event, once. */
function withChange(game: Game, event: Event, fromPly: number, toPly: number): readonly Change[] {
  const changes = game.changes ?? [];
  if (changes.some((c) => c.index === event.index)) return changes;
  const { reason } = event as { reason?: string };
  const at = ("at" in event ? event.at : undefined) ?? 0;
  return [...changes, { kind: event.type, index: event.index, at, reason, fromPly, toPly }];
}

function played(game: Game, moves: readonly Move[]): Game {
  const last = moves.at(-1);
  return { ...game, moves, ply: moves.length, fen: last?.fen ?? startFen(game) };
}

function moveOf({ ply, san, uci, fen, clock, at, illegal }: Move): Move {
  return { ply, san, uci, fen, clock: clock ?? {}, at, ...(illegal && { illegal }) };
}

function same(game: Game, board: Board): boolean {
  const equal = (a: Player, b: Player) => JSON.stringify(a) === JSON.stringify(b);
  return (
    game.result === (board.result as Result) && game.forfeit === board.forfeit && equal(game.white, board.white) && equal(game.black, board.black)
  );
}

const standardStart = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

/** The position before the first ply. */
export function startFen(game: Game): string {
  return game.startFen ?? (game.moves.length === 0 ? game.fen : standardStart);
}
