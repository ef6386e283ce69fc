package consensus

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// checker checks Raft's invariants in a simulated cluster. It sees each message when it is sent,
// each write when it is durable, and each applied command. It also sees each Raft loop after each
// turn, and each answer to a client. It trusts nothing that a node says of itself: it finds out
// from the disks what is committed.
//
// Locks: checker.mu before simDisk.mu and history.mu.
type checker struct {
	history *history
	stop    func() // called once, at the first violation

	mu    sync.Mutex
	nodes map[uint64]*simNode
	// broken is the first violation; empty: none.
	broken string

	leaders map[uint64]uint64            // by term
	votes   map[[2]uint64]uint64         // by voter and term
	facts   map[position]fact            // every entry that was ever sent or stored
	firsts  map[uint64]uint64            // by term: its lowest index
	logs    map[uint64]map[uint64]uint64 // by a leader's term: index -> term, of what it sent

	committed []fact // from index base+1 on, as found on a majority's disks
	base      uint64 // where the cluster was founded
	groups    []group

	applies   []applyFact    // every command in the log's order, as the first node applied it
	positions map[string]int // of a command: its place in the state, from 1 on
	acked     map[string]int // acknowledged commands, and their positions
	seen      int            // the longest state that a client has seen
}

// group is the voters from the committed entry at index on.
type group struct {
	index  uint64
	voters []uint64
}

type position struct{ index, term uint64 }

// fact is what is known of an entry.
type fact struct {
	term    uint64
	digest  uint64
	prev    uint64 // the term of the entry before; 0: not known
	command string
	// in is the term in which it was committed, which may be later than the entry's own. Only
	// leaders of later terms than in must have it (Raft thesis, figure 3.7).
	in uint64
}

type applyFact struct {
	position
	command string
	state   uint64 // hash of the state after it
}

func newChecker(h *history, base uint64, stop func()) *checker {
	return &checker{
		history: h, stop: stop, base: base, nodes: map[uint64]*simNode{},
		leaders: map[uint64]uint64{}, votes: map[[2]uint64]uint64{}, facts: map[position]fact{}, firsts: map[uint64]uint64{},
		logs: map[uint64]map[uint64]uint64{}, positions: map[string]int{}, acked: map[string]int{},
	}
}

// violate notes that an invariant does not hold. The caller holds mu.
func (k *checker) violate(format string, args ...any) {
	if k.broken != "" {
		return
	}
	k.broken = fmt.Sprintf(format, args...)
	k.history.add(happening{kind: "VIOLATION", text: k.broken})
	k.stop()
}

// fault is violate for other failures, such as a node that does not start.
func (k *checker) fault(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.violate(format, args...)
}

func (k *checker) failure() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.broken
}

// leads checks that a term has one leader.
func (k *checker) leads(term, id uint64) {
	if was, ok := k.leaders[term]; ok && was != id {
		k.violate("one leader per term: in term %d both %d and %d lead", term, was, id)
	}
	k.leaders[term] = id
}

// learn checks log matching: an entry of one index and term is the same everywhere, and so is the
// entry before it.
func (k *checker) learn(e *raftpb.Entry, prev uint64) {
	at := position{e.Index, e.Term}
	h := fnv.New64a()
	h.Write([]byte{byte(e.Type)})
	h.Write(e.Data)
	f := fact{term: at.term, digest: h.Sum64(), prev: prev}
	had, ok := k.facts[at]
	switch {
	case ok && had.digest != f.digest:
		k.violate("log matching: entry %d of term %d is not the same everywhere", at.index, at.term)
	case ok && had.prev != 0 && prev != 0 && had.prev != prev:
		k.violate("log matching: entry %d of term %d follows one of term %d here and of term %d there", at.index, at.term, had.prev, prev)
	case ok && (had.prev != 0 || prev == 0):
		return
	case ok:
		f = had
		f.prev = prev
	default:
		k.describe(&f, e)
	}
	k.facts[at] = f
	if first, ok := k.firsts[at.term]; !ok || at.index < first {
		k.firsts[at.term] = at.index
		if c := k.commit(at.index); c != nil && c.in < at.term {
			k.violate("leader completeness: the leader of term %d put an entry at %d, where one of term %d is committed", at.term, at.index, c.term)
		}
	}
}

