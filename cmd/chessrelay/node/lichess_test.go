package node_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/web/base"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/web"
)

const broadcasterAgent = "Lichess Broadcaster/0.8.0 os:linux as:anna"

// pushed is the answer to a push.
type pushed struct {
	Games []struct {
		Tags  map[string]string
		Moves *int
		Error string
	}
}

// pushPGN pushes as the broadcaster app does. The error is that of the connection.
func pushPGN(base, round, text, agent string) (out pushed, status int, err error) {
	req, err := http.NewRequest(http.MethodPost, base+"/api/broadcast/round/"+round+"/push", strings.NewReader(text))
	if err != nil {
		return out, 0, err
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Content-Type", "text/plain")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return out, 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode == http.StatusOK {
		err = json.Unmarshal(b, &out)
	}
	return out, res.StatusCode, err
}

// mustPush pushes and wants a 200.
func mustPush(t testing.TB, base, round, text string) pushed {
	t.Helper()
	out, status, err := pushPGN(base, round, text, "curl")
	if err != nil || status != http.StatusOK {
		t.Fatalf("push: %d, %v", status, err)
	}
	return out
}

// A broadcaster behaves like the app that organisers use. It watches a folder. When a file has
// changed, it pushes all games, joined by empty lines, to one node, without waiting for the push
// before. When the connection fails, it soon tries again. It treats an answer that is not 200 like
// a good one.
type broadcaster struct {
	t       *testing.T
	folder  string
	url     string
	round   string
	every   time.Duration
	pushes  sync.WaitGroup
	mu      sync.Mutex
	retries int
}

// run watches until stop is closed, and then until everything is pushed.
func (b *broadcaster) run(stop <-chan struct{}) {
	last := ""
	for stopping := false; ; {
		if text := b.read(); text != last {
			last = text
			b.pushes.Go(b.push)
		} else if stopping {
			b.pushes.Wait()
			return
		}
		select {
		case <-stop:
			stopping = true
		case <-time.After(b.every):
		}
	}
}

func (b *broadcaster) push() {
	for {
		_, status, err := pushPGN(b.url, b.round, b.read(), broadcasterAgent)
		if status != 0 {
			if status != http.StatusOK || err != nil {
				b.t.Errorf("the app was answered %d, %v, and has passed over it", status, err)
			}
			return
		}
		b.mu.Lock()
		b.retries++
		b.mu.Unlock()
		<-time.After(5 * b.every)
	}
}

func (b *broadcaster) read() string {
	files, err := filepath.Glob(filepath.Join(b.folder, "*.pgn"))
	if err != nil {
		b.t.Error(err)
	}
	slices.Sort(files)
	var games []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			b.t.Error(err)
		}
		games = append(games, string(text))
	}
	return strings.Join(games, "\n\n")
}

// TestBroadcasterApp has the app push a round whose files grow. One of them is corrected in the
// middle. Meanwhile the recorder, to which the app pushes, is killed and comes back. The round ends
// exactly like the files.
func TestBroadcasterApp(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	round, _ := nodetest.NewRound(t, c.Nodes[0].URL, 0)
	b := &broadcaster{t: t, folder: t.TempDir(), url: c.Nodes[0].URL, round: round, every: 20 * time.Millisecond}

	var games []*pgn.Game
	in := sampleReader(t)
	for {
		g, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		games = append(games, g)
	}
	write := func(plies int, wrong bool) (more bool) {
		for i, g := range games {
			part := *g
			if plies < len(g.Moves) {
				part.Moves, part.Result = g.Moves[:plies], relay.Ongoing
				more = true
			}
			if wrong && i == 0 && plies > 4 {
				part.Moves = append(slices.Clone(part.Moves[:4]), pgn.Move{SAN: "a3", Clock: relay.NoTime}, pgn.Move{SAN: "h6", Clock: relay.NoTime})
			}
			// Like careful software, it never leaves the file half written.
			name := filepath.Join(b.folder, fmt.Sprintf("game-%02d.pgn", i+1))
			if err := os.WriteFile(name+".new", []byte(sheetOf(&part)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(name+".new", name); err != nil {
				t.Fatal(err)
			}
		}
		return more
	}

	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); b.run(stop) }()
	down := make(chan struct{})
	for plies := 0; write(plies, plies > 20 && plies < 30); plies += 2 {
		if plies == 40 {
			go func() {
				defer close(down)
				c.Nodes[0].Kill()
				<-time.After(200 * time.Millisecond)
				c.Nodes[0].Start()
			}()
		}
		<-time.After(30 * time.Millisecond)
	}
	<-down
	close(stop)
	<-ended
	if b.retries == 0 {
		t.Error("the app never had to try again: the recorder was not missed")
	}
	c.WaitEqual()
	for _, n := range c.Nodes {
		wantGames(t, n, round, games)
	}
}

