package consensus

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// rawGroup is RawNodes with their election clocks, in one goroutine and without a network: only
// ticks count. Every round ticks each node once, in an order that is drawn for the run. Each tick's
// messages arrive before the next node's tick.
type rawGroup struct {
	t     *testing.T
	nodes []*rawNode
	ticks int // since the last call of until
}

type rawNode struct {
	*raft.RawNode
	id      MemberID
	role    Role
	storage *raft.MemoryStorage
	clock   *electionClock
	dead    bool
	deaf    bool // appends do not arrive
}

func newRawGroup(t *testing.T, roles ...Role) *rawGroup {
	g := &rawGroup{t: t}
	var voters []uint64
	for i := range roles {
		voters = append(voters, uint64(i+1))
	}
	for i, role := range roles {
		n := &rawNode{id: MemberID(i + 1), role: role, storage: raft.NewMemoryStorage()}
		if err := n.storage.ApplySnapshot(raftpb.Snapshot{Metadata: raftpb.SnapshotMetadata{
			Index: 1, Term: 1, ConfState: raftpb.ConfState{Voters: voters},
		}}); err != nil {
			t.Fatal(err)
		}
		var err error
		n.RawNode, err = raft.NewRawNode(&raft.Config{
			ID: uint64(n.id), ElectionTick: electionTicks, HeartbeatTick: heartbeatTicks, Storage: n.storage,
			MaxSizePerMsg: 256 << 10, MaxInflightMsgs: 256,
			CheckQuorum: true, PreVote: true, Logger: raftLogger{testLog(t)},
		})
		if err != nil {
			t.Fatal(err)
		}
		n.clock = newElectionClock(n.id, role, func(id MemberID) bool {
			// As Node.reachable, which notices after two election timeouts.
			return g.node(id).role == Recorder && (!g.node(id).dead || g.ticks < 2*electionTicks)
		})
		g.nodes = append(g.nodes, n)
	}
	return g
}

func (g *rawGroup) node(id MemberID) *rawNode { return g.nodes[id-1] }

// deliver carries messages until there are none.
func (g *rawGroup) deliver() {
	for again := true; again; {
		again = false
		for _, n := range g.nodes {
			for !n.dead && n.HasReady() {
				again = true
				rd := n.Ready()
				if !raft.IsEmptyHardState(rd.HardState) {
					n.clock.noteTerm(rd.HardState.Term)
				}
				if err := n.storage.Append(rd.Entries); err != nil {
					g.t.Fatal(err)
				}
				n.clock.noteAnswers(rd.Messages)
				if rd.SoftState != nil {
					n.clock.noteLeader(MemberID(rd.SoftState.Lead))
				}
				for _, m := range rd.Messages {
					to := g.node(MemberID(m.To))
					if to.dead || to.deaf && m.Type == raftpb.MsgApp {
						continue
					}
					to.clock.noteReceived(&m)
					_ = to.Step(m)
				}
				n.Advance(rd)
			}
		}
	}
}

// leader is the node that leads in the highest term, nil: none.
func (g *rawGroup) leader() *rawNode {
	for _, n := range g.nodes {
		if !n.dead && n.BasicStatus().RaftState == raft.StateLeader {
			return n
		}
	}
	return nil
}

// until ticks until done, and returns how often.
func (g *rawGroup) until(order []int, what string, done func() bool) int {
	for g.ticks = 1; g.ticks <= 1000; g.ticks++ {
		for _, i := range order {
			if n := g.nodes[i]; !n.dead {
				n.clock.tick(n.RawNode)
				g.deliver()
			}
		}
		if done() {
			return g.ticks
		}
	}
	g.t.Fatalf("%s: not within 1000 ticks", what)
	return 0
}