func (k *checker) describe(f *fact, e *raftpb.Entry) {
	if e.Type != raftpb.EntryNormal {
		return
	}
	if _, data, ok := splitEntry(e.Data); ok {
		f.command = string(data)
	}
}

// commit returns what is committed at index, nil if that is not known.
func (k *checker) commit(index uint64) *fact {
	if index <= k.base || index > k.base+uint64(len(k.committed)) {
		return nil
	}
	return &k.committed[index-k.base-1]
}

func (k *checker) lastCommit() uint64 { return k.base + uint64(len(k.committed)) }

// sent looks at a message that a node has written to a connection.
func (k *checker) sent(m *raftpb.Message, fate string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.history.add(happening{kind: "send", node: m.From, m: m, text: fate})
	from := k.nodes[m.From]
	switch m.Type {
	case raftpb.MsgApp:
		k.leads(m.Term, m.From)
		k.appendSent(m)
	case raftpb.MsgHeartbeat, raftpb.MsgSnap, raftpb.MsgTimeoutNow:
		k.leads(m.Term, m.From)
	case raftpb.MsgAppResp:
		k.durable(from, m)
		if !m.Reject {
			k.appendAnswered(from, m)
		}
	case raftpb.MsgVoteResp:
		k.durable(from, m)
		if !m.Reject {
			k.voted(from, m)
		}
	}
}

func (k *checker) appendSent(m *raftpb.Message) {
	log := k.logs[m.Term]
	if log == nil {
		log = map[uint64]uint64{}
		k.logs[m.Term] = log
	}
	note := func(index, term uint64) {
		if was, ok := log[index]; ok && was != term {
			k.violate("leader append-only: the leader of term %d sent entry %d as one of term %d, and then of term %d", m.Term, index, was, term)
		}
		log[index] = term
		// Otherwise it is a former leader.
		if c := k.commit(index); c != nil && c.term != term && c.in <= m.Term {
			k.violate("leader completeness: the leader of term %d sent entry %d of term %d, and that of term %d is committed", m.Term, index, term, c.term)
		}
	}
	prev := m.LogTerm
	note(m.Index, prev)
	for _, e := range m.Entries {
		note(e.Index, e.Term)
		k.learn(&e, prev)
		prev = e.Term
	}
}

// durable checks that the term in which a node answers is on its disk.
func (k *checker) durable(from *simNode, m *raftpb.Message) {
	if on := from.disk.hardState().Term; on < m.Term {
		k.violate("durable before acknowledged: %d answers %s in term %d, and its disk knows term %d", m.From, m.Type, m.Term, on)
	}
}

func (k *checker) appendAnswered(from *simNode, m *raftpb.Message) {
	from.disk.mu.Lock()
	defer from.disk.mu.Unlock()
	image := &from.disk.image
	if image.hard.Term != m.Term {
		// A queued answer to a former leader, which cannot use it.
		return
	}
	if image.last() < m.Index {
		k.violate("durable before acknowledged: %d acknowledges entry %d, and its disk ends at %d", m.From, m.Index, image.last())
	}
	if term, ok := k.logs[m.Term][m.Index]; ok && !image.contains(m.Index, term) {
		k.violate("durable before acknowledged: %d acknowledges entry %d of term %d, and its disk holds another one there", m.From, m.Index, term)
	}
}

func (k *checker) voted(from *simNode, m *raftpb.Message) {
	key := [2]uint64{m.From, m.Term}
	if was, ok := k.votes[key]; ok && was != m.To {
		k.violate("one vote per term: %d votes for %d in term %d, and voted for %d", m.From, m.To, m.Term, was)
	}
	k.votes[key] = m.To
	if hs := from.disk.hardState(); hs.Term == m.Term && hs.Vote != m.To {
		k.violate("durable before acknowledged: %d votes for %d in term %d, and its disk knows a vote for %d", m.From, m.To, m.Term, hs.Vote)
	}
}

