package broadcast

import (
	"crypto/tls"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// overTLS lets every node of the tests speak TLS, and /events and /feed HTTP/2: go test -tls.
var (
	overTLS = flag.Bool("tls", false, "serve over TLS")
	long    = flag.Bool("long", false, "run the property tests in full, as make test-long does")
)

// someOf returns how many seeds a property test has: some, or all with -long.
func someOf(some, all uint64) uint64 {
	if *long {
		return all
	}
	return some
}

// trusting is the TLS configuration of the nodes' clients.
func trusting() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testCluster = "cluster1"
	roundA      = relay.RoundID("roundAAA")
	roundB      = relay.RoundID("roundBBB")
)

// script is a log of commands, with the boards after each index.
type script struct {
	step    uint64 // ms between two entries
	t       testing.TB
	state   *relay.State
	entries [][]byte        // entries[i] has index i+1
	events  [][]relay.Event // of each entry
	games   map[relay.GameID]relay.RoundID
	after   []map[relay.GameID]*relay.Game // the games as each entry left them
}

// newScript returns a log with a tournament and its rounds A and B.
func newScript(t testing.TB) *script { return newDelayedScript(t, 0) }

// newDelayedScript is newScript with a delay in round A, in seconds.
func newDelayedScript(t testing.TB, delay int32) *script { return newScriptAt(t, delay, 1) }

// newTierScript adds a token for each of the delays, and a second between two entries.
func newTierScript(t testing.TB, delay int32, delays ...int32) *script {
	s := newScriptAt(t, delay, 1000)
	for i, delay := range append([]int32{0}, delays...) {
		op := &relaypb.CreateToken{Id: fmt.Sprintf("viewer%02d", i), Name: "viewer", Role: "viewer", Delay: delay, Salt: make([]byte, 16), Hash: make([]byte, 32)}
		if i == 0 {
			op.Role = "admin"
		}
		s.add(&relaypb.Command{Op: &relaypb.Command_CreateToken{CreateToken: op}})
	}
	return s
}

func newScriptAt(t testing.TB, delay int32, step uint64) *script {
	s := &script{t: t, step: step, state: relay.NewState(), games: map[relay.GameID]relay.RoundID{}}
	s.add(&relaypb.Command{Op: &relaypb.Command_CreateTournament{
		CreateTournament: &relaypb.CreateTournament{Id: "tourney1", Name: "Town Open"}}})
	for _, id := range []relay.RoundID{roundA, roundB} {
		if id == roundB {
			delay = 0
		}
		s.add(&relaypb.Command{Op: &relaypb.Command_CreateRound{
			CreateRound: &relaypb.CreateRound{Id: string(id), Tournament: "tourney1", Name: "Round", DelaySeconds: delay}}})
	}
	return s
}

func (s *script) add(c *relaypb.Command) uint64 {
	s.t.Helper()
	index := uint64(len(s.entries) + 1)
	c.At, c.By, c.Request = int64(1_700_000_000_000+s.step*index), "arbiter", fmt.Sprint("r", index)
	data, err := relay.EncodeCommand(c)
	if err != nil {
		s.t.Fatal(err)
	}
	out := s.state.Apply(index, 1, data)
	if out.Err != nil {
		s.t.Fatalf("entry %d: %v", index, out.Err)
	}
	s.entries = append(s.entries, data)
	s.events = append(s.events, out.AppendEvents(nil))
	after := map[relay.GameID]*relay.Game{}
	for id := range s.games {
		if g, ok := s.state.Game(id); ok {
			after[id] = g
		}
	}
	if out.Game != nil && out.Game.Deleted == nil {
		s.games[out.Game.ID] = out.Game.Round
		after[out.Game.ID] = out.Game
	}
	s.after = append(s.after, after)
	return index
}

func (s *script) game(round relay.RoundID, board int) relay.GameID {
	s.t.Helper()
	id := relay.GameID(fmt.Sprintf("g%s%04d", string(round[5:]), board))
	s.gameOf(id, round, board)
	return id
}

// gameOf opens a board with a game of that id.
func (s *script) gameOf(id relay.GameID, round relay.RoundID, board int) {
	s.t.Helper()
	s.add(&relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
		Id: string(id), Round: string(round), Board: int32(board),
		White: &relaypb.Player{Name: "Polgár", Rating: 2735}, Black: &relaypb.Player{Name: "Hou", Title: "GM"},
	}}})
}

// move plays the next move: the knights go out and come back, again and again.
func (s *script) move(id relay.GameID) uint64 {
	s.t.Helper()
	g, ok := s.state.Game(id)
	if !ok {
		s.t.Fatalf("no game %s", id)
	}
	moves := []string{"g1f3", "g8f6", "f3g1", "f6g8"}
	if from := g.Ply() / 4 * 4; from < g.Ply() && g.MoveAt(from+1).UCI == "b1c3" { // after correct
		moves = []string{"b1c3", "b8c6", "c3b1", "c6b8"}
	}
	left := int64(3_600_000 - 1000*int64(g.Ply()))
	return s.add(&relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{
		Game: string(id), Ply: int32(g.Ply() + 1), Move: moves[int(g.Ply())%4], WhiteMs: &left}}})
}

func (s *script) takeBack(id relay.GameID, to relay.Ply) uint64 {
	s.t.Helper()
	return s.add(&relaypb.Command{Op: &relaypb.Command_TakeBack{TakeBack: &relaypb.TakeBack{
		Game: string(id), ToPly: int32(to), Reason: "wrong square"}}})
}

func (s *script) result(id relay.GameID, r relay.Result) uint64 {
	s.t.Helper()
	return s.add(&relaypb.Command{Op: &relaypb.Command_SetResult{SetResult: &relaypb.SetResult{
		Game: string(id), Result: string(r)}}})
}

