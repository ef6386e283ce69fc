package pgn

import "github.com/chessrelay/chessrelay/relay"

// A parser reads one game.
type parser struct {
	*Reader
	g *Game
}

func (p *parser) fail(reason string) error {
	return &Error{
		Game: p.g.Number, Players: p.g.Players(), Line: p.s.line, Ply: relay.Ply(len(p.g.Moves)), Reason: reason,
	}
}

// tooLong is the error of a game that exceeds the limit of its size.
func (p *parser) tooLong() error {
	if p.s.size > p.Limits.Bytes {
		return p.fail("the game is too long")
	}
	return nil
}

// game reads the tags and the moves. It reports whether there was neither.
func (p *parser) game() (empty bool, err error) {
	if p.ahead != nil {
		p.g.Line = p.line
		p.g.Tags = append(p.g.Tags, *p.ahead)
		p.ahead = nil
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
		return len(p.g.Tags) == 0 && len(p.g.Moves) == 0 && token == "", nil
	}
}

// begins notes where the game begins.
func (p *parser) begins() {
	if p.g.Line == 0 {
		p.g.Line = p.s.line
	}
}
