package web

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// liveBoards are boards without a log, and the hub that shows them.
type liveBoards struct {
	t   testing.TB
	hub *broadcast.Hub
	now func() int64 // of commands; nil: their index

	mu    sync.Mutex
	state *relay.State
	index uint64
}

func (b *liveBoards) Read(f func(uint64, *relay.State)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b.index, b.state)
}

func (b *liveBoards) apply(c *relaypb.Command) {
	b.t.Helper()
	b.mu.Lock()
	b.index++
	c.Request, c.At = fmt.Sprint("r", b.index), int64(b.index)
	if b.now != nil {
		c.At = b.now()
	}
	data, err := relay.EncodeCommand(c)
	if err != nil {
		b.t.Fatal(err)
	}
	out := b.state.Apply(b.index, 1, data)
	b.mu.Unlock()
	if out.Err != nil {
		b.t.Fatal(out.Err)
	}
	if b.hub != nil {
		b.hub.Publish(out.AppendEvents(nil))
	}
}

func (b *liveBoards) move(game string, ply int, move string) {
	b.t.Helper()
	b.apply(&relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{Game: game, Ply: int32(ply), Move: move, WhiteMs: new(int64(60000))}}})
}

func (b *liveBoards) open(game string, board int32) {
	b.t.Helper()
	b.apply(&relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
		Id: game, Round: "roundAAA", Board: board, White: &relaypb.Player{Name: "White " + game}, Black: &relaypb.Player{Name: "Black"},
	}}})
}

// streaming returns a server without a cluster, over the boards of a round with two games.
func streaming(t *testing.T, silence time.Duration) (*liveBoards, *httptest.Server) {
	t.Helper()
	b := &liveBoards{t: t, state: relay.NewState()}
	b.apply(&relaypb.Command{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: "tourneyA", Name: "Open"}}})
	b.apply(&relaypb.Command{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: "roundAAA", Tournament: "tourneyA", Name: "Round 1"}}})
	b.open("gameAAA1", 1)
	b.open("gameAAA2", 2)
	hub, err := broadcast.Open(broadcast.Config{Cluster: "test", Boards: b})
	if err != nil {
		t.Fatal(err)
	}
	b.hub = hub
	s, err := New(Config{Node: new(consensus.Node), Boards: b, Hub: hub, StreamSilence: silence})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s)
	server.Config.ReadTimeout = 300 * time.Millisecond // as in production: a stream lives longer
	server.Config.WriteTimeout = 500 * time.Millisecond
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(8 << 10) // so that a client that reads nothing is soon noticed
		return ctx
	}
	server.Start()
	t.Cleanup(func() { hub.Close(); server.Close() })
	return b, server
}

// stream opens the stream of the round, and returns the games as they come. Two empty lines end
// each.
func stream(t *testing.T, server *httptest.Server, query string) <-chan string {
	t.Helper()
	return streamOf(t, server, "round/roundAAA.pgn"+query)
}

