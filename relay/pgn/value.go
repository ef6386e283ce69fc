package pgn

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file writes tags and comments so that other programs can read them: chess.js, chessops (and
// so lichess's viewer), kokopu and python-chess. Where these disagree with the standard, all of
// them read the form here. web/clients/readers tests the first three.

// appendValue writes the value of a tag. It uses no escapes, although the standard has \" and \\:
// chess.js stops at the former, and python-chess shows both as they are. A quote becomes an
// apostrophe, and a backslash a slash. White space and control characters become one space.
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

// isSpace reports whether some reader takes r for white space or for a line end.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff'
}

// isTagName reports whether all readers take the name of a tag. The standard also allows digits and
// underscores, but chess.js gives up the game there.
func isTagName(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// commentEscapes replaces what would end a comment, begin a command in it, or escape its end.
var commentEscapes = strings.NewReplacer("{", "(", "}", ")", "[", "(", "]", ")", `\`, "/", "\n", " ", "\r", " ")

// valueOf is a tag's value in PGN's form. It is empty for an impossible date.
func valueOf(name, value string) string {
	switch strings.ToLower(name) {
	case "date", "utcdate", "eventdate", "startdate", "enddate":
		return formatDate(value)
	}
	return value
}
