package pull

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tid = "tournam1"
	rid = "round001"
)

// hall is the boards of one node: a state machine without a log.
type hall struct {
	t     testing.TB
	leads atomic.Bool

	mu    sync.Mutex
	state *relay.State // guarded by mu
	index uint64
	fail  error     // what Submit answers, if set
	time  time.Time // what the clock shows
}

func (h *hall) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.time
}

// advance puts the clock on.
func (h *hall) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.time = h.time.Add(d)
}

func newHall(t testing.TB, sources ...relay.Source) *hall {
	h := &hall{t: t, state: relay.NewState(), time: time.UnixMilli(1_795_419_368_331)}
	h.leads.Store(true)
	h.must(&relaypb.Command{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: tid, Name: "T"}}})
	h.must(&relaypb.Command{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: "other001", Tournament: tid, Name: "Round 1"}}})
	h.must(&relaypb.Command{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{
		Id: rid, Tournament: tid, Name: "Round 2", Shorten: true,
		Settings: &relaypb.RoundSettings{Sources: sourceList(sources...)},
	}}})
	return h
}

// sourceList names the sources s1, s2 and so on.
func sourceList(sources ...relay.Source) *relaypb.Sources {
	out := &relaypb.Sources{}
	for i, s := range sources {
		out.List = append(out.List, &relaypb.Source{
			Id: fmt.Sprintf("s%d", i+1), Kind: string(s.Kind), Url: s.URL, Round: int32(s.Round), IntervalSeconds: int32(s.IntervalSeconds),
			OnlyRound: int32(s.OnlyRound), Slices: s.Slices, BoardOffset: int32(s.BoardOffset), SilentSeconds: int32(s.SilentSeconds),
		})
	}
	return out
}

func (h *hall) Read(f func(uint64, *relay.State)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(h.index, h.state)
}

func (h *hall) submit(_ context.Context, commands ...*relaypb.Command) (out []relay.Outcome, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		return nil, h.fail
	}
	for _, c := range commands {
		if c.At == 0 {
			c.At = h.time.UnixMilli()
		}
		data, err := relay.EncodeCommand(c)
		if err != nil {
			return nil, err
		}
		h.index++
		out = append(out, h.state.Apply(h.index, 1, data))
	}
	return out, nil
}

func (h *hall) must(c *relaypb.Command) {
	h.t.Helper()
	if c.Request == "" {
		c.Request = fmt.Sprintf("req-%d", h.index)
	}
	out, err := h.submit(h.t.Context(), c)
	if err != nil || out[0].Err != nil {
		h.t.Fatal(err, out)
	}
}

func (h *hall) setFail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail = err
}

// line is the moves and the result at a board of the round, "" if there is no game.
func (h *hall) line(board int) (line string) {
	h.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(rid)
		for _, id := range r.Games {
			if g, _ := b.Game(id); g.Board == board {
				for _, m := range g.Moves() {
					line += m.SAN + " "
				}
				line += string(g.Result)
			}
		}
	})
	return line
}

// removed are the moves of the round that were taken back.
func (h *hall) removed() (out []string) {
	h.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(rid)
		for _, id := range r.Games {
			g, _ := b.Game(id)
			for _, c := range g.Changes {
				for _, m := range c.Removed {
					out = append(out, m.SAN)
				}
			}
		}
	})
	return out
}

func (h *hall) applied() (index uint64) {
	h.Read(func(i uint64, _ *relay.State) { index = i })
	return index
}

func (h *hall) config(allow string) Config {
	a, err := ParseAllow(allow)
	if err != nil {
		h.t.Fatal(err)
	}
	return Config{
		Leads: h.leads.Load, Boards: h, Submit: h.submit, Allow: a,
		Sync: func(context.Context) error { return nil },
	}
}

// newPoll is a poll of the round's first source that the test takes the steps of.
func newPoll(t testing.TB, h *hall, allow string) *poll { return newPolls(t, h, allow)[0] }

// newPolls are the polls of all sources of the round.
func newPolls(t testing.TB, h *hall, allow string) []*poll {
	cfg := h.config(allow)
	cfg.Now = h.now
	p := &Puller{cfg: cfg, log: newDiscard(), fetch: newFetcher(mustAllow(t, allow)), slots: make(chan struct{}, 1)}
	t.Cleanup(p.fetch.close)
	targets := p.targets()[rid]
	if len(targets) == 0 {
		t.Fatal("the round has no source")
	}
	return newRound(p, rid, targets).sources
}

