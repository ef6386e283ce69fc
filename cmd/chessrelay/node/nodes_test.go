package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/notnil/chess"
)

// movesOf counts the moves of a round and finds the final position of each game, by White's name.
// It uses nothing but regular expressions and notnil/chess.
func movesOf(t testing.TB, round string) (moves int, finals map[string]string) {
	t.Helper()
	finals = map[string]string{}
	white := regexp.MustCompile(`\[White "(.*)"\]`)
	noMove := regexp.MustCompile(`(?s)\[[^\]]*"\]|\{.*?\}|\d+\.+|1-0|0-1|1/2-1/2|\*`)
	for _, game := range strings.Split(round, "[Event ")[1:] {
		pos := chess.StartingPosition()
		for _, san := range strings.Fields(noMove.ReplaceAllString("[Event "+game, " ")) {
			m, err := chess.AlgebraicNotation{}.Decode(pos, san)
			if err != nil {
				t.Fatal(err)
			}
			pos = pos.Update(m)
			moves++
		}
		finals[white.FindStringSubmatch(game)[1]] = pos.String()
	}
	if moves == 0 || len(finals) != 12 {
		t.Fatalf("%d moves in %d games", moves, len(finals))
	}
	return moves, finals
}

// TestTwelveBoardsWhileAFourthNodeJoins replays the sample round into three nodes. A fourth one
// joins in the middle, and a spectator watches the round there.
func TestTwelveBoardsWhileAFourthNodeJoins(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	moves, finals := movesOf(t, replay.SampleRound)
	done := make(chan replay.Summary, 1)
	go func() {
		defer close(done)
		done <- nodetest.FeedSample(t, c.Nodes[1].URL) // a venue takes submissions as well
	}()
	nodetest.Eventually(t, "a quarter of the round", func() bool { return c.Nodes[0].Raft.Applied() > uint64(moves/4) })
	late := c.Add()
	s, ok := <-done
	if !ok || s.Accepted != moves {
		t.Fatalf("the feed: %+v, and the round has %d moves", s, moves)
	}
	c.WaitEqual()
	late.Boards.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(s.Round)
		if len(r.Games) != 12 {
			t.Errorf("%d boards", len(r.Games))
		}
		for i, id := range r.Games {
			g, _ := b.Game(id)
			if g.Board != i+1 || g.Result == relay.Ongoing || g.Ply() == 0 {
				t.Errorf("board %d: number %d, %d moves, result %s", i+1, g.Board, g.Ply(), g.Result)
			}
			if want := finals[g.White.Name]; !samePosition(g.FEN(), want) {
				t.Errorf("board %d ends in %s, not in %s", g.Board, g.FEN(), want)
			}
		}
	})

	// The late node shows the round to a late spectator.
	sp := nodetest.NewSpectator(t, string(s.Round))
	sp.Watch(late.URL)
	sp.Until("the snapshot", func() bool { return sp.Snapshots == 1 })
	if len(sp.FENs) != 12 || len(sp.Indexes) != 0 {
		t.Errorf("a late spectator got %d boards and %d old events", len(sp.FENs), len(sp.Indexes))
	}

	// The node returns the same moves that went in.
	res, err := http.Get(late.URL + "/api/rounds/" + string(s.Round) + ".pgn")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out, in := pgn.NewReader(res.Body), sampleReader(t)
	for board := 1; ; board++ {
		want, err := in.Next()
		if err == io.EOF {
			break
		}
		got, err := out.Next()
		if err != nil {
			t.Fatalf("board %d: %v", board, err)
		}
		if len(got.Moves) != len(want.Moves) || got.Tag("White") != want.Tag("White") || got.Result != want.Result {
			t.Errorf("board %d came out otherwise", board)
		}
	}
}

func sampleReader(t testing.TB) *pgn.Reader {
	t.Helper()
	return pgn.NewReader(strings.NewReader(replay.SampleRound))
}

// samePosition compares all but the counters and the en passant square. The two libraries write
// those by different customs.
func samePosition(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	return len(x) == 6 && len(y) == 6 && x[0] == y[0] && x[1] == y[1] && x[2] == y[2]
}

// TestVenueKilledAndRestarted kills a venue in the middle of a round, and starts it again on its
// disk.
func TestVenueKilledAndRestarted(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	venue := c.Nodes[2]
	done := make(chan replay.Summary, 1)
	go func() {
		defer close(done)
		done <- nodetest.FeedSample(t, c.Nodes[0].URL)
	}()
	for i := range 3 {
		from := c.Nodes[0].Raft.Applied()
		nodetest.Eventually(t, "some moves", func() bool { return c.Nodes[0].Raft.Applied() > from+50 })
		venue.Kill()
		from = c.Nodes[0].Raft.Applied()
		if i < 2 {
			nodetest.Eventually(t, "moves without the venue", func() bool { return c.Nodes[0].Raft.Applied() > from+50 })
		}
		venue.Start()
	}
	if s, ok := <-done; !ok || len(s.Failures) > 0 {
		t.Fatalf("the feed: %+v", s)
	}
	c.WaitEqual()
}

