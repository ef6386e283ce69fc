package broadcast

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

func sightHeader(sight relay.Sight) http.Header {
	return http.Header{"X-Sight": {fmt.Sprint(int(sight))}}
}

func (s *script) viewer(id string, delay int32) uint64 {
	s.t.Helper()
	return s.add(&relaypb.Command{Op: &relaypb.Command_CreateToken{CreateToken: &relaypb.CreateToken{
		Id: id, Name: "viewer", Role: "viewer", Delay: delay, Salt: make([]byte, 16), Hash: make([]byte, 32),
	}}})
}

func (s *script) private(yes bool) uint64 {
	s.t.Helper()
	return s.add(&relaypb.Command{Op: &relaypb.Command_UpdateTournament{UpdateTournament: &relaypb.UpdateTournament{
		Tournament: "tourney1", Settings: &relaypb.TournamentSettings{Private: &yes},
	}}})
}

// TestViewers: a tier gets each event when its delay has passed, after the truth and before the
// public. So does a tier that is new while moves are held. A tier whose delay is longer than the
// round's gets it with the public.
func TestViewers(t *testing.T) {
	s := newTierScript(t, testDelay, 40, 2*testDelay)
	game := s.game(roundA, 1)
	from := s.last()
	n := startNode(t, s, from, sightByHeader)
	n.release(from)
	join := func(sight relay.Sight) *watcher {
		w := newWatcher(t, roundA)
		w.header = sightHeader(sight)
		return w.join(n)
	}
	public, early, slow, truth := newWatcher(t, roundA).join(n), join(40), join(2*testDelay), join(relay.Truth)
	for range 60 {
		s.move(game)
	}
	n.apply(s.last())
	n.release(from + 10)
	truth.until(s.last()).check(s, s.last())
	early.until(from+30).check(s, from+30)
	public.until(from+10).check(s, from+10)
	slow.until(from+10).check(s, from+10)
	for _, w := range []struct {
		*watcher
		delay int
	}{{early, 40}, {slow, testDelay}, {truth, 0}} {
		if w.hello.Delay == nil || *w.hello.Delay != w.delay {
			t.Errorf("a viewer with a delay of %d s is told %v", w.delay, w.hello.Delay)
		}
	}
	if public.hello.Delay != nil {
		t.Error("the public is told a delay of its own")
	}
	// A new delay, in the middle.
	n.apply(s.viewer("viewer77", 50))
	n.release(from + 12)
	newer := join(50).until(from + 22)
	newer.check(s, from+22)
	n.release(from + 15)
	newer.until(from+25).check(s, from+25)
	early.until(from+35).check(s, from+35)
	public.until(from+15).check(s, from+15)
	if newer.snapshots != 1 || early.snapshots != 1 {
		t.Errorf("%d and %d snapshots", newer.snapshots, early.snapshots)
	}
	// It goes to a node with new histories, with a cursor.
	early.leave()
	n.jumpTo(s.last(), from+15)
	early.join(n)
	n.release(s.last())
	for _, w := range []*watcher{public, early, newer, slow} {
		w.until(from+60).check(s, from+60)
	}
	n.hub.mu.Lock()
	defer n.hub.mu.Unlock()
	if anyHeld(n.hub) {
		t.Error("the hub still waits for something")
	}
}

