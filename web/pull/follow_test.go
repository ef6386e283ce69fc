package pull

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// follows is the id of the source that the board follows.
func (r *testRound) follows(board int) (id string) {
	r.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(rid)
		for _, gid := range r.Games {
			if g, _ := b.Game(gid); g.Board == board {
				id = g.Source
			}
		}
	})
	return id
}

// twoSources is a round with two sources. The test takes the steps of their pollers.
type twoSources struct {
	*testRound
	t     *testing.T
	a, b  *sourceServer
	polls []*poller
}

func newTwoSources(t *testing.T, a, b string) *twoSources {
	p := &twoSources{t: t, a: newSourceServer(t, a), b: newSourceServer(t, b)}
	p.testRound = newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: p.a.URL + "/a.pgn"}, relay.Source{Kind: relay.SourcePGN, URL: p.b.URL + "/b.pgn", SilentSeconds: 30})
	p.polls = newPollers(t, p.testRound, "127.0.0.1")
	return p
}

// poll polls both sources.
func (p *twoSources) poll() {
	for _, s := range p.polls {
		s.pollOnce(p.t.Context())
	}
}

// show changes the bodies of both sources and polls them. An empty body breaks its source.
func (p *twoSources) show(a, b string) {
	for src, body := range map[*sourceServer]string{p.a: a, p.b: b} {
		src.set(http.StatusOK, body)
		if body == "" {
			src.set(http.StatusServiceUnavailable, "no")
		}
	}
	p.poll()
}

// want checks a board and the source that it follows, and that no move was ever taken back.
func (p *twoSources) want(when string, board int, source, line string) {
	p.t.Helper()
	if got := p.line(board); p.follows(board) != source || got != line || len(p.removed()) > 0 {
		p.t.Errorf("%s: board %d follows %q and has %q, want %q and %q; taken back: %v; %+v",
			when, board, p.follows(board), got, source, line, p.removed(), p.polls[0].roundPuller.sourceStatuses())
	}
}

// TestSourceBreaks: the first source breaks and comes back.
func TestSourceBreaks(t *testing.T) {
	g := func(moves string) string { return game(1, "A", moves) }
	p := newTwoSources(t, g("1. e4 e5 *"), g("1. e4 *"))
	p.poll()
	p.want("both are there", 1, "s1", "e4 e5 *")
	p.show(g("1. e4 e5 2. Nf3 *"), g("1. e4 e5 *"))
	p.want("the second is late", 1, "s1", "e4 e5 Nf3 *")
	p.show("", g("1. e4 e5 2. Nf3 Nc6 *"))
	p.want("the first has just broken", 1, "s1", "e4 e5 Nf3 *")
	p.advance(59 * time.Second)
	p.show("", g("1. e4 e5 2. Nf3 Nc6 3. Bb5 *"))
	p.want("a moment before it is dead", 1, "s1", "e4 e5 Nf3 *")
	p.advance(time.Second)
	p.show("", g("1. e4 e5 2. Nf3 Nc6 3. Bb5 *"))
	p.want("dead", 1, "s2", "e4 e5 Nf3 Nc6 Bb5 *")
	p.show("", g("1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 *"))
	p.want("on with the second", 1, "s2", "e4 e5 Nf3 Nc6 Bb5 a6 *")
	p.show(g("1. e4 e5 2. Nf3 *"), g("1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 *"))
	p.want("back, but behind", 1, "s2", "e4 e5 Nf3 Nc6 Bb5 a6 *")
	p.advance(time.Hour)
	p.poll()
	p.want("behind for long", 1, "s2", "e4 e5 Nf3 Nc6 Bb5 a6 *")
	// A node that begins to lead now knows from the log what the board follows.
	p.polls = newPollers(t, p.testRound, "127.0.0.1")
	p.poll()
	p.want("another leader", 1, "s2", "e4 e5 Nf3 Nc6 Bb5 a6 *")
	p.show(g("1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 4. Ba4 *"), g("1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 *"))
	p.want("the first has caught up", 1, "s1", "e4 e5 Nf3 Nc6 Bb5 a6 Ba4 *")
	st := p.polls[0].roundPuller.sourceStatuses()
	if len(st) != 2 || st[0].ID != "s1" || st[0].Follow != 1 || st[1].ID != "s2" || st[1].Follow != 0 || st[1].State != "polled" || !strings.HasSuffix(st[1].URL, "/b.pgn") {
		t.Errorf("%+v", st)
	}
}

