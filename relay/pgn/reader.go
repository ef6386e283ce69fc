package pgn

import (
	"fmt"
	"io"

	"github.com/chessrelay/chessrelay/relay"
)

// Limits bounds the size of one game. A zero field is its default.
type Limits struct {
	Bytes int // of the whole game with its comments and variations; 1 MiB
	Tags  int // 100
	Moves int // of the main line; 2000
	Value int // bytes of one tag's value or one comment, 32 KiB
}

// Error is returned for a game that cannot be read, or not played to its end. The next games can.
type Error struct {
	Game    int       // its place in the text, from 1
	Players string    // as [Game.Players] has them; empty if they are not known
	Line    int       // of the text, from 1; 0 without a text
	Ply     relay.Ply // with the fault, or being read; 0 before the first
	Move    string    // as it was written; empty if the fault is not a move
	Reason  string
}

func (e *Error) Error() string {
	s := fmt.Sprintf("game %d", e.Game)
	if e.Players != "" {
		s += ", " + e.Players
	}
	if e.Ply > 0 {
		s += fmt.Sprintf(", ply %d", e.Ply)
	}
	if e.Move != "" {
		s += ", " + e.Move
	}
	if e.Line > 0 {
		s += fmt.Sprintf(" (line %d)", e.Line)
	}
	return s + ": " + e.Reason
}

// Reader reads games from a stream. It belongs to one goroutine.
type Reader struct {
	// Limits may be changed before the first call of Next.
	Limits Limits

	s           scanner
	skipToNext  bool   // the game before could not be read: look for the next one
	nextTag     *Tag   // the tag that began the next game
	nextTagLine int    // of ahead
	games       int    // begun so far
	skippedText bool   // some text was passed over, since it is no game
	inTag       bool   // the text ended in a tag, which was left out
	scratch     []byte // of the comment or token that is being read
	fatal       error  // what every further call returns
}

// NewReader returns a reader of the games in in. It reads ahead. The text may be UTF-8, UTF-16,
// ISO-8859-1 or Windows-1252; see [NewReaderCharset] for others.
func NewReader(in io.Reader) *Reader { return NewReaderCharset(in, "") }

// Next returns the next game, or [io.EOF] after the last. An [*Error] concerns one game. Any other
// error is that of the input, and final.
func (r *Reader) Next() (*Game, error) {
	if r.fatal != nil {
		return nil, r.fatal
	}
	r.Limits.setDefaults()
	if r.skipToNext {
		r.skipToNext = false
		r.toNextGame()
	}
	for {
		p := parser{Reader: r, g: &Game{Number: r.games + 1}}
		r.s.size = 0
		empty, err := p.game()
		switch ioErr := r.s.inputError(); {
		case ioErr != nil:
			r.fatal = ioErr
			return nil, ioErr
		case err != nil:
			r.games++
			r.skipToNext = true
			return nil, err
		case !empty:
			r.games++
			return p.g, nil
		case r.s.err != nil:
			r.fatal = io.EOF
			return nil, io.EOF
		}
		// A comment between two games, or other text that is no game.
	}
}

func (l *Limits) setDefaults() {
	for _, d := range []struct {
		field *int
		value int
	}{{&l.Bytes, 1 << 20}, {&l.Tags, 100}, {&l.Moves, 2000}, {&l.Value, 32 << 10}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
}

// toNextGame goes to the next line that begins with the tag Event, or with any tag behind an empty
// line.
func (r *Reader) toNextGame() {
	empty := false
	for r.s.err == nil {
		b := r.s.peek()
		if r.s.lineStart && b == '[' && (empty || r.s.startsWith(eventTag)) {
			return
		}
		if r.s.lineStart {
			empty = b == '\n'
		}
		r.s.next()
	}
}
