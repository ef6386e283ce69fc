package pull

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"github.com/chessrelay/chessrelay/relay"
)

// boardCount is how many boards the round has.
func (r *testRound) boardCount() (n int) {
	r.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(rid)
		n = len(r.Games)
	})
	return n
}

// white is the name of White at a board.
func (r *testRound) white(board int) (name string) {
	r.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(rid)
		for _, id := range r.Games {
			if g, _ := b.Game(id); g.Board == board {
				name = g.White.Name
			}
		}
	})
	return name
}

func (p *sourceServer) setType(contentType string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.header = http.Header{"Content-Type": {contentType}}
}

// notPGNBodies are bodies that are no PGN, and their names in the error.
func notPGNBodies(t testing.TB) map[string]string {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write([]byte(game(1, "A", "1. e4 *"))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"Too many requests. Try again later.\n":                                                                   "plain text",
		"<br />\n<b>Warning</b>:  fopen(games.pgn): failed in <b>/x</b>":                                          "a script's error",
		`[{"id":1,"error":"not found"}]`:                                                                          "JSON",
		`{"error":"No such round"}`:                                                                               "JSON",
		`<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>`:                                              "XML",
		"<!DOCTYPE html><html><title>Log in</title>Log in":                                                        "a web page",
		"<html><head><title>Index of /live</title></head><body><a href=\"games.pgn\">games.pgn</a></body></html>": "a web page",
		"PK\x03\x04\x14\x00\x00\x00games.pgn":                                                                     "a zip archive",
		zipped.String():                                                                                           "gzip",
	}
}

// TestNotPGN polls bodies that are no PGN: before the first PGN, after a good one, and with other
// types. No board is opened, nothing recorded changes, and the status says what came. Then the
// source comes back.
func TestNotPGN(t *testing.T) {
	good := game(1, "A", "1. e4 e5 *") + game(2, "B", "1. d4 d5 1-0")
	for body, what := range notPGNBodies(t) {
		for _, contentType := range []string{"", "text/plain", "application/x-chess-pgn", "text/html; charset=utf-8"} {
			src := newSourceServer(t, body)
			src.setType(contentType)
			r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/games.pgn"})
			s := newPoller(t, r, "127.0.0.1")
			s.pollOnce(t.Context())
			want := "the source sends " + what + " instead of PGN"
			if st := s.currentStatus(); !strings.HasPrefix(st.LastError, want) || r.boardCount() != 0 {
				t.Fatalf("%q as %q: %q, %d boards", body, contentType, st.LastError, r.boardCount())
			}
			src.set(200, good)
			s.pollOnce(t.Context())
			at := r.applied()
			if st := s.currentStatus(); st.LastError != "" || r.line(1) != "e4 e5 *" || r.line(2) != "d4 d5 1-0" {
				t.Fatalf("PGN as %q: %+v, %q, %q", contentType, st, r.line(1), r.line(2))
			}
			src.set(200, body)
			s.pollOnce(t.Context())
			r.advance(2 * takebackDelay)
			s.pollOnce(t.Context())
			if st := s.currentStatus(); !strings.HasPrefix(st.LastError, want) || r.applied() != at || r.boardCount() != 2 {
				t.Fatalf("%q behind a PGN: %q, %d boards", body, st.LastError, r.boardCount())
			}
			src.set(200, good)
			s.pollOnce(t.Context())
			if st := s.currentStatus(); st.LastError != "" || r.applied() != at {
				t.Fatalf("the PGN again: %+v", st)
			}
		}
	}
}

// TestLenientType: PGN is taken whatever its type says.
func TestLenientType(t *testing.T) {
	for _, contentType := range []string{"text/html", "application/json", "application/octet-stream", "image/png", "rubbish;;", "text/plain; charset=no-such"} {
		src := newSourceServer(t, game(1, "A", "1. e4 *"))
		src.setType(contentType)
		r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
		s := newPoller(t, r, "127.0.0.1")
		s.pollOnce(t.Context())
		if r.line(1) != "e4 *" {
			t.Errorf("PGN as %s: %+v", contentType, s.currentStatus())
		}
	}
}

// TestSourceWithoutGames: an empty source is no fault, since a file is empty before the round.
func TestSourceWithoutGames(t *testing.T) {
	for _, body := range []string{"", "\n \n", "\ufeff"} {
		src := newSourceServer(t, body)
		r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
		s := newPoller(t, r, "127.0.0.1")
		s.pollOnce(t.Context())
		if st := s.currentStatus(); st.LastError != "" || r.boardCount() != 0 || len(st.Problems) != 1 || st.Problems[0] != "the source has no games" {
			t.Errorf("%q: %+v, %d boards", body, st, r.boardCount())
		}
	}
}

// TestCharset: the header's charset counts first, then the mark, then UTF-8, then Latin-1.
func TestCharset(t *testing.T) {
	const cyrillic, western = "Спасский", "Weiß, Jürgen"
	encoded := func(c *charmap.Charmap, name string) string {
		out, err := c.NewEncoder().String(game(1, name, "1. e4 *"))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, tt := range []struct{ name, body, contentType, want string }{
		{"windows-1251", encoded(charmap.Windows1251, cyrillic), "text/plain; charset=windows-1251", cyrillic},
		{"in quotes and capitals", encoded(charmap.Windows1251, cyrillic), `application/x-chess-pgn; Charset="Windows-1251"`, cyrillic},
		{"KOI8-R", encoded(charmap.KOI8R, cyrillic), "text/plain;charset=koi8-r", cyrillic},
		{"UTF-8", game(1, cyrillic, "1. e4 *"), "text/plain; charset=utf-8", cyrillic},
		{"a mark", "\ufeff" + game(1, cyrillic, "1. e4 *"), "text/plain", cyrillic},
		{"no charset, UTF-8", game(1, western, "1. e4 *"), "text/plain", western},
		{"no charset, Latin-1", encoded(charmap.ISO8859_1, western), "text/plain", western},
		{"no type, Latin-1", encoded(charmap.ISO8859_1, western), "", western},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := newSourceServer(t, tt.body)
			src.setType(tt.contentType)
			r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
			s := newPoller(t, r, "127.0.0.1")
			s.pollOnce(t.Context())
			if r.white(1) != tt.want {
				t.Errorf("White is %q, not %q; %+v", r.white(1), tt.want, s.currentStatus())
			}
		})
	}
	// The header is put right while the bytes stay.
	src := newSourceServer(t, encoded(charmap.Windows1251, cyrillic))
	src.setType("text/plain")
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
	s := newPoller(t, r, "127.0.0.1")
	s.pollOnce(t.Context())
	src.setType("text/plain; charset=windows-1251")
	s.source.(*pgnSource).validators = validators{} // as of a server without ETags
	s.pollOnce(t.Context())
	if r.white(1) != cyrillic {
		t.Errorf("White is %q, not %q", r.white(1), cyrillic)
	}
}