// TestSourceFallsSilent: the first source shows nothing new while the second goes on.
func TestSourceFallsSilent(t *testing.T) {
	g := func(moves string) string { return game(1, "A", moves) }
	p := newTwoSources(t, g("1. e4 e5 *"), g("1. e4 e5 *"))
	p.poll()
	p.advance(time.Hour)
	p.poll()
	p.want("a player thinks", 1, "s1", "e4 e5 *")
	p.show(g("1. e4 e5 *"), g("1. e4 e5 2. Nf3 Nc6 *"))
	p.want("the second is ahead", 1, "s1", "e4 e5 *")
	p.advance(30 * time.Second)
	p.show(g("1. e4 e5 2. Nf3 *"), g("1. e4 e5 2. Nf3 Nc6 3. Bb5 *"))
	p.want("the first is late, but not silent", 1, "s1", "e4 e5 Nf3 *")
	p.advance(40 * time.Second)
	p.poll()
	p.want("not yet for a minute", 1, "s1", "e4 e5 Nf3 *")
	// Nothing new comes, and nobody polls: the time alone decides.
	if at := p.polls[0].nextComparison(); at.IsZero() || at.Sub(p.now()) > 20*time.Second {
		t.Errorf("the boards are to be compared at %s, and it is %s", at, p.now())
	}
	p.advance(20 * time.Second)
	if err := p.polls[1].compareBetweenPolls(context.Background()); err != nil {
		t.Error(err)
	}
	p.want("silent", 1, "s2", "e4 e5 Nf3 Nc6 Bb5 *")
	p.show(g("1. e4 e5 2. Nf3 Nc6 3. Bb5 *"), g("1. e4 e5 2. Nf3 Nc6 3. Bb5 *"))
	p.want("as far as the second", 1, "s1", "e4 e5 Nf3 Nc6 Bb5 *")
	// A result counts as more of the game.
	p.show(g("1. e4 e5 2. Nf3 Nc6 3. Bb5 *"), g("1. e4 e5 2. Nf3 Nc6 3. Bb5 1-0"))
	p.advance(time.Minute)
	p.poll()
	p.want("a result", 1, "s2", "e4 e5 Nf3 Nc6 Bb5 1-0")
	// The first is no longer silent, but behind: it does not take the result away.
	p.show(g("1. e4 e5 2. Nf3 Nc6 *"), g("1. e4 e5 2. Nf3 Nc6 3. Bb5 1-0"))
	p.show(g("1. e4 e5 2. Nf3 Nc6 3. Bb5 *"), g("1. e4 e5 2. Nf3 Nc6 3. Bb5 1-0"))
	p.want("as many moves, and no result", 1, "s2", "e4 e5 Nf3 Nc6 Bb5 1-0")
}

// TestSourceLosesABoard: one board vanishes from the first source, for a moment and for long.
func TestSourceLosesABoard(t *testing.T) {
	one, two := game(1, "A", "1. e4 *"), game(2, "B", "1. d4 *")
	p := newTwoSources(t, one+two, one+two)
	p.poll()
	p.show(one, one+game(2, "B", "1. d4 d5 *"))
	p.want("for a moment", 2, "s1", "d4 *")
	p.advance(time.Minute)
	p.poll()
	p.want("for long", 2, "s2", "d4 d5 *")
	p.want("the other board", 1, "s1", "e4 *")
	p.show(one+game(2, "B", "1. d4 d5 2. c4 *"), one+game(2, "B", "1. d4 d5 *"))
	p.want("back again", 2, "s1", "d4 d5 c4 *")
}

