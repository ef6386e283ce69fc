package lichess

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/base"
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
	_, s := serve(t, base.Config{Boards: b}, Config{Hub: hub, StreamSilence: silence})
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
	s, _ := serve(t, base.Config{Boards: noBoards{}}, Config{Hub: new(broadcast.Hub)})
	for range maxStreams {
		s.streams <- struct{}{}
	}
	err := s.streamGames(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), nil, pgnOptions{})
	if e := base.Describe(err); e.Status != http.StatusTooManyRequests {
		t.Errorf("the answer is %v", e)
	}
}
