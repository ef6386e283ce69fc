package pgn

import (
	"bufio"
	"bytes"
	"io"
	"unicode/utf8"
)

// scanner returns the bytes of the text. It makes every line end one newline, leaves out escape
// lines and counts lines. All characters of PGN's syntax are ASCII, so text stays bytes, in any
// encoding, until it is a value.
type scanner struct {
	in        *bufio.Reader
	line      int  // of the next byte
	lineStart bool // the next byte begins a line
	raw       bool // inside a comment, where an escape line is none
	size      int  // bytes given since the game began
	err       error
}

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	eventTag      = []byte(`[Event "`)
)

// peek returns the next byte; 0 at the end. It returns a space for a zero byte in the text.
func (s *scanner) peek() byte {
	for {
		b, err := s.in.Peek(1)
		if err != nil {
			s.err = err
			return 0
		}
		c := b[0] // a copy: looking further ahead moves the bytes that b points to
		switch {
		case c == '%' && s.lineStart && !s.raw:
			s.skipLine()
		case c == byteOrderMark[0] && s.lineStart && s.startsWith(byteOrderMark):
			// at the start of the text, or of a joined file; otherwise see space
			s.in.Discard(len(byteOrderMark))
		case c == '\r':
			if s.startsWith([]byte("\r\n")) {
				s.in.Discard(1)
				continue
			}
			return '\n'
		case c == 0:
			return ' '
		default:
			return c
		}
	}
}

// next returns the byte that peek does, and goes on.
func (s *scanner) next() byte {
	b := s.peek()
	if s.err != nil {
		return 0
	}
	s.in.Discard(1)
	s.size++
	s.lineStart = b == '\n'
	if s.lineStart {
		s.line++
	}
	return b
}

// startsWith compares the next raw bytes.
func (s *scanner) startsWith(prefix []byte) bool {
	b, _ := s.in.Peek(len(prefix))
	return bytes.Equal(b, prefix)
}

// startsTag reports whether a tag may begin here, with a bracket and a letter.
func (s *scanner) startsTag() bool {
	b, _ := s.in.Peek(2)
	return len(b) == 2 && b[0] == '[' && (b[1]|0x20 >= 'a' && b[1]|0x20 <= 'z')
}

// skipLine goes to the start of the next line.
func (s *scanner) skipLine() {
	for {
		b, err := s.in.ReadByte()
		if err != nil {
			s.err = err
			return
		}
		s.size++
		if b == '\n' {
			s.line++
			s.lineStart = true
			return
		}
	}
}

// blanks skips white space, and reports whether there was an empty line in it.
func (s *scanner) blanks() (emptyLine bool) {
	for {
		switch b := s.peek(); {
		case s.err != nil:
			return emptyLine
		case b == '\n':
			emptyLine = emptyLine || s.lineStart
			s.next()
		case b == ' ' || b == '\t' || b == '\v' || b == '\f':
			bol := s.lineStart
			s.next()
			s.lineStart = bol // a line of spaces is an empty one
		default:
			kind, size := s.space()
			if kind == noSpace {
				return emptyLine
			}
			s.skipBytes(size)
		}
	}
}

// inputError returns the error of the input; nil at its end.
func (s *scanner) inputError() error {
	if s.err == nil || s.err == io.EOF { //nolint:errorlint // a reader ends with the bare io.EOF
		return nil
	}
	return s.err
}

// decodeText makes a string of UTF-8, or otherwise of Windows-1252, which extends ISO-8859-1.
func decodeText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out := make([]rune, len(b))
	for i, c := range b {
		out[i] = rune(c)
		if c >= 0x80 && c < 0xa0 {
			out[i] = windows1252[c-0x80]
		}
	}
	return string(out)
}

// windows1252 are the characters in the place of ISO-8859-1's control characters.
var windows1252 = [32]rune{
	'€', '\ufffd', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\ufffd', 'Ž', '\ufffd',
	'\ufffd', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\ufffd', 'ž', 'Ÿ',
}