func streamOf(t *testing.T, server *httptest.Server, what string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/stream/broadcast/"+what, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/x-chess-pgn") {
		t.Fatalf("the answer is %s, %s", res.Status, res.Header.Get("Content-Type"))
	}
	games := make(chan string)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(games)
		defer res.Body.Close()
		in := bufio.NewScanner(res.Body)
		in.Split(func(data []byte, _ bool) (int, []byte, error) {
			if i := strings.Index(string(data), "\n\n\n"); i >= 0 {
				return i + 3, data[:i], nil
			}
			if len(data) > 0 && strings.Trim(string(data), " ") == "" {
				return 1, data[:1], nil
			}
			return 0, nil, nil
		})
		for in.Scan() {
			select {
			case games <- in.Text():
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return games
}

func next(t *testing.T, games <-chan string) string {
	t.Helper()
	select {
	case g, ok := <-games:
		if !ok {
			t.Fatal("the stream has ended")
		}
		return g
	case <-time.After(90 * time.Second): // a hang
		t.Fatal("nothing came")
	}
	return ""
}

// TestStream wants every game first, then the whole of each game that changes, even of a game that
// is opened later.
func TestStream(t *testing.T) {
	b, server := streaming(t, time.Minute)
	b.move("gameAAA1", 1, "e4")
	with, without := stream(t, server, ""), stream(t, server, "?clocks=false")
	for _, games := range []<-chan string{with, without} {
		for _, want := range []string{"1. e4", "White gameAAA2"} {
			if g := next(t, games); !strings.Contains(g, want) {
				t.Errorf("a game lacks %s:\n%s", want, g)
			}
		}
	}
	for i, step := range []struct {
		do   func()
		want string
	}{
		{func() { b.move("gameAAA2", 1, "d4") }, "1. d4 { [%clk 0:01:00] } *"},
		{func() { b.move("gameAAA1", 2, "e5") }, "1. e4 { [%clk 0:01:00] } e5 *"},
		{func() { b.open("gameAAA3", 3) }, "White gameAAA3"},
		{func() { b.move("gameAAA3", 1, "c4") }, "1. c4 { [%clk 0:01:00] } *"},
	} {
		step.do()
		if g := next(t, with); !strings.Contains(g, step.want) {
			t.Errorf("step %d: %q is missing in\n%s", i, step.want, g)
		}
		if g := next(t, without); strings.Contains(g, "%clk") {
			t.Errorf("step %d: there is a clock in\n%s", i, g)
		}
	}
	b.hub.Close()
	for _, games := range []<-chan string{with, without} {
		if _, ok := <-games; ok {
			t.Error("there is more behind the end of the node")
		}
	}
	res, err := server.Client().Get(server.URL + "/api/stream/broadcast/round/roundAAA.pgn")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a node that goes away answers %s", res.Status)
	}
}

// TestStreamOfTournaments wants the games of every round that is being played in the streams of the
// tournament and of the group. That includes rounds that begin later, and rounds that have finished
// recently, but no other finished rounds.
func TestStreamOfTournaments(t *testing.T) {
	b, server := streaming(t, time.Minute)
	b.now = func() int64 { return time.Now().UnixMilli() }
	round := func(id, tour string) {
		b.apply(&relaypb.Command{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: id, Tournament: tour, Name: "Round"}}})
	}
	game := func(id, round string) {
		b.apply(&relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
			Id: id, Round: round, Board: 1, White: &relaypb.Player{Name: "White " + id}, Black: &relaypb.Player{Name: "Black"},
		}}})
	}
	result := func(id string) {
		b.apply(&relaypb.Command{Op: &relaypb.Command_SetResult{SetResult: &relaypb.SetResult{Game: id, Result: "1-0"}}})
	}
	b.apply(&relaypb.Command{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{
		Id: "tourneyB", Name: "Open B", Settings: &relaypb.TournamentSettings{Grouping: new("Open\ntourneyA\ntourneyB")},
	}}})
	for _, r := range []string{"roundOld", "roundNew", "roundWai"} {
		round(r, "tourneyA")
		game("game"+r[5:]+"1", r)
	}
	round("roundBBB", "tourneyB")
	game("gameBBB1", "roundBBB")
	b.now = func() int64 { return time.Now().Add(-2 * recently).UnixMilli() }
	result("gameOld1")
	b.now = func() int64 { return time.Now().UnixMilli() }
	result("gameNew1")
	b.move("gameAAA1", 1, "e4")
	b.move("gameBBB1", 1, "c4")

	tour, group := streamOf(t, server, "tour/tourneyA.pgn"), streamOf(t, server, "group/tourneyA.pgn?clocks=false")
	want := func(games <-chan string, names ...string) {
		t.Helper()
		missing := map[string]bool{}
		for _, name := range names {
			missing[name] = true
		}
		for len(missing) > 0 {
			g := next(t, games)
			_, g, _ = strings.Cut(g, "[White \"White ")
			name, _, _ := strings.Cut(g, "\"")
			if !missing[name] {
				t.Fatalf("%q came, and %v are missing", name, missing)
			}
			delete(missing, name)
		}
	}
	want(tour, "gameAAA1", "gameAAA2", "gameNew1")
	want(group, "gameAAA1", "gameAAA2", "gameNew1", "gameBBB1")
	b.move("gameAAA2", 1, "d4")
	want(tour, "gameAAA2")
	want(group, "gameAAA2")
	b.move("gameBBB1", 2, "c5")
	want(group, "gameBBB1")
	b.move("gameWai1", 1, "e4") // this round begins now
	want(tour, "gameWai1")
	want(group, "gameWai1")
	b.hub.Close()
	for _, games := range []<-chan string{tour, group} {
		if _, ok := <-games; ok {
			t.Error("there is more behind the end of the node")
		}
	}
	for _, what := range []string{"tour/nowhere1.pgn", "group/nowhere1.pgn", "round/nowhere1.pgn"} {
		if res := do(t, server, http.MethodGet, server.URL+"/api/stream/broadcast/"+what, nil, nil); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s is answered %s", what, res.Status)
		}
	}
}

