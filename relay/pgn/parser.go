package pgn

import (
	"regexp"

	"github.com/chessrelay/chessrelay/relay"
)

// parser reads one game.
type parser struct {
	*Reader
	g *Game
}

func (p *parser) fail(reason string) error {
	return &Error{
		Game: p.g.Number, Players: p.g.Players(), Line: p.s.line, Ply: relay.Ply(len(p.g.Moves)), Reason: reason,
	}
}

// checkSize returns an error for a game that is longer than the limit.
func (p *parser) checkSize() error {
	if p.s.size > p.Limits.Bytes {
		return p.fail("the game is too long")
	}
	return nil
}

// game reads the tags and the moves. It reports whether there were none.
func (p *parser) game() (empty bool, err error) {
	if p.nextTag != nil {
		p.g.Line = p.nextTagLine
		p.g.Tags = append(p.g.Tags, *p.nextTag)
		p.nextTag = nil
	}
	for again := false; ; again = true {
		more, err := p.tags(again)
		if err != nil || !more {
			p.g.finish("")
			return len(p.g.Tags) == 0, err
		}
		token, err := p.moves()
		if err != nil {
			return false, err
		}
		if token == "" && len(p.g.Moves) == 0 && len(p.g.Tags) > 0 && p.s.err == nil {
			continue // there was a comment between the tags
		}
		p.g.finish(token)
		if len(p.g.Tags) > 0 || p.g.hasMove() {
			return false, nil
		}
		p.skippedText = p.skippedText || len(p.g.Moves) > 0
		return len(p.g.Moves) > 0 || token == "", nil
	}
}

// hasMove reports whether a word of the main line has the form of a move. Without tags and without
// such a word, a text is no game, but a sentence or markup around one.
func (g *Game) hasMove() bool {
	for i := range g.Moves {
		if moveForm.MatchString(g.Moves[i].SAN) {
			return true
		}
	}
	return false
}

// moveForm takes any letter for a piece, as in any language.
var moveForm = regexp.MustCompile(`^(?:[A-Za-z]?[a-h]?[1-8]?[x:-]?[a-h][0-9]|[Oo0]-[Oo0])`)

// noteStart notes the line where the game begins.
func (p *parser) noteStart() {
	if p.g.Line == 0 {
		p.g.Line = p.s.line
	}
}