// sheetOf writes a game as it was read, clocks and all.
func sheetOf(g *pgn.Game) string {
	var b strings.Builder
	for _, tag := range g.Tags {
		value := tag.Value
		if tag.Name == "Result" {
			value = string(g.Result)
		}
		fmt.Fprintf(&b, "[%s \"%s\"]\n", tag.Name, value)
	}
	b.WriteString("\n")
	for i, m := range g.Moves {
		if i%2 == 0 {
			fmt.Fprintf(&b, "%d. ", i/2+1)
		}
		b.WriteString(m.SAN + " ")
		if m.Clock != relay.NoTime {
			fmt.Fprintf(&b, "{[%%clk %s]}\n", pgn.FormatClock(m.Clock))
		}
	}
	b.WriteString(string(g.Result) + "\n")
	return b.String()
}

// wantGames checks that the round has those games, in their order, with their moves, clocks,
// players and results.
func wantGames(t *testing.T, n *nodetest.Node, round string, games []*pgn.Game) {
	t.Helper()
	n.Boards.Read(func(_ uint64, s *relay.State) {
		r, _ := s.Round(relay.RoundID(round))
		if len(r.Games) != len(games) {
			t.Errorf("%s has %d boards of %d games", n.Config.Name, len(r.Games), len(games))
			return
		}
		for i, id := range r.Games {
			g, _ := s.Game(id)
			want, err := games[i].Play()
			if err != nil {
				t.Fatal(err)
			}
			if g.White.Name != games[i].Tag("White") || g.Black.Name != games[i].Tag("Black") || g.Result != want.Result || int(g.Ply()) != len(want.Moves) {
				t.Errorf("%s, board %d: %s-%s %s with %d moves", n.Config.Name, g.Board, g.White.Name, g.Black.Name, g.Result, g.Ply())
				continue
			}
			for j, m := range g.Moves() {
				clock := m.Clock.White
				if j%2 == 1 {
					clock = m.Clock.Black
				}
				if w := want.Moves[j]; m.SAN != w.SAN || w.Clock != relay.NoTime && w.Clock != clock {
					t.Errorf("%s, board %d, ply %d: %s %v, and not %v", n.Config.Name, g.Board, m.Ply, m.SAN, m.Clock, w)
					break
				}
			}
		}
	})
}

// TestPushesToAllNodes pushes a growing round to every node at the same time, so any push may be
// the last. Then the final PGN is pushed once more. The round has its moves, with one board a game.
func TestPushesToAllNodes(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	round, _ := nodetest.NewRound(t, c.Nodes[0].URL, 0)
	text := func(plies int) string {
		var b strings.Builder
		for g := range 5 {
			fmt.Fprintf(&b, "[White \"W%d\"]\n[Black \"B%d\"]\n\n", g, g)
			for i := range plies {
				b.WriteString([]string{"Nf3 ", "Nf6 ", "Ng1 ", "Ng8 "}[i%4])
			}
			b.WriteString("*\n\n")
		}
		return b.String()
	}
	var wg sync.WaitGroup
	for i, n := range c.Nodes {
		wg.Go(func() {
			for plies := i; plies < 40; plies += 2 {
				mustPush(t, n.URL, round, text(plies))
			}
		})
	}
	wg.Wait()
	for _, g := range mustPush(t, c.Nodes[1].URL, round, text(40)).Games {
		if g.Error != "" || g.Moves == nil || *g.Moves != 40 {
			t.Errorf("the answer is %+v", g)
		}
	}
	c.WaitEqual()
	var r struct{ Games []struct{ Board, Ply int } }
	nodetest.Get(t, c.Nodes[2].URL+"/api/rounds/"+round, &r)
	if len(r.Games) != 5 {
		t.Errorf("the boards are %+v", r.Games)
	}
}

