package broadcast

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// longScript has four boards in round A, two in B, and n moves, sometimes a takeback, a result or a
// clock.
func longScript(t testing.TB, n int) *script { return newScript(t).long(n) }

func (s *script) long(n int) *script {
	var games []relay.GameID
	for b := 1; b <= 4; b++ {
		games = append(games, s.game(roundA, b))
	}
	for b := 1; b <= 2; b++ {
		games = append(games, s.game(roundB, b))
	}
	for i := range n {
		g := games[(i*7+i/5)%len(games)]
		game, _ := s.state.Game(g)
		switch {
		case game.Over():
			s.takeBack(g, game.Ply()-1) // this also removes the result
		case i%23 == 22 && game.Ply() > 2:
			s.takeBack(g, game.Ply()-2)
		case i%19 == 18:
			s.correct(g, i%2 == 0)
		case i%29 == 28:
			s.rename(g, i)
		case i%31 == 30:
			s.clock(g, int64(3_500_000-1000*i))
		case i%41 == 40:
			s.renameRound(game.Round, i)
		case i%37 == 36 && game.Ply() > 2:
			s.result(g, "1/2-1/2")
		default:
			s.move(g)
		}
	}
	return s
}

// TestJoinRace: between the change of the boards and Publish, a snapshot may be taken that has the
// event already. No spectator may get the event twice, and none may miss it.
func TestJoinRace(t *testing.T) {
	s := longScript(t, 1500)
	n := startNode(t, s, 9, func(c *Config) { c.StatusEvery = 50 * time.Millisecond })
	// Crowds join and leave all the time.
	var wg sync.WaitGroup
	done := make(chan struct{})
	crowd := make([]int, 3)
	for i := range crowd {
		wg.Go(func() {
			for ; !isClosed(done); crowd[i]++ {
				if err := joinAndLook(t, n, s); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	// And one joins at the worst moment, again and again.
	worst := 0
	for index := n.applied() + 1; index <= s.last(); index++ {
		events := n.step()
		if len(events) == 0 || events[0].RoundID() != roundA || index%5 != 0 {
			n.hub.Publish(events)
			continue
		}
		n.hub.mu.Lock()
		if r := n.hub.topics[topicKey{id: roundA}]; r != nil {
			r.snapshots.drop() // so that an older one is not used
		}
		n.hub.mu.Unlock()
		w := newWatcher(t, roundA).join(n).until(1)
		if w.cursor > index || w.snapshots != 1 {
			t.Fatalf("the snapshot is at %d, and the boards are at %d", w.cursor, index)
		}
		if w.cursor == index { // otherwise the crowd got an older one
			worst++
		}
		n.hub.Publish(events)
		n.apply(min(index+8, s.last()))
		index = n.applied()
		if rest := s.indexes(roundA, w.cursor, index); len(rest) > 0 {
			from := w.cursor
			w.until(rest[len(rest)-1])
			if !slices.Equal(w.seen, rest) {
				t.Fatalf("after the snapshot at %d: %v, want %v", from, w.seen, rest)
			}
		}
		w.check(s, index)
		w.leave()
	}
	close(done)
	wg.Wait()
	if worst < 10 {
		t.Errorf("only %d joined between the boards and Publish", worst)
	}
	t.Logf("%d joined between the boards and Publish, and crowds of %v meanwhile", worst, crowd)
}

// joinAndLook joins at a random moment, reads some messages, and compares.
func joinAndLook(t *testing.T, n *node, s *script) error {
	w := newWatcher(t, roundA).join(n)
	defer w.leave()
	var from uint64
	for w.snapshots == 0 || len(w.seen) < 3 && n.applied() < s.last() {
		if _, err := w.read(); err != nil {
			return err
		}
		if w.snapshots == 1 && from == 0 {
			from = w.cursor
		}
	}
	if want := s.indexes(roundA, from, w.cursor); !slices.Equal(w.seen, want) {
		return fmt.Errorf("after the snapshot at %d, up to %d: %v, want %v", from, w.cursor, w.seen, want)
	}
	if d := w.differs(s, w.cursor); d != "" {
		return fmt.Errorf("boards differ at %d (-want +got):\n%s", w.cursor, d)
	}
	return nil
}

// TestJoinRaceAtTheCursor is TestJoinRace without sockets, for thousands.
func TestJoinRaceAtTheCursor(t *testing.T) {
	s := longScript(t, 2000)
	n := startNode(t, s, 9, func(c *Config) { c.HistoryEvents = 64 })
	var wg sync.WaitGroup
	done := make(chan struct{})
	joins := make([]int, 4)
	for worker := range joins {
		wg.Go(func() {
			for last := false; !last; joins[worker]++ {
				last = isClosed(done) // one more, at the end
				if err := followCursor(n, s, worker%2 == 0); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n.applied() < s.last() {
		n.hub.Publish(n.step())
	}
	close(done)
	wg.Wait()
	t.Log("joins of each worker:", joins)
}

// followCursor joins with a snapshot, and reads some dozens of events at most.
func followCursor(n *node, s *script, filtered bool) error {
	n.hub.mu.Lock()
	r := n.hub.table.join(topicKey{id: roundA}, false)
	n.hub.mu.Unlock()
	defer n.hub.leaveTopic(r)
	w := &worker{hub: n.hub}
	c := &spectator{topic: r, snapshotFirst: true}
	if filtered {
		c.only = &boardSet{2, 3}
	}
	var from uint64
	sum := 0
	for range 40 {
		before, snapshots := c.cursor, w.counted.snapshotsSent.Load()
		b, err := w.gather(c)
		if err != nil {
			return err
		}
		if c.cursor == before {
			break
		}
		if c.cursor < before {
			return fmt.Errorf("from %d to %d", before, c.cursor)
		}
		if w.counted.snapshotsSent.Load() > snapshots {
			from, sum = c.cursor, 0
			for _, out := range w.out { // with the snapshot came later frames
				var f anyFrame
				if err := json.Unmarshal(payload(out), &f); err == nil && f.Type == "snapshot" {
					from = f.Index
				}
			}
		}
		sum += b.events
	}
	want := 0
	for _, index := range s.indexes(roundA, from, c.cursor) {
		for _, e := range s.events[index-1] {
			if e.Game == nil || c.only.has(e.Game.Board) {
				want++
			}
		}
	}
	if sum != want {
		return fmt.Errorf("%d events from %d to %d, want %d", sum, from, c.cursor, want)
	}
	return nil
}

// payload is a server's frame without its header.
func payload(frame []byte) []byte {
	switch frame[1] {
	case 126:
		return frame[4:]
	case 127:
		return frame[10:]
	}
	return frame[2:]
}
