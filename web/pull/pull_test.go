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

// testRound is the boards of one node: a state machine without a log.
type testRound struct {
	t     testing.TB
	leads atomic.Bool

	mu    sync.Mutex
	state *relay.State // guarded by mu
	index uint64
	fail  error     // what Submit answers, if set
	time  time.Time // what the clock shows
}

func (r *testRound) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.time
}

// advance moves the clock on.
func (r *testRound) advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.time = r.time.Add(d)
}

func newTestRound(t testing.TB, sources ...relay.Source) *testRound {
	r := &testRound{t: t, state: relay.NewState(), time: time.UnixMilli(1_795_419_368_331)}
	r.leads.Store(true)
	r.must(&relaypb.Command{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: tid, Name: "T"}}})
	r.must(&relaypb.Command{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: "other001", Tournament: tid, Name: "Round 1"}}})
	r.must(&relaypb.Command{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{
		Id: rid, Tournament: tid, Name: "Round 2", Shorten: true,
		Settings: &relaypb.RoundSettings{Sources: sourceList(sources...)},
	}}})
	return r
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

func (r *testRound) Read(f func(uint64, *relay.State)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r.index, r.state)
}

func (r *testRound) submit(_ context.Context, commands ...*relaypb.Command) (out []relay.Outcome, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return nil, r.fail
	}
	for _, c := range commands {
		if c.At == 0 {
			c.At = r.time.UnixMilli()
		}
		data, err := relay.EncodeCommand(c)
		if err != nil {
			return nil, err
		}
		r.index++
		out = append(out, r.state.Apply(r.index, 1, data))
	}
	return out, nil
}

func (r *testRound) must(c *relaypb.Command) {
	r.t.Helper()
	if c.Request == "" {
		c.Request = fmt.Sprintf("req-%d", r.index)
	}
	out, err := r.submit(r.t.Context(), c)
	if err != nil || out[0].Err != nil {
		r.t.Fatal(err, out)
	}
}

func (r *testRound) setFail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