// correct replaces the present round trip of the knights by another one, or by none.
func (s *script) correct(id relay.GameID, moves bool) uint64 {
	s.t.Helper()
	g, _ := s.state.Game(id)
	op := &relaypb.CorrectMoves{Game: string(id), ToPly: int32(g.Ply() / 4 * 4), Result: "*"}
	if moves || int32(g.Ply()) == op.ToPly {
		for _, m := range []string{"b1c3", "b8c6", "c3b1", "c6b8"} {
			op.Moves = append(op.Moves, &relaypb.CorrectedMove{Move: m})
		}
	}
	return s.add(&relaypb.Command{Op: &relaypb.Command_CorrectMoves{CorrectMoves: op}})
}

func (s *script) clock(id relay.GameID, black int64) uint64 {
	s.t.Helper()
	return s.add(&relaypb.Command{Op: &relaypb.Command_SetClock{SetClock: &relaypb.SetClock{Game: string(id), BlackMs: &black}}})
}

func (s *script) rename(id relay.GameID, n int) uint64 {
	s.t.Helper()
	return s.add(&relaypb.Command{Op: &relaypb.Command_UpdateGame{UpdateGame: &relaypb.UpdateGame{
		Game: string(id), White: &relaypb.PlayerUpdate{Rating: new(int32(n))}, Tags: []*relaypb.Tag{{Name: "Opening", Value: fmt.Sprint("No. ", n)}},
	}}})
}

func (s *script) renameRound(id relay.RoundID, n int) uint64 {
	s.t.Helper()
	return s.add(&relaypb.Command{Op: &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{
		Round: string(id), Name: new(fmt.Sprint("Round ", n)), Description: new("moved"),
	}}})
}

func (s *script) delete(id string) uint64 {
	s.t.Helper()
	return s.add(&relaypb.Command{Op: &relaypb.Command_Delete{Delete: &relaypb.Delete{Id: id}}})
}

func (s *script) restore(id string) uint64 {
	s.t.Helper()
	return s.add(&relaypb.Command{Op: &relaypb.Command_Restore{Restore: &relaypb.Restore{Id: id}}})
}

func (s *script) last() uint64 { return uint64(len(s.entries)) }

// boardsAt returns the boards of a round after index, by number.
func (s *script) boardsAt(round relay.RoundID, index uint64) map[int]*relay.Game {
	boards := map[int]*relay.Game{}
	for _, g := range s.after[index-1] {
		if g.Round == round {
			boards[g.Board] = g
		}
	}
	return boards
}

// indexes returns the indexes of the round's events in (after, upTo].
func (s *script) indexes(round relay.RoundID, after, upTo uint64) (indexes []uint64) {
	for i := after; i < upTo; i++ {
		if e := s.events[i]; len(e) > 0 && e[0].RoundID() == round {
			indexes = append(indexes, i+1)
		}
	}
	return indexes
}

// boards are the boards of a node under test.
type boards struct {
	mu      sync.Mutex
	applied uint64
	state   *relay.State
}

func (b *boards) Read(fn func(uint64, *relay.State)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn(b.applied, b.state)
}

// node is one node: boards, hub and an HTTP server.
type node struct {
	t      testing.TB
	script *script
	boards boards
	hub    *Hub
	server *httptest.Server
}

// startNode starts a node whose boards have the script up to applied. It publishes no event for
// those entries.
func startNode(t testing.TB, s *script, applied uint64, change func(*Config)) *node {
	t.Helper()
	n := &node{t: t, script: s}
	n.load(applied)
	cfg := Config{Cluster: testCluster, Node: "n1", Boards: &n.boards, MaxPerAddress: -1, MaxSpectators: -1}
	if change != nil {
		change(&cfg)
	}
	var err error
	if n.hub, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/live", n.hub.Live)
	mux.HandleFunc("/events", n.hub.Events)
	mux.HandleFunc("/feed", n.hub.Feed)
	n.server = httptest.NewUnstartedServer(mux)
	n.server.EnableHTTP2 = true
	if *overTLS {
		n.server.StartTLS()
	} else {
		n.server.Start()
	}
	t.Cleanup(func() {
		if err := n.hub.Close(); err != nil {
			t.Error(err)
		}
		n.server.Close()
	})
	return n
}

// load makes new boards at index, as a Raft snapshot does.
func (n *node) load(index uint64) {
	state := relay.NewState()
	for i := uint64(1); i <= index; i++ {
		state.Apply(i, 1, n.script.entries[i-1])
	}
	n.boards.mu.Lock()
	defer n.boards.mu.Unlock()
	n.boards.state, n.boards.applied = state, index
}

// jump replaces the boards, as a Raft snapshot does.
func (n *node) jump(index uint64) {
	n.load(index)
	n.hub.Reset(index, nil)
}

// apply applies the script up to index.
func (n *node) apply(upTo uint64) {
	for n.applied() < upTo {
		n.hub.Publish(n.step())
	}
}

// step applies one entry to the boards, and returns its events unpublished.
func (n *node) step() []relay.Event {
	n.boards.mu.Lock()
	defer n.boards.mu.Unlock()
	n.boards.applied++
	out := n.boards.state.Apply(n.boards.applied, 1, n.script.entries[n.boards.applied-1])
	return out.AppendEvents(nil)
}

func (n *node) applied() uint64 {
	n.boards.mu.Lock()
	defer n.boards.mu.Unlock()
	return n.boards.applied
}

// waitFor waits until holds returns true; what names the condition.
func waitFor(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("timed out: %s", what)
		}
	}
}

// patience is how long a test waits for an event that must come.
const patience = 30 * time.Second
