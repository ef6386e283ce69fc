// Each reader takes the PGN of one game, as a program that uses the library would, and returns what
// it made of it in one form:
//
//   tag(name)  the value of a tag, undefined if there is none
//   result     what the reader takes for the result
//   moves      SAN
//   clocks     milliseconds after each move, undefined if there is no clock
//   comment    the text of the last move's comment, or of the one before the first move
//   fen        after the last move
//
// A reader throws if it cannot read the game.
import { register } from 'node:module';
import { Chess } from 'chess.js';
import { makeFen } from 'chessops/fen';
import { parseComment, parsePgn, startingPosition } from 'chessops/pgn';
import { makeSanAndPlay, parseSan } from 'chessops/san';
import { pgnRead } from 'kokopu';

register('./resolve.mjs', import.meta.url);
const { makeGame } = await import('@lichess-org/pgn-viewer/pgn');

export const readers = {
  'chess.js': pgn => {
    const game = new Chess();
    game.loadPgn(pgn);
    const headers = game.getHeaders();
    const said = new Map(game.getComments().map(c => [c.fen, c.comment]));
    const moves = game.history({ verbose: true });
    const last = moves.length ? moves.at(-1).after : game.fen();
    return {
      // chess.js puts ? and ????.??.?? for what is not there, and null for some more.
      tag: name => headers[name] ?? undefined,
      result: headers.Result,
      moves: moves.map(m => m.san),
      clocks: moves.map(m => clock(said.get(m.after))),
      comment: said.get(last) ?? '',
      fen: game.fen(),
    };
  },

  chessops: pgn => {
    const games = parsePgn(pgn);
    if (games.length !== 1) throw new Error(`${games.length} games`);
    const [game] = games;
    const position = startingPosition(game.headers).unwrap();
    const nodes = [...game.moves.mainline()];
    for (const node of nodes) {
      if ((node.comments ?? []).length > 1) throw new Error(`${node.san} has several comments`);
    }
    const moves = nodes.map(node => {
      const move = parseSan(position, node.san);
      if (!move) throw new Error(`${node.san} is not legal at ${makeFen(position.toSetup())}`);
      const san = makeSanAndPlay(position, move);
      if (san !== node.san) throw new Error(`${node.san} should be ${san}`);
      return san;
    });
    const comments = nodes.length ? nodes.at(-1).comments : game.comments;
    return {
      tag: name => game.headers.get(name),
      result: game.headers.get('Result'),
      moves,
      clocks: nodes.map(node => milliseconds(parseComment((node.comments ?? []).join(' ')).clock)),
      comment: (comments ?? []).join(' '),
      fen: makeFen(position.toSetup()),
    };
  },

  'pgn-viewer': pgn => {
    const game = makeGame(pgn);
    const nodes = game.mainline;
    const tags = {
      White: game.players.white.name,
      Black: game.players.black.name,
      WhiteTitle: game.players.white.title,
      WhiteElo: game.players.white.rating?.toString(),
      Result: game.metadata.result,
      GameURL: game.metadata.externalLink,
    };
    return {
      tag: name => tags[name],
      knows: Object.keys(tags),
      result: game.metadata.result,
      moves: nodes.map(node => node.san),
      // Where there is no clock, the viewer shows the time control at the first moves.
      clocks: game.metadata.timeControl
        ? undefined
        : nodes.map(node => milliseconds(node.turn === 'white' ? node.clocks.black : node.clocks.white)),
      comment: (nodes.length ? nodes.at(-1).comments : game.initial.comments).join(' '),
      fen: nodes.length ? nodes.at(-1).fen : game.initial.fen,
    };
  },

  kokopu: pgn => {
    const database = pgnRead(pgn);
    if (database.gameCount() !== 1) throw new Error(`${database.gameCount()} games`);
    const game = database.game(0);
    const nodes = game.nodes();
    const tags = {
      White: game.playerName('w'),
      Black: game.playerName('b'),
      WhiteTitle: game.playerTitle('w'),
      WhiteElo: game.playerElo('w')?.toString(),
      Event: game.event(),
      Site: game.site(),
      Date: game.date()?.toPGNString(),
      Round: game.fullRound(),
      ECO: game.eco(),
      Opening: game.opening(),
      Termination: game.termination(),
      Annotator: game.annotator(),
    };
    return {
      tag: name => tags[name],
      knows: Object.keys(tags),
      result: game.result(),
      moves: nodes.map(node => node.notation()),
      clocks: nodes.map(node => clock(node.tag('clk') && `[%clk ${node.tag('clk')}]`)),
      comment: (nodes.length ? nodes.at(-1) : game.mainVariation()).comment() ?? '',
      fen: game.finalPosition().fen(),
      noCounters: true, // a position of kokopu has none
    };
  },
};

// clock reads a comment's [%clk] by itself, for readers that do not.
function clock(comment) {
  const found = /\[%clk (\d+):(\d\d):(\d\d(?:\.\d+)?)\]/.exec(comment ?? '');
  return found ? milliseconds(found[1] * 3600 + found[2] * 60 + +found[3]) : undefined;
}

function milliseconds(seconds) {
  return seconds === undefined ? undefined : Math.round(seconds * 1000);
}