// line is the moves and the result at a board; "" if there is no game.
func (r *testRound) line(board int) (line string) {
	r.Read(func(_ uint64, b *relay.State) {
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
func (r *testRound) removed() (out []string) {
	r.Read(func(_ uint64, b *relay.State) {
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

func (r *testRound) applied() (index uint64) {
	r.Read(func(i uint64, _ *relay.State) { index = i })
	return index
}

func (r *testRound) config(allow string) Config {
	a, err := ParseAllow(allow)
	if err != nil {
		r.t.Fatal(err)
	}
	return Config{
		Leads: r.leads.Load, Boards: r, Submit: r.submit, Allow: a,
		Sync: func(context.Context) error { return nil },
	}
}

// newPoller is the poller of the round's first source. The test takes its steps.
func newPoller(t testing.TB, r *testRound, allow string) *poller { return newPollers(t, r, allow)[0] }

// newPollers are the pollers of all sources.
func newPollers(t testing.TB, r *testRound, allow string) []*poller {
	cfg := r.config(allow)
	cfg.Now = r.now
	p := &Puller{cfg: cfg, log: newDiscard(), fetch: newFetcher(mustAllow(t, allow)), slots: make(chan struct{}, 1)}
	t.Cleanup(p.fetch.close)
	targets := p.targets()[rid]
	if len(targets) == 0 {
		t.Fatal("the round has no source")
	}
	return newRoundPuller(p, rid, targets).sources
}

func mustAllow(t testing.TB, s string) Allow {
	a, err := ParseAllow(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// sourceServer is a source: a changing document at one address.
type sourceServer struct {
	*httptest.Server
	mu       sync.Mutex
	body     string
	status   int
	header   http.Header
	requests []*http.Request
}

func newSourceServer(t testing.TB, body string) *sourceServer {
	p := &sourceServer{body: body, status: 200, header: http.Header{}}
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

func (p *sourceServer) set(status int, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.body = status, body
}

func (p *sourceServer) count() int {
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
			t.Fatalf("timed out waiting for %s", what)
		}
	}
}

// TestPGN follows a PGN that grows. While it stays the same, nothing happens.
func TestPGN(t *testing.T) {
	src := newSourceServer(t, game(1, "A", "1. e4 {[%clk 1:30:00]} *")+game(2, "B", "1. d4 d5 *"))
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/round.pgn"})
	s := newPoller(t, r, "127.0.0.1")
	if pause := s.pollOnce(t.Context()); pause != 5*time.Second {
		t.Errorf("the pause is %s", pause)
	}
	if a, b := r.line(1), r.line(2); a != "e4 *" || b != "d4 d5 *" {
		t.Fatalf("boards: %q, %q; %+v", a, b, s.currentStatus())
	}
	at := r.applied()
	s.pollOnce(t.Context())
	s.pollOnce(t.Context())
	if st := s.currentStatus(); st.Unchanged != 2 || st.Bytes != uint64(len(src.body)) || st.Polls != 3 || st.Games != 2 || r.applied() != at {
		t.Errorf("a source that stays: %+v, and %d entries", st, r.applied()-at)
	}
	src.set(200, game(1, "A", "1. e4 e5 2. Nf3 *")+game(2, "B", "1. d4 d5 2. c4 1/2-1/2"))
	s.pollOnce(t.Context())
	if a, b := r.line(1), r.line(2); a != "e4 e5 Nf3 *" || b != "d4 d5 c4 1/2-1/2" {
		t.Errorf("boards: %q, %q", a, b)
	}
	// A correction counts at once.
	src.set(200, game(1, "A", "1. e4 c5 2. Nf3 Nc6 *")+game(2, "B", "1. d4 d5 2. c4 1/2-1/2"))
	s.pollOnce(t.Context())
	if a := r.line(1); a != "e4 c5 Nf3 Nc6 *" {
		t.Errorf("the correction: %q", a)
	}
	if st := s.currentStatus(); st.LastError != "" || st.Problems != nil || st.LastChange == 0 {
		t.Errorf("%+v", st)
	}
}

// TestNoETag: a source without ETags costs no commands either.
func TestNoETag(t *testing.T) {
	src := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(game(1, "A", "1. e4 *")))
	}))
	defer src.Close()
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL})
	s := newPoller(t, r, "127.0.0.0/8")
	s.pollOnce(t.Context())
	at := r.applied()
	s.pollOnce(t.Context())
	if st := s.currentStatus(); st.Unchanged != 1 || r.applied() != at {
		t.Errorf("%+v, and %d entries", st, r.applied()-at)
	}
}

// TestTruncated shows a half-written source in many forms, and the boards stay. A text that the
// source shows for half a minute counts, except one that ends in the middle.
func TestTruncated(t *testing.T) {
	first := game(1, "A", "1. e4 e5 2. Nf3 {[%clk 1:29:00]} Nc6 {[%clk 1:28:00]} *")
	whole := first + game(2, "B", "1. d4 d5 2. Nc3 Nc6 3. Be3 Be6 4. Qd2 {[%clk 1:21:30]} Qd7 {[%clk 1:21:20]} 5. O-O-O {[%clk 1:20:30]} 1-0")
	src := newSourceServer(t, whole)
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL})
	s := newPoller(t, r, "127.0.0.1")
	s.pollOnce(t.Context())
	const played = "d4 d5 Nc3 Nc6 Be3 Be6 Qd2 Qd7 O-O-O 1-0"
	at := r.applied()
	for cut := range len(whole) {
		src.set(200, whole[:cut])
		s.pollOnce(t.Context())
		if a, b := r.line(1), r.line(2); a != "e4 e5 Nf3 Nc6 *" || b != played {
			t.Fatalf("cut at %d: %q, %q", cut, a, b)
		}
	}
	if r.applied() != at {
		t.Errorf("half a source made %d entries", r.applied()-at)
	}
	// The same while the file comes for the first time: its moves are played in order, on its
	// boards.
	fresh := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL})
	f := newPoller(t, fresh, "127.0.0.1")
	before := 0 // until the first clock nobody can know that there are any
	for cut := range len(whole) {
		if cut == len(first) {
			before = len(fresh.removed())
		}
		src.set(200, whole[:cut])
		f.pollOnce(t.Context())
		if a, b := fresh.line(1), fresh.line(2); !strings.HasPrefix("e4 e5 Nf3 Nc6 *", strings.TrimSuffix(a, "*")) ||
			!strings.HasPrefix(played, strings.TrimSuffix(b, "*")) || fresh.line(3) != "" || cut > len(first) && len(fresh.removed()) > before {
			t.Fatalf("cut at %d, for the first time: %q, %q, %q", cut, a, b, fresh.removed())
		}
	}
	src.mu.Lock()
	src.header = http.Header{"Content-Length": {"5000"}}
	src.mu.Unlock()
	src.set(200, game(1, "A", "1. d4 *")+"x")
	s.pollOnce(t.Context())
	if st := s.currentStatus(); r.line(1) != "e4 e5 Nf3 Nc6 *" || !strings.Contains(st.LastError, "broke off") {
		t.Errorf("a broken answer: %q, %+v", r.line(1), st)
	}
	src.mu.Lock()
	src.header = http.Header{}
	src.mu.Unlock()

	shorter := game(1, "A", "1. e4 e5 *") + game(2, "B", "1. d4 d5")
	src.set(200, shorter)
	s.pollOnce(t.Context())
	if st := s.currentStatus(); st.Kept != 9 || r.line(1) != "e4 e5 Nf3 Nc6 *" || s.nextComparison().IsZero() {
		t.Errorf("just shorter: %q, %+v", r.line(1), st)
	}
	r.advance(takebackDelay - time.Second)
	s.pollOnce(t.Context())
	if r.line(1) != "e4 e5 Nf3 Nc6 *" {
		t.Errorf("taken back too early: %q", r.line(1))
	}
	r.advance(2 * time.Second)
	s.pollOnce(t.Context()) // the source answers 304, and yet
	if a, b := r.line(1), r.line(2); a != "e4 e5 *" || b != played {
		t.Errorf("shorter for long: %q, %q", a, b)
	}
}

