package consensus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// Stories of leadership, with whole nodes in virtual time. Tests of the election clock and the
// probation alone are in preference_test.go.

const tick = 100 * time.Millisecond // of simulated nodes

// inTown is a cluster of voters that are 5 ms apart. The first ones are recorders, and 1 leads.
// Messages that match l are lost.
func inTown(t *testing.T, seed uint64, voters, recorders int, f func(t *testing.T, c *simCluster, l *losses)) {
	cfg := quiet(voters)
	cfg.seed, cfg.recorders, cfg.node.Voters = seed, recorders, voters
	simulate(t, cfg, func(t *testing.T, c *simCluster) {
		l := &losses{}
		c.net.filter = l.fate
		for _, a := range c.list() {
			for _, b := range c.list() {
				c.net.change(a.host, b.host, func(l *link) { l.delay = 5 * time.Millisecond })
			}
		}
		c.startAll(t)
		time.Sleep(time.Second)
		if lead := c.leader(); lead.id != 1 {
			if err := lead.running().TransferLeadership(c.ctx, 1); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		f(t, c, l)
		if broken := c.check.failure(); broken != "" {
			t.Errorf("%s\n%s", broken, c.history.last())
		}
	})
}

// up starts a node that is down.
func (n *simNode) up(t *testing.T) {
	t.Helper()
	if err := n.start(n.c.ctx); err != nil {
		t.Fatal(err)
	}
}

// leads waits until a node leads that is not one of others, and returns it.
func (c *simCluster) leads(t *testing.T, within time.Duration, others ...*simNode) *simNode {
	t.Helper()
	for began := time.Now(); time.Since(began) < within; time.Sleep(tick / 10) {
		if n := c.leader(); n != nil && !slices.Contains(others, n) {
			return n
		}
	}
	t.Fatalf("nobody else leads after %v", within)
	return nil
}

// proposes makes proposals at n every so often until stop is called. stop returns the longest time
// that one took. None may fail.
func (n *simNode) proposes(t *testing.T, every time.Duration) (stop func() (slowest time.Duration)) {
	end := make(chan struct{})
	var slowest time.Duration
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			case <-time.After(every):
			}
			began := time.Now()
			if err := n.propose(n.c.ctx, fmt.Sprint("move ", i, " at ", n.id)); err != nil {
				t.Errorf("propose: %v", err)
				return
			}
			slowest = max(slowest, time.Since(began))
		}
	})
	return func() time.Duration { close(end); wg.Wait(); return slowest }
}

// losses is a filter of the network: messages of a kind to a node are lost, and noted.
type losses struct {
	mu   sync.Mutex
	kind raftpb.MessageType
	to   uint64 // 0: nothing is lost
	from uint64 // 0: from any node
	at   []time.Time
}

func (l *losses) fate(m *raftpb.Message) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to != m.To || l.kind != m.Type || l.from != 0 && l.from != m.From {
		return ""
	}
	l.at = append(l.at, time.Now())
	return "lost"
}

func (l *losses) set(kind raftpb.MessageType, from, to uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kind, l.from, l.to, l.at = kind, from, to, nil
}

// tries is when messages were lost. Losses within a second of another count as one.
func (l *losses) tries() (out []time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.at {
		if len(out) == 0 || at.Sub(out[len(out)-1]) > time.Second {
			out = append(out, at)
		}
	}
	return out
}

// TestFailoverOfWholeNodes has real nodes, a network and disks. The leading recorder dies at some
// moment, and the other recorder, not the venue, leads within two election timeouts.
func TestFailoverOfWholeNodes(t *testing.T) {
	const runs = 25
	var all []time.Duration
	for seed := range uint64(runs) {
		t.Run(fmt.Sprint(seed+1), func(t *testing.T) {
			inTown(t, seed+1, 3, 2, func(t *testing.T, c *simCluster, _ *losses) {
				time.Sleep(time.Duration(randomUint64() % uint64(tick)))
				first := c.node(1)
				first.crash(seed%2 == 0)
				died := time.Now()
				next := c.leads(t, time.Minute, first)
				if next.cfg.Role != Recorder {
					t.Errorf("%s leads, a %s", next.host, next.cfg.Role)
				}
				all = append(all, time.Since(died))
			})
		})
	}
	if t.Failed() {
		return
	}
	slices.Sort(all)
	t.Logf("min/median/max %v/%v/%v", all[0], all[runs/2], all[runs-1])
	if all[0] < (electionTicks-2)*tick || all[runs-1] > 2*electionTicks*tick+tick {
		t.Errorf("another leader after %v to %v", all[0], all[runs-1])
	}
}

