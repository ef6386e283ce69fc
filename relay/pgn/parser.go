package pgn

import (
	"bytes"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// A parser reads one game.
type parser struct {
	*Reader
	g *Game
}

func (p *parser) fail(reason string) error { return &Error{p.s.line, reason} }

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
	more, err := p.tags()
	if err != nil || !more {
		p.g.finish("")
		return len(p.g.Tags) == 0, err
	}
	token, err := p.moves()
	if err != nil {
		return false, err
	}
	p.g.finish(token)
	return len(p.g.Tags) == 0 && len(p.g.Moves) == 0 && token == "", nil
}

// begins notes where the game begins.
func (p *parser) begins() {
	if p.g.Line == 0 {
		p.g.Line = p.s.line
	}
}

// tags reads the tags, and reports whether moves of this game may follow: not
// if it was the next game that began.
func (p *parser) tags() (more bool, err error) {
	apart := false // an empty line since the last tag
	for {
		apart = p.s.blanks() || apart
		if b := p.s.peek(); p.s.err != nil || b != '[' {
			return true, p.tooLong()
		}
		line := p.s.line
		tag, err := p.tag()
		if err != nil {
			return false, err
		}
		if p.startsAnother(tag.Name, apart) {
			p.ahead, p.line = &tag, line
			return false, nil
		}
		if tag.Name == "" || strings.EqualFold(tag.Name, "ePGN") {
			continue // the header of a file, not of a game
		}
		if p.g.Line == 0 {
			p.g.Line = line
		}
		if len(p.g.Tags) >= p.Limits.Tags {
			return false, p.fail("the game has too many tags")
		}
		p.g.Tags = append(p.g.Tags, tag)
		apart = false
	}
}

// startsAnother tells an empty line inside the tags from a game without moves:
// in the latter, tags come again that were there.
func (p *parser) startsAnother(name string, apart bool) bool {
	if !apart && !strings.EqualFold(name, "Event") {
		return false
	}
	for _, t := range p.g.Tags {
		if strings.EqualFold(t.Name, name) {
			return true
		}
	}
	return false
}

// tag reads [Name "value"]. A quote inside the value that was not escaped is
// taken for one if it is not followed by the bracket.
func (p *parser) tag() (Tag, error) {
	p.s.next()
	name, value, quoted, closed := []byte(nil), []byte(nil), false, false
	for !closed {
		b := p.s.peek()
		if p.s.err != nil || b == '\n' {
			break // the line ends: what there is must do
		}
		p.s.next()
		switch {
		case !quoted && b == ']':
			closed = true
		case !quoted && b == '"':
			quoted = true
		case !quoted:
			name = append(name, b)
		case b == '\\' && (p.s.peek() == '"' || p.s.peek() == '\\'):
			value = append(value, p.s.next())
		case b == '"' && p.closesTag():
			quoted = false
		default:
			value = append(value, b)
		}
		if len(name)+len(value) > p.Limits.Value {
			return Tag{}, p.fail("a tag is too long")
		}
	}
	n, v, _ := strings.Cut(strings.TrimSpace(text(name)), " ")
	if len(value) > 0 {
		v = text(value)
	}
	return Tag{n, strings.TrimSpace(v)}, nil
}

// closesTag looks whether the quote just read ends the value.
func (p *parser) closesTag() bool {
	for n := 1; ; n++ {
		b, err := p.s.in.Peek(n)
		if err != nil {
			return true
		}
		switch b[n-1] {
		case ' ', '\t':
		case ']', '\n', '\r':
			return true
		default:
			return false
		}
		if n > 64 {
			return false
		}
	}
}

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
		if p.s.err != nil || len(out) > 0 && bytes.IndexByte([]byte(" \t\n\v\f{}[]();<>\"$"), b) >= 0 || len(out) > 64 {
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

// commented adds a comment of the main line to what it stands behind.
func (p *parser) commented(comment string, depth int) error {
	if depth > 0 || comment == "" {
		return nil
	}
	to := &p.g.Comment
	if n := len(p.g.Moves); n > 0 {
		to = &p.g.Moves[n-1].Comment
	}
	if len(*to)+len(comment) > p.Limits.Value {
		return p.fail("the comments of one move are too long")
	}
	*to = strings.TrimPrefix(*to+" "+comment, " ")
	return nil
}

// comment reads up to the closing brace. It is not whole if the text ends first,
// or the next game begins: one brace forgotten must not swallow the games behind it.
func (p *parser) comment() (_ string, whole bool, err error) {
	p.s.next()
	p.s.raw = true
	defer func() { p.s.raw = false }()
	var out []byte
	for {
		if p.s.bol && p.s.startsWith(event) {
			return joinLines(out), false, nil
		}
		b := p.s.next()
		switch {
		case p.s.err != nil:
			return joinLines(out), false, nil
		case b == '}':
			return joinLines(out), true, nil
		case len(out) >= p.Limits.Value:
			return "", false, p.fail("a comment is too long")
		}
		out = append(out, b)
	}
}

// joinLines undoes the wrapping of a comment.
func joinLines(b []byte) string { return strings.Join(strings.Fields(text(b)), " ") }

func (p *parser) lineComment() (string, error) {
	p.s.next()
	var out []byte
	for {
		b := p.s.next()
		if p.s.err != nil || b == '\n' {
			return joinLines(out), nil
		}
		if len(out) >= p.Limits.Value {
			return "", p.fail("a comment is too long")
		}
		out = append(out, b)
	}
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
