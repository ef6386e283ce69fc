package consensus

import (
	"math/rand/v2"
	"slices"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// rawGroup is RawNodes under their election clocks, in one goroutine and without a
// network: what counts is ticks. Every round ticks each node once, in an order that
// is drawn for the run, and each tick's messages arrive before the next node's tick.
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
		if err := n.storage.ApplySnapshot(&raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{
			Index: new(uint64(1)), Term: new(uint64(1)), ConfState: &raftpb.ConfState{Voters: voters},
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
				if rd.HardState != nil {
					n.clock.enters(rd.HardState.GetTerm())
				}
				if err := n.storage.Append(rd.Entries); err != nil {
					g.t.Fatal(err)
				}
				n.clock.answers(rd.Messages)
				if rd.SoftState != nil {
					n.clock.follows(MemberID(rd.SoftState.Lead))
				}
				for _, m := range rd.Messages {
					to := g.node(MemberID(m.GetTo()))
					if to.dead || to.deaf && m.GetType() == raftpb.MsgApp {
						continue
					}
					to.clock.received(m)
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

// failover lets lead lead, kills it, and returns who leads next and after how many ticks.
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

// TestFailover kills the recorder that leads, 200 times each. It is the table of RAFT.md, measured.
func TestFailover(t *testing.T) {
	R, V := Recorder, Venue
	for _, test := range []struct {
		name   string
		roles  []Role
		dead   []MemberID
		behind bool
		wins   Role
		most   int // ticks
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