// TestHandBackTimesOut loses the message by which the recorder takes over. The venue tries
// again, less and less often. Moves wait no longer than one try may last, and the term stays. Once
// the message arrives the recorder leads.
func TestHandBackTimesOut(t *testing.T) {
	if !alone(t) {
		return
	}
	inTown(t, 1, 3, 1, func(t *testing.T, c *simCluster, l *losses) {
		recorder := c.node(1)
		recorder.crash(false)
		venue := c.leads(t, time.Minute, recorder)
		l.set(raftpb.MsgTimeoutNow, 0, 1)
		recorder.up(t)
		began := time.Now()
		stop := c.node(2).proposes(t, 900*time.Millisecond)
		term := venue.running().term()
		time.Sleep(11 * time.Minute)

		tries := l.tries()
		var gaps []time.Duration
		for i, at := range tries {
			gap := at.Sub(began)
			if i > 0 {
				gap = at.Sub(tries[i-1])
			}
			gaps = append(gaps, gap.Round(tick))
			// It was lost soon after it began, so the first probation is not the shortest.
			least := time.Duration(min(nextProbation<<i, maxProbation)) * tick
			if gap < least || gap > least+5*time.Second {
				t.Errorf("try %d came %v after the one before, and the probation is %v", i+1, gap, least)
			}
		}
		if c.leader() != venue || venue.running().term() != term {
			t.Errorf("%s leads in term %d, it was %s in %d", c.leader().host, c.leader().running().term(), venue.host, term)
		}
		if len(tries) < 6 {
			t.Errorf("only %d tries", len(tries))
		}
		l.set(0, 0, 0)
		c.leads(t, 2*maxProbation*tick, venue, c.node(2), c.node(3))
		slowest := stop()
		t.Logf("tries after %v; no move waited longer than %v", gaps, slowest)
		if most := electionTicks*tick + 2*maxBackoff + tick; slowest > most {
			t.Errorf("a move waited %v for a hand-back, and %v is the most", slowest, most)
		}
	})
}

func (n *Node) term() uint64 {
	s, err := n.Status(n.ctx)
	if err != nil {
		return 0
	}
	return s.Term
}

// TestUnstableRecorderInterruptsSeldom has a recorder that dies soon after each hand-back. It must
// interrupt the broadcast seldom.
func TestUnstableRecorderInterruptsSeldom(t *testing.T) {
	if !alone(t) {
		return
	}
	for _, test := range []struct {
		up, down time.Duration
		led      int // at most, within five minutes
	}{
		{2 * time.Second, time.Second, 0},
		{15 * time.Second, 2 * time.Second, 1},
		{45 * time.Second, 2 * time.Second, 3},
	} {
		t.Run(fmt.Sprint(test.up), func(t *testing.T) {
			inTown(t, 1, 3, 1, func(t *testing.T, c *simCluster, _ *losses) {
				recorder := c.node(1)
				recorder.crash(false)
				led := 0
				for began := time.Now(); time.Since(began) < 5*time.Minute; {
					c.leads(t, time.Minute, recorder)
					recorder.up(t)
					time.Sleep(test.up)
					if c.leader() == recorder {
						led++
					}
					recorder.crash(false)
					time.Sleep(test.down)
				}
				t.Logf("it led %d times", led)
				if led > test.led {
					t.Errorf("it led %d times, and %d is the most", led, test.led)
				}
				recorder.up(t)
				c.leads(t, 2*maxProbation*tick, c.node(2), c.node(3))
			})
		})
	}
}