// TestSourcesAreMerged: each board comes from the source that has it, and has a number of its own.
func TestSourcesAreMerged(t *testing.T) {
	a, b := newSourceServer(t, game(1, "A", "1. e4 *")), newSourceServer(t, game(1, "C", "1. c4 *")+game(2, "D", "1. d4 *"))
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: a.URL + "/a"}, relay.Source{Kind: relay.SourcePGN, URL: b.URL + "/b", BoardOffset: 10})
	polls := newPollers(t, r, "127.0.0.1")
	// The second is polled first, and waits for what the first may have.
	polls[1].pollOnce(t.Context())
	if n := r.boardCount(); n != 0 {
		t.Errorf("%d boards before the first source was read", n)
	}
	polls[0].pollOnce(t.Context())
	if r.line(1) != "e4 *" || r.line(11) != "c4 *" || r.line(12) != "d4 *" || r.boardCount() != 3 {
		t.Errorf("%q, %q, %q of %d", r.line(1), r.line(11), r.line(12), r.boardCount())
	}
	if r.follows(1) != "s1" || r.follows(11) != "s2" || r.follows(12) != "s2" {
		t.Errorf("they follow %q, %q, %q", r.follows(1), r.follows(11), r.follows(12))
	}
	at := r.applied()
	for range 3 {
		r.advance(time.Minute)
		polls[0].pollOnce(t.Context())
		polls[1].pollOnce(t.Context())
	}
	if r.applied() != at {
		t.Errorf("sources that stay make %d entries", r.applied()-at)
	}
}

// TestFirstSourceIsDown: the second source opens the boards once the first is dead. The first gets
// them when it comes back.
func TestFirstSourceIsDown(t *testing.T) {
	p := newTwoSources(t, "", game(1, "A", "1. e4 *"))
	p.show("", game(1, "A", "1. e4 *"))
	if n := p.boardCount(); n != 0 {
		t.Errorf("%d boards at once", n)
	}
	p.advance(time.Minute)
	p.poll()
	p.want("a minute later", 1, "s2", "e4 *")
	p.show(game(1, "A", "1. e4 e5 *"), game(1, "A", "1. e4 *"))
	p.want("the first is there", 1, "s1", "e4 e5 *")
}

// TestFirstSourceHangs: the second source opens the boards although the first poll of the first
// source never ends.
func TestFirstSourceHangs(t *testing.T) {
	p := newTwoSources(t, "", game(1, "A", "1. e4 *"))
	p.polls[1].pollOnce(t.Context())
	p.advance(59 * time.Second)
	p.polls[1].pollOnce(t.Context())
	if p.boardCount() != 0 {
		t.Error("a board before the minute is over")
	}
	p.advance(time.Second)
	p.polls[1].pollOnce(t.Context())
	p.want("a minute later", 1, "s2", "e4 *")
}

// TestBothSourcesAreDown: the boards stay as they are.
func TestBothSourcesAreDown(t *testing.T) {
	p := newTwoSources(t, game(1, "A", "1. e4 *"), game(1, "A", "1. e4 *"))
	p.poll()
	at := p.applied()
	p.show("", "")
	p.advance(time.Hour)
	p.poll()
	p.want("for an hour", 1, "s1", "e4 *")
	if p.applied() != at {
		t.Errorf("%d entries", p.applied()-at)
	}
}

// TestSourceIsTakenAway: a board keeps its moves when its source is removed, until the other source
// has caught up.
func TestSourceIsTakenAway(t *testing.T) {
	g := func(moves string) string { return game(1, "A", moves) }
	p := newTwoSources(t, g("1. e4 e5 2. Nf3 *"), g("1. e4 *"))
	p.poll()
	only := relay.Source{Kind: relay.SourcePGN, URL: p.b.URL + "/b.pgn"}
	list := sourceList(only, only)
	list.List = list.List[1:] // the second
	p.updateRound(rid, &relaypb.UpdateRound{Settings: &relaypb.RoundSettings{Sources: list}})
	p.polls = newPollers(t, p.testRound, "127.0.0.1")
	p.poll()
	p.want("one source, which is behind", 1, "s1", "e4 e5 Nf3 *")
	p.b.set(200, g("1. e4 c5 *"))
	p.poll()
	p.advance(2 * takebackDelay)
	p.poll()
	p.want("it has other moves, and fewer", 1, "s1", "e4 e5 Nf3 *")
	p.b.set(200, g("1. e4 e5 2. Nf3 Nc6 *"))
	p.poll()
	p.want("it has caught up", 1, "s2", "e4 e5 Nf3 Nc6 *")
}

