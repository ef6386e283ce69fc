package pgn

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
)

// NewReaderCharset is [NewReader] for a text in the given charset, such as "windows-1251". It knows
// the names of browsers and of IANA. With an empty or unknown name, the text decides.
//
// UTF-16 and a byte order mark come first, since no text in another charset looks so. Then the
// charset counts. UTF-8, ASCII, ISO-8859-1 and Windows-1252 count as unknown, since servers name
// them by default. The reader takes each value of such a text for UTF-8 if it is valid, and
// otherwise for Windows-1252.
func NewReaderCharset(in io.Reader, charset string) *Reader {
	b := bufio.NewReaderSize(in, bufferSize)
	start, _ := b.Peek(1 << 10)
	if e := encodingOf(start, charset); e != nil {
		b = bufio.NewReaderSize(e.NewDecoder().Reader(b), bufferSize)
	}
	return &Reader{s: scanner{in: b, line: 1, lineStart: true}}
}

const bufferSize = 16 << 10

// Charset returns the charset that a Content-Type names, in lower case; empty if it names none.
func Charset(contentType string) string {
	_, params, err := mime.ParseMediaType(contentType)
	if err == nil {
		return strings.ToLower(strings.TrimSpace(params["charset"]))
	}
	// Headers are written by hand: "text/plain; charset=windows-1251;; x".
	_, after, found := strings.Cut(strings.ToLower(contentType), "charset=")
	if !found {
		return ""
	}
	after = strings.TrimLeft(after, ` "'`)
	end := strings.IndexAny(after, ` ;,"'`)
	if end < 0 {
		end = len(after)
	}
	return after[:end]
}

// encodingOf decides by the beginning of a text and by the named charset. It returns nil for what
// the scanner reads without decoding.
func encodingOf(start []byte, charset string) encoding.Encoding {
	switch {
	case bytes.HasPrefix(start, byteOrderMark) && validStart(start):
		return nil
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		return unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		return unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM)
	}
	if e := utf16WithoutMark(start); e != nil {
		return e
	}
	return encodingNamed(charset)
}

// validStart reports whether the bytes are UTF-8; the last character may be cut.
func validStart(b []byte) bool {
	for !betweenRunes(b) {
		b = b[:len(b)-1]
	}
	return utf8.Valid(b)
}

// utf16WithoutMark recognises UTF-16 by the zero bytes in the tag or the move number at the
// beginning. No other charset has them.
func utf16WithoutMark(start []byte) encoding.Encoding {
	if len(start) < 4 {
		return nil
	}
	switch a, b, c, d := start[0], start[1], start[2], start[3]; {
	case a > 0 && b == 0 && c > 0 && d == 0:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case a == 0 && b > 0 && c == 0 && d > 0:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return nil
}

// encodingNamed returns the encoding of that name. It returns nil for what the scanner reads
// without decoding, and for unknown names.
func encodingNamed(charset string) encoding.Encoding {
	charset = strings.ToLower(strings.Trim(charset, " \"'"))
	if charset == "" || len(charset) > 64 {
		return nil
	}
	e, err := htmlindex.Get(charset)
	if err != nil {
		if e, err = ianaindex.IANA.Encoding(charset); err != nil || e == nil {
			return nil // ianaindex has names without an encoding
		}
	}
	switch name, _ := htmlindex.Name(e); name {
	case "utf-8", "windows-1252", "replacement", "x-user-defined":
		return nil
	}
	return e
}