// wrote looks at a write that is durable.
func (k *checker) wrote(n *simNode, hs raftpb.HardState, entries []raftpb.Entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := happening{kind: "stored", node: uint64(n.id), a: hs.Term, b: hs.Vote}
	if len(entries) > 0 {
		e.c, e.d = entries[0].Index, entries[len(entries)-1].Index
	}
	k.history.add(e)
	if hs.Term < n.hard.Term {
		k.violate("term never goes back: the disk of %d goes from term %d to %d", n.id, n.hard.Term, hs.Term)
	}
	if hs.Term == n.hard.Term && n.hard.Vote != 0 && hs.Vote != n.hard.Vote {
		k.violate("one vote per term: the disk of %d changes its vote in term %d from %d to %d", n.id, hs.Term, n.hard.Vote, hs.Vote)
	}
	if !raft.IsEmptyHardState(hs) {
		n.hard = hs
	}
	prev := uint64(0)
	for _, e := range entries {
		k.learn(&e, prev)
		prev = e.Term
	}
}

// compacted looks at a log that was compacted, or that begins again behind a snapshot.
func (k *checker) compacted(n *simNode, index uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.history.add(happening{kind: "compacted", node: uint64(n.id), a: index})
	n.disk.mu.Lock()
	at := n.disk.boardsAt
	n.disk.mu.Unlock()
	if at < index {
		k.violate("compacted <= durably applied: %d drops its log up to %d, and the boards on its disk stand at %d", n.id, index, at)
	}
}

// stepped looks at a Raft loop after a turn.
func (k *checker) stepped(n *simNode, r *raft.RawNode) {
	st := r.BasicStatus()
	k.mu.Lock()
	defer k.mu.Unlock()
	n.turns++
	was := n.last
	n.last = lastSeen{st.Term, st.Commit, st.Applied, st.RaftState}
	if st.Term < was.term || st.Commit < was.commit || st.Applied < was.applied {
		k.violate("term, commit, applied never go back: %d goes from %d, %d, %d to %d, %d, %d",
			n.id, was.term, was.commit, was.applied, st.Term, st.Commit, st.Applied)
	}
	if st.Applied > st.Commit {
		k.violate("only committed entries are applied: %d has applied %d, and %d is committed", n.id, st.Applied, st.Commit)
	}
	if was.state != st.RaftState || was.term != st.Term {
		k.history.add(happening{kind: "state", node: uint64(n.id), a: st.Term, b: uint64(st.RaftState)})
	}
	n.configs[0], n.configs[1] = n.configs[1], voters(r)
	if st.Commit > was.commit {
		k.ensureCommitted(n, st.Commit)
	}
	k.grouped(n)
	if node := n.present(); node != nil && node.incredible.Load() > 0 {
		k.violate("what a member sends can be true: %d disbelieved a message", n.id)
	}
	if st.RaftState != raft.StateLeader {
		return
	}
	k.leads(st.Term, uint64(n.id))
	if n.turns%4 != 0 { // a copy of all progress is not cheap
		return
	}
	for id, p := range r.Status().Progress {
		k.progress(n, id, p)
	}
}

// grouped checks that a node counts the votes of the voters in the committed entries, as of an
// entry that it has applied or is about to apply.
func (k *checker) grouped(n *simNode) {
	if n.last.commit == 0 { // it has joined, and has had no message yet
		return
	}
	for i, g := range k.groups {
		over := i+1 < len(k.groups) && k.groups[i+1].index <= n.last.applied
		if !over && g.index <= n.last.commit && slices.Equal(g.voters, n.configs[1]) {
			return
		}
	}
	k.violate("changes of the membership are in force once they are committed: %d counts the votes of %v after it has applied %d of %d, committed are %v",
		n.id, n.configs[1], n.last.applied, n.last.commit, k.groups)
}

