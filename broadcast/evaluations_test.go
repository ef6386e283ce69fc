package broadcast

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/broadcast/engine"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// mind has an opinion of each position at once: a number that follows from it.
type mind struct {
	*engine.Store
	wanted atomic.Pointer[[]relay.Position]
}

func newMind() *mind {
	m := &mind{Store: engine.NewStore(0)}
	m.SetUpstream(true)
	return m
}

func (m *mind) Want(list []relay.Position) {
	m.wanted.Store(&list)
	for _, p := range list {
		text := fmt.Sprintf(`[{"fen":%q,"chess960":%t,"cp":%d,"depth":9,"pv":["Nf3"]}]`, p.FEN(), p.Chess960(), opinion(p.FEN()))
		if err := m.Take([]byte(text)); err != nil {
			panic(err)
		}
	}
}

// opinion is what a mind thinks of a position.
func opinion(fen string) int {
	return int(crc32.ChecksumIEEE([]byte(strings.Join(strings.Fields(fen)[:4], " "))) % 1000)
}

// takeEvaluation checks that an evaluation is of the position that the watcher sees.
func (w *watcher) takeEvaluation(f *anyFrame) error {
	if !w.evaluates {
		return errors.New("nobody has asked for evaluations")
	}
	if f.Type == "evaluations" {
		var on evaluationsFrame
		err := json.Unmarshal(f.raw, &on)
		w.thinks = &on.On
		return err
	}
	if w.asked {
		return nil // it was sent before the other boards were asked for
	}
	var e evaluationFrame
	if err := json.Unmarshal(f.raw, &e); err != nil {
		return err
	}
	b, known := w.boards[e.Board]
	switch {
	case !known, len(w.only) > 0 && !slices.Contains(w.only, e.Board):
		return errors.New("an evaluation of a board that is not watched")
	case b.Game != e.Game, b.Ply != e.Ply:
		return fmt.Errorf("an evaluation of ply %d of game %s; the board has ply %d of %s", e.Ply, e.Game, b.Ply, b.Game)
	case e.CP == nil, *e.CP != opinion(b.FEN):
		return fmt.Errorf("an evaluation of another position than %s", b.FEN)
	}
	w.evaluated[e.Board] = e
	return nil
}

// untilEvaluated reads until every board that it watches has an evaluation.
func (w *watcher) untilEvaluated() *watcher {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for len(w.boards) == 0 || len(w.evaluated) < len(w.boards) {
		if _, err := w.read(); err != nil || time.Now().After(deadline) {
			w.t.Fatalf("%v; %d of %d boards have an evaluation", err, len(w.evaluated), len(w.boards))
		}
	}
	return w
}

// TestEvaluations: while moves, takebacks and corrections come, every evaluation is of the position
// that the spectator sees: late, at once, of some boards, by Server-Sent Events or not.
func TestEvaluations(t *testing.T) {
	s := newDelayedScript(t, testDelay).long(400)
	m := newMind()
	n := startNode(t, s, 9, func(c *Config) { sightByHeader(c); c.Evaluations = m })
	n.release(9)
	public, truth, some, without := newWatcher(t, roundA), newWatcher(t, roundA), newWatcher(t, roundA, 2, 4), newWatcher(t, roundA)
	truth.header, some.header = truthHeader, truthHeader
	for _, w := range []*watcher{public, truth, some} {
		w.evaluates = true
		w.join(n).untilEvaluated()
	}
	without.join(n)
	for upTo := uint64(30); upTo <= 300; upTo += 30 {
		n.apply(upTo)
		n.release(upTo - 15)
		truth.until(last(s.indexes(roundA, 0, upTo))).untilEvaluated()
		public.until(last(s.indexes(roundA, 0, upTo-15))).untilEvaluated()
		some.untilEvaluated()
		// A latecomer gets what there is.
		late := newWatcher(t, roundA)
		late.evaluates = true
		late.join(n).untilEvaluated()
		late.leave()
	}
	without.until(last(s.indexes(roundA, 0, 285)))
	if public.thinks == nil || !*public.thinks {
		t.Error("the public was not told that there is an engine")
	}
	if sent := n.hub.Stats().Evaluations; sent == 0 {
		t.Error("no evaluation is counted")
	}
	some.evaluates = false
	if err := some.conn.WriteJSON(map[string]any{"type": "subscribe", "boards": []int{1}, "evaluations": false}); err != nil {
		t.Fatal(err)
	}
	some.only, some.asked, some.evaluates = []int{1}, true, true // those that are on their way
	for some.asked {
		if _, err := some.read(); err != nil {
			t.Fatal(err)
		}
	}
	some.evaluates = false
	n.apply(360)
	some.until(last(s.indexes(roundA, 0, 360)))
}