// TestErrors: errors are told in words, pauses grow, and the source comes back.
func TestErrors(t *testing.T) {
	src := newSourceServer(t, "no")
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL, IntervalSeconds: 1})
	s := newPoller(t, r, "127.0.0.1")
	src.set(503, "no")
	last, first := time.Duration(0), relay.Millis(0)
	for i := range 8 {
		pause := s.pollOnce(t.Context())
		if st := s.currentStatus(); i == 0 {
			first = st.LastPoll
		} else if st.FailingSince != first {
			t.Errorf("poll %d: it has failed since %d, and not since %d", i, st.FailingSince, first)
		}
		r.advance(pause)
		if want := min(time.Second<<(i+1), maxBackoff); pause < want/2 || pause > want || pause < time.Second {
			t.Errorf("pause %d is %s, and should be from half of %s to all", i, pause, want)
		}
		last = pause
	}
	if st := s.currentStatus(); st.LastError != "the source answers 503 Service Unavailable" || st.Errors != 8 || last < 30*time.Second {
		t.Errorf("%+v, %s", st, last)
	}
	src.mu.Lock()
	src.header = http.Header{"Retry-After": {"120"}}
	src.mu.Unlock()
	if pause := s.pollOnce(t.Context()); pause != 2*time.Minute {
		t.Errorf("a source that asks for two minutes gets %s", pause)
	}
	src.set(200, "<!DOCTYPE html><html>Log in")
	s.pollOnce(t.Context())
	if st := s.currentStatus(); !strings.Contains(st.LastError, "web page") {
		t.Errorf("%+v", st)
	}
	src.set(200, strings.Repeat("x", MaxBytes+1))
	s.pollOnce(t.Context())
	if st := s.currentStatus(); st.LastError != errTooMuch.Error() {
		t.Errorf("%+v", st)
	}
	src.set(200, game(1, "A", "1. e4 e5 2. Ke2 Ke7 3. Qxh8 *")+game(2, "B", "1. d4 *"))
	if pause := s.pollOnce(t.Context()); pause != time.Second {
		t.Errorf("back again, the pause is %s", pause)
	}
	if st := s.currentStatus(); st.LastError != "" || st.FailingSince != 0 || len(st.Problems) != 1 || !strings.Contains(st.Problems[0], "Qxh8") || r.line(2) != "d4 *" {
		t.Errorf("one bad game: %+v, %q", st, r.line(2))
	}

	// A change that cannot be recorded is recorded later, even if the source shows nothing new.
	r.setFail(errors.New("no leader"))
	src.set(200, game(1, "A", "1. e4 *")+game(2, "B", "1. d4 d5 *"))
	s.pollOnce(t.Context())
	if st := s.currentStatus(); !strings.Contains(st.LastError, "no leader") {
		t.Errorf("%+v", st)
	}
	r.setFail(nil)
	s.pollOnce(t.Context())
	if st := s.currentStatus(); r.line(2) != "d4 d5 *" || st.LastError != "" {
		t.Errorf("%q, %+v", r.line(2), st)
	}
	src.Close()
	s.pollOnce(t.Context())
	if st := s.currentStatus(); !strings.Contains(st.LastError, "refused") {
		t.Errorf("%+v", st)
	}
}