// TestStreamClocks wants a game again for a clock without a move only if its text shows that clock.
func TestStreamClocks(t *testing.T) {
	b, server := streaming(t, time.Minute)
	clock := func(game string, white, black *int64) {
		b.apply(&relaypb.Command{Op: &relaypb.Command_SetClock{SetClock: &relaypb.SetClock{Game: game, WhiteMs: white, BlackMs: black}}})
	}
	b.move("gameAAA1", 1, "e4")
	with, without := stream(t, server, ""), stream(t, server, "?clocks=false")
	for _, games := range []<-chan string{with, without} {
		next(t, games)
		next(t, games)
	}
	clock("gameAAA1", nil, new(int64(50000)))               // Black's clock runs; the text shows it only with Black's move
	clock("gameAAA2", new(int64(60000)), new(int64(60000))) // nobody has moved
	clock("gameAAA1", new(int64(58000)), nil)               // the clock of the last move
	if g := next(t, with); !strings.Contains(g, "1. e4 { [%clk 0:00:58] } *") {
		t.Errorf("the clock of the move came as\n%s", g)
	}
	b.move("gameAAA2", 1, "d4")
	for _, games := range []<-chan string{with, without} {
		if g := next(t, games); !strings.Contains(g, "1. d4") {
			t.Errorf("before the next move came\n%s", g)
		}
	}
	for i, step := range []func(){
		func() { b.move("gameAAA1", 2, "e5") }, // a move without Black's clock
		func() { clock("gameAAA1", nil, new(int64(50000))) },
	} {
		step()
		want := []string{"58] } e5 *", "58] } e5 { [%clk 0:00:50] } *"}[i]
		if g := next(t, with); !strings.Contains(g, want) {
			t.Errorf("%s is missing in\n%s", want, g)
		}
	}
}

// TestStreamSilence wants spaces while nothing happens, for longer than the server's own limits on
// a request.
func TestStreamSilence(t *testing.T) {
	b, server := streaming(t, 100*time.Millisecond)
	games := stream(t, server, "")
	next(t, games)
	next(t, games)
	for range 8 {
		if g := next(t, games); g != " " {
			t.Fatalf("in the silence came %q", g)
		}
	}
	// Clocks that no text shows count as silence.
	ticks, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ticks)
		for ms := int64(1000); ; ms-- {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				b.apply(&relaypb.Command{Op: &relaypb.Command_SetClock{SetClock: &relaypb.SetClock{Game: "gameAAA1", BlackMs: &ms}}})
			}
		}
	}()
	for range 8 {
		if g := next(t, games); g != " " {
			t.Errorf("while clocks were told came %q", g)
		}
	}
	close(stop)
	<-ticks
	b.move("gameAAA1", 1, "e4")
	for {
		if g := next(t, games); strings.Contains(g, "1. e4") {
			return
		}
	}
}

// TestStreamSlow has a client that reads nothing. Nobody waits for it, and the hub can end.
func TestStreamSlow(t *testing.T) {
	b, server := streaming(t, time.Minute)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprintf(conn, "GET /api/stream/broadcast/round/roundAAA.pgn HTTP/1.1\r\nHost: x\r\n\r\n")
	quick := stream(t, server, "")
	next(t, quick)
	next(t, quick)
	for ply := 1; ply <= 250; ply++ {
		b.move("gameAAA1", ply, []string{"Ng8", "Nf3", "Nf6", "Ng1"}[ply%4])
		for !strings.Contains(next(t, quick), fmt.Sprintf("%d. ", (ply+1)/2)) {
		}
	}
	closed := make(chan struct{})
	go func() { b.hub.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(90 * time.Second): // a hang
		t.Fatal("the hub waits for the slow client")
	}
}