// regroup notes what a committed entry changes in the membership.
func (k *checker) regroup(e *raftpb.Entry) {
	var change raftpb.ConfChangeV2
	switch e.Type {
	case raftpb.EntryNormal:
		return
	case raftpb.EntryConfChangeV2:
		if err := change.Unmarshal(e.Data); err != nil {
			k.violate("entry %d: %v", e.Index, err)
		}
	default:
		k.violate("entry %d is a %s, which nobody proposes", e.Index, e.Type)
	}
	now := slices.Clone(k.groups[len(k.groups)-1].voters)
	for _, c := range change.Changes {
		if c.Type == raftpb.ConfChangeUpdateNode {
			continue
		}
		now = slices.DeleteFunc(now, func(id uint64) bool { return id == c.NodeID })
		if c.Type == raftpb.ConfChangeAddNode {
			now = append(now, c.NodeID)
		}
	}
	slices.Sort(now)
	k.groups = append(k.groups, group{e.Index, now})
}

// voters returns the members whose votes a node counts.
func voters(r *raft.RawNode) []uint64 {
	var ids []uint64
	r.WithProgress(func(id uint64, kind raft.ProgressType, _ tracker.Progress) {
		if kind == raft.ProgressTypePeer {
			ids = append(ids, id)
		}
	})
	return ids
}

