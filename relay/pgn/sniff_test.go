package pgn

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// TestSniffRefuses has what sources and clients send in place of PGN, and what a person is told of
// it.
func TestSniffRefuses(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte("[White \"A\"]\n\n1. e4 *")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	utf16, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("Not found.")
	for _, tt := range []struct{ name, body, contentType, want string }{
		{"a sentence", "Too many requests. Try again later.", "text/plain", `plain text, not PGN: "Too many requests. Try again later."`},
		{"a word", "error", "", `plain text, not PGN: "error"`},
		{"a status", "404 page not found\n", "", `plain text, not PGN: "404 page not found"`},
		{"two lines", "Service Unavailable\r\n\r\nRequest 17:a4 failed", "", `plain text, not PGN: "Service Unavailable Request 17:a4 failed"`},
		{"a long text", strings.Repeat("no ", 500), "", `plain text, not PGN: "` + strings.Repeat("no ", 33) + `n…"`},
		{"a result in a sentence", "Bayern won 1-0 * and so on", "", `plain text, not PGN: "Bayern won 1-0 * and so on"`},
		{"a move in a sentence", "e4 is not available", "", `plain text, not PGN: "e4 is not available"`},
		{"a number", "503", "", `plain text, not PGN: "503"`},
		{"parentheses", "(no games)", "", `plain text, not PGN: "(no games)"`},
		{"a table", "Name;Elo\nLake;2400\n", "text/csv", `plain text, not PGN: "Name;Elo Lake;2400"`},
		{"sections", "[database]\nhost = a4\n[\"a\" b]\n", "", `plain text, not PGN: "[database] host = a4 [\"a\" b]"`},
		{"UTF-16", utf16, "", `plain text, not PGN: "Not found."`},

		{"a page", "<!DOCTYPE html>\n<html><head><title>404\n Not  Found</title></head><body>x</body></html>", "text/html", `a web page, not PGN: "404 Not Found"`},
		{"a page with games", "<html><body><pre>\n[White \"A\"]\n\n1. e4 *\n</pre></body></html>", "", "a web page, not PGN"},
		{"a page behind a mark", "\ufeff\r\n<!-- x -->\n<HTML lang=de><body><h1>Wartung</h1>", "text/plain", `a web page, not PGN: "Wartung"`},
		{"a page of XHTML", "<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC \"x\"><html><title></title></html>", "", "a web page, not PGN"},
		{"a head", "<head><title>Moved &amp; gone</title></head>", "", `a web page, not PGN: "Moved &amp; gone"`},
		{"a script's warning", "<br />\n<b>Warning</b>:  fopen(games.pgn): failed to open stream in <b>/var/www/live.php</b> on line <b>12</b><br />\n", "",
			`a script's error, not PGN: "Warning : fopen(games.pgn): failed to open stream in /var/www/live.php on line 12"`},
		{"a script's error", "PHP Fatal error:  Uncaught Error: x in /a.php:3", "", `a script's error, not PGN: "PHP Fatal error: Uncaught Error: x in /a.php:3"`},
		{"a script's notice", "\nNotice: Undefined index: r in /a.php on line 3", "", `a script's error, not PGN: "Notice: Undefined index: r in /a.php on line 3"`},
		{"a script", "<?php echo 1;", "", `a script, not PGN: "<?php echo 1;"`},
		{"a piece of a page", "<p>Forbidden</p>", "", `a part of a web page, not PGN: "Forbidden"`},

		{"XML", `<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>The key does not exist.</Message></Error>`, "application/xml",
			`XML, not PGN: "NoSuchKey The key does not exist."`},
		{"XML without its line", "<Error><Code>AccessDenied</Code></Error>", "", `XML, not PGN: "AccessDenied"`},
		{"a feed", "<?xml version='1.0'?><rss><item>\n[White \"A\"]\n</item></rss>", "", `XML, not PGN: "[White \"A\"]"`},

		{"a list", `[{"id":1,"error":"not found"}]`, "application/json", `JSON, not PGN: "[{\"id\":1,\"error\":\"not found\"}]"`},
		{"an object", "\n{\"error\": \"x\"}\n", "text/plain", `JSON, not PGN: "{\"error\": \"x\"}"`},
		{"nothing in JSON", "[]", "", `JSON, not PGN: "[]"`},
		{"an empty object", "{}", "", `JSON, not PGN: "{}"`},
		{"a text in JSON", `"[White \"A\"]\n\n1. e4 *"`, "", `JSON, not PGN: "\"[White \\\"A\\\"]\\n\\n1. e4 *\""`},
		{"games in JSON", `{"pgn":"[White \"A\"]\n\n1. e4 *"}`, "", `JSON, not PGN: "{\"pgn\":\"[White \\\"A\\\"]\\n\\n1. e4 *\"}"`},
		{"JSON that was cut", `[{"id":1,"moves":["e4","e`, "", `JSON, not PGN: "[{\"id\":1,\"moves\":[\"e4\",\"e"`},
		{"lines of JSON", "{\"id\":1}\n{\"id\":2}\n", "", `JSON, not PGN: "{\"id\":1} {\"id\":2}"`},
		{"a list of moves", `["e4","e5"]`, "", `JSON, not PGN: "[\"e4\",\"e5\"]"`},

		{"a zip", "PK\x03\x04[White \"A\"]\n\n1. e4 *", "application/zip", "a zip archive, not PGN"},
		{"gzip", zipped.String(), "", "gzip, not PGN"},
		{"a PDF", "%PDF-1.7\n[White \"A\"]\n\n1. e4 *", "", "a PDF, not PGN"},
		{"a picture", "\x89PNG\r\n\x1a\n\x00\x00", "", "a picture, not PGN"},
		{"bytes", "\x01\x02\x03\x00\x07\xff\xfe\x04", "", "binary data, not PGN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Sniff([]byte(tt.body), tt.contentType)
			if err == nil || err.Error() != "the body is "+tt.want {
				t.Errorf("got  %v\nwant the body is %s", err, tt.want)
			}
		})
	}
}