func mustAllow(t testing.TB, s string) Allow {
	a, err := ParseAllow(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// page is a source: a document that changes, at one address.
type page struct {
	*httptest.Server
	mu       sync.Mutex
	body     string
	status   int
	header   http.Header
	requests []*http.Request
}

func newPage(t testing.TB, body string) *page {
	p := &page{body: body, status: 200, header: http.Header{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.requests = append(p.requests, r)
		for name, v := range p.header {
			w.Header()[name] = v
		}
		etag := fmt.Sprintf(`"%x"`, len(p.body))
		if p.status == 200 {
			w.Header().Set("ETag", etag)
			if r.Header.Get("If-None-Match") == etag {
				w.WriteHeader(304)
				return
			}
		}
		w.WriteHeader(p.status)
		_, _ = w.Write([]byte(p.body))
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *page) set(status int, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.body = status, body
}

func (p *page) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.requests)
}

func game(board int, white, moves string) string {
	return fmt.Sprintf("[Event \"Open\"]\n[Round \"2.%d\"]\n[White \"%s\"]\n[Black \"Other %d\"]\n\n%s\n\n\n", board, white, board, moves)
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestPGN follows a PGN that grows, and wants nothing to happen while it stays as it is.
func TestPGN(t *testing.T) {
	src := newPage(t, game(1, "A", "1. e4 {[%clk 1:30:00]} *")+game(2, "B", "1. d4 d5 *"))
	h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/round.pgn"})
	s := newPoll(t, h, "127.0.0.1")
	if pause := s.once(t.Context()); pause != 5*time.Second {
		t.Errorf("the pause is %s", pause)
	}
	if a, b := h.line(1), h.line(2); a != "e4 *" || b != "d4 d5 *" {
		t.Fatalf("boards: %q, %q; %+v", a, b, s.tell())
	}
	at := h.applied()
	s.once(t.Context())
	s.once(t.Context())
	if st := s.tell(); st.Unchanged != 2 || st.Bytes != uint64(len(src.body)) || st.Polls != 3 || st.Games != 2 || h.applied() != at {
		t.Errorf("a source that stays: %+v, and %d entries", st, h.applied()-at)
	}
	src.set(200, game(1, "A", "1. e4 e5 2. Nf3 *")+game(2, "B", "1. d4 d5 2. c4 1/2-1/2"))
	s.once(t.Context())
	if a, b := h.line(1), h.line(2); a != "e4 e5 Nf3 *" || b != "d4 d5 c4 1/2-1/2" {
		t.Errorf("boards: %q, %q", a, b)
	}
	// A correction counts at once.
	src.set(200, game(1, "A", "1. e4 c5 2. Nf3 Nc6 *")+game(2, "B", "1. d4 d5 2. c4 1/2-1/2"))
	s.once(t.Context())
	if a := h.line(1); a != "e4 c5 Nf3 Nc6 *" {
		t.Errorf("the correction: %q", a)
	}
	if st := s.tell(); st.LastError != "" || st.Problems != nil || st.LastChange == 0 {
		t.Errorf("%+v", st)
	}
}

// TestNoETag wants a source without ETags to cost no commands either.
func TestNoETag(t *testing.T) {
	src := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(game(1, "A", "1. e4 *")))
	}))
	defer src.Close()
	h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL})
	s := newPoll(t, h, "127.0.0.0/8")
	s.once(t.Context())
	at := h.applied()
	s.once(t.Context())
	if st := s.tell(); st.Unchanged != 1 || h.applied() != at {
		t.Errorf("%+v, and %d entries", st, h.applied()-at)
	}
}