// TestStreamLimit wants the stream beyond the limit to be refused with a reason.
func TestStreamLimit(t *testing.T) {
	s, err := New(Config{Node: new(consensus.Node), Boards: noBoards{}, Hub: new(broadcast.Hub)})
	if err != nil {
		t.Fatal(err)
	}
	for range maxStreams {
		s.streams <- struct{}{}
	}
	err = s.streamGames(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), nil, false)
	if e := describe(err); e.Status != http.StatusTooManyRequests {
		t.Errorf("the answer is %v", e)
	}
}

// loginServer is a node of a cluster without tokens, as far as logging in needs one.
func loginServer(t *testing.T) *httptest.Server {
	t.Helper()
	s, err := New(Config{Node: new(consensus.Node), Boards: noBoards{}, Hub: new(broadcast.Hub)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(server.Close)
	return server
}

const verifier = "a-verifier-of-43-characters-or-more-as-RFC-7636-has-it"

func loginQuery() url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"response_type": {"code"}, "client_id": {"org.lichess.broadcaster"}, "redirect_uri": {"http://localhost:8123/"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"scope": {"study:read study:write"}, "state": {"xyz"},
	}
}

// TestLoginWithoutToken wants a node that needs no token to grant at once.
func TestLoginWithoutToken(t *testing.T) {
	s := loginServer(t)
	res := do(t, s, http.MethodGet, s.URL+"/oauth?"+loginQuery().Encode(), nil, nil)
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s, %v", res.Status, err)
	}
	res = do(t, s, http.MethodPost, s.URL+"/api/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "code_verifier": {verifier},
		"redirect_uri": {"http://localhost:8123/"}, "client_id": {"org.lichess.broadcaster"},
	}, nil)
	if b := body(t, res); res.StatusCode != 200 || !strings.Contains(b, `"access_token":"`+grantPrefix) {
		t.Errorf("the token is %s %s", res.Status, b)
	}
	// A script of another site could read the redirect, and with it the code.
	for _, tc := range []struct {
		site, mode, dest string
		want             int
	}{
		{"", "", "", 303},     // a program
		{"", "cors", "", 303}, // Node's fetch, which sends this by itself
		{"none", "navigate", "document", 303},
		{"cross-site", "navigate", "document", 303}, // a link
		{"cross-site", "cors", "empty", 403}, {"cross-site", "no-cors", "image", 403}, {"same-site", "cors", "empty", 403},
		{"cross-site", "navigate", "iframe", 403},
	} {
		h := http.Header{"Origin": {"https://elsewhere.example"}}
		for name, value := range map[string]string{"Sec-Fetch-Site": tc.site, "Sec-Fetch-Mode": tc.mode, "Sec-Fetch-Dest": tc.dest} {
			if value != "" {
				h.Set(name, value)
			}
		}
		res := do(t, s, http.MethodGet, s.URL+"/oauth?"+loginQuery().Encode(), nil, h)
		if res.StatusCode != tc.want || res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%+v: the log-in is answered %s, %v", tc, res.Status, res.Header)
		}
	}
}

// TestGrants wants the tokens that a cluster grants to be valid there for their lifetime, and no
// others.
func TestGrants(t *testing.T) {
	s, other := &Server{key: "a"}, &Server{key: "b"}
	made := time.UnixMilli(1795419368331)
	token := s.newGrant(made)
	if token == s.newGrant(made) {
		t.Error("two grants are the same")
	}
	for _, tc := range []struct {
		s     *Server
		token string
		after time.Duration
		want  bool
	}{
		{s, token, 0, true}, {s, token, tokenLifetime - time.Hour, true}, {s, token, tokenLifetime, false}, {other, token, 0, false},
		{s, "", 0, false}, {s, grantPrefix, 0, false}, {s, token[:len(token)-1], 0, false}, {s, token + "A", 0, false}, {s, token + "\n", 0, false},
		{s, strings.TrimPrefix(token, grantPrefix), 0, false}, {s, token[:20] + "A" + token[21:], 0, token[20] == 'A'},
	} {
		if got := tc.s.isGrant(tc.token, made.Add(tc.after)); got != tc.want {
			t.Errorf("%q after %v holds: %v", tc.token, tc.after, got)
		}
	}
}

