package pgn

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tags reads the tags. more is false if the next game has begun. apart says that an empty line or a
// comment came after the last tag.
func (p *parser) tags(apart bool) (more bool, err error) {
	for {
		apart = p.s.blanks() || apart
		if b := p.s.peek(); p.s.err != nil || b != '[' {
			return true, p.checkSize()
		}
		line := p.s.line
		tag, closed, err := p.tag()
		if err != nil {
			return false, err
		}
		emptyLine := false
		if !closed {
			emptyLine = p.s.blanks()
			if p.s.err != nil {
				p.inTag = true
				return true, nil // the text ends in this tag, which may be incomplete
			}
		}
		if p.startsAnother(tag.Name, apart) {
			p.nextTag, p.nextTagLine = &tag, line
			return false, nil
		}
		if !isName(tag.Name) || strings.EqualFold(tag.Name, "ePGN") {
			continue // another bracket, or the header of the file
		}
		if p.g.Line == 0 {
			p.g.Line = line
		}
		if len(p.g.Tags) >= p.Limits.Tags {
			return false, p.fail("the game has too many tags")
		}
		tag.Value = cleanDate(tag)
		p.g.Tags = append(p.g.Tags, tag)
		apart = emptyLine
	}
}

// isName reports whether s can be a tag's name.
func isName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-+.", r)
	}) < 0
}

// startsAnother tells an empty line inside the tags from a game without moves. After the latter,
// tags come again that were there, or Event, which is always the first.
func (p *parser) startsAnother(name string, apart bool) bool {
	isEvent := strings.EqualFold(name, "Event")
	if !apart && !isEvent {
		return false
	}
	for _, t := range p.g.Tags {
		if isEvent && apart || strings.EqualFold(t.Name, name) {
			return true
		}
	}
	return false
}

// tag reads [Name "value"]. It takes an unescaped quote inside the value as part of it, unless the
// bracket follows. closed says that there was a bracket.
func (p *parser) tag() (t Tag, closed bool, err error) {
	p.s.next()
	name, value, quoted := []byte(nil), []byte(nil), false
	for !closed {
		b := p.s.peek()
		if p.s.err != nil || b == '\n' {
			break // the line ends without a bracket
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
			return Tag{}, false, p.fail("a tag is too long")
		}
	}
	n, v, _ := strings.Cut(cleanSpaces(decodeText(name)), " ")
	if len(value) > 0 {
		v = decodeText(value)
	}
	return Tag{n, cleanSpaces(v)}, closed, nil
}

// closesTag reports whether the quote just read ends the value: only spaces come before the bracket
// or the end of the line.
func (p *parser) closesTag() bool {
	const enough = 64
	for n := 0; n < enough; {
		b, err := p.s.in.Peek(n + 1)
		if err != nil {
			return true
		}
		switch c := b[n]; {
		case c == ']' || c == '\n' || c == '\r':
			return true
		case c < 0x80 && spaceKind(rune(c)) != noSpace:
			n++
		case c < 0x80:
			return false
		default:
			b, _ = p.s.in.Peek(n + utf8.UTFMax)
			r, size := utf8.DecodeRune(b[n:])
			if r == utf8.RuneError {
				r = rune(c) // of ISO-8859-1
			}
			if spaceKind(r) == noSpace {
				return false
			}
			n += size
		}
	}
	return false
}
