package pgn

import "strings"

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
