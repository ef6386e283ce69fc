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
			if endsGame(token) {
				return token, nil
			}
			n := len(p.g.Moves)
			if err := p.move(token); err != nil {
				return "", err
			}
			p.g.Cut = p.s.err != nil && len(p.g.Moves) > n
		}
	}
}

// token reads up to white space or a sign that stands alone.
func (p *parser) token() string {
	out := p.scratch[:0]
	for {
		b := p.s.peek()
		if p.s.err != nil || len(out) > 0 && strings.IndexByte(" \t\n\v\f{}[]();<>\"$", b) >= 0 || len(out) > 64 {
			break
		}
		if b == '(' || b == ')' || b == ' ' {
			break
		}
		out = append(out, p.s.next())
	}
	p.scratch = out
	return text(out)
}

// move takes in a token that is not a result: a move, perhaps behind its number.
func (p *parser) move(token string) error {
	if behind := strings.TrimLeft(token, "0123456789"); strings.HasPrefix(behind, ".") || strings.HasPrefix(behind, "…") {
		token = behind
	}
	token = strings.TrimLeft(token, ".…")
	if strings.IndexFunc(token, func(r rune) bool { return r >= 0x80 }) >= 0 {
		token = figurines.Replace(dashes.Replace(token))
	}
	san := strings.TrimRight(token, "!?")
	switch {
	case len(san) < 2 || san == "ep" || san == "e.p.":
		return nil // a number, an annotation, "N" for a novelty
	case isNull(san):
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

// isNull reports whether the text is a null move, as some programs write it for a threat or a comment.
func isNull(san string) bool { return san == "--" || san == "Z0" || san == "@@@@" || san == "0000" }

// dashes are what is written for a minus sign in castling and in results.
var dashes = strings.NewReplacer("‐", "-", "‑", "-", "‒", "-", "–", "-", "—", "-", "−", "-", "_", "-")

// figurines are the pieces as signs. That of the pawn is none.
var figurines = strings.NewReplacer(
	"♔", "K", "♕", "Q", "♖", "R", "♗", "B", "♘", "N", "♙", "", "♚", "K", "♛", "Q", "♜", "R", "♝", "B", "♞", "N", "♟", "", "\ufe0e", "",
)

// endsGame reports whether the token is a result. One that both have lost, 0-0, is castling here: only the
// tags can tell, see [Game.finish].
func endsGame(token string) bool {
	if !mayBeResult(token) || dashes.Replace(token) == "0-0" {
		return false
	}
	_, _, err := relay.ParseScore(token)
	return err == nil
}

// mayBeResult tells most moves from results at once.
func mayBeResult(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case i == 0 && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'):
			return false
		case c == '-' || c == '/' || c == ':' || c == '*' || c >= 0x80:
			return true
		}
	}
	return false
}
