package pgn

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file has what other programs can read of a tag and of a comment. Where they disagree with
// the standard, the form is one that all of them take alike: chess.js, chessops (and so lichess's
// viewer), kokopu and python-chess. web/clients/readers holds the writer to the first three.

// appendValue writes the value of a tag. There are no escapes in it, though the standard has \" and
// \\: chess.js stops at the former, and python-chess shows both as they are. A quote becomes an
// apostrophe, a backslash a slash. White space and control characters become one space.
func appendValue(b []byte, s string) []byte {
	from := len(b)
	for _, r := range s {
		switch {
		case r == '"':
			b = append(b, '\'')
		case r == '\\':
			b = append(b, '/')
		case !isSpace(r):
			b = utf8.AppendRune(b, r)
		case len(b) > from && b[len(b)-1] != ' ':
			b = append(b, ' ')
		}
	}
	if len(b) > from && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// isSpace reports whether some reader takes r for white space, or for the end of a line.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff'
}

// isTagName reports whether all readers take the name of a tag. The standard allows digits and
// underscores, too, but chess.js gives up the game at one of these.
func isTagName(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// commentEscapes replaces what would end a comment, begin a command in it, or escape its end.
var commentEscapes = strings.NewReplacer("{", "(", "}", ")", "[", "(", "]", ")", `\`, "/", "\n", " ", "\r", " ")

// valueOf is the value of a tag as PGN has it. It is empty if there is no such value, as of a date
// that cannot be one.
func valueOf(name, value string) string {
	switch strings.ToLower(name) {
	case "date", "utcdate", "eventdate", "startdate", "enddate":
		return formatDate(value)
	}
	return value
}
