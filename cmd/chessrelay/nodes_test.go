package main

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

	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/notnil/chess"
)

// sampleMoves counts the moves of the sample round and finds the final position of
// each game, by White's name, with nothing but regular expressions and notnil/chess.
func sampleMoves(t testing.TB) (moves int, finals map[string]string) {
	t.Helper()
	finals = map[string]string{}
	white := regexp.MustCompile(`\[White "(.*)"\]`)
	noMove := regexp.MustCompile(`(?s)\[[^\]]*"\]|\{.*?\}|\d+\.+|1-0|0-1|1/2-1/2|\*`)
	for _, game := range strings.Split(replay.SampleRound, "[Event ")[1:] {
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

// TestTwelveBoardsWhileAFourthNodeJoins replays the sample round into three
// nodes; a fourth one joins in the middle, and a spectator watches it there.
func TestTwelveBoardsWhileAFourthNodeJoins(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	moves, finals := sampleMoves(t)
	done := make(chan replay.Summary, 1)
	go func() {
		defer close(done)
		done <- feedSample(t, c.nodes[1].url) // a venue takes submissions as well
	}()
	eventually(t, "a quarter of the round", func() bool { return c.nodes[0].raft.Applied() > uint64(moves/4) })
	late := c.add()
	s, ok := <-done
	if !ok || s.Accepted != moves {
		t.Fatalf("the feed: %+v, and the round has %d moves", s, moves)
	}
	c.waitEqual()
	late.boards.Read(func(_ uint64, b *relay.State) {
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

	// The late node shows it to the late spectator.
	sp := newSpectator(t, string(s.Round))
	sp.watch(late.url)
	sp.until("the snapshot", func() bool { return sp.snaps == 1 })
	if len(sp.fens) != 12 || len(sp.indexes) != 0 {
		t.Errorf("a late spectator got %d boards and %d old events", len(sp.fens), len(sp.indexes))
	}

	// What went in comes out.
	res, err := http.Get(late.url + "/api/rounds/" + string(s.Round) + ".pgn")
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

// samePosition compares but for the counters and the en passant square, which
// the two libraries write by different customs.
func samePosition(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	return len(x) == 6 && len(y) == 6 && x[0] == y[0] && x[1] == y[1] && x[2] == y[2]
}

// TestVenueKilledAndRestarted kills a venue in the middle of a round, and starts it again on its
// disk.
func TestVenueKilledAndRestarted(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	venue := c.nodes[2]
	done := make(chan replay.Summary, 1)
	go func() {
		defer close(done)
		done <- feedSample(t, c.nodes[0].url)
	}()
	for i := range 3 {
		from := c.nodes[0].raft.Applied()
		eventually(t, "some moves", func() bool { return c.nodes[0].raft.Applied() > from+50 })
		venue.kill()
		from = c.nodes[0].raft.Applied()
		if i < 2 {
			eventually(t, "moves without the venue", func() bool { return c.nodes[0].raft.Applied() > from+50 })
		}
		venue.start()
	}
	if s, ok := <-done; !ok || len(s.Failures) > 0 {
		t.Fatalf("the feed: %+v", s)
	}
	c.waitEqual()
}

// TestLeaderKilledWhileFeeding kills the leader in the middle of a round. The
// feed goes on at the others; no move is lost and none is there twice.
func TestLeaderKilledWhileFeeding(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	moves, _ := sampleMoves(t)
	done := make(chan replay.Summary, 1)
	go func() {
		defer close(done)
		done <- feedSample(t, c.urls())
	}()
	eventually(t, "a quarter of the round", func() bool { return c.nodes[0].raft.Applied() > uint64(moves/4) })
	lead := c.leader()
	lead.kill()
	s, ok := <-done
	if !ok || s.Accepted+s.Duplicates != moves {
		t.Fatalf("the feed: %+v, and the round has %d moves", s, moves)
	}
	lead.start()
	c.waitEqual()
	var g struct{ Moves []relay.Move }
	var r struct{ Games []struct{ ID string } }
	get(t, lead.url+"/api/rounds/"+string(s.Round)+"?consistency=linearizable", &r)
	total := 0
	for _, game := range r.Games {
		get(t, lead.url+"/api/games/"+game.ID, &g)
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

// TestLeaderChosenByHand makes a venue the leader by the API, asked at another node: it stays so
// though the recorder is well, while moves are taken everywhere, until another one is chosen.
func TestLeaderChosenByHand(t *testing.T) {
	c := newTestCluster(t, 3)
	recorder, venue := c.nodes[0], c.nodes[1]
	round, games := newRound(t, recorder.url, 1)
	leads := func(want *testNode, by string) bool {
		var s consensus.Status
		get(t, want.url+"/api/cluster", &s)
		for _, m := range s.Members {
			if m.ID == want.raft.ID() {
				return s.LeaderID == m.ID && m.Leads == by
			}
		}
		return false
	}
	must(t, c.nodes[2].url+"/api/cluster/leader", object{"to": venue.cfg.Name})
	// A venue that leads as a last resort would hand back within 30 ticks, or 100.
	ply := 0
	for began := time.Now(); time.Since(began) < 200*testTick; <-time.After(testTick) {
		ply++
		must(t, c.nodes[ply%3].url+"/api/games/"+games[0]+"/moves", object{"ply": ply, "move": []string{"Ng8", "Nf3", "Nf6", "Ng1"}[ply%4]})
		if !leads(venue, consensus.LeadsByHand) {
			t.Fatalf("after %v and %d moves %s does not lead by hand", time.Since(began), ply, venue.cfg.Name)
		}
	}
	// Passed on by another node, it is answered as if by that one.
	res, err := http.Post(recorder.url+"/api/cluster/leader", "application/json", strings.NewReader(`{"to":"`+recorder.cfg.Name+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	for name, values := range res.Header {
		if len(values) > 1 {
			t.Errorf("%s stands there %d times", name, len(values))
		}
	}
	eventually(t, "the recorder to lead", func() bool { return leads(recorder, "") })
	c.waitEqual()
	var r struct{ Games []struct{ Ply int } }
	if get(t, c.nodes[2].url+"/api/rounds/"+round, &r); len(r.Games) != 1 || r.Games[0].Ply != ply {
		t.Errorf("%d moves were played, and the round is %+v", ply, r)
	}
}

// TestSpectatorMovesFromVenueToVenue watches a whole round, and changes to
// another node every hundred events. It must see each event once, in order.
func TestSpectatorMovesFromVenueToVenue(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	round, games := newRound(t, c.nodes[0].url, 3)
	c.waitEqual()
	const plies = 120
	sp := newSpectator(t, round)
	sp.watch(c.nodes[1].url)
	sp.until("the snapshot", func() bool { return sp.snaps == 1 })

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	played := make(chan struct{})
	go func() {
		defer close(played)
		shuffle := []string{"Nf3", "Nf6", "Ng1", "Ng8"}
		for ply := 1; ply <= plies && ctx.Err() == nil; ply++ {
			for _, g := range games {
				must(t, c.nodes[ply%3].url+"/api/games/"+g+"/moves", object{"ply": ply, "move": shuffle[(ply-1)%4]})
			}
		}
	}()
	for i := 1; len(sp.indexes) < plies*len(games); i++ {
		want := min(i*100, plies*len(games))
		sp.until("events", func() bool { return len(sp.indexes) >= want })
		sp.watch(c.nodes[i%3].url) // another node, with since
	}
	<-played
	if sp.snaps != 1 {
		t.Errorf("%d snapshots: a resumed spectator needs none", sp.snaps)
	}
	if len(sp.indexes) != plies*len(games) {
		t.Errorf("%d events were seen, and there were %d", len(sp.indexes), plies*len(games))
	}
	for _, g := range games {
		var state struct{ FEN string }
		get(t, c.nodes[0].url+"/api/games/"+g, &state)
		if sp.fens[g] != state.FEN {
			t.Errorf("game %s: seen %s, stands at %s", g, sp.fens[g], state.FEN)
		}
	}
}

// TestStaleVenueSaysSo cuts a venue's group down to itself: its spectators keep
// the boards, and are told that they may be out of date.
func TestStaleVenueSaysSo(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	round, games := newRound(t, c.nodes[0].url, 1)
	c.waitEqual()
	sp := newSpectator(t, round)
	sp.watch(c.nodes[2].url)
	must(t, c.nodes[0].url+"/api/games/"+games[0]+"/moves", object{"ply": 1, "move": "e4"})
	sp.until("the move", func() bool {
		return len(sp.indexes)+sp.snaps > 0 && strings.HasPrefix(sp.fens[games[0]], "rnbqkbnr/pppppppp/8/8/4P3")
	})
	c.nodes[0].kill()
	c.nodes[1].kill()
	sp.until("the news that it is stale", func() bool { return sp.status.Stale })
	var out object
	if status := get(t, c.nodes[2].url+"/api/games/"+games[0], &out); status != http.StatusOK || out["ply"] != 1.0 {
		t.Errorf("the stale venue serves %d %v", status, out)
	}
	c.nodes[0].start()
	sp.until("the news that it is live again", func() bool { return !sp.status.Stale })
}

// TestTakebackReachesSpectators corrects a game that is being watched.
func TestTakebackReachesSpectators(t *testing.T) {
	c := newTestCluster(t, 1)
	round, games := newRound(t, c.nodes[0].url, 1)
	game := c.nodes[0].url + "/api/games/" + games[0]
	sp := newSpectator(t, round)
	sp.watch(c.nodes[0].url)
	for i, m := range []string{"e4", "e5", "Nf3"} {
		must(t, game+"/moves", object{"ply": i + 1, "move": m})
	}
	must(t, game+"/takeback", object{"toPly": 1, "reason": "wrong board"})
	must(t, game+"/moves", object{"ply": 2, "move": "c7c5", "clock": object{"black": 5000}})
	must(t, game+"/result", object{"result": "1-0"})
	sp.until("the correction", func() bool { return strings.Contains(sp.fens[games[0]], "pp1ppppp") })
	var g struct {
		Ply    int
		Result string
		Moves  []struct{ SAN, UCI string }
		Clock  struct{ White, Black *int64 }
	}
	get(t, game, &g)
	if g.Ply != 2 || g.Moves[1].SAN != "c5" || g.Moves[1].UCI != "c7c5" || g.Result != "1-0" || *g.Clock.Black != 5000 || g.Clock.White != nil {
		t.Errorf("the game stands as %+v", g)
	}
}

// TestRestartOfTheWholeCluster stops every node and starts them again.
func TestRestartOfTheWholeCluster(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	s := feedSample(t, c.nodes[0].url)
	var before, after json.RawMessage
	get(t, c.nodes[0].url+"/api/rounds/"+string(s.Round), &before)
	for _, n := range c.nodes {
		n.kill()
	}
	for _, n := range c.nodes {
		n.start()
	}
	for _, n := range c.nodes {
		eventually(t, n.cfg.Name+" to be ready", func() bool { return get(t, n.url+"/readyz", nil) == http.StatusOK })
		if get(t, n.url+"/api/rounds/"+string(s.Round)+"?consistency=linearizable", &after); !bytes.Equal(before, after) {
			t.Errorf("%s came back with another round", n.cfg.Name)
		}
	}
	var cluster struct{ Leader string }
	if status := get(t, c.nodes[1].url+"/api/cluster", &cluster); status != http.StatusOK || cluster.Leader == "" {
		t.Errorf("the cluster's state: %d, led by %q", status, cluster.Leader)
	}
}
