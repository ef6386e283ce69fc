package pgn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
)

// NotPGN is returned for a body that is something other than PGN.
type NotPGN struct {
	What string // such as "a web page"
	Says string // an excerpt, such as the page's title; may be empty
}

func (e *NotPGN) Error() string {
	s := "the body is " + e.What + ", not PGN"
	if e.Says != "" {
		s += fmt.Sprintf(": %q", e.Says)
	}
	return s
}

// Sniff judges a body before it is read. It returns nil for PGN and for an empty body. For anything
// else it returns a [*NotPGN]: a web page, JSON, a script's error, a sentence, an archive.
//
// The body decides, not its type: many servers send PGN as text/html. The type only tells the
// charset. A body that has a game is PGN, whatever comes before the game. Only whole web pages are
// not searched for games.
func Sniff(body []byte, contentType string) error {
	if what := binaryKind(body); what != "" {
		return &NotPGN{What: what}
	}
	if e := encodingOf(body[:min(len(body), 1<<10)], Charset(contentType)); e != nil {
		if text, err := e.NewDecoder().Bytes(body); err == nil {
			body = text
		}
	}
	body = trimSpaces(body)
	if len(body) == 0 {
		return nil
	}
	if isJSON(body) {
		return &NotPGN{What: "JSON", Says: excerpt(body)}
	}
	body = body[:min(len(body), maxSniffed)]
	start := bytes.ToLower(body[:min(len(body), 2048)])
	switch {
	case webPage.Match(start):
		return &NotPGN{What: "a web page", Says: title(body)}
	case bytes.HasPrefix(start, []byte("<?xml")):
		return &NotPGN{What: "XML", Says: excerpt(withoutMarkup(body))}
	case knownTag.Match(body):
		return nil
	case start[0] == '<':
		return &NotPGN{What: markup(start), Says: excerpt(withoutMarkup(body))}
	case looksLikeJSON.Match(start):
		return &NotPGN{What: "JSON", Says: excerpt(body)}
	}
	switch found := search(body); {
	case found.moves:
		return nil
	case !found.junk && (found.games || strings.IndexByte("{;%", body[0]) >= 0):
		return nil // comments, or results of games without moves
	case isBinary(body):
		return &NotPGN{What: "binary data"}
	case scriptError.Match(start):
		return &NotPGN{What: "a script's error", Says: excerpt(body)}
	}
	return &NotPGN{What: "plain text", Says: excerpt(body)}
}

// maxSniffed is how much of a body is searched for a game. In a PGN, one comes much sooner.
const maxSniffed = 256 << 10

var (
	// webPage is the beginning of a whole page.
	webPage = regexp.MustCompile(`^(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|(?:html|head|body|title|meta|script|link|style|frameset)\b)`)
	// knownTag is a tag that hardly occurs outside PGN.
	knownTag = regexp.MustCompile(`(?im)(?:^|[\]>])[\s\p{Z}\p{Cf}]*\[[\s\p{Z}\p{Cf}]*(?:ePGN|Event|Site|Date|Round|Result|FEN|ECO|Variant|TimeControl|Annotator|(?:White|Black)\w*)[\s\p{Z}\p{Cf}]*"`)
	// looksLikeJSON is the beginning of cut JSON, or of several documents.
	looksLikeJSON = regexp.MustCompile(`^(?:\{\s*"(?:[^"\\]|\\.)*"\s*:|\[\s*(?:[\[{]|"(?:[^"\\]|\\.)*"\s*[,\]]|-?\d[\d.]*\s*[,\]]))`)
	scriptError   = regexp.MustCompile(`^(?:php )?(?:warning|notice|deprecated|(?:fatal |parse |syntax )?error): `)
	pageElement   = regexp.MustCompile(`^<(?:!--|/?(?:a|b|br|center|div|font|form|h[1-6]|i|img|li|nav|p|pre|section|span|strong|svg|table|ul)\b)`)
	element       = regexp.MustCompile(`<[^>]*>`)
	titleForm     = regexp.MustCompile(`(?is)<(?:title|h1)\b[^>]*>(.*?)</`)
)

// binaryKinds are the beginnings of files that people mistake for PGN, or that servers send
// instead.
var binaryKinds = []struct{ start, what string }{
	{"PK\x03\x04", "a zip archive"}, {"PK\x05\x06", "a zip archive"}, {"\x1f\x8b", "gzip"}, {"%PDF-", "a PDF"}, {"7z\xbc\xaf", "a 7z archive"},
	{"Rar!", "a RAR archive"}, {"BZh", "bzip2"}, {"\xfd7zXZ", "xz"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"\x89PNG", "a picture"},
	{"GIF8", "a picture"}, {"\xff\xd8\xff", "a picture"}, {"\xd0\xcf\x11\xe0", "a document of Microsoft Office"}, {"{\\rtf", "a document in RTF"},
	{"SQLite format 3\x00", "an SQLite database"}, {"\x7fELF", "a program"},
}

func binaryKind(body []byte) string {
	for _, k := range binaryKinds {
		if bytes.HasPrefix(body, []byte(k.start)) {
			return k.what
		}
	}
	return ""
}

// isBinary reports whether there are more control characters than in any text. Decoded UTF-16 has
// none.
func isBinary(body []byte) bool {
	start, controls := body[:min(len(body), 4096)], 0
	for _, b := range start {
		if b < ' ' && (b < '\t' || b > '\r') {
			controls++
		}
	}
	return controls > len(start)/20
}

// isJSON reports whether the whole body is JSON. No PGN is, not even the empty comment {}.
func isJSON(body []byte) bool {
	return strings.IndexByte(`{["`, body[0]) >= 0 && json.Valid(body)
}

func markup(start []byte) string {
	switch {
	case bytes.HasPrefix(start, []byte("<?")):
		return "a script"
	case bytes.Contains(start, []byte(" on line ")), bytes.Contains(start, []byte("warning</b>")), bytes.Contains(start, []byte("error</b>")):
		return "a script's error"
	case pageElement.Match(start):
		return "a part of a web page"
	}
	return "XML"
}

// findings is how much PGN a body has, and whether it has something else.
type findings struct{ moves, games, junk bool }

// search reads the body as PGN, up to the first legal move.
func search(body []byte) (f findings) {
	for r := NewReader(bytes.NewReader(body)); !f.moves; {
		g, err := r.Next()
		f.junk = f.junk || r.skippedText
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			f.junk = true
			continue
		}
		line, err := g.Play()
		f.games = true
		// One word of a sentence may be a move: "e4 is not available".
		f.moves = len(line.Moves) > 1 || len(line.Moves) == 1 && (err == nil || len(g.Tags) > 0)
		f.junk = f.junk || err != nil || len(g.Tags) > 0 && g.ResultText == ""
	}
	return f
}

// title is the title of a page.
func title(page []byte) string {
	for _, m := range titleForm.FindAllSubmatch(page[:min(len(page), 64<<10)], 4) {
		if s := excerpt(withoutMarkup(m[1])); s != "" {
			return s
		}
	}
	return ""
}

func withoutMarkup(b []byte) []byte {
	return element.ReplaceAll(b[:min(len(b), 4096)], []byte(" "))
}

// excerpt is the beginning of a text, on one line.
func excerpt(body []byte) string {
	const enough = 100
	s := strings.ToValidUTF8(string(body[:min(len(body), 8*enough)]), "")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > enough {
		s = strings.ToValidUTF8(s[:enough], "") + "…"
	}
	return s
}

// trimSpaces removes what may surround any text.
func trimSpaces(b []byte) []byte {
	return bytes.TrimFunc(b, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || r == 0 })
}