// TestLeaderKilledWhileFeeding kills the leader in the middle of a round. The feed goes on at the
// others. No move is lost or recorded twice.
func TestLeaderKilledWhileFeeding(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	moves, _ := movesOf(t, nodetest.ShortRound())
	done := make(chan replay.Summary, 1)
	go func() {
		defer close(done)
		done <- nodetest.FeedShort(t, c.URLs())
	}()
	nodetest.Eventually(t, "a quarter of the round", func() bool { return c.Nodes[0].Raft.Applied() > uint64(moves/4) })
	lead := c.Leader()
	lead.Kill()
	s, ok := <-done
	if !ok || s.Accepted+s.Duplicates != moves {
		t.Fatalf("the feed: %+v, and the round has %d moves", s, moves)
	}
	lead.Start()
	c.WaitEqual()
	var g struct{ Moves []relay.Move }
	var r struct{ Games []struct{ ID string } }
	nodetest.Get(t, lead.URL+"/api/rounds/"+string(s.Round)+"?consistency=linearizable", &r)
	total := 0
	for _, game := range r.Games {
		nodetest.Get(t, lead.URL+"/api/games/"+game.ID, &g)
		for i, m := range g.Moves {
			if int(m.Ply) != i+1 {
				t.Fatalf("game %s: ply %d stands at %d", game.ID, m.Ply, i+1)
			}
		}
		total += len(g.Moves)
	}
	if total != moves {
		t.Fatalf("%d moves on the boards, and the round has %d", total, moves)
	}
}