// TestTruncated shows a source that is half written, in all the ways there are, and wants the boards to stay. What it
// goes on to show for half a minute counts, but not a text that ends in the middle.
func TestTruncated(t *testing.T) {
	first := game(1, "A", "1. e4 e5 2. Nf3 {[%clk 1:29:00]} Nc6 {[%clk 1:28:00]} *")
	whole := first + game(2, "B", "1. d4 d5 2. Nc3 Nc6 3. Be3 Be6 4. Qd2 {[%clk 1:21:30]} Qd7 {[%clk 1:21:20]} 5. O-O-O {[%clk 1:20:30]} 1-0")
	src := newPage(t, whole)
	h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL})
	s := newPoll(t, h, "127.0.0.1")
	s.once(t.Context())
	const played = "d4 d5 Nc3 Nc6 Be3 Be6 Qd2 Qd7 O-O-O 1-0"
	at := h.applied()
	for cut := range len(whole) {
		src.set(200, whole[:cut])
		s.once(t.Context())
		if a, b := h.line(1), h.line(2); a != "e4 e5 Nf3 Nc6 *" || b != played {
			t.Fatalf("cut at %d: %q, %q", cut, a, b)
		}
	}
	if h.applied() != at {
		t.Errorf("half a source made %d entries", h.applied()-at)
	}
	// And so while it comes for the first time: what is there is played in order, and on no other boards.
	fresh := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL})
	f := newPoll(t, fresh, "127.0.0.1")
	before := 0 // until the first clock nobody can know that there are any
	for cut := range len(whole) {
		if cut == len(first) {
			before = len(fresh.removed())
		}
		src.set(200, whole[:cut])
		f.once(t.Context())
		if a, b := fresh.line(1), fresh.line(2); !strings.HasPrefix("e4 e5 Nf3 Nc6 *", strings.TrimSuffix(a, "*")) ||
			!strings.HasPrefix(played, strings.TrimSuffix(b, "*")) || fresh.line(3) != "" || cut > len(first) && len(fresh.removed()) > before {
			t.Fatalf("cut at %d, for the first time: %q, %q, %q", cut, a, b, fresh.removed())
		}
	}
	src.mu.Lock()
	src.header = http.Header{"Content-Length": {"5000"}}
	src.mu.Unlock()
	src.set(200, game(1, "A", "1. d4 *")+"x")
	s.once(t.Context())
	if st := s.tell(); h.line(1) != "e4 e5 Nf3 Nc6 *" || !strings.Contains(st.LastError, "broke off") {
		t.Errorf("a broken answer: %q, %+v", h.line(1), st)
	}
	src.mu.Lock()
	src.header = http.Header{}
	src.mu.Unlock()

	shorter := game(1, "A", "1. e4 e5 *") + game(2, "B", "1. d4 d5")
	src.set(200, shorter)
	s.once(t.Context())
	if st := s.tell(); st.Kept != 9 || h.line(1) != "e4 e5 Nf3 Nc6 *" || s.when().IsZero() {
		t.Errorf("just shorter: %q, %+v", h.line(1), st)
	}
	h.advance(patience - time.Second)
	s.once(t.Context())
	if h.line(1) != "e4 e5 Nf3 Nc6 *" {
		t.Errorf("taken back too early: %q", h.line(1))
	}
	h.advance(2 * time.Second)
	s.once(t.Context()) // the source answers 304, and yet
	if a, b := h.line(1), h.line(2); a != "e4 e5 *" || b != played {
		t.Errorf("shorter for long: %q, %q", a, b)
	}
}

// TestErrors wants errors to be told in words, pauses to grow, and the source to be taken up again.
func TestErrors(t *testing.T) {
	src := newPage(t, "no")
	h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL, IntervalSeconds: 1})
	s := newPoll(t, h, "127.0.0.1")
	src.set(503, "no")
	last, first := time.Duration(0), relay.Millis(0)
	for i := range 8 {
		pause := s.once(t.Context())
		if st := s.tell(); i == 0 {
			first = st.LastPoll
		} else if st.FailingSince != first {
			t.Errorf("poll %d: it has failed since %d, and not since %d", i, st.FailingSince, first)
		}
		h.advance(pause)
		if want := min(time.Second<<(i+1), maxBackoff); pause < want/2 || pause > want || pause < time.Second {
			t.Errorf("pause %d is %s, and should be from half of %s to all", i, pause, want)
		}
		last = pause
	}
	if st := s.tell(); st.LastError != "the source answers 503 Service Unavailable" || st.Errors != 8 || last < 30*time.Second {
		t.Errorf("%+v, %s", st, last)
	}
	src.mu.Lock()
	src.header = http.Header{"Retry-After": {"120"}}
	src.mu.Unlock()
	if pause := s.once(t.Context()); pause != 2*time.Minute {
		t.Errorf("a source that asks for two minutes gets %s", pause)
	}
	src.set(200, "<!DOCTYPE html><html>Log in")
	s.once(t.Context())
	if st := s.tell(); !strings.Contains(st.LastError, "web page") {
		t.Errorf("%+v", st)
	}
	src.set(200, strings.Repeat("x", MaxBytes+1))
	s.once(t.Context())
	if st := s.tell(); st.LastError != errTooMuch.Error() {
		t.Errorf("%+v", st)
	}
	src.set(200, game(1, "A", "1. e4 e5 2. Ke2 Ke7 3. Qxh8 *")+game(2, "B", "1. d4 *"))
	if pause := s.once(t.Context()); pause != time.Second {
		t.Errorf("back again, the pause is %s", pause)
	}
	if st := s.tell(); st.LastError != "" || st.FailingSince != 0 || len(st.Problems) != 1 || !strings.Contains(st.Problems[0], "Qxh8") || h.line(2) != "d4 *" {
		t.Errorf("one bad game: %+v, %q", st, h.line(2))
	}

	// What cannot be recorded is recorded later, though the source shows nothing new.
	h.setFail(errors.New("no leader"))
	src.set(200, game(1, "A", "1. e4 *")+game(2, "B", "1. d4 d5 *"))
	s.once(t.Context())
	if st := s.tell(); !strings.Contains(st.LastError, "no leader") {
		t.Errorf("%+v", st)
	}
	h.setFail(nil)
	s.once(t.Context())
	if st := s.tell(); h.line(2) != "d4 d5 *" || st.LastError != "" {
		t.Errorf("%q, %+v", h.line(2), st)
	}
	src.Close()
	s.once(t.Context())
	if st := s.tell(); !strings.Contains(st.LastError, "refused") {
		t.Errorf("%+v", st)
	}
}