// TestPushesKeepTheirOrder begins a push and holds its body back. A later push must wait for it,
// and be the one that counts.
func TestPushesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	round, _ := nodetest.NewRound(t, c.Nodes[0].URL, 0)
	text := func(move string) string { return "[White \"A\"]\n[Black \"B\"]\n\n1. " + move + " *\n" }
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.Nodes[0].URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/broadcast/round/%s/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", round, len(text("e4")))
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "100") { // the node wants its body, so the push has its place in the order
		t.Fatalf("%q, %v", line, err)
	}
	later := make(chan pushed, 1)
	go func() {
		defer close(later)
		out, _, err := pushPGN(c.Nodes[0].URL, round, text("d4"), "curl")
		if err != nil {
			t.Error(err)
		}
		later <- out
	}()
	select {
	case out := <-later:
		t.Fatalf("the later one was answered before the earlier one had come: %+v", out)
	case <-time.After(200 * time.Millisecond):
	}
	fmt.Fprint(conn, text("e4"))
	if out := <-later; len(out.Games) != 1 || *out.Games[0].Moves != 1 {
		t.Errorf("the answer is %+v", out)
	}
	c.Nodes[0].Boards.Read(func(_ uint64, s *relay.State) {
		r, _ := s.Round(relay.RoundID(round))
		g, _ := s.Game(r.Games[0])
		if m, _ := g.LastMove(); m.SAN != "d4" || len(g.Changes) != 1 {
			t.Errorf("the game stands at %s, corrected %d times", m.SAN, len(g.Changes))
		}
	})
}

// TestPushWithoutMajority wants a 503, except for the broadcaster app. The app's connection must
// end without an answer, so that it tries again.
func TestPushWithoutMajority(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 2)
	round, _ := nodetest.NewRound(t, c.Nodes[0].URL, 0)
	c.WaitEqual()
	c.Nodes[1].Kill()
	nodetest.Eventually(t, "the recorder to know it", func() bool { return c.Nodes[0].Raft.Leader() == 0 })
	text := "[White \"A\"]\n[Black \"B\"]\n\n1. e4 *\n"
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, status, err := pushPGN(c.Nodes[0].URL, round, text, "python-requests"); status != http.StatusServiceUnavailable {
			t.Errorf("the answer is %d, %v", status, err)
		}
	})
	wg.Go(func() {
		if _, status, err := pushPGN(c.Nodes[0].URL, round, text, broadcasterAgent); err == nil || status != 0 {
			t.Errorf("the app was answered %d, %v", status, err)
		}
	})
	wg.Wait()
	c.Nodes[1].Start()
	var out pushed
	nodetest.Eventually(t, "a push to be taken again", func() (ok bool) {
		var err error
		out, _, err = pushPGN(c.Nodes[0].URL, round, text, broadcasterAgent)
		return err == nil && len(out.Games) == 1
	})
	if *out.Games[0].Moves != 1 {
		t.Errorf("the answer is %+v", out)
	}
}

