package terminal

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Clean makes text from elsewhere fit for one line of a terminal. Characters that could move the
// cursor, change the terminal or reverse the text become escapes, such as \u001b.
func Clean(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return disturbs(r) || r == '\n' || r == '\t' }) && utf8.ValidString(s) {
		return s
	}
	return string(appendClean(nil, []byte(s), ""))
}

// disturbs reports whether a terminal does more at r than show it, except for newlines and tabs.
// Controls (C0, DEL, C1), line separators and invisible format characters disturb. Names need some
// of the latter: joiners in Persian and emoji, and the marks of a direction.
func disturbs(r rune) bool {
	switch {
	case r == '\n' || r == '\t' || r >= 0x200c && r <= 0x200f:
		return false
	case r == utf8.RuneError: // it may be a byte of a control character
		return false
	}
	return unicode.IsControl(r) || r == 0x2028 || r == 0x2029 || unicode.Is(unicode.Cf, r)
}

// appendClean appends b, cleaned except for the characters in keep. The escapes are those of JSON,
// so JSON stays the same JSON. Bytes that are not UTF-8 become U+FFFD: some terminals read the byte
// 0x9b as a control character.
func appendClean(dst, b []byte, keep string) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case strings.ContainsRune(keep, r) && r != utf8.RuneError:
			dst = append(dst, b[:n]...)
		case r == '\n' || r == '\t':
			dst = append(dst, ' ')
		case !disturbs(r):
			dst = utf8.AppendRune(dst, r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			dst = fmt.Appendf(dst, `\u%04x\u%04x`, hi, lo)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
		b = b[n:]
	}
	return dst
}

// A CleanWriter cleans everything that a command prints to a terminal or a file. Text for one line
// needs [Clean] as well: here, a newline may be meant.
type CleanWriter struct{ w io.Writer }

// NewCleanWriter returns a writer that cleans what goes to w.
func NewCleanWriter(w io.Writer) CleanWriter { return CleanWriter{w} }

// Write implements io.Writer.
func (c CleanWriter) Write(b []byte) (int, error) {
	if _, err := c.w.Write(appendClean(nil, b, "\n\t")); err != nil {
		return 0, err
	}
	return len(b), nil
}

// behind is the writer behind a CleanWriter. Its caller must clean the text.
func behind(w io.Writer) io.Writer {
	if c, ok := w.(CleanWriter); ok {
		return c.w
	}
	return w
}