// TestLastResorts has four venues and one recorder. A venue leads when the recorder dies, and
// another one when that venue dies. The recorder leads again once it has what it missed.
func TestLastResorts(t *testing.T) {
	if !alone(t) {
		return
	}
	inTown(t, 1, 5, 1, func(t *testing.T, c *simCluster, l *losses) {
		recorder := c.node(1)
		recorder.crash(false)
		first := c.leads(t, 2*electionTicks*tick+time.Second, recorder)
		first.crash(true)
		second := c.leads(t, 4*electionTicks*tick+time.Second, recorder, first)
		play := func(what string) {
			var moves []string
			for i := range 3 * closeBehind {
				moves = append(moves, fmt.Sprint(what, " ", i))
			}
			if err := second.propose(c.ctx, moves...); err != nil {
				t.Fatal(err)
			}
		}
		play("without the recorder")
		if why := second.running().why(); why != LeadsLastResort {
			t.Errorf("it leads by %q", why)
		}

		// It runs, and gets no appends.
		l.set(raftpb.MsgApp, 0, 1)
		recorder.up(t)
		first.up(t)
		stop := second.proposes(t, 50*time.Millisecond)
		time.Sleep(3 * nextProbation * tick)
		if c.leader() != second {
			t.Fatalf("%s leads while the recorder is far behind", c.leader().host)
		}
		if len(l.tries()) == 0 {
			t.Error("nothing was sent to the recorder: this shows nothing")
		}
		if slowest := stop(); slowest > tick {
			t.Errorf("a move waited %v: a hand-back was tried", slowest)
		}

		// It catches up, and falls behind again: its answers are lost.
		l.set(0, 0, 0)
		time.Sleep(time.Second)
		l.set(raftpb.MsgAppResp, 1, uint64(second.id))
		play("unconfirmed")
		stop = second.proposes(t, 50*time.Millisecond)
		time.Sleep(3 * nextProbation * tick)
		if slowest := stop(); slowest > tick || c.leader() != second {
			t.Errorf("%s leads, and a move waited %v", c.leader().host, slowest)
		}

		l.set(0, 0, 0)
		began := time.Now()
		if next := c.leads(t, 2*maxProbation*tick, second); next != recorder {
			t.Fatalf("%s took over, a %s", next.host, next.cfg.Role)
		}
		if took := time.Since(began); took < firstProbation*tick {
			t.Errorf("it leads %v after it has caught up", took)
		}
		time.Sleep(time.Second)
		if err := recorder.propose(c.ctx, "goes on"); err != nil {
			t.Fatal(err)
		}
		if got := len(recorder.machine.all()); got < 6*closeBehind {
			t.Errorf("the recorder has %d moves", got)
		}
	})
}

// why is why a venue leads, as the venue says.
func (n *Node) why() string {
	s, err := n.Status(n.ctx)
	if err != nil {
		return ""
	}
	for _, m := range s.Members {
		if m.ID == n.id {
			return m.Leads
		}
	}
	return ""
}

// TestTransferTimesOut loses the message of a manual transfer. The caller gets an error in
// time, and moves go on at once, before Raft's own timeout.
func TestTransferTimesOut(t *testing.T) {
	inTown(t, 1, 3, 1, func(t *testing.T, c *simCluster, l *losses) {
		l.set(raftpb.MsgTimeoutNow, 1, 2)
		recorder := c.node(1)
		ctx, cancel := context.WithTimeout(c.ctx, 2*tick)
		defer cancel()
		began := time.Now()
		err := recorder.running().TransferLeadership(ctx, 2)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "not taken over") || took > 3*tick {
			t.Errorf("after %v: %v", took, err)
		}
		if len(l.tries()) == 0 {
			t.Error("nothing was asked: this shows nothing")
		}
		began = time.Now()
		if err := recorder.propose(c.ctx, "at once"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > tick {
			t.Errorf("a move waited %v after the transfer had been given up", took)
		}
		// A manual transfer that failed gives the venue no right to keep leadership.
		l.set(0, 0, 0)
		recorder.crash(false)
		venue := c.leads(t, time.Minute, recorder)
		if why := venue.running().why(); why != LeadsLastResort {
			t.Errorf("%s leads by %q", venue.host, why)
		}
	})
}
