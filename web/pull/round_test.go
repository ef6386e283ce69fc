package pull

import (
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

func (h *hall) updateRound(id string, op *relaypb.UpdateRound) {
	h.t.Helper()
	op.Round = id
	h.must(&relaypb.Command{Op: &relaypb.Command_UpdateRound{UpdateRound: op}})
}

func (h *hall) setStatus(id string, status relay.RoundStatus) {
	h.t.Helper()
	h.updateRound(id, &relaypb.UpdateRound{Status: new(string(status))})
}

// TestFinished polls a round for an hour after its last result, and again when it is opened again.
// A node that begins to lead then thinks the same.
func TestFinished(t *testing.T) {
	const whole = "1. e4 e5 1-0"
	src := newPage(t, game(1, "A", "1. e4 *")+game(2, "B", "1. d4 *"))
	h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
	s := newPoll(t, h, "127.0.0.1")
	s.once(t.Context())
	h.advance(5 * time.Hour) // a long game
	src.set(200, game(1, "A", whole)+game(2, "B", "1. d4 *"))
	s.once(t.Context())
	h.advance(30 * time.Minute)
	src.set(200, game(1, "A", whole)+game(2, "B", "1. d4 1/2-1/2"))
	if pause := s.once(t.Context()); pause != finishedInterval || s.tell().State != "polled" {
		t.Errorf("just finished: a pause of %s, %+v", pause, s.tell())
	}
	h.advance(afterFinish - time.Second)
	src.set(200, game(1, "A", whole)+game(2, "B", "1. d4 d5 1/2-1/2"))
	if s.once(t.Context()); h.line(2) != "d4 d5 1/2-1/2" {
		t.Errorf("a correction within the hour: %q", h.line(2))
	}
	h.advance(2 * time.Second)
	src.set(200, game(1, "A", whole)+game(2, "B", "1. d4 d5 2. c4 1/2-1/2"))
	for _, who := range []*poll{s, newPoll(t, h, "127.0.0.1")} {
		n := src.count()
		pause := who.once(t.Context())
		st := who.tell()
		if src.count() != n || h.line(2) != "d4 d5 1/2-1/2" || !strings.HasPrefix(st.State, "stopped: the round finished at 2026-11-23 ") || pause != restInterval {
			t.Errorf("after the hour: %d polls, a pause of %s, %q, %+v", src.count()-n, pause, h.line(2), st)
		}
	}
	// Opened again, it is polled at once; and the next result begins another hour.
	h.setStatus(rid, relay.RoundStarted)
	s.once(t.Context())
	if st := s.tell(); h.line(2) != "d4 d5 c4 1/2-1/2" || st.State != "polled" {
		t.Errorf("opened again: %q, %+v", h.line(2), st)
	}
	src.set(200, game(1, "A", whole)+game(2, "B", "1. d4 d5 2. c4 0-1"))
	s.once(t.Context())
	h.advance(afterFinish / 2)
	if n := src.count(); s.once(t.Context()) == 0 || src.count() == n {
		t.Error("half an hour after another result it is not polled")
	}
	h.advance(afterFinish)
	if n := src.count(); s.once(t.Context()) == 0 || src.count() != n {
		t.Error("an hour after another result it is polled")
	}
}

// TestFinishedByHand stops at once when somebody finishes the round.
func TestFinishedByHand(t *testing.T) {
	src := newPage(t, game(1, "A", "1. e4 *"))
	h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
	s := newPoll(t, h, "127.0.0.1")
	s.once(t.Context())
	h.setStatus(rid, relay.RoundFinished)
	src.set(200, game(1, "A", "1. e4 e5 *"))
	n := src.count()
	s.once(t.Context())
	if st := s.tell(); src.count() != n || h.line(1) != "e4 *" || !strings.HasPrefix(st.State, "stopped: somebody has finished the round") {
		t.Errorf("%d polls, %q, %+v", src.count()-n, h.line(1), st)
	}
	h.setStatus(rid, relay.RoundStarted)
	s.once(t.Context())
	if st := s.tell(); h.line(1) != "e4 e5 *" || st.State != "polled" {
		t.Errorf("opened again: %q, %+v", h.line(1), st)
	}
}

// TestFinishedWhileSomethingIsDue wants a round that was finished by hand to stay as it is, though
// its source has been shorter for long.
func TestFinishedWhileSomethingIsDue(t *testing.T) {
	src := newPage(t, game(1, "A", "1. e4 e5 *"))
	h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
	s := newPoll(t, h, "127.0.0.1")
	s.once(t.Context())
	src.set(200, game(1, "A", "1. e4 *"))
	s.once(t.Context())
	h.setStatus(rid, relay.RoundFinished)
	h.advance(patience)
	if err := s.catchUp(t.Context()); err != nil || h.line(1) != "e4 e5 *" || !s.when().IsZero() {
		t.Errorf("%v, %q, due at %s", err, h.line(1), s.when())
	}
	h.setStatus(rid, relay.RoundStarted)
	if s.once(t.Context()); h.line(1) != "e4 *" {
		t.Errorf("opened again: %q", h.line(1))
	}
}

// TestShorterWhileItFails wants a source that was shorter, and cannot be asked since, to take
// nothing back until it shows the same again.
func TestShorterWhileItFails(t *testing.T) {
	src := newPage(t, game(1, "A", "1. e4 e5 *"))
	h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
	s := newPoll(t, h, "127.0.0.1")
	s.once(t.Context())
	src.set(200, game(1, "A", "1. e4 *"))
	s.once(t.Context())
	src.set(503, "no")
	s.once(t.Context())
	h.advance(2 * patience)
	if s.once(t.Context()); h.line(1) != "e4 e5 *" {
		t.Errorf("while it fails: %q", h.line(1))
	}
	src.set(200, game(1, "A", "1. e4 *"))
	if s.once(t.Context()); h.line(1) != "e4 *" {
		t.Errorf("when it is back: %q, %+v", h.line(1), s.tell())
	}
}

// TestStartsAfterPrevious waits for the round before, or for somebody who starts the round.
func TestStartsAfterPrevious(t *testing.T) {
	src := newPage(t, game(1, "A", "1. e4 *"))
	start := func() (*hall, *poll) {
		h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
		h.updateRound(rid, &relaypb.UpdateRound{Settings: &relaypb.RoundSettings{StartsAfterPrevious: new(true)}})
		s := newPoll(t, h, "127.0.0.1")
		n := src.count()
		s.once(t.Context())
		if st := s.tell(); src.count() != n || h.boardCount() != 0 || !strings.HasPrefix(st.State, `waiting: the round starts when "Round 1" is finished`) {
			t.Fatalf("%d polls, %d boards, %+v", src.count()-n, h.boardCount(), st)
		}
		return h, s
	}
	h, s := start()
	h.setStatus("other001", relay.RoundFinished)
	s.once(t.Context())
	if h.line(1) != "e4 *" || s.tell().State != "polled" {
		t.Errorf("the round before is finished: %q, %+v", h.line(1), s.tell())
	}
	h.setStatus("other001", relay.RoundStarted) // which does not matter once the round has begun
	src.set(200, game(1, "A", "1. e4 e5 *"))
	if s.once(t.Context()); h.line(1) != "e4 e5 *" {
		t.Errorf("the round before goes on: %q, %+v", h.line(1), s.tell())
	}
	h, s = start()
	h.setStatus(rid, relay.RoundStarted)
	if s.once(t.Context()); h.line(1) != "e4 e5 *" {
		t.Errorf("started by hand: %q, %+v", h.line(1), s.tell())
	}
}

// TestMovedOn stops taking a source that shows the next round, and takes it again when it shows
// this one.
func TestMovedOn(t *testing.T) {
	of := func(round string, games ...string) string {
		return strings.ReplaceAll(strings.Join(games, ""), "[Round \"2.", "[Round \""+round+".")
	}
	src := newPage(t, of("5", game(1, "A", "1. e4 e5 1-0"), game(2, "B", "1. d4 *")))
	h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn"})
	s := newPoll(t, h, "127.0.0.1")
	s.once(t.Context())
	at := h.applied()
	src.set(200, of("6", game(1, "C", "*"), game(2, "D", "1. c4 *")))
	for range 2 {
		pause := s.once(t.Context())
		const want = "stopped: the source shows round 6 now, and the games of this round are of round 5"
		if st := s.tell(); st.State != want || h.applied() != at || pause != finishedInterval {
			t.Errorf("%+v, %d entries, a pause of %s", st, h.applied()-at, pause)
		}
	}
	src.set(200, of("5", game(1, "A", "1. e4 e5 1-0"), game(2, "B", "1. d4 d5 *")))
	s.once(t.Context())
	if st := s.tell(); st.State != "polled" || h.line(2) != "d4 d5 *" {
		t.Errorf("back again: %q, %+v", h.line(2), st)
	}
	// Games of both rounds in one file are no other round, nor are games without a number.
	for _, body := range []string{
		of("5", game(1, "A", "1. e4 e5 1-0")) + of("6", game(2, "B", "1. d4 d5 2. c4 *")),
		strings.ReplaceAll(of("x", game(1, "A", "1. e4 e5 1-0"), game(2, "B", "1. d4 d5 2. c4 c6 *")), "[Round \"x.", "[Stage \""),
	} {
		src.set(200, body)
		s.once(t.Context())
		if st := s.tell(); st.State != "polled" {
			t.Errorf("%s\n%+v", body, st)
		}
	}
}
