package pull

import (
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

func (r *testRound) updateRound(id string, op *relaypb.UpdateRound) {
	r.t.Helper()
	op.Round = id
	r.must(&relaypb.Command{Op: &relaypb.Command_UpdateRound{UpdateRound: op}})
}

func (r *testRound) setStatus(id string, status relay.RoundStatus) {
	r.t.Helper()
	r.updateRound(id, &relaypb.UpdateRound{Status: new(string(status))})
}

// TestFinished polls a round for an hour after its last result, and again when it is opened again.
// A node that begins to lead then decides the same.
func TestFinished(t *testing.T) {
	const whole = "1. e4 e5 1-0"
	src := newSourceServer(t, game(1, "A", "1. e4 *")+game(2, "B", "1. d4 *"))
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
	s := newPoller(t, r, "127.0.0.1")
	s.pollOnce(t.Context())
	r.advance(5 * time.Hour) // a long game
	src.set(200, game(1, "A", whole)+game(2, "B", "1. d4 *"))
	s.pollOnce(t.Context())
	r.advance(30 * time.Minute)
	src.set(200, game(1, "A", whole)+game(2, "B", "1. d4 1/2-1/2"))
	if pause := s.pollOnce(t.Context()); pause != finishedInterval || s.currentStatus().State != "polled" {
		t.Errorf("just finished: a pause of %s, %+v", pause, s.currentStatus())
	}
	r.advance(afterFinish - time.Second)
	src.set(200, game(1, "A", whole)+game(2, "B", "1. d4 d5 1/2-1/2"))
	s.pollOnce(t.Context())
	if r.line(2) != "d4 d5 1/2-1/2" {
		t.Errorf("a correction within the hour: %q", r.line(2))
	}
	r.advance(2 * time.Second)
	src.set(200, game(1, "A", whole)+game(2, "B", "1. d4 d5 2. c4 1/2-1/2"))
	for _, who := range []*poller{s, newPoller(t, r, "127.0.0.1")} {
		n := src.count()
		pause := who.pollOnce(t.Context())
		st := who.currentStatus()
		if src.count() != n || r.line(2) != "d4 d5 1/2-1/2" || !strings.HasPrefix(st.State, "stopped: the round finished at 2026-11-23 ") || pause != restInterval {
			t.Errorf("after the hour: %d polls, a pause of %s, %q, %+v", src.count()-n, pause, r.line(2), st)
		}
	}
	// Opened again, it is polled at once; and the next result begins another hour.
	r.setStatus(rid, relay.RoundStarted)
	s.pollOnce(t.Context())
	if st := s.currentStatus(); r.line(2) != "d4 d5 c4 1/2-1/2" || st.State != "polled" {
		t.Errorf("opened again: %q, %+v", r.line(2), st)
	}
	src.set(200, game(1, "A", whole)+game(2, "B", "1. d4 d5 2. c4 0-1"))
	s.pollOnce(t.Context())
	r.advance(afterFinish / 2)
	if n := src.count(); s.pollOnce(t.Context()) == 0 || src.count() == n {
		t.Error("half an hour after another result it is not polled")
	}
	r.advance(afterFinish)
	if n := src.count(); s.pollOnce(t.Context()) == 0 || src.count() != n {
		t.Error("an hour after another result it is polled")
	}
}

// TestFinishedByHand: polling stops at once when somebody finishes the round.
func TestFinishedByHand(t *testing.T) {
	src := newSourceServer(t, game(1, "A", "1. e4 *"))
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
	s := newPoller(t, r, "127.0.0.1")
	s.pollOnce(t.Context())
	r.setStatus(rid, relay.RoundFinished)
	src.set(200, game(1, "A", "1. e4 e5 *"))
	n := src.count()
	s.pollOnce(t.Context())
	if st := s.currentStatus(); src.count() != n || r.line(1) != "e4 *" || !strings.HasPrefix(st.State, "stopped: a person has finished the round") {
		t.Errorf("%d polls, %q, %+v", src.count()-n, r.line(1), st)
	}
	r.setStatus(rid, relay.RoundStarted)
	s.pollOnce(t.Context())
	if st := s.currentStatus(); r.line(1) != "e4 e5 *" || st.State != "polled" {
		t.Errorf("opened again: %q, %+v", r.line(1), st)
	}
}

// TestFinishedWhileSomethingIsDue: a round that was finished by hand stays as it is, although its
// source has been shorter for long.
func TestFinishedWhileSomethingIsDue(t *testing.T) {
	src := newSourceServer(t, game(1, "A", "1. e4 e5 *"))
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
	s := newPoller(t, r, "127.0.0.1")
	s.pollOnce(t.Context())
	src.set(200, game(1, "A", "1. e4 *"))
	s.pollOnce(t.Context())
	r.setStatus(rid, relay.RoundFinished)
	r.advance(takebackDelay)
	if err := s.compareBetweenPolls(t.Context()); err != nil || r.line(1) != "e4 e5 *" || !s.nextComparison().IsZero() {
		t.Errorf("%v, %q, due at %s", err, r.line(1), s.nextComparison())
	}
	r.setStatus(rid, relay.RoundStarted)
	s.pollOnce(t.Context())
	if r.line(1) != "e4 *" {
		t.Errorf("opened again: %q", r.line(1))
	}
}

// TestShorterWhileItFails: a source that was shorter, and fails since, takes nothing back until it
// shows the same again.
func TestShorterWhileItFails(t *testing.T) {
	src := newSourceServer(t, game(1, "A", "1. e4 e5 *"))
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
	s := newPoller(t, r, "127.0.0.1")
	s.pollOnce(t.Context())
	src.set(200, game(1, "A", "1. e4 *"))
	s.pollOnce(t.Context())
	src.set(503, "no")
	s.pollOnce(t.Context())
	r.advance(2 * takebackDelay)
	s.pollOnce(t.Context())
	if r.line(1) != "e4 e5 *" {
		t.Errorf("while it fails: %q", r.line(1))
	}
	src.set(200, game(1, "A", "1. e4 *"))
	s.pollOnce(t.Context())
	if r.line(1) != "e4 *" {
		t.Errorf("when it is back: %q, %+v", r.line(1), s.currentStatus())
	}
}

// TestStartsAfterPrevious waits for the round before, or for somebody who starts the round.
func TestStartsAfterPrevious(t *testing.T) {
	src := newSourceServer(t, game(1, "A", "1. e4 *"))
	start := func() (*testRound, *poller) {
		r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
		r.updateRound(rid, &relaypb.UpdateRound{Settings: &relaypb.RoundSettings{StartsAfterPrevious: new(true)}})
		s := newPoller(t, r, "127.0.0.1")
		n := src.count()
		s.pollOnce(t.Context())
		if st := s.currentStatus(); src.count() != n || r.boardCount() != 0 || !strings.HasPrefix(st.State, `waiting: the round starts when "Round 1" is finished`) {
			t.Fatalf("%d polls, %d boards, %+v", src.count()-n, r.boardCount(), st)
		}
		return r, s
	}
	r, s := start()
	r.setStatus("other001", relay.RoundFinished)
	s.pollOnce(t.Context())
	if r.line(1) != "e4 *" || s.currentStatus().State != "polled" {
		t.Errorf("the round before is finished: %q, %+v", r.line(1), s.currentStatus())
	}
	r.setStatus("other001", relay.RoundStarted) // which does not matter once the round has begun
	src.set(200, game(1, "A", "1. e4 e5 *"))
	s.pollOnce(t.Context())
	if r.line(1) != "e4 e5 *" {
		t.Errorf("the round before goes on: %q, %+v", r.line(1), s.currentStatus())
	}
	r, s = start()
	r.setStatus(rid, relay.RoundStarted)
	s.pollOnce(t.Context())
	if r.line(1) != "e4 e5 *" {
		t.Errorf("started by hand: %q, %+v", r.line(1), s.currentStatus())
	}
}

// TestSourceShowsAnotherRound: a source that shows the next round is no longer taken, until it
// shows this one again.
func TestSourceShowsAnotherRound(t *testing.T) {
	of := func(round string, games ...string) string {
		return strings.ReplaceAll(strings.Join(games, ""), "[Round \"2.", "[Round \""+round+".")
	}
	src := newSourceServer(t, of("5", game(1, "A", "1. e4 e5 1-0"), game(2, "B", "1. d4 *")))
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
	s := newPoller(t, r, "127.0.0.1")
	s.pollOnce(t.Context())
	at := r.applied()
	src.set(200, of("6", game(1, "C", "*"), game(2, "D", "1. c4 *")))
	for range 2 {
		pause := s.pollOnce(t.Context())
		const want = "stopped: the source now shows round 6, but the games of this round are of round 5"
		if st := s.currentStatus(); st.State != want || r.applied() != at || pause != finishedInterval {
			t.Errorf("%+v, %d entries, a pause of %s", st, r.applied()-at, pause)
		}
	}
	src.set(200, of("5", game(1, "A", "1. e4 e5 1-0"), game(2, "B", "1. d4 d5 *")))
	s.pollOnce(t.Context())
	if st := s.currentStatus(); st.State != "polled" || r.line(2) != "d4 d5 *" {
		t.Errorf("back again: %q, %+v", r.line(2), st)
	}
	// Games of both rounds in one file are no other round, nor are games without a number.
	for _, body := range []string{
		of("5", game(1, "A", "1. e4 e5 1-0")) + of("6", game(2, "B", "1. d4 d5 2. c4 *")),
		strings.ReplaceAll(of("x", game(1, "A", "1. e4 e5 1-0"), game(2, "B", "1. d4 d5 2. c4 c6 *")), "[Round \"x.", "[Stage \""),
	} {
		src.set(200, body)
		s.pollOnce(t.Context())
		if st := s.currentStatus(); st.State != "polled" {
			t.Errorf("%s\n%+v", body, st)
		}
	}
}