// TestLateRetriesOfPushes has two pushes of the app fail while there is no majority. The newer
// one's retry comes first, and the older one's must not take the result back. If the older state is
// pushed once more, that counts.
func TestLateRetriesOfPushes(t *testing.T) {
	c := nodetest.NewCluster(t, 2)
	n := c.Nodes[0]
	round, _ := nodetest.NewRound(t, n.URL, 0)
	c.WaitEqual()
	c.Nodes[1].Kill()
	nodetest.Eventually(t, "the recorder to know it", func() bool { return n.Raft.Leader() == 0 })
	pages, err := web.New(web.Config{Config: base.Config{Node: n.Raft, Boards: n.Boards, SubmitTimeout: 4 * 20 * nodetest.Tick}, Hub: n.Hub})
	if err != nil {
		t.Fatal(err)
	}
	quick := httptest.NewServer(pages)
	defer quick.Close()
	older, newer := "[White \"A\"]\n[Black \"B\"]\n\n1. e4 e5 *\n", "[White \"A\"]\n[Black \"B\"]\n\n1. e4 e5 1-0\n"
	for _, text := range []string{older, newer} {
		if _, status, err := pushPGN(quick.URL, round, text, broadcasterAgent); err == nil || status != 0 {
			t.Errorf("the app was answered %d, %v", status, err)
		}
	}
	c.Nodes[1].Start()
	result := func() (r relay.Result) {
		n.Boards.Read(func(_ uint64, s *relay.State) {
			if at, _ := s.Round(relay.RoundID(round)); len(at.Games) == 1 {
				g, _ := s.Game(at.Games[0])
				r = g.Result
			}
		})
		return r
	}
	nodetest.Eventually(t, "the newer one to be taken", func() bool {
		_, status, err := pushPGN(quick.URL, round, newer, broadcasterAgent)
		return err == nil && status == http.StatusOK
	})
	for i, want := range []relay.Result{relay.WhiteWins, relay.Ongoing} {
		out, status, err := pushPGN(quick.URL, round, older, broadcasterAgent)
		if err != nil || status != http.StatusOK || len(out.Games) != 1 || out.Games[0].Moves == nil || *out.Games[0].Moves != 2 || out.Games[0].Error != "" {
			t.Errorf("push %d of the older one: %d, %v, %+v", i, status, err, out)
		}
		if got := result(); got != want {
			t.Errorf("after push %d of the older one the result is %s, want %s", i, got, want)
		}
	}
}

// TestLichessAnswers compares the answers with ones that a person has checked, word by word except
// for ids and times.
func TestLichessAnswers(t *testing.T) {
	t.Parallel()
	// The round has a delay. The token's sight is the truth.
	c := nodetest.NewClusterWith(t, 1, func(cfg *node.Config) { cfg.Token = nodetest.Token })
	base := c.Nodes[0].URL
	ask := func(method, path, body string) string {
		t.Helper()
		req, err := http.NewRequest(method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+nodetest.Token)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return bodyOf(t, res)
	}
	post := func(path, body string) string { t.Helper(); return ask(http.MethodPost, path, body) }
	read := func(path string) string { t.Helper(); return ask(http.MethodGet, path, "") }
	var got strings.Builder
	show := func(what, text string) {
		fmt.Fprintf(&got, "== %s\n%s\n\n", what, strings.TrimRight(anonymous(base, text), "\n"))
	}
	tour := post("/broadcast/new", "name=City+Open&info.location=Oslo&info.format=Swiss&info.tc=90%2B30&info.timeZone=Europe%2FOslo&info.players=Carlsen&info.website=https%3A%2F%2Fopen.example&markdown=Nine+rounds&tier=5")
	show("POST /broadcast/new", tour)
	tid := idIn(tour, "tour")
	r := post("/broadcast/"+tid+"/new", "name=Round+1&startsAt=1795422600000&delay=900&syncSource=push")
	show("POST /broadcast/{tourId}/new", r)
	rid := idIn(r, "round")
	games := `[Event "City Open"]
[White "Carlsen, Magnus"]
[Black "Kramnik, Vladimir"]
[WhiteElo "2863"]
[WhiteTitle "GM"]
[WhiteFideId "1503014"]
[WhiteTeam "Oslo"]

1. e4 {[%clk 1:29:50]} e5 {[%clk 1:29:01.5]} 2. Qh5 Nc6 3. Bc4 Nf6 4. Qxf7# 1-0

[White "A"]
[Black "B"]

1. d4 d5 2. Nc6 e6 *

[White "C"]
[Black "D"]

*

[White "E"]
[Black "` + strings.Repeat("x", 40<<10) + `"]

1. e4 *
`
	show("POST push", post("/api/broadcast/round/"+rid+"/push", games))
	show("POST push, again", post("/api/broadcast/round/"+rid+"/push", games))
	show("POST push, nothing", post("/api/broadcast/round/"+rid+"/push", "hello"))
	show("POST push, no such round", post("/api/broadcast/round/AAAAAAAA/push", games))
	show("GET round", read("/api/broadcast/-/-/"+rid))
	show("GET tournament", read("/api/broadcast/"+tid))
	show("GET my-rounds", read("/api/broadcast/my-rounds"))
	show("GET by", read("/api/broadcast/by/chessrelay"))
	show("GET account", read("/api/account"))
	show("GET round.pgn", read("/api/broadcast/round/"+rid+".pgn"))
	show("GET tournament.pgn without clocks", read("/api/broadcast/"+tid+".pgn?clocks=false"))
	show("POST edit", post("/broadcast/round/"+rid+"/edit", "name=Round+One&status=finished"))
	show("GET round, edited", read("/api/broadcast/-/-/"+rid))
	show("POST reset", post("/api/broadcast/round/"+rid+"/reset", ""))
	show("GET round, reset", read("/api/broadcast/-/-/"+rid))
	show("POST edit to a source that nobody fetches", post("/broadcast/round/"+rid+"/edit", "syncSource=ids&syncIds=AAAAAAAA"))

	const file = "testdata/lichess.golden"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the answers have changed (UPDATE_GOLDEN=1 accepts them):\n%s", diff)
	}
}