// failover makes lead the leader, kills it, and returns the next leader and after how many ticks it
// leads.
func failover(t *testing.T, behind bool, roles []Role, dead ...MemberID) (next *rawNode, ticks int) {
	g := newRawGroup(t, roles...)
	order := rand.Perm(len(roles))
	if err := g.node(1).Campaign(); err != nil {
		t.Fatal(err)
	}
	g.deliver()
	g.until(order, "the first leader", func() bool { return g.leader() == g.node(1) && g.node(2).clock.lead == 1 })
	if behind { // the other recorder misses the last entry
		g.node(2).deaf = true
		if err := g.node(1).Propose([]byte("x")); err != nil {
			t.Fatal(err)
		}
		g.deliver()
		g.node(2).deaf = false
	}
	for _, id := range dead {
		g.node(id).dead = true
	}
	ticks = g.until(order, "another leader", func() bool { return g.leader() != nil })
	return g.leader(), ticks
}

// TestFailover kills the recorder that leads, 200 times for each row.
func TestFailover(t *testing.T) {
	R, V := Recorder, Venue
	for _, test := range []struct {
		name   string
		roles  []Role
		dead   []MemberID
		behind bool
		wins   Role
		most   int // in ticks
	}{
		{"a recorder takes over", []Role{R, R, V}, []MemberID{1}, false, R, 19},
		{"a recorder among many venues", []Role{R, R, V, V, V}, []MemberID{1}, false, R, 19},
		{"of two recorders one", []Role{R, R, R, V, V}, []MemberID{1}, false, R, 39},
		{"no recorder is left", []Role{R, V, V}, []MemberID{1}, false, V, 39},
		{"two recorders at once", []Role{R, R, V, V, V}, []MemberID{1, 2}, false, V, 39},
		{"the other recorder lacks an entry", []Role{R, R, V}, []MemberID{1}, true, V, 21},
	} {
		t.Run(test.name, func(t *testing.T) {
			const runs = 200
			var all []int
			for range runs {
				next, ticks := failover(t, test.behind, test.roles, test.dead...)
				if next.role != test.wins {
					t.Errorf("a %s leads after %d ticks", next.role, ticks)
				}
				all = append(all, ticks)
			}
			slices.Sort(all)
			sum := 0
			for _, ticks := range all {
				sum += ticks
			}
			t.Logf("ticks min/mean/p95/max %d/%.1f/%d/%d", all[0], float64(sum)/runs, all[runs*95/100], all[runs-1])
			if all[0] < electionTicks-1 || all[runs-1] > test.most {
				t.Errorf("%d to %d ticks, wanted %d to %d", all[0], all[runs-1], electionTicks, test.most)
			}
		})
	}
}

// TestProbation has recorders that come and go, by a clock of its own. It counts how often
// leadership is handed back to them.
func TestProbation(t *testing.T) {
	const tick = 100 * time.Millisecond
	for _, test := range []struct {
		name     string
		up, down time.Duration
		most     int // hand-backs within an hour
	}{
		{"steady", time.Hour, time.Second, 1},
		{"too short to be trusted", 2 * time.Second, time.Second, 0},
		{"every five seconds", 4 * time.Second, time.Second, 1},
		{"every half minute", 28 * time.Second, 2 * time.Second, 3},
		{"every two minutes", 2 * time.Minute, 2 * time.Second, 6},
		{"every six minutes", 6 * time.Minute, 2 * time.Second, 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			const recorder, venue = 1, 2
			start := time.Unix(1_000_000, 0)
			r := leaderHistory{probation: firstProbation}
			r.note(recorder, Recorder, start.Add(-time.Hour), tick)
			r.note(venue, Venue, start, tick)
			var h handBack
			given, leads := 0, false
			var last, gap time.Duration
			for at := time.Duration(0); at < time.Hour; at += 5 * tick {
				now, cycle := start.Add(at), at%(test.up+test.down)
				switch up := cycle < test.up; {
				case leads && !up: // it fails; the venue takes over
					leads, h.fitSince = false, nil
					r.note(venue, Venue, now, tick)
				case !leads:
					var fit []fitRecorder
					if up {
						fit = []fitRecorder{{id: recorder, since: now.Add(-cycle)}}
					}
					if h.choose(now, time.Duration(r.probation)*tick, fit) == recorder {
						gap = at - last
						if cycle < firstProbation*tick {
							t.Fatalf("given leadership after %v", cycle)
						}
						given, leads, last = given+1, true, at
						r.note(recorder, Recorder, now, tick)
					}
				}
			}
			t.Logf("%d hand-backs, the last one %v after the one before, probation now %v", given, gap, time.Duration(r.probation)*tick)
			if given > test.most || (given == 0 && test.most > 0) {
				t.Errorf("%d hand-backs in an hour, wanted at most %d", given, test.most)
			}
		})
	}
}