// TestSourceTakesBack: the source that a board follows can take moves back.
func TestSourceTakesBack(t *testing.T) {
	g := func(moves string) string { return game(1, "A", moves) }
	p := newTwoSources(t, g("1. e4 e5 2. Nf3 *"), g("1. e4 *"))
	p.poll()
	p.show(g("1. e4 c5 *"), g("1. e4 *"))
	if got := p.line(1); got != "e4 c5 *" || p.follows(1) != "s1" {
		t.Errorf("a correction: %q, %q", got, p.follows(1))
	}
	p.show(g("1. e4 *"), g("1. e4 *"))
	p.advance(takebackDelay)
	p.poll()
	if got := p.line(1); got != "e4 *" || p.follows(1) != "s1" {
		t.Errorf("shorter for long: %q, %q", got, p.follows(1))
	}
}

// TestManualBoard: a board that a person plays never follows a source. The rest is mirror's.
func TestManualBoard(t *testing.T) {
	p := newTwoSources(t, game(1, "A", "1. e4 *"), game(1, "A", "1. e4 *"))
	p.poll()
	var id string
	p.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(rid)
		id = string(r.Games[0])
	})
	p.must(&relaypb.Command{Op: &relaypb.Command_UpdateGame{UpdateGame: &relaypb.UpdateGame{Game: id, Source: new(relay.ManualSource)}}})
	p.show(game(1, "A", "1. e4 e5 *"), game(1, "A", "1. e4 e5 *"))
	p.advance(time.Hour)
	p.show("", game(1, "A", "1. e4 e5 2. Nf3 *"))
	if got := p.follows(1); got != relay.ManualSource {
		t.Errorf("the board follows %q", got)
	}
	for _, st := range p.polls[0].roundPuller.sourceStatuses() {
		if len(st.Problems) > 0 {
			t.Errorf("%s: %v", st.ID, st.Problems)
		}
	}
}

// TestSourcesRun runs the goroutines of two sources against the clock. The first source breaks.
func TestSourcesRun(t *testing.T) {
	a, b := newSourceServer(t, game(1, "A", "1. e4 *")), newSourceServer(t, game(1, "A", "1. e4 *"))
	r := newTestRound(t,
		relay.Source{Kind: relay.SourcePGN, URL: a.URL + "/a", IntervalSeconds: 1, SilentSeconds: 1},
		relay.Source{Kind: relay.SourcePGN, URL: b.URL + "/b", IntervalSeconds: 1, SilentSeconds: 1})
	p := Open(r.config("127.0.0.1"))
	defer p.Close()
	eventually(t, "both to be polled", func() bool { return r.line(1) == "e4 *" && r.follows(1) == "s1" && p.Stats().Sources == 2 })
	a.set(503, "no")
	b.set(200, game(1, "A", "1. e4 e5 *"))
	eventually(t, "the board to go over", func() bool { return r.line(1) == "e4 e5 *" && r.follows(1) == "s2" })
	a.set(200, game(1, "A", "1. e4 e5 2. Nf3 *"))
	eventually(t, "the board to come back", func() bool { return r.line(1) == "e4 e5 Nf3 *" && r.follows(1) == "s1" })
	r.leads.Store(false)
	eventually(t, "both to be let go", func() bool { return p.Stats().Sources == 0 && len(p.Sources(rid)) == 0 })
}

// TestSourceWithoutResults: a backup without results removes no result.
func TestSourceWithoutResults(t *testing.T) {
	p := newTwoSources(t, game(1, "A", "1. e4 e5 1-0"), game(1, "A", "1. e4 e5 *"))
	p.poll()
	p.want("both are there", 1, "s1", "e4 e5 1-0")
	p.advance(time.Hour)
	p.show("", game(1, "A", "1. e4 e5 *")+" ")
	p.advance(time.Hour)
	p.show("", game(1, "A", "1. e4 e5 *")+"\n")
	p.want("the first is dead, and the second has no result", 1, "s1", "e4 e5 1-0")
}