func bodyOf(t testing.TB, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if origin := res.Header.Get("Access-Control-Allow-Origin"); origin != "*" {
		t.Errorf("%s may be used by pages of %q", res.Request.URL.Path, origin)
	}
	return string(b)
}

func idIn(text, of string) string {
	m := regexp.MustCompile(`"` + of + `":\{"id":"(\w{8})"`).FindStringSubmatch(text)
	if m == nil {
		return "none"
	}
	return m[1]
}

// anonymous replaces ids, times and addresses, and breaks long lines.
func anonymous(base, text string) string {
	text = strings.ReplaceAll(text, base, "SITE")
	seen := map[string]string{}
	text = regexp.MustCompile(`("id":"|"defaultRoundId":"|/round/|/broadcast/[a-z0-9-]+/(?:[a-z0-9-]+/)?)(\w{8}\b)`).ReplaceAllStringFunc(text, func(m string) string {
		id := m[len(m)-8:]
		if seen[id] == "" {
			seen[id] = fmt.Sprintf("ID%d", len(seen)+1)
		}
		return m[:len(m)-8] + seen[id]
	})
	text = regexp.MustCompile(`"(createdAt|finishedAt)":\d+`).ReplaceAllString(text, `"$1":0`)
	text = regexp.MustCompile(`"thinkTime":\d+`).ReplaceAllString(text, `"thinkTime":0`)
	text = regexp.MustCompile(`x{100,}`).ReplaceAllString(text, "xxx")
	if strings.HasPrefix(text, "{") && strings.Count(strings.TrimSpace(text), "\n") == 0 {
		var b bytes.Buffer
		if json.Indent(&b, []byte(text), "", " ") == nil {
			text = b.String()
		}
	}
	return text
}

// BenchmarkPush pushes 100 boards to one node, each with one more move than before.
func BenchmarkPush(b *testing.B) {
	c := nodetest.NewCluster(b, 3)
	round, _ := nodetest.NewRound(b, c.Nodes[0].URL, 0)
	text := func(plies int) string {
		var t strings.Builder
		for g := range 100 {
			fmt.Fprintf(&t, "[White \"White %d\"]\n[Black \"Black %d\"]\n[Board \"%d\"]\n\n", g, g, g+1)
			for i := range plies {
				fmt.Fprintf(&t, "%s {[%%clk 1:%02d:%02d]} ", []string{"Nf3", "Nf6", "Ng1", "Ng8"}[i%4], 59-i/60%60, 59-i%60)
			}
			t.WriteString("*\n\n")
		}
		return t.String()
	}
	const most = 1000 // plies of a game; then the next round begins
	plies, moves := 0, 0
	for b.Loop() {
		if plies == most {
			b.StopTimer()
			round, _ = nodetest.NewRound(b, c.Nodes[0].URL, 0)
			plies = 0
			b.StartTimer()
		}
		plies++
		if out := mustPush(b, c.Nodes[0].URL, round, text(plies)); len(out.Games) != 100 || *out.Games[99].Moves != plies {
			b.Fatalf("the answer is %+v", out.Games[99])
		}
		moves += 100
	}
	b.ReportMetric(float64(moves)/b.Elapsed().Seconds(), "moves/s")
}