// TestLeadership wants one of two nodes to poll at any time, the one that leads, and a source that is taken away or
// changed to be let go.
func TestLeadership(t *testing.T) {
	src := newPage(t, game(1, "A", "1. e4 *"))
	h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL, IntervalSeconds: 1})
	var second atomic.Bool
	other := h.config("127.0.0.1")
	other.Leads = second.Load
	a, b := Open(h.config("127.0.0.1")), Open(other)
	defer a.Close()
	defer b.Close()
	polls := func(p *Puller) bool { _, ok := p.Status(rid); return ok }
	eventually(t, "the leader to poll", func() bool { return h.line(1) == "e4 *" })
	if polls(b) || b.Stats().Polls > 0 {
		t.Error("the follower polls")
	}
	h.leads.Store(false)
	eventually(t, "the old leader to stop", func() bool { return !polls(a) })
	n := a.Stats().Polls
	second.Store(true)
	src.set(200, game(1, "A", "1. e4 e5 *"))
	eventually(t, "the new leader to poll", func() bool { return h.line(1) == "e4 e5 *" })
	if a.Stats().Polls != n {
		t.Error("the old leader still polls")
	}
	h.must(&relaypb.Command{Op: &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{Round: rid, Settings: &relaypb.RoundSettings{
		Sources: &relaypb.Sources{List: []*relaypb.Source{{Id: "s1", Kind: "pgn", Url: src.URL + "/other", IntervalSeconds: 1}}},
	}}}})
	eventually(t, "the other address to be asked", func() bool {
		src.mu.Lock()
		defer src.mu.Unlock()
		return src.requests[len(src.requests)-1].URL.Path == "/other"
	})
	h.must(&relaypb.Command{Op: &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{Round: rid, Settings: &relaypb.RoundSettings{Sources: new(relaypb.Sources)}}}})
	eventually(t, "the source to be let go", func() bool { return !polls(b) && b.Stats().Sources == 0 })
}