// TestForeign wants pages of other sites to be told apart from programs and our own pages.
func TestForeign(t *testing.T) {
	for _, tc := range []struct {
		method, host, origin, site string
		want                       bool
	}{
		{"POST", "node:8080", "", "", false},
		{"POST", "node:8080", "http://node:8080", "", false},
		{"POST", "node:8080", "http://node:8080", "same-origin", false},
		{"POST", "node:8080", "null", "same-origin", false}, // our own page, which hides its origin
		{"POST", "node:8080", "null", "", true},
		{"POST", "", "null", "", true},
		{"GET", "node:8080", "null", "", true},
		{"GET", "node:8080", "https://tauri.localhost", "", true},
		{"POST", "node:8080", "tauri://localhost", "", true},
		{"POST", "node:8080", "http://node:9090", "", true},
		{"POST", "node:8080", "https://elsewhere.example", "cross-site", true},
		{"POST", "node:8080", "", "cross-site", true},
		{"POST", "node:8080", "", "same-site", true},
	} {
		r := httptest.NewRequest(tc.method, "/", nil)
		r.Host = tc.host
		for name, value := range map[string]string{"Origin": tc.origin, "Sec-Fetch-Site": tc.site} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		if got := isForeign(r); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}

// TestLoginRefuses asks for what must not be granted.
func TestLoginRefuses(t *testing.T) {
	s := loginServer(t)
	for name, values := range map[string][]string{
		"redirect_uri": {"", "https://evil.example/", "http://evil.example/", "http://localhost.evil.example/", "http://user@localhost/", "http://localhost/#x",
			"javascript:alert(1)", "http://10.0.0.1/"},
		"code_challenge": {"", "short"}, "code_challenge_method": {"", "plain"}, "client_id": {""}, "response_type": {"token"},
		"state": {strings.Repeat("x", 5000)},
	} {
		for _, v := range values {
			q := loginQuery()
			q.Set(name, v)
			if res := do(t, s, http.MethodGet, s.URL+"/oauth?"+q.Encode(), nil, nil); res.StatusCode != http.StatusBadRequest {
				t.Errorf("%s=%q is answered %s", name, v, res.Status)
			}
		}
	}
}

// TestCodeAges wants a code to be valid for two minutes, and not at another cluster.
func TestCodeAges(t *testing.T) {
	s, other := &Server{key: "a"}, &Server{key: "b"}
	o, err := readOAuthRequest(loginQuery())
	if err != nil {
		t.Fatal(err)
	}
	made := time.UnixMilli(1795419368331)
	form := url.Values{"code": {s.newCode(o, "", made)}, "code_verifier": {verifier}, "redirect_uri": {o.redirect}, "client_id": {o.client}}
	for after, want := range map[time.Duration]bool{0: true, 119 * time.Second: true, 2 * time.Minute: false, -time.Minute: true, -time.Hour: false} {
		if _, got := s.checkCode(form, made.Add(after)); got != want {
			t.Errorf("after %v the code holds: %v", after, got)
		}
	}
	if _, ok := other.checkCode(form, made); ok {
		t.Error("a code holds at another cluster")
	}
}

// TestRedeemedCodes wants a code to be redeemed once, and remembered only while it is valid.
func TestRedeemedCodes(t *testing.T) {
	var c redeemedCodes
	code := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	now := time.UnixMilli(1795419368331)
	for i := range maxCodes {
		if err := c.redeem(code(fmt.Sprint(i)), now); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.redeem(code("7"), now.Add(2*codeLifetime)); !errors.Is(err, errRedeemed) {
		t.Errorf("a code once more: %v", err)
	}
	if err := c.redeem(code("another"), now); describe(err).Status != http.StatusTooManyRequests {
		t.Errorf("one too many: %v", err)
	}
	if err := c.redeem(code("another"), now.Add(2*codeLifetime+1)); err != nil || len(c.until) != 1 {
		t.Errorf("later: %v, and %d are remembered", err, len(c.until))
	}
}

// TestPreflight asks as a browser does before another site's page may push.
func TestPreflight(t *testing.T) {
	s := loginServer(t)
	ask := http.Header{"Access-Control-Request-Method": {"POST"}, "Origin": {"https://elsewhere.example"}}
	res := do(t, s, http.MethodOptions, s.URL+"/api/broadcast/round/roundAAA/push", nil, ask)
	if res.StatusCode != http.StatusNoContent || res.Header.Get("Access-Control-Allow-Origin") != "*" ||
		!strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("the answer is %s with %v", res.Status, res.Header)
	}
	if res := do(t, s, http.MethodOptions, s.URL+"/api/tournaments", nil, ask); res.StatusCode == http.StatusNoContent {
		t.Error("pages of other sites may submit to the API of our own")
	}
}

func do(t *testing.T, s *httptest.Server, method, at string, form url.Values, header http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPushThatDoesNotCome sends half a push, and nothing more. The connection must end, and the
// push behind it must get its turn.
func TestPushThatDoesNotCome(t *testing.T) {
	s, err := New(Config{Node: new(consensus.Node), Boards: noBoards{}, Hub: new(broadcast.Hub), SubmitTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/broadcast/round/roundAAA/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n[White \"A\"]\n\n1. e4 ")
	if answer, _ := io.ReadAll(conn); len(answer) > 0 {
		t.Errorf("half a push is answered %s", answer)
	}
	if len(s.pushes) != 0 {
		t.Errorf("%d pushes are still there", len(s.pushes))
	}
}

// TestPushLimit wants the push beyond the limit to be refused with a reason.
func TestPushLimit(t *testing.T) {
	s, err := New(Config{Node: new(consensus.Node), Boards: noBoards{}, Hub: new(broadcast.Hub)})
	if err != nil {
		t.Fatal(err)
	}
	var leaves []func()
	for range maxPushes {
		_, leave, err := s.enterPush("roundAAA")
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leave)
	}
	if _, _, err := s.enterPush("roundBBB"); describe(err).Status != http.StatusTooManyRequests {
		t.Errorf("there is no limit: %v", err)
	}
	for _, leave := range leaves {
		leave()
	}
	if _, leave, err := s.enterPush("roundAAA"); err != nil {
		t.Error(err)
	} else {
		leave()
	}
}

// TestLateTries tries the orders in which retries can come.
func TestLateTries(t *testing.T) {
	const round = "roundAAA"
	now := time.UnixMilli(1795419368331)
	body := func(name string) [sha256.Size]byte { return sha256.Sum256([]byte(name)) }
	var l lateTries
	turn := uint64(0)
	push := func(name string, answered bool) string {
		t.Helper()
		turn++
		place, late := l.begin(round, body(name), turn, now)
		switch {
		case late:
			return "passed over"
		case !answered:
			l.noteUnanswered(round, body(name), place, now)
			return "owed"
		}
		l.took(round, place)
		return "taken"
	}
	for i, step := range []struct {
		name     string
		answered bool
		want     string
	}{
		{"a", true, "taken"}, {"b", true, "taken"}, {"a", true, "taken"}, // back to the state before: no retry
		{"a", false, "owed"}, {"b", false, "owed"}, {"c", false, "owed"},
		{"b", false, "owed"},       // and again
		{"a", true, "taken"},       // nothing newer was taken
		{"b", true, "taken"},       // it is newer than a
		{"d", true, "taken"},       // and d is newer than all
		{"c", true, "passed over"}, // the retry of the third
		{"c", true, "taken"},       // c had only one retry
		{"a", false, "owed"}, {"a", false, "owed"}, {"e", true, "taken"},
		{"a", true, "passed over"}, {"a", true, "taken"}, // the second try was the first's retry
	} {
		if got := push(step.name, step.answered); got != step.want {
			t.Fatalf("step %d, %s: %s, want %s", i, step.name, got, step.want)
		}
	}
	if len(l.rounds) != 0 {
		t.Errorf("something is left: %v", l.rounds)
	}
	push("a", false)
	push("b", true)
	now = now.Add(owedFor + time.Second)
	if got := push("a", true); got != "taken" || len(l.rounds) != 0 {
		t.Errorf("long after, it is %s", got)
	}
	for i := range 3 * maxOwed {
		push(fmt.Sprint(i), false)
	}
	if n := len(l.rounds[round].owed); n != maxOwed {
		t.Errorf("%d are remembered", n)
	}
}
