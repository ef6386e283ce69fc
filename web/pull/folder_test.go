package pull

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// folder is a web server with files that change.
type folder struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string]string // by path
	asked map[string]int
}

func newFolderServer(t testing.TB, files map[string]string) *folder {
	f := &folder{files: files, asked: map[string]int{}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.asked[r.URL.Path]++
		if body, ok := f.files[r.URL.Path]; ok {
			_, _ = w.Write([]byte(body))
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *folder) set(path, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[path] = body
}

const folderIndex = `{"date":"2026-11-23","pairings":[
	{"white":{"fname":"Ann","lname":"Lake"},"black":{"lname":"Hill"},"result":"*","live":true},
	{"white":{"lname":"Moor"},"black":{"lname":"Bird"},"result":"1/2-1/2","live":false},
	{"white":{},"black":{},"result":"*"}]}`

// TestFolder polls a folder that LiveChess writes, by each of the addresses that people copy.
func TestFolder(t *testing.T) {
	const listing = `<html><head><title>Index of /live/</title></head><body><a href="index.json">index.json</a></body></html>`
	for _, at := range []string{"/live/index.json", "/live/", "/live/index.html"} {
		src := newFolderServer(t, map[string]string{
			"/live/index.json":  folderIndex,
			"/live/game-1.json": `{"live":true,"moves":["e4 5400+3","e5"],"result":null}`,
			"/live/index.html":  listing,
			"/live/":            listing,
		})
		source := relay.Source{URL: src.URL + at}
		if err := Check(&source); err != nil {
			t.Fatal(err)
		}
		r := newTestRound(t, source)
		s := newPoller(t, r, "127.0.0.1")
		s.pollOnce(t.Context())
		if r.line(1) != "e4 e5 *" || r.line(2) != "1/2-1/2" || r.boardCount() != 2 || r.white(1) != "Lake, Ann" {
			t.Errorf("%s: %q, %q, %d boards, %+v", at, r.line(1), r.line(2), r.boardCount(), s.currentStatus())
		}
		index := src.asked["/live/"] + src.asked["/live/index.html"]
		src.set("/live/game-1.json", `{"live":true,"moves":["e4 5400+3","e5","Nf3"],"result":null}`)
		s.pollOnce(t.Context())
		if r.line(1) != "e4 e5 Nf3 *" {
			t.Errorf("%s: %q, %+v", at, r.line(1), s.currentStatus())
		}
		if n := src.asked["/live/"] + src.asked["/live/index.html"]; n != index {
			t.Errorf("%s: the page was asked for again", at)
		}
		// Another document changes nothing, and the error names it.
		applied := r.applied()
		for body, want := range map[string]string{
			`{"error":"not found"}`: "it has no pairings", `[]`: "cannot be read", "Too many requests. Try again later.": "sends plain text instead of the round's index.json",
			listing: "sends a web page instead of the round's index.json", "": "cannot be read",
		} {
			src.set("/live/index.json", body)
			s.pollOnce(t.Context())
			if st := s.currentStatus(); !strings.Contains(st.LastError, want) || r.applied() != applied {
				t.Errorf("%s: an index %q: %+v", at, body, st)
			}
		}
		src.set("/live/index.json", folderIndex)
		src.set("/live/game-1.json", `{"error":"gone"}`)
		s.pollOnce(t.Context())
		r.advance(2 * takebackDelay)
		s.pollOnce(t.Context())
		if st := s.currentStatus(); len(st.Problems) != 1 || !strings.Contains(st.Problems[0], "board 1: its game.json cannot be read: it has no moves") || r.applied() != applied {
			t.Errorf("%s: a game: %+v", at, st)
		}
	}
}

// TestLiveClock: clocks are taken from a game's live clock even if no move comes. The same clock
// again is no news.
func TestLiveClock(t *testing.T) {
	doc := func(white, black int, at time.Time) string {
		return fmt.Sprintf(`{"live":true,"moves":["e4 5400+3","e5 5390+9"],"clock":{"white":%d,"black":%d,"run":true,"time":%d}}`, white, black, at.UnixMilli())
	}
	src := newFolderServer(t, map[string]string{"/index.json": folderIndex})
	r := newTestRound(t, relay.Source{Kind: relay.SourceFolder, URL: src.URL + "/"})
	src.set("/game-1.json", doc(5380, 5390, r.now()))
	s := newPoller(t, r, "127.0.0.1")
	clock := func() (c relay.LiveClock, at relay.Millis) {
		r.Read(func(_ uint64, b *relay.State) {
			r, _ := b.Round(rid)
			g, _ := b.Game(r.Games[0])
			c, at = g.LiveClock(), g.ClockTime()
		})
		return c, at
	}
	s.pollOnce(t.Context())
	want := relay.LiveClock{Clock: relay.Clock{White: 5_380_000, Black: 5_390_000}, Running: "white"}
	if got, at := clock(); got != want || at != millis(r.now()) {
		t.Errorf("at first %+v at %d; %+v", got, at, s.currentStatus())
	}
	r.advance(20 * time.Second)
	src.set("/game-1.json", doc(5360, 5390, r.now()))
	s.pollOnce(t.Context())
	want.White = 5_360_000
	if got, at := clock(); got != want || at != millis(r.now()) {
		t.Errorf("20 seconds later %+v at %d; %+v", got, at, s.currentStatus())
	}
	// Another board changes, and with it all are compared.
	at := r.applied()
	src.set("/index.json", strings.Replace(folderIndex, `"1/2-1/2"`, `"1-0"`, 1))
	s.pollOnce(t.Context())
	if got := r.applied() - at; got != 1 || r.line(2) != "1-0" {
		t.Errorf("%d entries for a result; %q", got, r.line(2))
	}
}

// TestEmptyFolder: a folder without pairings is a folder all the same.
func TestEmptyFolder(t *testing.T) {
	src := newFolderServer(t, map[string]string{"/index.json": `{"pairings":[]}`})
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/"})
	s := newPoller(t, r, "127.0.0.1")
	s.pollOnce(t.Context())
	if s.currentStatus().State != "polled" {
		t.Errorf("%+v", s.currentStatus())
	}
}

// TestNoFolder: a page without an index beside it is a page.
func TestNoFolder(t *testing.T) {
	src := newFolderServer(t, map[string]string{"/": "<html><title>Our club</title></html>"})
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/"})
	s := newPoller(t, r, "127.0.0.1")
	s.pollOnce(t.Context())
	if st := s.currentStatus(); st.LastError != `the source sends a web page instead of PGN: "Our club"` || r.boardCount() != 0 {
		t.Errorf("%+v", st)
	}
	src.set("/", game(1, "A", "1. e4 *"))
	s.pollOnce(t.Context())
	if st := s.currentStatus(); st.LastError != "" || r.line(1) != "e4 *" {
		t.Errorf("%+v", st)
	}
}
