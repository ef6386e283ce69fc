package consensus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"
)

// Faults that the simulation has found, each as a story of its own. A seed's meaning changes with
// every change of the code.

// quiet is a cluster without faults.
func quiet(voters int) simConfig {
	return simConfig{seed: 1, voters: voters, recorders: 1, fsync: time.Millisecond, keep: 500, log: slog.New(slog.DiscardHandler)}
}

// startAll starts the nodes that are down, and waits for a leader.
func (c *simCluster) startAll(t *testing.T) *simNode {
	t.Helper()
	for _, n := range c.list() {
		if n.present() == nil {
			if err := n.start(c.ctx); err != nil {
				t.Fatal(err)
			}
			time.Sleep(7*time.Millisecond + 1) // so that no two tick at the same instant
		}
	}
	for c.leader() == nil {
		time.Sleep(c.cfg.node.Tick + time.Millisecond)
	}
	return c.leader()
}

func (n *simNode) propose(ctx context.Context, commands ...string) error {
	var data [][]byte
	for _, c := range commands {
		data = append(data, []byte(c))
	}
	outcomes, err := n.running().Propose(ctx, data...)
	for i, r := range outcomes {
		n.c.check.answered(n, commands[i], r)
	}
	return err
}

// TestCommitIndexAfterARestart restarts a follower in a quiet moment. A Ready has the commit
// index only when it changes, so the node must not wait for that.
func TestCommitIndexAfterARestart(t *testing.T) {
	simulate(t, quiet(3), func(t *testing.T, c *simCluster) {
		lead := c.startAll(t)
		for i := range 20 {
			if err := lead.propose(c.ctx, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		n := c.node(uint64(lead.id)%3 + 1)
		time.Sleep(5 * time.Second) // the boards are on disk then
		n.crash(false)
		if err := n.start(c.ctx); err != nil {
			t.Fatal(err)
		}
		if node := n.running(); node.Commit() < node.Applied() {
			t.Errorf("it has applied %d and takes %d for committed", node.Applied(), node.Commit())
		}
	})
}

// TestLoneVoterReadsWhatItAcknowledged asks a group of one for a read right after a restart, before
// it knows what was committed.
func TestLoneVoterReadsWhatItAcknowledged(t *testing.T) {
	simulate(t, quiet(1), func(t *testing.T, c *simCluster) {
		n := c.startAll(t)
		for i := range 20 {
			if err := n.propose(c.ctx, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		n.crash(false)
		if err := n.start(c.ctx); err != nil {
			t.Fatal(err)
		}
		if err := n.running().ReadIndex(c.ctx); err != nil {
			t.Fatal(err)
		}
		if got := len(n.machine.all()); got != 20 {
			t.Errorf("20 commands were acknowledged, and a read sees %d", got)
		}
	})
}

// TestRemovedBeforeItsSnapshot admits a node that nobody can reach, and removes it. When it can
// be reached it is no member, so nobody dials it.
func TestRemovedBeforeItsSnapshot(t *testing.T) {
	simulate(t, quiet(2), func(t *testing.T, c *simCluster) {
		lead := c.startAll(t)
		n := c.newNode(3)
		for _, o := range c.list() {
			for _, l := range [][2]string{{n.host, o.host}, {o.host, n.host}} {
				c.net.change(l[0], l[1], func(l *link) { l.blocked = true })
			}
		}
		n.cfg.Join = func(ctx context.Context, self Applicant) (Welcome, error) {
			return lead.running().Admit(ctx, self.Member)
		}
		if err := errors.Join(n.identify(false), n.start(c.ctx), lead.running().Remove(c.ctx, n.id)); err != nil {
			t.Fatal(err)
		}
		for _, o := range c.list() {
			for _, l := range [][2]string{{n.host, o.host}, {o.host, n.host}} {
				c.net.change(l[0], l[1], func(l *link) { l.blocked = false })
			}
		}
		select {
		case <-n.present().Done():
			if err := n.present().Err(); !errors.Is(err, ErrRemoved) {
				t.Errorf("it stopped with %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("it has not heard that it was removed")
		}
	})
}

// TestRemovedVoterStaysUntilItIsNotNeeded removes one of two voters. The other one crashes before
// it has on disk that the removal is committed, so it needs the removed one's vote.
func TestRemovedVoterStaysUntilItIsNotNeeded(t *testing.T) {
	simulate(t, quiet(2), func(t *testing.T, c *simCluster) {
		lead := c.startAll(t)
		other := c.node(3 - uint64(lead.id))
		if err := lead.propose(c.ctx, "first"); err != nil {
			t.Fatal(err)
		}
		lead.disk.set(time.Second, 0, false)
		lead.disk.forgets = true
		if err := other.running().Remove(c.ctx, other.id); err != nil {
			t.Fatal(err)
		}
		lead.crash(false)
		if at := lead.disk.boardsAt; lead.disk.image.hard.Commit > 3 || at > 3 {
			t.Fatalf("the removal is known to be committed: %v, boards at %d", lead.disk.image.hard, at)
		}
		lead.disk.set(time.Millisecond, 0, false)
		if err := lead.start(c.ctx); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
		defer cancel()
		if err := lead.propose(ctx, "last"); err != nil {
			t.Fatalf("the one voter that is left: %v", err)
		}
		select {
		case <-other.present().Done():
			if err := other.present().Err(); !errors.Is(err, ErrRemoved) {
				t.Errorf("the removed one stopped with %v", err)
			}
		case <-ctx.Done():
			t.Error("the removed one has not heard that it may go")
		}
	})
}

// TestChangeIsNotAppliedBehindASnapshot has a snapshot reach a node whose apply loop is about to
// apply a membership change. A later change has undone that one, and the snapshot's membership is
// newer.
func TestChangeIsNotAppliedBehindASnapshot(t *testing.T) {
	cfg := quiet(4)
	cfg.node.KeepEntries, cfg.node.CheckpointEvery = 2, 3
	simulate(t, cfg, func(t *testing.T, c *simCluster) {
		lead := c.startAll(t)
		n, other := c.node(uint64(lead.id)%4+1), c.node((uint64(lead.id)+1)%4+1)
		// Its apply loop waits until it may go on.
		goOn := make(chan struct{})
		settle := n.cfg.seams.settle
		n.cfg.seams.settle = func(loop string, who uint64) {
			settle(loop, who)
			if loop == "apply" {
				<-goOn
			}
		}
		n.crash(false)
		if err := n.start(c.ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if err := lead.running().SetVoter(c.ctx, other.id, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		cut := func(blocked bool) {
			for _, o := range c.list() {
				if o != n {
					c.net.change(n.host, o.host, func(l *link) { l.blocked, l.blackhole = blocked, true })
					c.net.change(o.host, n.host, func(l *link) { l.blocked, l.blackhole = blocked, true })
				}
			}
		}
		cut(true)
		if err := lead.running().SetVoter(c.ctx, other.id, true); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			if err := lead.propose(c.ctx, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Second) // the log is compacted then
		cut(false)
		for n.running().Commit() < lead.running().Commit() && c.ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		if at := n.running().Applied(); at != foundingIndex {
			t.Fatalf("it stands at %d: the snapshot has not met a change that is yet to be applied", at)
		}
		close(goOn)
		for n.running().Applied() < lead.running().Applied() && c.ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second) // Raft learns of it
		if broken := c.check.failure(); broken != "" {
			t.Errorf("%s\n%s", broken, c.history.last())
		}
	})
}
