package pull

import (
	"bytes"
	"cmp"
	"container/list"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

const (
	maxRemembered      = 64 << 20 // bytes, about eight rounds of 1,000 boards
	maxRememberedItems = 1 << 16  // pieces
)

// Memory reads PGN texts, and remembers the games that it has read. A text that comes again with a
// few games changed costs a hash for each of the others. Polls and pushes of all rounds share one
// Memory, since the meaning of a text does not depend on its sender.
//
// It is bounded, and forgets first what it has not seen for the longest time. The zero value is
// ready. It is safe for concurrent use.
type Memory struct {
	bytes int // the limit; 0: maxRemembered

	mu     sync.Mutex
	pieces map[[sha256.Size]byte]*list.Element // guarded by mu; the elements hold a *piece
	order  list.List                           // guarded by mu; the newest is in front
	size   int                                 // guarded by mu; of all pieces, in bytes
}

// Game is one game that a [Memory] has read. It shares memory with other Games, so the caller must
// not change what it points to.
type Game struct {
	mirror.Game
	Tags []pgn.Tag
	// Err says why the game could not be read or played to its end; nil if it could.
	Err error
	// Unread says that nothing of the game could be read. The fields other than Err are empty.
	Unread bool
	// Truncated says that the game has no result behind its moves, as in a file that is still being
	// written.
	Truncated bool
	// Torn is the game as it was read, if the text ends in it; nil otherwise. Half of a move or of
	// a tag may be missing. Only the last game can have it. It belongs to the caller.
	Torn *pgn.Game

	place int // in the source, from 1; for LiveChess the board
}

// piece is what was read from one piece of a text, see [pgn.Pieces]. It is immutable.
type piece struct {
	sum   [sha256.Size]byte
	games []Game
	more  int  // number of games beyond the limit
	lines int  // of the text
	open  bool // its end may go on in the next piece, see [pgn.Reader.Open]
	torn  *pgn.Game
	size  int
}

// MaxPlies bounds the plies that are read of a text, give or take a game. A thousand long games
// have 200,000. A text of 8 MB can have two million, which would take more than a gigabyte.
const MaxPlies = 500_000

// Read reads a text, as [pgn.Decode] returns it. It returns at most limit games, unreadable ones
// included, and the number of the others. Games beyond [MaxPlies] count among the others.
func (m *Memory) Read(text []byte, limit int) (games []Game, more int) {
	in := pgn.NewReader(bytes.NewReader(nil))
	pieces := slices.Collect(pgn.Pieces(text))
	start, line, plies := 0, 0, 0
	for len(pieces) > 0 {
		if len(games) >= limit || plies >= MaxPlies {
			more += count(in, text[start:])
			break
		}
		var p *piece
		n := 1
		for {
			size := 0
			for _, part := range pieces[:n] {
				size += len(part)
			}
			last := n == len(pieces)
			if p = m.read(in, text[start:start+size], last); !p.open || last {
				start += size
				break
			}
			n = min(2*n, len(pieces)) // doubled, so that many such pieces do not cost their square
		}
		for _, g := range p.games {
			g.Err = relocated(g.Err, len(games)+more, line)
			g.place = len(games) + 1
			plies += len(g.Moves)
			games = append(games, g)
		}
		more += p.more
		if p.torn != nil {
			games[len(games)-1].Torn = p.torn
		}
		line += p.lines
		pieces = pieces[n:]
	}
	if n := len(games) - limit; n > 0 {
		games, more = games[:limit], more+n
	}
	return games, more
}

// count is the number of games in a text.
func count(in *pgn.Reader, text []byte) (n int) {
	in.Reset(bytes.NewReader(text))
	for {
		if _, err := in.Next(); errors.Is(err, io.EOF) {
			return n
		}
		n++
	}
}

// relocated turns an error of a game in its piece into one of the game in the whole text. before is
// the number of games before that game, and lines the number of lines before the piece.
func relocated(err error, before, lines int) error {
	fault, ok := errors.AsType[*pgn.Error](err)
	if !ok {
		return err
	}
	moved := *fault
	moved.Game = before + 1
	if moved.Line > 0 {
		moved.Line += lines
	}
	return &moved
}

// read returns a piece, from memory if it is there. It does not remember a text's end if that is in
// the middle of a game.
func (m *Memory) read(in *pgn.Reader, text []byte, last bool) *piece {
	sum := sha256.Sum256(text)
	if p := m.find(sum); p != nil && !(last && p.unfinished()) {
		return p
	}
	p := readPiece(in, text)
	p.sum = sum
	if !last {
		p.torn = nil
	} else if p.torn != nil {
		return p
	}
	m.keep(p)
	return p
}

// unfinished reports whether the last game has no result behind its moves.
func (p *piece) unfinished() bool {
	return p.more == 0 && len(p.games) > 0 && p.games[len(p.games)-1].Truncated
}

func readPiece(in *pgn.Reader, text []byte) *piece {
	p := &piece{size: 512, lines: bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) - bytes.Count(text, []byte("\r\n"))}
	in.Reset(bytes.NewReader(text))
	var last *pgn.Game
	plies := 0
	for {
		read, err := in.Next()
		if errors.Is(err, io.EOF) {
			p.open = in.Open(last)
			return p
		}
		last, p.torn = nil, nil
		if len(p.games) == relay.MaxBoard || plies >= MaxPlies {
			p.more++
			continue
		}
		var g Game
		if err != nil {
			g.Err, g.Unread = err, true
		} else {
			g.Game, g.Err = mirror.FromPGN(read)
			g.Moves, g.Game.Tags = slices.Clip(g.Moves), slices.Clip(g.Game.Tags)
			g.Tags, g.Truncated = slices.Clip(read.Tags), read.Truncated
			last = read
			if read.Truncated {
				p.torn = read
			}
		}
		plies += len(g.Moves)
		p.games = append(p.games, g)
		p.size += g.weight()
		if g.Err != nil {
			p.size += 4 * len(text) // mirror keeps the game as it was read
		}
	}
}

// weight is about how many bytes the game takes.
func (g *Game) weight() int {
	const game, move, tag = 800, 64, 32
	n := game + move*len(g.Moves)
	for _, t := range g.Tags {
		n += tag + len(t.Name) + 2*len(t.Value)
	}
	return n
}

// find returns the piece of that text; nil if the memory does not have it.
func (m *Memory) find(sum [sha256.Size]byte) *piece {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.pieces[sum]
	if e == nil {
		return nil
	}
	m.order.MoveToFront(e)
	return e.Value.(*piece)
}

// keep remembers a piece, and forgets others for it.
func (m *Memory) keep(p *piece) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pieces == nil {
		m.pieces = map[[sha256.Size]byte]*list.Element{}
	}
	limit := cmp.Or(m.bytes, maxRemembered)
	if m.pieces[p.sum] != nil || p.size > limit/4 {
		return // another goroutine was first, or the piece would push out too many others
	}
	m.pieces[p.sum] = m.order.PushFront(p)
	m.size += p.size
	for m.size > limit || len(m.pieces) > maxRememberedItems {
		last := m.order.Remove(m.order.Back()).(*piece)
		delete(m.pieces, last.sum)
		m.size -= last.size
	}
}
