package consensus

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// Raft does not tell a follower how far the group is: the commit index of a heartbeat is at most
// what that follower has. So a node asks. A pong bears the commit index of the node that sends it,
// if that node leads. At the moment of the ping the leader had committed no more than the pong
// says; once a node has applied that much, its boards are as fresh as the ping is. No clock is
// compared for this, and a pong that is long on its way makes the boards look older, not younger.

// pong is the payload of a kindPong frame.
type pong struct {
	ping int64 // the payload of the ping, its sender's own time
	wall int64 // the clock of the node that answers, Unix nanoseconds
	// term and commit are the leader's; both are 0 if the node that answers does not lead, or has
	// not yet committed an entry of its term and so cannot know what was committed before.
	term, commit uint64
	// now and mark are the newest points of the rolling sum of the node that answers; see
	// diverge.go.
	newest, mark Point
}

const (
	pingSize = 8
	pongSize = 64
)

func (p pong) encode() []byte {
	b := make([]byte, 0, pongSize)
	for _, v := range [...]uint64{uint64(p.ping), uint64(p.wall), p.term, p.commit, p.newest.Index, p.newest.Sum, p.mark.Index, p.mark.Sum} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

// decodePong reads what encode wrote, whose length the caller has checked.
func decodePong(b []byte) pong {
	number := func(at int) uint64 { return binary.BigEndian.Uint64(b[at:]) }
	return pong{
		ping: int64(number(0)), wall: int64(number(8)), term: number(16), commit: number(24),
		newest: Point{number(32), number(40)}, mark: Point{number(48), number(56)},
	}
}

// pong answers a ping.
func (n *Node) pong(ping []byte) pong {
	p := pong{ping: int64(binary.BigEndian.Uint64(ping)), wall: n.cfg.Now().UnixNano()}
	if term, leads := n.leadership.leads(); leads {
		p.term, p.commit = term, n.commit.Load()
	}
	p.newest, p.mark = n.divergence.newest()
	return p
}

// leadership is what the Raft loop tells of this node's leadership.
type leadership struct {
	current atomic.Uint64
	ready   atomic.Uint64 // the term in which this node leads, once it has committed an entry of it
}

// Freshness is what a node knows of the group's commit index at certain moments.
type Freshness struct {
	mu           sync.Mutex
	observations []observation // rising in both; guarded by mu
}

// observation says that nothing beyond commit was committed at a moment.
type observation struct {
	at     time.Time
	commit uint64
}

// maxSights bounds them: 250 s of pings to a leader that is ever further ahead.
const maxObservations = 1000

// leads reports whether this node leads and knows all that is committed, and in which term.
func (r *leadership) leads() (term uint64, leads bool) {
	term = r.ready.Load()
	return term, term != 0 && term == r.current.Load()
}

// Note adds a moment at which nothing beyond commit was committed. One that
// another sight contradicts or surpasses is passed over.
func (f *Freshness) Note(at time.Time, commit uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.observations)
	if n > 0 && (commit < f.observations[n-1].commit || !at.After(f.observations[n-1].at)) {
		return
	}
	if n > 0 && f.observations[n-1].commit == commit {
		f.observations[n-1].at = at
		return
	}
	if n == maxObservations { // the boards look older than they are by one of the gaps
		kept := f.observations[:0]
		for i := 0; i < n; i += 2 {
			kept = append(kept, f.observations[i])
		}
		f.observations = kept
	}
	f.observations = append(f.observations, observation{at, commit})
}

// UpTo returns the last moment at which nothing beyond applied was committed; ok is false if no
// such moment is known. It forgets the moments before.
func (f *Freshness) UpTo(applied uint64) (at time.Time, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := 0
	for i < len(f.observations) && f.observations[i].commit <= applied {
		i++
	}
	if i == 0 {
		return time.Time{}, false
	}
	if i > 1 {
		f.observations = append(f.observations[:0], f.observations[i-1:]...)
	}
	return f.observations[0].at, true
}

// Newest is the highest commit index that was seen.
func (f *Freshness) Newest() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.observations); n > 0 {
		return f.observations[n-1].commit
	}
	return 0
}

// receivePong takes what the answer of a peer to a ping sent at that moment says of the group.
func (n *Node) receivePong(from MemberID, sent time.Time, p pong) {
	if lead, _ := n.leader.get(); p.term != 0 && lead == from && p.term == n.leadership.current.Load() {
		n.freshness.Note(sent, p.commit)
	}
}

// noteCommitted is told of entries that were committed: with the first of its own term a leader knows
// all that was committed before. Called by the Raft loop.
func (n *Node) noteCommitted(committed []raftpb.Entry) {
	if last := len(committed) - 1; last >= 0 && n.electionClock.lead == n.id && committed[last].Term == n.electionClock.term {
		n.leadership.ready.Store(n.electionClock.term)
	}
}

// noteOwnCommit is called by the Raft loop at each tick: a leader knows its own commit index.
func (n *Node) noteOwnCommit() {
	if _, leads := n.leadership.leads(); leads {
		n.freshness.Note(time.Now(), n.commit.Load())
	}
}

// Fresh returns the last moment at which this node's boards are known to have been the group's:
// nothing that they lack was committed then. On an idle group it is a moment ago, too. Before the
// first such moment ok is false, and at is when the node was opened.
func (n *Node) Fresh() (at time.Time, ok bool) {
	applied := n.applied.Load()
	if _, leads := n.leadership.leads(); leads && n.commit.Load() <= applied {
		return time.Now(), true
	}
	if at, ok = n.freshness.UpTo(applied); !ok {
		at = n.openedAt
	}
	return at, ok
}

// Newest returns the highest index that this node knows to be committed in the group. What is
// between [Node.Applied] and it, this node's boards lack.
func (n *Node) Newest() uint64 { return max(n.commit.Load(), n.freshness.Newest()) }