func TestChooseTakesTheOneWithTheMostEntries(t *testing.T) {
	var h handBack
	now := time.Unix(1000, 0)
	old := now.Add(-time.Hour)
	if got := h.choose(now, time.Second, []fitRecorder{{1, old, 7}, {2, old, 9}}); got != 0 {
		t.Fatalf("%v was chosen at first sight", got)
	}
	now = now.Add(2 * time.Second)
	if got := h.choose(now, time.Second, []fitRecorder{{1, old, 7}, {2, old, 9}, {3, old, 11}}); got != 2 {
		t.Fatalf("chose %v", got)
	}
	// One whose connection broke and is there again has been away.
	if got := h.choose(now, time.Second, []fitRecorder{{1, now.Add(-time.Millisecond), 7}}); got != 0 {
		t.Fatalf("chose %v, which was away", got)
	}
}

// proposeAlways proposes at n until stop, and fails the test if anything is refused.
func proposeAlways(t *testing.T, n *testNode, stop <-chan struct{}) (wait func() []string) {
	var wg sync.WaitGroup
	var acked []string
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			s := fmt.Sprint("move ", i)
			_, err := n.Propose(ctx, []byte(s))
			cancel()
			if err != nil {
				t.Errorf("propose: %v", err)
				return
			}
			acked = append(acked, s)
		}
	})
	return func() []string { wg.Wait(); return acked }
}

// reason is why the leader leads, as others learn it.
func reason(n *testNode) string {
	for _, m := range status(n).Members {
		if m.State == "leader" {
			return m.Leads
		}
	}
	return ""
}

// ticks lets time pass at n.
func (n *testNode) ticks(count int) { <-time.After(time.Duration(count) * n.cfg.Tick) }

// TestVenueHandsBack kills the only recorder while moves are proposed at a venue. A venue leads.
// Once the recorder is back, it leads again, and no proposal is refused.
func TestVenueHandsBack(t *testing.T) {
	t.Parallel()
	c := newCalmCluster(t, 3)
	recorder, at := c.nodes[0], c.nodes[1]
	if c.leader() != recorder {
		t.Fatal("a venue leads from the beginning")
	}
	stop := make(chan struct{})
	wait := proposeAlways(t, at, stop)
	recorder.kill()
	venue := c.leader()
	if got := reason(venue); got != LeadsLastResort {
		t.Errorf("the venue leads by %q", got)
	}
	recorder.start()
	back := time.Now()
	waitFor(t, "the recorder to lead", func() bool { return recorder.Leader() == recorder.ID() })
	if took, least := time.Since(back), firstProbation*recorder.cfg.Tick; took < least {
		t.Errorf("the recorder leads %v after its start, it was to be looked at for %v", took, least)
	}
	term := status(recorder).Term
	recorder.ticks(2 * firstProbation)
	close(stop)
	acked := wait()
	if s := status(recorder); s.Term != term || s.Leader != recorder.cfg.Name || reason(recorder) != "" {
		t.Errorf("%s leads in term %d, it was the recorder in %d", s.Leader, s.Term, term)
	}
	// The last one was acknowledged where it was proposed; the leader may apply it later.
	waitFor(t, "the recorder to apply the last move", func() bool { return recorder.Applied() >= at.Applied() })
	have := map[string]int{}
	for _, s := range recorder.list.all() {
		have[s]++
	}
	for _, s := range acked {
		if have[s] == 0 {
			t.Errorf("%q was acknowledged and is lost", s)
		}
	}
}