// TestLeadership: one of two nodes polls at any time, the one that leads. A source that is removed
// or changed is no longer polled.
func TestLeadership(t *testing.T) {
	src := newSourceServer(t, game(1, "A", "1. e4 *"))
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL, IntervalSeconds: 1})
	var second atomic.Bool
	other := r.config("127.0.0.1")
	other.Leads = second.Load
	a, b := Open(r.config("127.0.0.1")), Open(other)
	defer a.Close()
	defer b.Close()
	polls := func(p *Puller) bool { _, ok := p.Status(rid); return ok }
	eventually(t, "the leader to poll", func() bool { return r.line(1) == "e4 *" })
	if polls(b) || b.Stats().Polls > 0 {
		t.Error("the follower polls")
	}
	r.leads.Store(false)
	eventually(t, "the old leader to stop", func() bool { return !polls(a) })
	n := a.Stats().Polls
	second.Store(true)
	src.set(200, game(1, "A", "1. e4 e5 *"))
	eventually(t, "the new leader to poll", func() bool { return r.line(1) == "e4 e5 *" })
	if a.Stats().Polls != n {
		t.Error("the old leader still polls")
	}
	r.must(&relaypb.Command{Op: &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{Round: rid, Settings: &relaypb.RoundSettings{
		Sources: &relaypb.Sources{List: []*relaypb.Source{{Id: "s1", Kind: "pgn", Url: src.URL + "/other", IntervalSeconds: 1}}},
	}}}})
	eventually(t, "the other address to be asked", func() bool {
		src.mu.Lock()
		defer src.mu.Unlock()
		return src.requests[len(src.requests)-1].URL.Path == "/other"
	})
	r.must(&relaypb.Command{Op: &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{Round: rid, Settings: &relaypb.RoundSettings{Sources: new(relaypb.Sources)}}}})
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
	// the second round, as it is here
	r := newTestRound(t, relay.Source{Kind: relay.SourceLCC, URL: src.URL + base})
	s := newPoller(t, r, "127.0.0.1")
	s.pollOnce(t.Context())
	if a, b, c := r.line(1), r.line(2), r.line(3); a != "e4 e5 *" || b != "" || c != "*" {
		t.Fatalf("%q, %q, %q; %+v", a, b, c, s.currentStatus())
	}
	s.pollOnce(t.Context())
	if st := s.currentStatus(); st.Unchanged != 1 || st.Games != 2 {
		t.Errorf("%+v", st)
	}
	set("game-3.json", `{"live":true,"chess960":518,"moves":["d4 5000"]}`)
	set("game-1.json", `{"live":true,"chess960":518,"moves":["e4 5400+3","e5 5390","Nf3"]}`)
	s.pollOnce(t.Context())
	if a, c := r.line(1), r.line(3); a != "e4 e5 Nf3 *" || c != "d4 *" {
		t.Errorf("%q, %q", a, c)
	}
	// One that does not come leaves the others alone.
	set("game-3.json", "500")
	set("game-1.json", `{"live":false,"chess960":518,"result":"WHITEWIN","moves":["e4 5400+3","e5 5390","Nf3","Nf6"]}`)
	set("index.json", fmt.Sprintf(index, "1-0", false))
	s.pollOnce(t.Context())
	if st := s.currentStatus(); r.line(1) != "e4 e5 Nf3 Nf6 1-0" || r.line(3) != "d4 *" || len(st.Problems) != 1 || !strings.Contains(st.Problems[0], "board 3: the source answers 500") {
		t.Errorf("%q, %q, %+v", r.line(1), r.line(3), st)
	}
	set("game-3.json", `{"live":true,"chess960":518,"moves":["d4 5000","Nf6"]}`)
	mu.Lock()
	n := asked["game-1.json"]
	mu.Unlock()
	s.pollOnce(t.Context())
	if st := s.currentStatus(); r.line(3) != "d4 Nf6 *" || st.Problems != nil {
		t.Errorf("%q, %+v", r.line(3), st)
	}
	mu.Lock()
	if asked["game-1.json"] != n || asked["game-2.json"] != 0 {
		t.Errorf("a game that is over, and a board without one, were asked for: %v", asked)
	}
	mu.Unlock()
	var clock relay.Clock
	r.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(rid)
		g, _ := b.Game(r.Games[0])
		clock = g.Clock()
	})
	if clock != (relay.Clock{White: 5400_000, Black: 5390_000}) {
		t.Errorf("the clocks are %+v", clock)
	}
	// A change that came while the rest failed is not lost.
	set("index.json", strings.Replace(fmt.Sprintf(index, "1-0", false), `"result":"*","live":true`, `"result":"1/2-1/2","live":true`, 1))
	was := docs["game-3.json"]
	set("game-3.json", "500")
	s.pollOnce(t.Context())
	if st := s.currentStatus(); !strings.Contains(st.LastError, "500") || r.line(3) != "d4 Nf6 *" {
		t.Errorf("%q, %+v", r.line(3), st)
	}
	set("game-3.json", was)
	s.pollOnce(t.Context())
	if r.line(3) != "d4 Nf6 1/2-1/2" {
		t.Errorf("%q, %+v", r.line(3), s.currentStatus())
	}
	// A game that is over is looked after now and then.
	set("game-1.json", `{"live":false,"chess960":518,"result":"WHITEWIN","moves":["e4 5400+3","e5 5390","Nf3","Nc6 5"]}`)
	for range overEvery {
		s.pollOnce(t.Context())
	}
	if r.line(1) != "e4 e5 Nf3 Nc6 1-0" {
		t.Errorf("%q, %+v", r.line(1), s.currentStatus())
	}
	set("index.json", "{")
	s.pollOnce(t.Context())
	if st := s.currentStatus(); !strings.Contains(st.LastError, "index.json") {
		t.Errorf("%+v", st)
	}
}

// TestLookup follows the address of a tournament's page.
func TestLookup(t *testing.T) {
	const uuid = "00b986b4-9d0e-87cf-8000-4c92714efbce"
	src := newSourceServer(t, `{"host":"evil.example","format":1}`)
	r := newTestRound(t, relay.Source{Kind: relay.SourceLCC, URL: "https://view.livechesscloud.com/#" + uuid})
	s := newPoller(t, r, "127.0.0.1")
	s.lookupURL = src.URL + "/meta/"
	s.pollOnce(t.Context())
	if st := s.currentStatus(); !strings.Contains(st.LastError, "names none of its own") || src.requests[0].URL.Path != "/meta/"+uuid {
		t.Errorf("%+v", st)
	}
	src.set(200, `{"host":"7.pool.livechesscloud.com","format":1}`)
	c := s.source.(*cloudSource)
	var b budget
	b.left.Store(MaxBytes)
	if err := c.findHost(t.Context(), s.fetch, &b); err != nil || c.base != "https://7.pool.livechesscloud.com/get/"+uuid {
		t.Errorf("%v, %q", err, c.base)
	}
}
