package pull

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

// TestQueues: those that wait for a round work one at a time, in the order in which they came, even
// if one gives up.
func TestQueues(t *testing.T) {
	var q Queues
	var turns []*Turn
	for range 4 {
		turns = append(turns, q.Enter("roundAAA"))
	}
	elsewhere := q.Enter("roundBBB")
	if elsewhere.Wait(t.Context()) != nil {
		t.Fatal("another round waits")
	}
	elsewhere.Leave()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if turns[1].Wait(gone) == nil {
		t.Error("the second one has its turn while the first is at work")
	}
	turns[1].Leave()
	turns[0].Leave()
	if err := turns[2].Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if turns[3].Wait(gone) == nil {
		t.Error("two have their turn")
	}
	turns[2].Leave()
	if err := turns[3].Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	turns[3].Leave()
	if len(q.turns) != 0 {
		t.Errorf("something is left: %v", q.turns)
	}
	if turns[0].Number >= turns[3].Number || q.Enter("roundCCC").Number <= elsewhere.Number {
		t.Error("the numbers do not grow")
	}
}

// TestPollWaitsForAPush: a poll is compared with the boards only after a push to the round was
// recorded.
func TestPollWaitsForAPush(t *testing.T) {
	src := newSourceServer(t, "[White \"A\"]\n[Black \"B\"]\n\n1. e4 *\n\n")
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL})
	s := newPoller(t, r, "127.0.0.1")
	push := s.Queues().Enter(rid)
	var wg sync.WaitGroup
	wg.Go(func() { s.pollOnce(t.Context()) })
	waiting := func() bool {
		s.queues.mu.Lock()
		defer s.queues.mu.Unlock()
		return len(s.queues.turns[rid]) == 2
	}
	for !waiting() {
		runtime.Gosched()
	}
	if n := len(s.view().Games); n > 0 {
		t.Errorf("%d games are there before the push has left", n)
	}
	push.Leave()
	wg.Wait()
	if n := len(s.view().Games); n != 1 || s.currentStatus().LastError != "" {
		t.Errorf("%d games, %+v", n, s.currentStatus())
	}
}