// TestManualTransfer makes a venue the leader though the recorder is well. It leads until another
// transfer, or until it fails.
func TestManualTransfer(t *testing.T) {
	t.Parallel()
	c := newCalmCluster(t, 3)
	recorder, venue := c.nodes[0], c.nodes[1]
	ctx := within(t, 90*time.Second)
	if err := recorder.TransferLeadership(ctx, venue.ID()); err != nil {
		t.Fatal(err)
	}
	stays := func() {
		t.Helper()
		venue.ticks(3 * firstProbation)
		if venue.Leader() != venue.ID() || reason(venue) != LeadsByHand {
			t.Errorf("%s leads by %q", status(venue).Leader, reason(venue))
		}
	}
	stays()
	if err := venue.TransferLeadership(ctx, recorder.ID()); err != nil {
		t.Fatal(err)
	}

	// One that leads as the last resort can be told to go on.
	recorder.kill()
	venue = c.leader()
	if err := venue.TransferLeadership(ctx, venue.ID()); err != nil {
		t.Fatal(err)
	}
	recorder.start()
	waitFor(t, "the recorder to follow", func() bool { return recorder.Leader() == venue.ID() })
	stays()

	// A stop is no manual transfer: leadership goes to the recorder.
	venue.stop()
	waitFor(t, "the recorder to lead", func() bool { return recorder.Leader() == recorder.ID() })
}

// TestStoppedRecorderLeadsAgain checks that a transfer at a stop does not count as a manual one.
func TestStoppedRecorderLeadsAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	recorder := c.nodes[0]
	recorder.stop()
	venue := c.leader()
	if got := reason(venue); got != LeadsLastResort {
		t.Errorf("the venue leads by %q", got)
	}
	recorder.start()
	waitFor(t, "the recorder to lead", func() bool { return recorder.Leader() == recorder.ID() })
}

// TestRecorderBecomesAVoter checks that a second recorder votes though there are enough voters.
func TestRecorderBecomesAVoter(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	second := c.add(func(cfg *Config) { cfg.Role = Recorder })
	waitFor(t, "the second recorder to vote", func() bool { return suffrage(c.nodes[0], second.ID()) == "voter" })
	c.nodes[0].kill()
	waitFor(t, "the second recorder to lead", func() bool { return second.Leader() == second.ID() })
}

func TestTimesOfEntries(t *testing.T) {
	var a entryTimes
	start := time.Unix(1_000_000, 0)
	a.reset(start)
	if got := a.since(77); !got.Equal(start) {
		t.Errorf("what was there before: %v", got)
	}
	// Ten minutes with a thousand batches a second, an hour with none, and another thousand
	// batches.
	now, index := start, uint64(100)
	when := map[uint64]time.Time{}
	write := func(count int) {
		for range count {
			now, index = now.Add(time.Millisecond), index+3
			a.note(index, now)
			if index%1000 == 1 {
				when[index] = now
			}
		}
	}
	write(600_000)
	now = now.Add(time.Hour)
	write(1000)
	if len(a.samples) > maxEntryTimes {
		t.Errorf("%d samples", len(a.samples))
	}
	for index, at := range when {
		age, wrong := now.Sub(at), a.since(index).Sub(at)
		if wrong.Abs() > age/32+minEntryGap {
			t.Fatalf("what is %v old is told to be %v", age, age-wrong)
		}
	}
}

// TestLagInTime kills a follower: the leader knows for how long it has been behind, and 0 for the
// others.
func TestLagInTime(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	away, id := c.nodes[2], c.nodes[2].ID()
	away.kill()
	began := time.Now()
	c.nodes[0].propose("a")
	lag := func() (ms int64) {
		for _, m := range status(c.leader()).Members {
			switch {
			case m.ID == id:
				ms = m.LagMs
			case m.LagMs != 0 && m.Lag == 0:
				t.Errorf("%s lacks nothing, for %d ms", m.Name, m.LagMs)
			}
		}
		return ms
	}
	waitFor(t, "a lag", func() bool { return lag() >= 60 })
	if ms, most := lag(), time.Since(began)+time.Second; time.Duration(ms)*time.Millisecond > most {
		t.Errorf("a lag of %d ms after %v", ms, most)
	}
	away.start()
	waitFor(t, "the lag to end", func() bool { return lag() == 0 })
}
