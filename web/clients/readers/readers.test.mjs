import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { PgnParser } from 'chessops/pgn';
import { pgnRead } from 'kokopu';
import { readers } from './readers.mjs';

const files = ['../../../relay/pgn/testdata/in', '../../../cmd/chessrelay/replay/sample'].flatMap(folder =>
  readdirSync(new URL(folder + '/', import.meta.url))
    .filter(name => name.endsWith('.pgn'))
    .map(name => `${folder}/${name}`),
);
// More games to try by hand: PGN_FILES="a.pgn b.pgn" npm test
files.push(...(process.env.PGN_FILES ?? '').split(' ').filter(name => name));

const samples = JSON.parse(
  execFileSync('go', ['run', './corpus', ...files], {
    cwd: new URL('.', import.meta.url),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  }),
);

test('there is a corpus', () => {
  assert.ok(samples.length > 250, `${samples.length} games`);
  const moves = samples.flatMap(s => s.moves);
  for (const kind of [/^O-O$/, /^O-O-O/, /=N/, /=Q/, /#$/, /^[a-h]x/, /^Q[a-h][1-8]/]) {
    assert.ok(moves.some(san => kind.test(san)), `no move is like ${kind}`);
  }
});

for (const [name, read] of Object.entries(readers)) {
  test(`${name} reads every game`, () => {
    const wrong = [];
    let count = 0;
    for (const sample of samples) {
      if (name === 'chess.js' && sample.chess960) continue; // it does not know the game
      count++;
      try {
        compare(name, read(sample.pgn), sample);
      } catch (error) {
        wrong.push(`${sample.name}: ${error.message.slice(0, 500)}\n${sample.pgn.slice(-500)}`);
      }
    }
    assert.ok(count > 200, `${count} games`);
    assert.equal(wrong.length, 0, `${wrong.length} of ${count} games\n${wrong.slice(0, 5).join('\n')}`);
  });
}

function compare(name, got, want) {
  const knows = tag => tag !== 'Result' && (!got.knows || got.knows.includes(tag));
  for (const [tag, value] of Object.entries(want.tags)) {
    if (knows(tag)) assert.equal(got.tag(tag), shown(name, value), tag);
  }
  for (const tag of want.absent) assert.equal(got.tag(tag), undefined, tag);
  // The readers know four results. They take the terminator for one that they do not know.
  assert.equal(got.result, want.terminator, 'the result');
  assert.deepEqual(got.moves, want.moves, 'the moves');
  if (got.clocks) {
    assert.deepEqual(got.clocks, want.clocks.map(clock => clock ?? undefined), 'the clocks');
  }
  assert.ok(got.comment.includes(want.comment), `the comment is ${got.comment}`);
  assert.equal(position(got.fen, got, want), position(want.fen, got, want), 'the last position');
}

// shown is how a reader shows a value that it knows: some take a lone "?" for nothing.
function shown(name, value) {
  return value === '?' && (name === 'kokopu' || name === 'pgn-viewer') ? undefined : value;
}

// position is a FEN without what readers write in several ways: the square of an en passant that is
// not legal, the rights of Chess960, and the counters where a reader has none. chessops counts to 150.
function position(fen, got, want) {
  const [board, turn, castling, , halfMoves, fullMoves] = fen.split(' ');
  const counters = got.noCounters ? [] : [Math.min(halfMoves, 150), fullMoves];
  return [board, turn, want.chess960 ? '' : castling, ...counters].join(' ');
}

const all = samples.map(s => s.pgn).join('');

test('two empty lines separate the games, and nothing else does', () => {
  const parts = all.split('\n\n\n');
  assert.equal(parts.length, samples.length + 1);
  assert.equal(parts.at(-1), '');
  for (const [i, part] of parts.slice(0, -1).entries()) assert.equal(part + '\n\n\n', samples[i].pgn);
});

test('kokopu reads all of them as one file', () => {
  const database = pgnRead(all);
  assert.equal(database.gameCount(), samples.length);
  for (const [i, sample] of samples.entries()) {
    assert.equal(database.game(i).nodes().length, sample.moves.length, sample.name);
  }
});

// A stream comes in pieces, with a space after each minute of silence.
test('chessops reads all of them as a stream', () => {
  const games = [];
  const parser = new PgnParser((game, error) => {
    assert.equal(error, undefined);
    games.push([...game.moves.mainline()].length);
  });
  const stream = samples.map((s, i) => s.pgn + (i % 7 === 0 ? '  ' : '')).join('');
  for (let at = 0, size = 1; at < stream.length; at += size, size = (size * 7) % 1009) {
    parser.parse(stream.slice(at, at + size), { stream: true });
  }
  assert.deepEqual(games, samples.map(s => s.moves.length));
});