// TestViewersLoseABoard: a deletion counts at once for a tier that has the board, though the public
// has not seen the board.
func TestViewersLoseABoard(t *testing.T) {
	s := newTierScript(t, testDelay, 40)
	s.game(roundA, 1)
	from := s.last()
	n := startNode(t, s, from, sightByHeader)
	n.release(from)
	second := s.game(roundA, 2)
	for range 12 {
		s.move(second)
	}
	n.apply(s.last())
	n.release(from)
	public, early := newWatcher(t, roundA).join(n).until(from), newWatcher(t, roundA)
	early.header, early.renews = sightHeader(40), true
	early.join(n).until(s.last())
	if len(early.boards) != 2 {
		t.Fatalf("the viewer has %d boards", len(early.boards))
	}
	n.apply(s.delete(string(second)))
	for early.snapshots < 2 {
		if _, err := early.read(); err != nil {
			t.Fatal(err)
		}
	}
	if len(early.boards) != 1 {
		t.Errorf("the viewer has %d boards", len(early.boards))
	}
	if got := n.hub.shown.Load(); got != from {
		t.Errorf("the public's index is %d, since something was deleted that it has not seen", got)
	}
	n.release(s.last())
	public.until(s.last()).check(s, s.last())
	early.until(s.last()).check(s, s.last())
	if public.snapshots != 1 {
		t.Errorf("%d snapshots for the public", public.snapshots)
	}
}

// TestTokenEnds: a spectator whose token is no longer valid is closed, and all others stay.
func TestTokenEnds(t *testing.T) {
	s := newDelayedScript(t, testDelay)
	s.game(roundA, 1)
	var revoked atomic.Bool
	n := startNode(t, s, s.last(), func(c *Config) {
		c.StatusEvery = 20 * time.Millisecond
		c.Viewer = func(r *http.Request) Viewer {
			if r.Header.Get("X-Sight") == "" {
				return nil
			}
			return func(relay.RoundID) relay.Sight {
				if revoked.Load() {
					return relay.Public
				}
				return relay.Truth
			}
		}
	})
	n.release(s.last())
	public, truth := newWatcher(t, roundA).join(n), newWatcher(t, roundA)
	truth.header = sightHeader(relay.Truth)
	truth.join(n).until(s.last())
	revoked.Store(true)
	if code, reason := truth.closed(); code != CloseForbidden || reason == "" {
		t.Errorf("closed with %d %q", code, reason)
	}
	for range 5 {
		if _, err := public.read(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPrivate: the public finds no round of a private tournament, is sent away from one that
// becomes private, and gets nothing of it in the feed. Viewers stay.
func TestPrivate(t *testing.T) {
	s := newTierScript(t, 0)
	game := s.game(roundA, 1)
	n := startNode(t, s, s.last(), sightByHeader)
	feed := n.open(t, "/feed", nil)
	public, viewer, truth := newWatcher(t, roundA).join(n), newWatcher(t, roundA), newWatcher(t, roundA)
	viewer.header, truth.header = sightHeader(40), sightHeader(relay.Truth)
	viewer.join(n)
	truth.join(n)
	s.move(game)
	n.apply(s.last())
	public.until(s.last())
	n.apply(s.private(true))
	if code, _ := public.closed(); code != CloseNoRound {
		t.Errorf("closed with %d", code)
	}
	if code, _ := newWatcher(t, roundA).join(n).closed(); code != CloseNoRound {
		t.Errorf("a newcomer is closed with %d", code)
	}
	if _, err := n.hub.ReadGames(&http.Request{RemoteAddr: "127.0.0.1:1"}, roundA); err != ErrNoRound {
		t.Errorf("a game reader gets %v", err)
	}
	hidden := s.move(game)
	n.apply(hidden)
	viewer.renews = true
	for _, w := range []*watcher{viewer, truth} {
		w.until(hidden).check(s, hidden)
	}
	again := s.private(false)
	n.apply(again)
	var told []string
	read := func(until string) {
		for line := ""; !strings.Contains(line, until); {
			line = feed.line()
			told = append(told, line)
		}
	}
	read(fmt.Sprintf(`"index":%d`, again)) // snapshots
	shown := s.move(game)
	n.apply(shown)
	newWatcher(t, roundA).join(n).until(shown).check(s, shown)
	read(fmt.Sprintf(`"index":%d`, shown)) // as a move, or in a snapshot
	text := strings.Join(told, "\n")
	if strings.Contains(text, fmt.Sprintf(`"move","index":%d,`, hidden)) {
		t.Errorf("the feed of the public has\n%s", text)
	}
}