// TestWatchedIsWanted: the engine is asked for the boards that are watched, the last one that moved
// first, and for nothing once nobody watches.
func TestWatchedIsWanted(t *testing.T) {
	s := longScript(t, 10)
	a := s.game(roundA, 50)
	m := newMind()
	below := []Watched{{Round: roundB, Sight: relay.Public}}
	n := startNode(t, s, s.last(), func(c *Config) {
		c.Evaluations, c.WatchedBelow = m, func() []Watched { return below }
	})
	wants := func(boards ...*relay.Game) func() bool {
		return func() bool {
			list := m.wanted.Load()
			var want []relay.Position
			for _, g := range boards {
				want = append(want, g.Position())
			}
			return list != nil && cmp.Equal(*list, want, cmp.Comparer(func(a, b relay.Position) bool { return a == b }))
		}
	}
	b := s.boardsAt(roundB, s.last())
	first, second := b[1], b[2]
	if second.Index > first.Index {
		first, second = second, first
	}
	waitFor(t, "the boards of an edge are wanted", wants(first, second))
	w := newWatcher(t, roundA, 50)
	w.evaluates = true
	w.join(n).untilEvaluated()
	if got := n.hub.Watched(); !cmp.Equal(got, []Watched{{Round: roundA, Boards: []int{50}}}) {
		t.Errorf("%v is watched", got)
	}
	s.move(a)
	n.apply(s.last())
	game, _ := s.state.Game(a)
	waitFor(t, "the newest board is wanted first", wants(game, first, second))
	w.leave()
	waitFor(t, "the boards of the edge are left", wants(first, second))
}

// TestEvaluationsOff: when the arbiter switches them off, also in a round with a delay, no more
// come, and the spectators are told.
func TestEvaluationsOff(t *testing.T) {
	s := newDelayedScript(t, testDelay)
	id := s.game(roundA, 1)
	s.move(id)
	m := newMind()
	n := startNode(t, s, s.last(), func(c *Config) { sightByHeader(c); c.Evaluations = m })
	n.release(s.last())
	public := newWatcher(t, roundA)
	public.evaluates = true
	public.join(n).untilEvaluated()
	turn := func(on bool) {
		s.add(&relaypb.Command{Op: &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{
			Round: string(roundA), Settings: &relaypb.RoundSettings{Evaluations: &on}}}})
		n.apply(s.last())
		for deadline := time.Now().Add(patience); public.thinks == nil || *public.thinks != on; {
			if _, err := public.read(); err != nil || time.Now().After(deadline) {
				t.Fatalf("%v; the public is not told that evaluations are %t", err, on)
			}
		}
	}
	turn(false)
	if list := *m.wanted.Load(); len(list) > 0 {
		t.Errorf("%d positions are still wanted", len(list))
	}
	late := newWatcher(t, roundA)
	late.evaluates = true
	late.join(n)
	for deadline := time.Now().Add(patience); late.thinks == nil; {
		if _, err := late.read(); err != nil || time.Now().After(deadline) {
			t.Fatalf("%v; the latecomer is told nothing", err)
		}
	}
	if *late.thinks || len(late.evaluated) > 0 {
		t.Error("a latecomer is told of evaluations that are off")
	}
	clear(public.evaluated)
	turn(true)
	public.untilEvaluated()
}

// TestWithoutEngine: a node without one says nothing of evaluations.
func TestWithoutEngine(t *testing.T) {
	s := longScript(t, 60)
	n := startNode(t, s, 9, nil)
	w := newWatcher(t, roundA)
	w.evaluates = true
	w.join(n)
	n.apply(s.last())
	w.until(last(s.indexes(roundA, 0, s.last()))).check(s, s.last())
	if w.thinks != nil {
		t.Error("it is told of an engine")
	}
	for query, ok := range map[string]bool{"evaluations=1": true, "evaluations=false": true, "evaluations=perhaps": false} {
		conn, _, err := n.dial("round="+string(roundA)+"&"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if _, _, err := conn.ReadMessage(); ok != (err == nil) || !ok && !websocket.IsCloseError(err, CloseBadRequest) {
			t.Errorf("%s: %v", query, err)
		}
		conn.Close()
	}
}

// TestWatchedText writes a list and reads it.
func TestWatchedText(t *testing.T) {
	list := []Watched{{"Ab3dEf7h", relay.Public, nil}, {"Xy4zAb2c", relay.Truth, []int{3, 40}}, {"Xy4zAb2c", 300, []int{1}}}
	text := FormatWatched(list)
	if want := "Ab3dEf7h.0,Xy4zAb2c.-1.3-40,Xy4zAb2c.300.1"; text != want {
		t.Errorf("written as %s, want %s", text, want)
	}
	if got := ParseWatched(text); !cmp.Equal(got, list) {
		t.Errorf("read as %v, want %v", got, list)
	}
	var many []Watched
	for range 1000 {
		many = append(many, list...)
	}
	if text := FormatWatched(many); len(text) > MaxWatchedText || len(ParseWatched(text)) < 50 {
		t.Errorf("%d are written in %d bytes, and read as %d", len(many), len(text), len(ParseWatched(text)))
	}
	for _, bad := range []string{"", "x", "..", ",,", "Ab3dEf7h.-7", "Ab3dEf7h.x", strings.Repeat("a", MaxWatchedText+1)} {
		if got := ParseWatched(bad); got != nil {
			t.Errorf("%.20s is read as %v", bad, got)
		}
	}
}
