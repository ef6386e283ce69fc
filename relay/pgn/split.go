package pgn

import (
	"bytes"
	"io"
	"iter"
)

// Decode returns a whole text decoded for a [Reader], with the charset as in [NewReaderCharset].
// The result may be the body itself.
func Decode(body []byte, charset string) []byte {
	e := encodingOf(body[:min(len(body), 1<<10)], charset)
	if e == nil {
		return body
	}
	text, err := e.NewDecoder().Bytes(body)
	if err != nil {
		return body
	}
	return text
}

// Pieces cuts a text before each line that begins with a tag after an empty line. That costs far
// less than reading, so a program can find out which games have changed.
//
// A [Reader] of the pieces, one after the other, reads the same games as one of the whole text. One
// condition must hold: no piece is [Reader.Open] at its end. An open piece must be read together
// with the next one. Number and Line count from the start of the piece.
func Pieces(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		start := 0
		for at := 0; ; {
			i := bytes.Index(text[at:], []byte("\n["))
			if i < 0 {
				break
			}
			at += i + 1 // the bracket
			if !startsPiece(text, at) {
				continue
			}
			if !yield(text[start:at]) {
				return
			}
			start = at
		}
		if start < len(text) {
			yield(text[start:])
		}
	}
}

// startsPiece reports whether the bracket at that place has a letter after it and an empty line
// before it.
func startsPiece(text []byte, at int) bool {
	if at+1 == len(text) || text[at+1]|0x20 < 'a' || text[at+1]|0x20 > 'z' {
		return false
	}
	before := bytes.TrimSuffix(text[:at-1], []byte("\r"))
	return len(before) > 0 && before[len(before)-1] == '\n'
}

// Open reports whether text after an empty line may still belong to what was read. It may if the
// last game has tags, but neither a move nor a result, or if the text ends in a tag. last is what
// Next returned before [io.EOF]; nil if that was an error or nothing.
func (r *Reader) Open(last *Game) bool {
	return r.inTag || last != nil && len(last.Tags) > 0 && len(last.Moves) == 0 && last.Truncated
}

// Reset makes the reader read another text. It keeps its buffers and its Limits.
func (r *Reader) Reset(in io.Reader) {
	r.s.in.Reset(in)
	*r = Reader{Limits: r.Limits, s: scanner{in: r.s.in, line: 1, lineStart: true}, scratch: r.scratch}
}
