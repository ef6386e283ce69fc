package pgn

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// space is what kind of space a character is. Web pages and word processors put spaces outside
// ASCII into text that is copied from them.
type space int

const (
	noSpace space = iota
	wideSpace
	// zeroWidth is invisible, so nobody knows that it is there. It separates whole tokens, and
	// counts for nothing inside a word.
	zeroWidth
)

func spaceKind(r rune) space {
	switch {
	case r < 0x80:
		if r == ' ' || r >= '\t' && r <= '\r' {
			return wideSpace
		}
		return noSpace
	case r == 0x85, r == 0xa0, r == 0x1680, r >= 0x2000 && r <= 0x200a, r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000,
		r == 0x2800, r == 0x3164: // a Braille pattern and a Hangul letter that are empty
		return wideSpace
	case r == 0xad, r == 0x34f, r == 0x180e, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f,
		r >= 0xfe00 && r <= 0xfe0f, r == 0xfeff:
		return zeroWidth
	}
	return noSpace
}

// space tells whether the next bytes are a space outside ASCII, and how many they are. A lone 0xa0
// is the no-break space of ISO-8859-1. The caller must not be inside a character.
func (s *scanner) space() (kind space, size int) {
	b, _ := s.in.Peek(1)
	if len(b) == 0 || b[0] < 0x80 {
		return noSpace, 0
	}
	b, _ = s.in.Peek(utf8.UTFMax)
	r, size := utf8.DecodeRune(b)
	if r == utf8.RuneError && size == 1 && b[0] == 0xa0 {
		r = 0xa0
	}
	return spaceKind(r), size
}

// skipBytes skips bytes within the line.
func (s *scanner) skipBytes(n int) {
	s.in.Discard(n)
	s.size += n
}

// cleanSpaces turns every run of spaces into one, cuts spaces off both ends, and removes zero-width
// characters. So equal names are equal texts.
func cleanSpaces(s string) string {
	if s = strings.Trim(s, " "); plainSpaces(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	before, pending := rune(0), false // the last rune written, and whether a space follows it
	for i, r := range s {
		switch spaceKind(r) {
		case wideSpace:
			pending = true
			continue
		case zeroWidth:
			next, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
			switch {
			case joinsLetters(r) && changesShape(before) && changesShape(next):
				b.WriteRune(r)
			case (before == ',' || before == ';') && next != utf8.RuneError:
				pending = true
			}
			continue
		}
		if pending && b.Len() > 0 {
			b.WriteByte(' ')
		}
		pending = false
		b.WriteRune(r)
		before = r
	}
	return b.String()
}

// joinsLetters reports whether r decides how the letters beside it are drawn. Persian and Indian
// names have such characters.
func joinsLetters(r rune) bool { return r == 0x200c || r == 0x200d }

// changesShape reports whether r belongs to a script whose letters depend on their neighbours, or
// to a picture made of several characters.
func changesShape(r rune) bool {
	return r >= 0x600 && r < 0x1100 && (unicode.IsLetter(r) || unicode.IsMark(r)) || r >= 0x1f000
}

// plainSpaces reports whether cleanSpaces has nothing to do.
func plainSpaces(s string) bool {
	last := byte(' ')
	for i := range len(s) {
		c := s[i]
		if c >= 0x80 || c < ' ' || c == ' ' && last == ' ' {
			return c >= 0x80 && cleanRest(s)
		}
		last = c
	}
	return last != ' ' || s == ""
}

// cleanRest is plainSpaces for a text outside ASCII.
func cleanRest(s string) bool {
	last := wideSpace
	for _, r := range s {
		kind := spaceKind(r)
		if kind == zeroWidth || kind == wideSpace && (r != ' ' || last == wideSpace) {
			return false
		}
		last = kind
	}
	return last == noSpace
}
