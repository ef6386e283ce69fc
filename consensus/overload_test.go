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

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3/raftpb"
)

// diskStall makes disks stand still: while it lasts, writes wait.
type diskStall struct {
	mu   sync.Mutex
	open chan struct{} // closed while no write has to wait
}

func newDiskStall() *diskStall {
	g := &diskStall{open: make(chan struct{})}
	close(g.open)
	return g
}

func (g *diskStall) stall() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

func (g *diskStall) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
	default:
		close(g.open)
	}
}

func (g *diskStall) wait() {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	<-open
}

// stallingLog is a log whose writes wait for a diskStall. Its node goes on answering heartbeats.
type stallingLog struct {
	entryLog
	stall *diskStall
}

func (l stallingLog) Write(hs raftpb.HardState, entries []raftpb.Entry) error {
	l.stall.wait()
	return l.entryLog.Write(hs, entries)
}

// outstanding returns how many commands of n wait for an answer, and their bytes.
func (n *testNode) outstanding() (proposals, bytes int) {
	return n.pending.outstandingCommands(), n.pending.outstandingBytes()
}

// TestOverload has the followers' disks stand still. All nodes propose far more than the leader
// keeps without a majority. The surplus is refused in about a second, and never recorded. The rest
// is recorded once the disks go on.
func TestOverload(t *testing.T) {
	t.Parallel()
	const most, size, proposers = 32 << 10, 1000, 60
	c, g := newCluster(t, 0), newDiskStall()
	t.Cleanup(g.resume)
	for i := range 3 {
		n := c.add(func(cfg *Config) {
			cfg.MaxUncommittedBytes, cfg.Tick = most, 150*time.Millisecond
			if i > 0 {
				cfg.seams.openLog = func(path string) (entryLog, error) {
					l, err := store.OpenLog(path, store.LogOptions{})
					return stallingLog{l, g}, err
				}
			}
		})
		waitFor(t, n.cfg.Name+" to vote", func() bool { return suffrage(c.nodes[0], n.ID()) == "voter" })
	}
	lead := c.nodes[0]
	lead.propose("before")
	c.waitSame([]string{"before"})
	term, before := status(lead).Term, lead.storage.entryLog.LastIndex()
	g.stall()

	var mu sync.Mutex
	var acked, refused []string
	var slowest time.Duration
	var wg sync.WaitGroup
	propose := func(n *testNode, name string) {
		command := name + strings.Repeat(".", size-len(name))
		began := time.Now()
		_, err := n.Propose(within(t, 60*time.Second), []byte(command))
		took := time.Since(began)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			acked = append(acked, command)
		case errors.Is(err, ErrOverloaded):
			refused, slowest = append(refused, command), max(slowest, took)
		default:
			t.Errorf("%s: %v", name, err)
		}
	}
	// The first one is alone: Raft takes any proposal when nothing is uncommitted.
	wg.Go(func() { propose(lead, "first") })
	waitFor(t, "the first in the log", func() bool { return lead.storage.entryLog.LastIndex() > before })
	for i := range proposers {
		wg.Go(func() { propose(c.nodes[i%3], fmt.Sprint("flood ", i)) })
	}
	waitFor(t, "the rest to be refused", func() bool {
		waiting := 0
		for _, n := range c.nodes {
			w, _ := n.outstanding()
			waiting += w
		}
		mu.Lock()
		defer mu.Unlock()
		return len(refused)+waiting == proposers+1 && waiting*(size+entryHeader) <= most
	})
	entries, err := lead.storage.Entries(before+1, lead.storage.entryLog.LastIndex()+1, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	bytes := 0
	for _, e := range entries {
		bytes += len(e.Data)
	}
	if bytes > most {
		t.Errorf("%d bytes stand in the leader's log without a majority, and the limit is %d", bytes, most)
	}
	mu.Lock()
	t.Logf("%d of %d refused, the last one after %v; %d bytes in the log of the leader", len(refused), proposers+1, slowest, bytes)
	if len(acked) > 0 || len(refused) == 0 || slowest > overloadTimeout+3*time.Second {
		t.Errorf("%d were acknowledged and %d refused, the last one after %v", len(acked), len(refused), slowest)
	}
	mu.Unlock()

	g.resume()
	wg.Wait()
	if now := status(lead); now.Term != term || now.LeaderID != lead.ID() {
		t.Fatalf("%s leads in term %d: this shows nothing", now.Leader, now.Term)
	}
	for i, n := range c.nodes {
		n.propose(fmt.Sprint("after ", i))
	}
	c.waitAgree()
	want := lead.list.all()
	for _, s := range acked {
		if !slices.Contains(want, s) {
			t.Errorf("%q was acknowledged and is lost", strings.TrimRight(s, "."))
		}
	}
	for _, s := range refused {
		if slices.Contains(want, s) {
			t.Errorf("%q was refused and is recorded", strings.TrimRight(s, "."))
		}
	}
}

// TestProposalsThatWaitAreBounded checks the limits by number and by bytes. The surplus is refused
// at once, and there is room again once others have given up.
func TestProposalsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	n := c.nodes[0]
	for _, other := range c.nodes[1:] {
		other.kill()
	}
	waitFor(t, "the leader to be lost", func() bool { return n.Leader() == 0 })
	for what, full := range map[string][]struct{ proposals, commands, size int }{
		"number": {{maxPending / maxProposal, maxProposal, 1}},
		"bytes":  {{68, 15, MaxCommand}, {1, 4, MaxCommand}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		proposals, bytes := 0, 0
		for _, of := range full {
			command := make([]byte, of.size)
			for range of.proposals {
				wg.Go(func() {
					if _, err := n.Propose(ctx, slices.Repeat([][]byte{command}, of.commands)...); !errors.Is(err, ErrNoLeader) {
						t.Errorf("%s: one that waited got: %v", what, err)
					}
				})
			}
			proposals, bytes = proposals+of.proposals*of.commands, bytes+of.proposals*of.commands*of.size
		}
		waitFor(t, "all of them to wait", func() bool {
			p, b := n.outstanding()
			return p == proposals && b == bytes
		})
		began := time.Now()
		_, err := n.Propose(within(t, 20*time.Second), []byte("x"))
		if took := time.Since(began); !errors.Is(err, ErrOverloaded) || took > overloadTimeout {
			t.Errorf("%s: one more got %v after %v", what, err, took)
		}
		cancel()
		wg.Wait()
		if p, b := n.outstanding(); p != 0 || b != 0 {
			t.Errorf("%s: %d proposals of %d bytes are left when nobody waits", what, p, b)
		}
	}
	for _, other := range c.nodes[1:] {
		other.start()
	}
	n.propose("again")
	// It may be in the log twice, since it is proposed while the leader changes; see
	// [Node.Propose]. Proposals that were refused or given up are not.
	for _, n := range c.nodes {
		waitFor(t, n.cfg.Name+" to have it", func() bool { return len(n.list.all()) > 0 })
		for _, got := range n.list.all() {
			if got != "again" {
				t.Errorf("%s holds a command of %d bytes that was refused", n.cfg.Name, len(got))
			}
		}
	}
	c.waitAgree()
}
