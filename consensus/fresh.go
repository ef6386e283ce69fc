package consensus

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// Raft does not tell a follower how far the group is: a heartbeat's commit index is at most what
// the follower has. So a node asks. A pong of the leader has its commit index. At the moment of the
// ping the leader had committed at most that much. Once a node has applied as much, its boards are
// as fresh as the ping. No clocks are compared. A slow pong makes the boards look older, not
// younger.

// pong is the payload of a kindPong message.
type pong struct {
	ping int64 // the payload of the ping: its sender's own time
	wall int64 // the answering node's clock, Unix nanoseconds
	// term and commit are the leader's. Both are 0 if the node does not lead. They are also 0 until
	// it has committed an entry of its term, since it cannot know earlier commits before that.
	term, commit uint64
	// newest and mark are points of the answering node's rolling sum; see diverge.go.
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

// decodePong reads what encode wrote. The caller has checked its length.
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

// leadership is what the Raft loop tells other goroutines of this node's leadership.
type leadership struct {
	current atomic.Uint64
	ready   atomic.Uint64 // the term in which this node leads, once it has committed an entry of it
}

// Freshness is what a node knows of the group's commit index at certain moments.
type Freshness struct {
	mu           sync.Mutex
	observations []observation // guarded by mu; both fields rise
}

// observation says that at a moment nothing beyond commit was committed.
type observation struct {
	at     time.Time
	commit uint64
}

// maxObservations is 250 s of pings to a leader that gets further and further ahead.
const maxObservations = 1000

// leads reports whether this node leads and knows all that is committed, and in which term.
func (r *leadership) leads() (term uint64, leads bool) {
	term = r.ready.Load()
	return term, term != 0 && term == r.current.Load()
}

// Note adds a moment at which nothing beyond commit was committed. It ignores one that another
// observation contradicts or surpasses.
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
	if n == maxObservations { // the boards then look older, by one of the gaps
		kept := f.observations[:0]
		for i := 0; i < n; i += 2 {
			kept = append(kept, f.observations[i])
		}
		f.observations = kept
	}
	f.observations = append(f.observations, observation{at, commit})
}

// UpTo returns the last moment at which nothing beyond applied was committed. ok is false if there
// is none. It forgets earlier moments.
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

// Newest returns the highest commit index so far.
func (f *Freshness) Newest() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.observations); n > 0 {
		return f.observations[n-1].commit
	}
	return 0
}

// receivePong takes a peer's answer to a ping that was sent at that moment.
func (n *Node) receivePong(from MemberID, sent time.Time, p pong) {
	if lead, _ := n.leader.get(); p.term != 0 && lead == from && p.term == n.leadership.current.Load() {
		n.freshness.Note(sent, p.commit)
	}
}

// noteCommitted is called by the Raft loop with committed entries. With the first entry of its own
// term a leader knows all that was committed before.
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

// Fresh returns the last moment at which this node's boards were as new as the group's. On an idle
// group that is a moment ago, too. Before the first such moment ok is false, and at is when the
// node was opened.
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

// Newest returns the highest index that this node knows to be committed. Its boards lack the
// entries from [Node.Applied] to there.
func (n *Node) Newest() uint64 { return max(n.commit.Load(), n.freshness.Newest()) }
