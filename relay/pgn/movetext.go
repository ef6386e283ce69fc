package pgn

import (
	"strings"
	"unicode/utf8"

	"github.com/chessrelay/chessrelay/relay"
)

// moves reads the moves up to the result, which it returns, or up to the next game.
func (p *parser) moves() (result string, err error) {
	depth := 0   // of variations
	symbol := "" // the last token, if it may be the result or an opinion
	for {
		emptyLine := p.s.blanks()
		if err := p.checkSize(); err != nil {
			return "", err
		}
		b := p.s.peek()
		end := p.s.err != nil || b == '[' && !p.isRemark()
		if symbol != "" && (end || emptyLine) && p.g.endsWithSymbol(symbol) {
			return symbol, nil
		}
		if end {
			return "", nil // perhaps the next game begins: this one has no result
		}
		switch b {
		case '[':
			p.bracket()
		case '{':
			p.noteStart()
			comment, whole, err := p.comment()
			if err == nil {
				err = p.addComment(comment, depth)
			}
			if err != nil || !whole {
				return "", err
			}
		case ';':
			comment, err := p.lineComment()
			if err == nil {
				err = p.addComment(comment, depth)
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
			p.noteStart()
			token := p.token()
			if depth > 0 {
				continue
			}
			if endsGame(token) {
				if !isSymbol(token) || len(p.g.Moves) == 0 {
					return token, nil
				}
				symbol = token
				continue
			}
			n := len(p.g.Moves)
			if err := p.move(token); err != nil {
				return "", err
			}
			if len(p.g.Moves) > n {
				symbol = ""
			}
			p.g.Cut = p.s.err != nil && len(p.g.Moves) > n
		}
	}
}

// token reads up to white space, or up to a character that stands alone.
func (p *parser) token() string {
	out := p.scratch[:0]
	for len(out) <= 64 {
		b := p.s.peek()
		if p.s.err != nil || len(out) > 0 && strings.IndexByte(" \t\n\v\f{}[]();<>\"$", b) >= 0 {
			break
		}
		if b == '(' || b == ')' || b == ' ' {
			break
		}
		if b >= 0x80 && betweenRunes(out) {
			kind, size := p.s.space()
			if kind == wideSpace || kind == zeroWidth && isWhole(string(out)) {
				break // blanks skips it
			}
			if kind == zeroWidth {
				p.s.skipBytes(size)
				continue
			}
		}
		out = append(out, p.s.next())
	}
	p.scratch = out
	return decodeText(out)
}

// betweenRunes reports whether b ends between two characters of UTF-8.
func betweenRunes(b []byte) bool {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if utf8.RuneStart(b[len(b)-n]) {
			return utf8.FullRune(b[len(b)-n:])
		}
	}
	return true
}

// isWhole reports whether the beginning of a token can stand alone: a number, an opinion, a move or
// a star.
func isWhole(token string) bool {
	if strings.Trim(token, "$0123456789.…") == "" || strings.Trim(token, "!?+-/=") == "" {
		return token != ""
	}
	token = strings.TrimRight(token, "+#!?QRBN")
	if n := len(token) - 2; n >= 0 && token[n] >= 'a' && token[n] <= 'h' && token[n+1] >= '1' && token[n+1] <= '8' {
		return true
	}
	return strings.HasSuffix(token, "O-O") || strings.HasSuffix(token, "0-0") || token == "*"
}

// isRemark reports whether the bracket here begins something other than a tag. That is a command
// without its braces, such as [%clk 1:00:00], an opinion, or a word.
func (p *parser) isRemark() bool {
	const enough = 80
	for n := 1; n < enough; n++ {
		b, err := p.s.in.Peek(n + 1)
		if err != nil {
			return false
		}
		switch c := b[n]; {
		case n == 1 && strings.IndexByte("%!?+-=#$*.0123456789", c) >= 0:
			return true
		case c == ']':
			return !p.s.lineStart
		case c == '"' || c == '\n':
			return false
		}
	}
	return false
}

// bracket reads up to the closing bracket or the end of the line. It keeps a command as a comment.
func (p *parser) bracket() {
	p.scratch = p.scratch[:0]
	for b := byte(0); b != ']' && b != '\n'; {
		if b = p.s.next(); p.s.err != nil || !p.addCommentByte(b) {
			return
		}
	}
	if words := p.commentText(); strings.HasPrefix(words, "[%") {
		_ = p.addComment(words, 0)
	}
}

// move takes a token that is not a result: a move, perhaps behind its number.
func (p *parser) move(token string) error {
	behind := strings.TrimLeft(token, "0123456789")
	if strings.HasPrefix(behind, ".") || strings.HasPrefix(behind, "…") || len(behind) < len(token) && moveForm.MatchString(behind) && isLetter(behind) {
		token = behind
	}
	token = strings.TrimLeft(token, ".…")
	if strings.IndexFunc(token, func(r rune) bool { return r >= 0x80 }) >= 0 {
		token = figurines.Replace(dashes.Replace(token))
	}
	san := strings.TrimRight(token, "!?")
	if !isNull(san) {
		san = withoutOpinions(san)
	}
	switch {
	case len(san) < 2 || looseWords[san]:
		return nil // a number, an annotation, "N" for a novelty
	case isNull(san):
	case isLetter(san):
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

func isLetter(s string) bool {
	return s != "" && (s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z')
}

// isNull reports whether the text is a null move. Some programs write one for a threat or a
// comment.
func isNull(san string) bool { return san == "--" || san == "Z0" || san == "@@@@" || san == "0000" }

// dashes are written for a minus sign in castling and in results.
var dashes = strings.NewReplacer("‐", "-", "‑", "-", "‒", "-", "–", "-", "—", "-", "−", "-", "_", "-")

// figurines are the pieces as symbols. A pawn has no letter.
var figurines = strings.NewReplacer(
	"♔", "K", "♕", "Q", "♖", "R", "♗", "B", "♘", "N", "♙", "", "♚", "K", "♛", "Q", "♜", "R", "♝", "B", "♞", "N", "♟", "",
)

// endsGame reports whether the token is a result. 0-0 counts as castling here; only the tags can
// tell, see [Game.finish].
func endsGame(token string) bool {
	if !mayBeResult(token) || dashes.Replace(token) == "0-0" {
		return false
	}
	_, _, err := relay.ParseScore(token)
	return err == nil
}

// mayBeResult is a quick test that most moves fail.
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