func (k *checker) progress(leader *simNode, id uint64, p tracker.Progress) {
	if p.Match >= p.Next {
		k.violate("match < next: of %d the leader %d knows match %d and next %d", id, leader.id, p.Match, p.Next)
	}
	if limit := leader.inflightLimit(); p.Inflights.Count() > limit {
		k.violate("inflight within its limits: the leader %d has %d appends on their way to %d, the limit is %d", leader.id, p.Inflights.Count(), id, limit)
	}
	f := k.nodes[id]
	if f == nil || f == leader {
		// It is admitted and not started yet. Or it is the node itself: a new leader counts entries
		// on their way to its own disk, but commits nothing before an entry of its own is there.
		return
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if image := &f.disk.image; image.hard.Term <= leader.last.term && image.last() < p.Match {
		k.violate("match is durable: the leader %d counts on entry %d at %d, whose disk ends at %d", leader.id, p.Match, id, image.last())
	}
}

// ensureCommitted checks that what a node takes for committed is on the disks of a majority of the
// voters, and notes it. A leader says so first, of an entry of its own term.
func (k *checker) ensureCommitted(n *simNode, index uint64) {
	if index <= k.lastCommit() || k.broken != "" {
		return
	}
	on := map[uint64]uint64{} // the entry's term, by the nodes that have it on disk
	for id, o := range k.nodes {
		o.disk.mu.Lock()
		if e := o.disk.image.at(index); e != nil {
			on[id] = e.Term
		} else if o.disk.image.compacted == index {
			on[id] = o.disk.image.term
		}
		o.disk.mu.Unlock()
	}
	for _, id := range slices.Sorted(maps.Keys(on)) {
		term := on[id]
		if n.last.state == raft.StateLeader && term != n.last.term {
			continue
		}
		// A turn may change the configuration before or after a commit.
		for _, voters := range n.configs {
			have := 0
			for _, v := range voters {
				if on[v] == term {
					have++
				}
			}
			if entries := k.nodes[id].disk.between(k.lastCommit()+1, index); have > len(voters)/2 && entries != nil {
				k.setCommitted(entries, n.last.term)
				return
			}
		}
	}
	k.violate("commit needs a majority's disks: %d (%s in term %d) takes entry %d for committed, which is on these disks, by member and term: %v (voters %v)",
		n.id, n.last.state, n.last.term, index, on, n.configs)
}

func (k *checker) setCommitted(entries []raftpb.Entry, in uint64) {
	for _, e := range entries {
		f, ok := k.facts[position{e.Index, e.Term}]
		if !ok {
			k.violate("entry %d of term %d is on a disk, and nobody wrote it", e.Index, e.Term)
			return
		}
		if last := k.commit(k.lastCommit()); last != nil && f.prev != 0 && f.prev != last.term {
			k.violate("state machine safety: entry %d of term %d follows one of term %d, and that of term %d is committed", e.Index, e.Term, f.prev, last.term)
		}
		f.in = in
		k.committed = append(k.committed, f)
		k.regroup(&e)
		for term, first := range k.firsts {
			if term > in && first <= e.Index {
				k.violate("leader completeness: entry %d of term %d is committed in term %d, and the leader of term %d has put its own at %d", e.Index, f.term, in, term, first)
			}
		}
	}
}

// applied looks at a command that a state machine has applied. place is its place in the state, and
// state the hash of the state.
func (k *checker) applied(n *simNode, c Command, place int, state uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.history.add(happening{kind: "applied", node: uint64(n.id), a: c.Index, b: c.Term, text: string(c.Data)})
	k.ensureCommitted(n, c.Index)
	f := k.commit(c.Index)
	if f == nil || f.term != c.Term || f.command != string(c.Data) {
		k.violate("only committed entries are applied: %d applies %q at %d of term %d, committed is %+v", n.id, c.Data, c.Index, c.Term, f)
		return
	}
	if was, ok := k.positions[f.command]; ok && was != place {
		k.violate("one outcome per command: %q is at place %d on %d, and at %d elsewhere", f.command, place, n.id, was)
	}
	k.positions[f.command] = place
	is := applyFact{position{c.Index, c.Term}, f.command, state}
	switch at := n.applies; {
	case at < len(k.applies) && k.applies[at] != is:
		k.violate("state machine safety: %d applies %+v as the command %d, others applied %+v", n.id, is, at, k.applies[at])
	case at == len(k.applies):
		if at > 0 && k.applies[at-1].index >= c.Index {
			k.violate("state machine safety: %d applies entry %d after entry %d", n.id, c.Index, k.applies[at-1].index)
		}
		for i := k.after(at); i < c.Index; i++ {
			if f := k.commit(i); f.command != "" {
				k.violate("state machine safety: %d skips entry %d, %q", n.id, i, f.command)
			}
		}
		k.applies = append(k.applies, is)
	}
	n.applies++
}

// after is the index behind the first count commands.
func (k *checker) after(count int) uint64 {
	if count == 0 {
		return k.base + 1
	}
	return k.applies[count-1].index + 1
}

// restored looks at a state machine that was loaded from boards at index.
func (k *checker) restored(n *simNode, index, state uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.history.add(happening{kind: "restored", node: uint64(n.id), a: index})
	count, _ := slices.BinarySearchFunc(k.applies, index+1, func(a applyFact, i uint64) int {
		if a.index < i {
			return -1
		}
		return 1
	})
	want := uint64(0)
	if count > 0 {
		want = k.applies[count-1].state
	}
	if state != want {
		k.violate("the same state at the same index: the boards of %d at index %d are not what the others had there", n.id, index)
	}
	n.applies = count
	n.disk.stand(index)
}

// answered looks at the answer to a client's command.
func (k *checker) answered(n *simNode, command string, r Outcome) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.history.add(happening{kind: "answered", node: uint64(n.id), a: r.Index, text: command})
	f := k.commit(r.Index)
	if f == nil || f.command != command || f.term != r.Term {
		k.violate("an acknowledged command stands in the log: %q was acknowledged at %d of term %d, where %+v is committed", command, r.Index, r.Term, f)
		return
	}
	at, ok := k.positions[command]
	if !ok || at != r.Value {
		k.violate("one outcome per command: %q was answered with %v, and it is at %d", command, r.Value, at)
	}
	k.acked[command] = at
	k.seen = max(k.seen, at)
}

// floor is what a read that begins now must see.
func (k *checker) floor() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seen
}

// read looks at a linearizable read that saw a state of size commands.
func (k *checker) read(n *simNode, floor, size int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.history.add(happening{kind: "read", node: uint64(n.id), a: uint64(size)})
	if size < floor {
		k.violate("reads are linearizable: a read at %d saw %d commands, and before it began a client knew of %d", n.id, size, floor)
	}
	k.seen = max(k.seen, size)
}

// finish checks a node after everything has healed: it has what all others have, and every
// acknowledged command.
func (k *checker) finish(n *simNode, list []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n.applies != len(k.applies) {
		k.violate("all converge: %d has applied %d of %d commands", n.id, n.applies, len(k.applies))
	}
	for command, at := range k.acked {
		if at > len(list) || list[at-1] != command {
			k.violate("an acknowledged command is never lost: %q, acknowledged at place %d, is not at %d", command, at, n.id)
			return
		}
	}
}