// TestSniffTakes has the beginnings that real PGN has.
func TestSniffTakes(t *testing.T) {
	utf16le, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("[White \"Ł\"]\n\n1. e4 *")
	utf16be, _ := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder().String("1. e4 e5 *")
	koi8, _ := charmap.KOI8R.NewEncoder().String("[White \"Волков\"]\n\n1. e4 *")
	for _, body := range []string{
		"", " \r\n\t", "[Event \"x\"]\n", "\ufeff\n\n[White \"A\"]\n\n1. e4 *", "1. e4 e5 *", "e4 e5 Nf3", "*", "1-0\n", "1.\u00a0e4 *", "\u200b\n[\u200bWhite\u00a0\"A\"]",
		"% made by hand\n[White \"A\"]\n\n*", "; a comment\n1. e4 *", "{a comment} 1. e4 *", "{\"Quoted\" comment} 1. e4 *", "{no games yet}", "; none",
		"[ePGN \"0.1;DGT LiveChess/2.2.6\"]\n", "[ePGN \"0.1\"]\n[Event \"x\"]\n", `[White "A"][Black "B"] 1.e4 e5 2.Nf3 1-0`, "[ White  \"A\" ]\n\n*",
		"[White \"A\"]\n\n1. e4 {<html> {\"a\":1}} *", "[Remark \"x\"]\n\n1. e4 *", "[Remark \"x\"]\n\n*", "1. Sf3 Sf6 2. c4 *", "1. ♘f3 *",
		"[FEN \"8/8/8/8/8/8/8/K1k5 w - - 0 1\"]\n\n*", "[Variant \"Atomic\"]\n\n1. Nxf7 *", "[White \"Cut", "[White \"\"]\n[Black \"\"]\n",
		"<br />\n<b>Warning</b>: x on line <b>12</b><br />\n[White \"A\"]\n\n1. e4 *", "<pre>[White \"A\"]\n\n1. e4 *</pre>",
		utf16le, utf16be, koi8, "[White \"M\xfcller\"]\n\n1. e4 *", "[Event \"x\"]\n[White \"\x01\x02\x03\"]\n",
	} {
		for _, contentType := range []string{"", "text/plain", "text/html; charset=utf-8", "application/json"} {
			if err := Sniff([]byte(body), contentType); err != nil {
				t.Errorf("%.40q as %q: %v", body, contentType, err)
			}
		}
	}
}

// TestSniffIsQuick: however long a body is, its beginning decides.
func TestSniffIsQuick(t *testing.T) {
	for _, part := range []string{"lorem ipsum ", "\n[x", "[", "{ ", "<a ", "<!--", "e4 ", "\"a\": "} {
		body := []byte(strings.Repeat(part, maxSniffed/len(part)) + "\n[White \"A\"]\n\n1. e4 e5 *")
		if part == "{ " {
			body = append([]byte("x"), body...)
		}
		if Sniff(body, "") == nil && part != "e4 " {
			t.Errorf("%q again and again is taken for PGN", part)
		}
	}
}

// TestSniffTakesSamples: no real file is refused.
func TestSniffTakesSamples(t *testing.T) {
	for _, f := range wildFiles(t) {
		if err := Sniff(readFile(t, f), "text/html"); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// TestNoGameInASentence: words in front of the games and markup around them are no games.
func TestNoGameInASentence(t *testing.T) {
	for _, in := range []string{
		"<pre>[White \"A\"]\n\n1. e4 e5 *</pre>", "Warning: x on line 3\n\n[White \"A\"]\n\n1. e4 e5 *\n\nThe end.",
		"<br />\n<b>Warning</b>: fopen(x.pgn) in <b>/a.php</b> on line <b>12</b><br />\n[White \"A\"]\n\n1. e4 e5 *\n",
	} {
		games, errs := readAll(t, strings.NewReader(in))
		if len(games) != 1 || errs != nil || games[0].Tag("White") != "A" || sans(games[0]) != "e4 e5" || games[0].Number != 1 {
			t.Errorf("%q: %d games, %v", in, len(games), errs)
		}
	}
}

func FuzzSniff(f *testing.F) {
	for _, s := range []string{"{\"", "[1", "<a", "[a \"b\"]\n", "\xff\xfea\x00", "1. e4", "Error: x"} {
		f.Add([]byte(s), "text/plain; charset=shift_jis")
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		_ = Sniff(body, contentType)
		if bytes.ContainsAny(body[:min(len(body), 3)], "\xff\xfe\x00PRB7%{<") || len(contentType) > 0 {
			return
		}
		// Games behind anything but a page are found.
		if err := Sniff(append([]byte("[White \"A\"]\n\n1. e4 *\n\n"), body...), ""); err != nil {
			t.Fatal(err)
		}
	})
}
