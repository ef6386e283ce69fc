package pgn

import (
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// moves reads the moves up to the result, which it returns, or to the next game.
func (p *parser) moves() (result string, err error) {
	depth := 0 // of variations
	for {
		p.s.blanks()
		if err := p.tooLong(); err != nil {
			return "", err
		}
		b := p.s.peek()
		if p.s.err != nil {
			return "", nil
		}
		switch b {
		case '[':
			return "", nil // the next game's tags: this one has no end
		case '{':
			p.begins()
			comment, whole, err := p.comment()
			if err == nil {
				err = p.commented(comment, depth)
			}
			if err != nil || !whole {
				return "", err
			}
		case ';':
			comment, err := p.lineComment()
			if err == nil {
				err = p.commented(comment, depth)
			}
			if err != nil {
				return "", err
			}
		case '(':
			p.s.next()
			depth++
		case ')':
			p.s.next()
			depth = max(depth-1, 0)
		case '}', ']', '<', '>', '"':
			p.s.next() // a stray sign
		default:
			p.begins()
			token := p.token()
			if depth > 0 {
				continue
			}
			if isResult(token) {
				return token, nil
			}
			if err := p.move(token); err != nil {
				return "", err
			}
		}
	}
}

// token reads up to white space or a sign that stands alone.
func (p *parser) token() string {
	var out []byte
	for {
		b := p.s.peek()
		if p.s.err != nil || len(out) > 0 && strings.IndexByte(" \t\n\v\f{}[]();<>\"$", b) >= 0 || len(out) > 64 {
			return text(out)
		}
		if b == '(' || b == ')' || b == ' ' {
			return text(out)
		}
		out = append(out, p.s.next())
	}
}

// move takes in a token that is not a result: a move, perhaps behind its number.
func (p *parser) move(token string) error {
	if i := strings.TrimLeft(token, "0123456789"); strings.HasPrefix(i, ".") {
		token = strings.TrimLeft(i, ".…")
	} else {
		token = strings.TrimLeft(token, ".…")
	}
	san := strings.TrimRight(token, "!?")
	switch {
	case len(san) < 2 || san == "ep" || san == "e.p.":
		return nil // a number, an annotation, "N" for a novelty
	case san == "--" || san == "Z0":
	case san[0] >= 'a' && san[0] <= 'z', san[0] >= 'A' && san[0] <= 'Z':
	case strings.HasPrefix(san, "0-0"):
	default:
		return nil // "$1", "+-" and the like
	}
	if len(p.g.Moves) >= p.Limits.Moves {
		return p.fail("the game has too many moves")
	}
	p.g.Moves = append(p.g.Moves, Move{SAN: san, Line: p.s.line})
	return nil
}

// isResult knows the marks that end a game, also those that relay cannot store.
func isResult(token string) bool {
	switch token {
	case "1/2-0", "0-1/2", "½-0", "0-½", "+/-", "-/+", "-/-", "1/2":
		return true
	}
	_, err := relay.ParseResult(token)
	return err == nil
}