// TestCloud follows a LiveChess Cloud.
func TestCloud(t *testing.T) {
	const index = `{"date":"2026-11-23","pairings":[
		{"white":{"fname":"Magnus","lname":"Carlsen","fideid":1503014},"black":{"lname":"Kramnik"},"result":"%s","live":%v},
		{"white":null,"black":null,"result":"*","live":false},
		{"white":{"lname":"C"},"black":{"lname":"D"},"result":"*","live":true}]}`
	var mu sync.Mutex
	docs := map[string]string{
		"index.json":  fmt.Sprintf(index, "*", true),
		"game-1.json": `{"live":true,"chess960":518,"result":null,"moves":["e4 5400+3","e5 5390"]}`,
	}
	asked := map[string]int{}
	const base = "/x/get/00b986b4-9d0e-87cf-8000-4c92714efbce"
	src := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		name, ok := strings.CutPrefix(r.URL.Path, base+"/round-2/")
		asked[name]++
		if docs[name] == "500" {
			w.WriteHeader(500)
			return
		}
		if !ok || docs[name] == "" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Last-Modified", fmt.Sprint(len(docs[name])))
		if r.Header.Get("If-Modified-Since") == fmt.Sprint(len(docs[name])) {
			w.WriteHeader(304)
			return
		}
		_, _ = w.Write([]byte(docs[name]))
	}))
	defer src.Close()
	set := func(name, doc string) {
		mu.Lock()
		defer mu.Unlock()
		docs[name] = doc
	}
	h := newHall(t, relay.Source{Kind: relay.SourceLCC, URL: src.URL + base}) // the second round, as it is here
	s := newPoll(t, h, "127.0.0.1")
	s.once(t.Context())
	if a, b, c := h.line(1), h.line(2), h.line(3); a != "e4 e5 *" || b != "" || c != "*" {
		t.Fatalf("%q, %q, %q; %+v", a, b, c, s.tell())
	}
	s.once(t.Context())
	if st := s.tell(); st.Unchanged != 1 || st.Games != 2 {
		t.Errorf("%+v", st)
	}
	set("game-3.json", `{"live":true,"chess960":518,"moves":["d4 5000"]}`)
	set("game-1.json", `{"live":true,"chess960":518,"moves":["e4 5400+3","e5 5390","Nf3"]}`)
	s.once(t.Context())
	if a, c := h.line(1), h.line(3); a != "e4 e5 Nf3 *" || c != "d4 *" {
		t.Errorf("%q, %q", a, c)
	}
	// One that does not come leaves the others alone.
	set("game-3.json", "500")
	set("game-1.json", `{"live":false,"chess960":518,"result":"WHITEWIN","moves":["e4 5400+3","e5 5390","Nf3","Nf6"]}`)
	set("index.json", fmt.Sprintf(index, "1-0", false))
	s.once(t.Context())
	if st := s.tell(); h.line(1) != "e4 e5 Nf3 Nf6 1-0" || h.line(3) != "d4 *" || len(st.Problems) != 1 || !strings.Contains(st.Problems[0], "board 3: the source answers 500") {
		t.Errorf("%q, %q, %+v", h.line(1), h.line(3), st)
	}
	set("game-3.json", `{"live":true,"chess960":518,"moves":["d4 5000","Nf6"]}`)
	mu.Lock()
	n := asked["game-1.json"]
	mu.Unlock()
	s.once(t.Context())
	if st := s.tell(); h.line(3) != "d4 Nf6 *" || st.Problems != nil {
		t.Errorf("%q, %+v", h.line(3), st)
	}
	mu.Lock()
	if asked["game-1.json"] != n || asked["game-2.json"] != 0 {
		t.Errorf("a game that is over, and a board without one, were asked for: %v", asked)
	}
	mu.Unlock()
	var clock relay.Clock
	h.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(rid)
		g, _ := b.Game(r.Games[0])
		clock = g.Clock()
	})
	if clock != (relay.Clock{White: 5400_000, Black: 5390_000}) {
		t.Errorf("the clocks are %+v", clock)
	}
	// What came while the rest failed is not lost.
	set("index.json", strings.Replace(fmt.Sprintf(index, "1-0", false), `"result":"*","live":true`, `"result":"1/2-1/2","live":true`, 1))
	was := docs["game-3.json"]
	set("game-3.json", "500")
	s.once(t.Context())
	if st := s.tell(); !strings.Contains(st.LastError, "500") || h.line(3) != "d4 Nf6 *" {
		t.Errorf("%q, %+v", h.line(3), st)
	}
	set("game-3.json", was)
	s.once(t.Context())
	if h.line(3) != "d4 Nf6 1/2-1/2" {
		t.Errorf("%q, %+v", h.line(3), s.tell())
	}
	// A game that is over is looked after now and then.
	set("game-1.json", `{"live":false,"chess960":518,"result":"WHITEWIN","moves":["e4 5400+3","e5 5390","Nf3","Nc6 5"]}`)
	for range overEvery {
		s.once(t.Context())
	}
	if h.line(1) != "e4 e5 Nf3 Nc6 1-0" {
		t.Errorf("%q, %+v", h.line(1), s.tell())
	}
	set("index.json", "{")
	s.once(t.Context())
	if st := s.tell(); !strings.Contains(st.LastError, "index.json") {
		t.Errorf("%+v", st)
	}
}

// TestLookup follows the address of a tournament's page.
func TestLookup(t *testing.T) {
	const uuid = "00b986b4-9d0e-87cf-8000-4c92714efbce"
	src := newPage(t, `{"host":"evil.example","format":1}`)
	h := newHall(t, relay.Source{Kind: relay.SourceLCC, URL: "https://view.livechesscloud.com/#" + uuid})
	s := newPoll(t, h, "127.0.0.1")
	s.lookup = src.URL + "/meta/"
	s.once(t.Context())
	if st := s.tell(); !strings.Contains(st.LastError, "names none of its own") || src.requests[0].URL.Path != "/meta/"+uuid {
		t.Errorf("%+v", st)
	}
	src.set(200, `{"host":"7.pool.livechesscloud.com","format":1}`)
	c := s.source.(*cloud)
	var b budget
	b.left.Store(MaxBytes)
	if err := c.find(t.Context(), s.fetch, &b); err != nil || c.base != "https://7.pool.livechesscloud.com/get/"+uuid {
		t.Errorf("%v, %q", err, c.base)
	}
}