// TestManualTransferByTheAPI makes a venue the leader by the API, through another node. The venue
// leads although the recorder is well, while moves are taken everywhere, until another leader is
// chosen.
func TestManualTransferByTheAPI(t *testing.T) {
	c := nodetest.NewCluster(t, 3)
	recorder, venue := c.Nodes[0], c.Nodes[1]
	round, games := nodetest.NewRound(t, recorder.URL, 1)
	leads := func(want *nodetest.Node, by string) bool {
		var s consensus.Status
		nodetest.Get(t, want.URL+"/api/cluster", &s)
		for _, m := range s.Members {
			if m.ID == want.Raft.ID() {
				return s.LeaderID == m.ID && m.Leads == by
			}
		}
		return false
	}
	nodetest.Must(t, c.Nodes[2].URL+"/api/cluster/leader", nodetest.Object{"to": venue.Config.Name})
	// A venue that leads as a last resort would hand back within 30 ticks, or 100.
	ply := 0
	for began := time.Now(); time.Since(began) < 200*nodetest.Tick; <-time.After(nodetest.Tick) {
		ply++
		nodetest.Must(t, c.Nodes[ply%3].URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": ply, "move": []string{"Ng8", "Nf3", "Nf6", "Ng1"}[ply%4]})
		if !leads(venue, consensus.LeadsByHand) {
			t.Fatalf("after %v and %d moves %s does not lead by hand", time.Since(began), ply, venue.Config.Name)
		}
	}
	// If another node passes the request on, the answer is as if that node had given it.
	res, err := http.Post(recorder.URL+"/api/cluster/leader", "application/json", strings.NewReader(`{"to":"`+recorder.Config.Name+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	for name, values := range res.Header {
		if len(values) > 1 {
			t.Errorf("%s stands there %d times", name, len(values))
		}
	}
	nodetest.Eventually(t, "the recorder to lead", func() bool { return leads(recorder, "") })
	c.WaitEqual()
	var r struct{ Games []struct{ Ply int } }
	nodetest.Get(t, c.Nodes[2].URL+"/api/rounds/"+round, &r)
	if len(r.Games) != 1 || r.Games[0].Ply != ply {
		t.Errorf("%d moves were played, and the round is %+v", ply, r)
	}
}

// TestSpectatorChangesVenue watches a whole round, and changes to another node every
// hundred events. The spectator must see each event once, in order.
func TestSpectatorChangesVenue(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	round, games := nodetest.NewRound(t, c.Nodes[0].URL, 3)
	c.WaitEqual()
	const plies = 120
	sp := nodetest.NewSpectator(t, round)
	sp.Watch(c.Nodes[1].URL)
	sp.Until("the snapshot", func() bool { return sp.Snapshots == 1 })

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	played := make(chan struct{})
	go func() {
		defer close(played)
		shuffle := []string{"Nf3", "Nf6", "Ng1", "Ng8"}
		for ply := 1; ply <= plies && ctx.Err() == nil; ply++ {
			for _, g := range games {
				nodetest.Must(t, c.Nodes[ply%3].URL+"/api/games/"+g+"/moves", nodetest.Object{"ply": ply, "move": shuffle[(ply-1)%4]})
			}
		}
	}()
	for i := 1; len(sp.Indexes) < plies*len(games); i++ {
		want := min(i*100, plies*len(games))
		sp.Until("events", func() bool { return len(sp.Indexes) >= want })
		sp.Watch(c.Nodes[i%3].URL) // another node, with since
	}
	<-played
	if sp.Snapshots != 1 {
		t.Errorf("%d snapshots: a resumed spectator needs none", sp.Snapshots)
	}
	if len(sp.Indexes) != plies*len(games) {
		t.Errorf("%d events were seen, and there were %d", len(sp.Indexes), plies*len(games))
	}
	for _, g := range games {
		var state struct{ FEN string }
		nodetest.Get(t, c.Nodes[0].URL+"/api/games/"+g, &state)
		if sp.FENs[g] != state.FEN {
			t.Errorf("game %s: seen %s, stands at %s", g, sp.FENs[g], state.FEN)
		}
	}
}

// TestStaleVenueReportsIt leaves a venue alone in its group. Its spectators keep the boards, and
// the venue tells them that the boards may be out of date.
func TestStaleVenueReportsIt(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	round, games := nodetest.NewRound(t, c.Nodes[0].URL, 1)
	c.WaitEqual()
	sp := nodetest.NewSpectator(t, round)
	sp.Watch(c.Nodes[2].URL)
	nodetest.Must(t, c.Nodes[0].URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	sp.Until("the move", func() bool {
		return len(sp.Indexes)+sp.Snapshots > 0 && strings.HasPrefix(sp.FENs[games[0]], "rnbqkbnr/pppppppp/8/8/4P3")
	})
	c.Nodes[0].Kill()
	c.Nodes[1].Kill()
	sp.Until("the news that it is stale", func() bool { return sp.Status.Stale })
	var out nodetest.Object
	if status := nodetest.Get(t, c.Nodes[2].URL+"/api/games/"+games[0], &out); status != http.StatusOK || out["ply"] != 1.0 {
		t.Errorf("the stale venue serves %d %v", status, out)
	}
	c.Nodes[0].Start()
	sp.Until("the news that it is live again", func() bool { return !sp.Status.Stale })
}

// TestTakebackReachesSpectators corrects a game that is being watched.
func TestTakebackReachesSpectators(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	round, games := nodetest.NewRound(t, c.Nodes[0].URL, 1)
	game := c.Nodes[0].URL + "/api/games/" + games[0]
	sp := nodetest.NewSpectator(t, round)
	sp.Watch(c.Nodes[0].URL)
	for i, m := range []string{"e4", "e5", "Nf3"} {
		nodetest.Must(t, game+"/moves", nodetest.Object{"ply": i + 1, "move": m})
	}
	nodetest.Must(t, game+"/takeback", nodetest.Object{"toPly": 1, "reason": "wrong board"})
	nodetest.Must(t, game+"/moves", nodetest.Object{"ply": 2, "move": "c7c5", "clock": nodetest.Object{"black": 5000}})
	nodetest.Must(t, game+"/result", nodetest.Object{"result": "1-0"})
	sp.Until("the correction", func() bool { return strings.Contains(sp.FENs[games[0]], "pp1ppppp") })
	var g struct {
		Ply    int
		Result string
		Moves  []struct{ SAN, UCI string }
		Clock  struct{ White, Black *int64 }
	}
	nodetest.Get(t, game, &g)
	if g.Ply != 2 || g.Moves[1].SAN != "c5" || g.Moves[1].UCI != "c7c5" || g.Result != "1-0" || *g.Clock.Black != 5000 || g.Clock.White != nil {
		t.Errorf("the game stands as %+v", g)
	}
}

// TestRestartOfTheWholeCluster stops every node and starts them again.
func TestRestartOfTheWholeCluster(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	s := nodetest.FeedShort(t, c.Nodes[0].URL)
	var before, after json.RawMessage
	nodetest.Get(t, c.Nodes[0].URL+"/api/rounds/"+string(s.Round), &before)
	for _, n := range c.Nodes {
		n.Kill()
	}
	for _, n := range c.Nodes {
		n.Start()
	}
	for _, n := range c.Nodes {
		nodetest.Eventually(t, n.Config.Name+" to be ready", func() bool { return nodetest.Get(t, n.URL+"/readyz", nil) == http.StatusOK })
		nodetest.Get(t, n.URL+"/api/rounds/"+string(s.Round)+"?consistency=linearizable", &after)
		if !bytes.Equal(before, after) {
			t.Errorf("%s came back with another round", n.Config.Name)
		}
	}
	var cluster struct{ Leader string }
	if status := nodetest.Get(t, c.Nodes[1].URL+"/api/cluster", &cluster); status != http.StatusOK || cluster.Leader == "" {
		t.Errorf("the cluster's state: %d, led by %q", status, cluster.Leader)
	}
}
