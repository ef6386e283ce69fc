package consensus

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// happening is one event in a simulated cluster. The meaning of a, b, c and d depends on its kind.
type happening struct {
	at         time.Duration // since the cluster began
	kind       string
	node       uint64 // the node of the event; 0: the world
	m          *raftpb.Message
	a, b, c, d uint64
	text       string
}

// history is the events so far. It keeps only the last ones.
type history struct {
	began time.Time
	keep  int // how many events

	mu     sync.Mutex
	tap    func(happening) // if set, sees every event
	events []happening     // a ring once it is full
	count  int
	// sum is a hash of all events. It does not depend on the order within one instant, which is the
	// scheduler's.
	sum uint64
}

func newHistory(keep int) *history { return &history{began: time.Now(), keep: keep} }

func (h *history) add(e happening) {
	e.at = time.Since(h.began)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sum += e.hash()
	if h.count < h.keep {
		h.events = append(h.events, e)
	} else {
		h.events[h.count%h.keep] = e
	}
	h.count++
	if h.tap != nil {
		h.tap(e)
	}
}

// listen calls f with each event from now on.
func (h *history) listen(f func(happening)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tap = f
}

func (h *history) note(format string, args ...any) {
	h.add(happening{kind: "--", text: fmt.Sprintf(format, args...)})
}

func (h *history) hash() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sum
}

// last returns the events that were kept, oldest first, one per line.
func (h *history) last() string {
	h.mu.Lock()
	events := slices.Clone(h.events)
	h.mu.Unlock()
	slices.SortStableFunc(events, happening.compare)
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%13.9fs  %s\n", e.at.Seconds(), e)
	}
	return b.String()
}

// compare orders by time, and within one instant by the causing node.
func (e happening) compare(o happening) int {
	return cmp.Or(cmp.Compare(e.at, o.at), cmp.Compare(e.from(), o.from()), cmp.Compare(e.answer(), o.answer()))
}

// answer is the index of an answer, since callers are woken together; 0: another kind of event.
func (e happening) answer() uint64 {
	if e.kind == "answered" {
		return e.a
	}
	return 0
}

// from is the node that caused the event.
func (e happening) from() uint64 {
	if e.m != nil {
		return e.m.From<<8 | e.m.To
	}
	return e.node << 8
}

func (e happening) hash() uint64 {
	h := fnv.New64a()
	h.Write([]byte(e.kind))
	h.Write([]byte(e.text))
	sum := h.Sum64()
	mix := func(v uint64) { sum = (sum ^ v) * 0x9e3779b97f4a7c15; sum ^= sum >> 29 }
	for _, v := range []uint64{uint64(e.at), e.node, e.a, e.b, e.c, e.d} {
		mix(v)
	}
	if e.m != nil {
		for _, v := range []uint64{uint64(e.m.Type), e.m.To, e.m.Term, e.m.Index, e.m.LogTerm, e.m.Commit, uint64(len(e.m.Entries))} {
			mix(v)
		}
	}
	return sum
}

func (e happening) String() string {
	switch e.kind {
	case "send":
		return strings.TrimSpace(describeMessage(e.m) + " " + e.text)
	case "stored":
		s := fmt.Sprintf("%d stores term=%d vote=%d", e.node, e.a, e.b)
		if e.c != 0 {
			s += " entries=" + span(e.c, e.d)
		}
		return s
	case "compacted":
		return fmt.Sprintf("%d drops its log up to %d", e.node, e.a)
	case "checkpoint":
		return fmt.Sprintf("%d has its boards on disk at %d", e.node, e.a)
	case "state":
		return fmt.Sprintf("%d is %s in term %d", e.node, strings.ToLower(strings.TrimPrefix(raft.StateType(e.b).String(), "State")), e.a)
	case "applied":
		return fmt.Sprintf("%d applies %d/%d %s", e.node, e.a, e.b, e.text)
	case "restored":
		return fmt.Sprintf("%d loads its boards at %d", e.node, e.a)
	case "answered":
		return fmt.Sprintf("%d answers %s: at %d", e.node, e.text, e.a)
	case "read":
		return fmt.Sprintf("%d answers a read: %d commands", e.node, e.a)
	}
	return e.kind + " " + e.text
}

// span writes an interval of indexes: [5] or [5..9].
func span(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("[%d]", from)
	}
	return fmt.Sprintf("[%d..%d]", from, to)
}

// describeMessage writes the important fields of a Raft message. prev is index/term of the entry
// before those in the message.
func describeMessage(m *raftpb.Message) string {
	s := fmt.Sprintf("%d->%d %s term=%d", m.From, m.To, m.Type, m.Term)
	switch m.Type {
	case raftpb.MsgApp:
		s += fmt.Sprintf(" prev=%d/%d", m.Index, m.LogTerm)
		if es := m.Entries; len(es) > 0 {
			s += " entries=" + span(es[0].Index, es[len(es)-1].Index)
		}
		s += fmt.Sprintf(" commit=%d", m.Commit)
	case raftpb.MsgAppResp:
		if m.Reject {
			return s + fmt.Sprintf(" rejects prev=%d hint=%d/%d", m.Index, m.RejectHint, m.LogTerm)
		}
		s += fmt.Sprintf(" has=%d", m.Index)
	case raftpb.MsgHeartbeat:
		s += fmt.Sprintf(" commit=%d", m.Commit)
	case raftpb.MsgVote, raftpb.MsgPreVote:
		s += fmt.Sprintf(" last=%d/%d", m.Index, m.LogTerm)
	case raftpb.MsgVoteResp, raftpb.MsgPreVoteResp:
		if m.Reject {
			return s + " no"
		}
		s += " yes"
	case raftpb.MsgSnap:
		s += fmt.Sprintf(" at=%d/%d", m.Snapshot.Metadata.Index, m.Snapshot.Metadata.Term)
	}
	return s
}
