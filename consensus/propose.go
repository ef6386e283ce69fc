package consensus

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// Result is what became of a proposed command: where in the log it stands, and
// what the state machine of this node answered.
type Result struct {
	Index uint64
	Term  uint64
	Value any
}

// submission is proposals on their way to the leader's log, in order.
type submission struct {
	membership bool // one memberChange instead of commands
	again      bool // it was sent before, and may be in force
	ids        []uint64
	data       [][]byte

	// refuse is told when this node could not append them. It must not block.
	refuse func(refusal)
}

// refusal is the leader's answer to a submission that it did not append.
type refusal struct {
	IDs  []uint64 `json:"ids"`
	Code string   `json:"code"`
	Text string   `json:"text,omitempty"`
	// Index is, of refusedDone, where in the log the change is in force.
	Index uint64 `json:"index,omitempty"`
}

// The codes of a refusal. All but the last are worth another try.
const (
	refusedNotLeader = "not_leader"
	refusedDropped   = "dropped" // Raft is busy: too much uncommitted, or leadership is being handed over
	refusedDone      = "done"    // a membership change that is in force already
	refusedForGood   = "refused" // a membership change that cannot be; Text says why
)

// maxPatience is the longest time after which a proposal is sent once more to a leader
// that has not changed.
const maxPatience = time.Minute

// Limits of one Propose.
const (
	maxProposal      = maxBatch // commands
	maxProposalBytes = 1 << 20
)

// Propose puts commands into the log, one entry each and in this order, and
// returns what the state machine of this node made of them, once a majority
// has them on disk and this node has applied them. Any node will do: what is
// not the leader forwards.
//
// A proposal can be lost with a leader. Propose then proposes it again, until
// ctx ends; so the same command may stand in the log twice, and the state
// machine must take the second one for what it is. If ctx ends first, the error wraps
// ErrNoLeader or ErrNoQuorum, and the commands may or may not be applied later.
func (n *Node) Propose(ctx context.Context, commands ...[]byte) ([]Result, error) {
	total := 0
	for _, c := range commands {
		if len(c) > MaxCommand {
			return nil, fmt.Errorf("%w: a command of %d bytes, the limit is %d", ErrTooLarge, len(c), MaxCommand)
		}
		total += len(c) + entryHeader
	}
	if len(commands) > maxProposal || total > maxProposalBytes {
		return nil, fmt.Errorf("%w: %d commands of %d bytes at once, the limits are %d and %d", ErrTooLarge, len(commands), total, maxProposal, maxProposalBytes)
	}
	return n.submit(ctx, false, commands)
}

func (n *Node) submit(ctx context.Context, membership bool, data [][]byte) ([]Result, error) {
	if len(data) == 0 {
		return nil, nil
	}
	w := n.waiters.register(len(data))
	defer n.waiters.forget(w)
	const first, most = 5 * time.Millisecond, 250 * time.Millisecond
	backoff, sent := first, false
	base := 2 * n.cfg.electionTimeout()
	patience := base
	var with MemberID // who has it, as far as we know
	var upTo uint64   // it may be among the committed entries up to here
	for {
		lead, changed := n.leader.get()
		retry := patience
		if lead != 0 && (with != lead || n.Applied() >= upTo) {
			s := n.waiters.missing(w, membership, data)
			s.again, sent = sent, true
			if n.dispatch(ctx, lead, s) {
				// What is slow is not lost: do not make it slower.
				patience, with, upTo = min(2*patience, maxPatience), lead, 0
			} else {
				retry = backoff
			}
		}
		timer := time.NewTimer(retry)
		select {
		case <-w.done:
			timer.Stop()
			return w.results, nil
		case r := <-w.refused:
			with, patience = 0, base
			if r.Code == refusedDone {
				timer.Stop()
				return w.results, n.waitApplied(ctx, r.Index)
			}
			if r.Code == refusedForGood {
				timer.Stop()
				return nil, fmt.Errorf("%w: %s", ErrMembership, r.Text)
			}
			// Not at once: the leader's own news may be on its way here.
			timer.Reset(backoff + time.Duration(rand.Int64N(int64(backoff))))
			backoff = min(2*backoff, most)
			select {
			case <-w.done:
				timer.Stop()
				return w.results, nil
			case <-timer.C:
			case <-ctx.Done():
			case <-n.ctx.Done():
			}
		case <-changed: // what the old leader had may be lost
			with, patience = 0, base
		case <-timer.C:
			if upTo == 0 {
				upTo = n.Commit()
			}
		case <-ctx.Done():
		case <-n.ctx.Done():
		}
		timer.Stop()
		select {
		case <-w.done: // whatever else has come to an end meanwhile
			return w.results, nil
		default:
		}
		switch {
		case n.ctx.Err() != nil:
			return nil, ErrClosed
		case ctx.Err() != nil && sent:
			return nil, fmt.Errorf("%w (%w)", ErrNoQuorum, ctx.Err())
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%w (%w)", ErrNoLeader, ctx.Err())
		}
	}
}

// dispatch gives s to the leader: here, or over its replicator. It reports
// whether s is on its way.
func (n *Node) dispatch(ctx context.Context, lead MemberID, s *submission) bool {
	if len(s.ids) == 0 {
		return true
	}
	if lead == n.id {
		s.refuse = n.waiters.refuse
		select {
		case n.proposals <- s:
			return true
		case <-ctx.Done():
			return false
		case <-n.ctx.Done():
			return false
		}
	}
	r := n.peers.get(lead)
	return r != nil && r.enqueue(r.appends, outgoing{kind: kindPropose, payload: s.encode()})
}

// append is called by the Raft loop with the first of the submissions that
// wait. Those that wait together become one append.
func (n *Node) append(s *submission) {
	var batch []*submission
	var entries []*raftpb.Entry
	flush := func() {
		if len(entries) == 0 {
			return
		}
		m := &raftpb.Message{Type: raftpb.MsgProp.Enum(), From: new(uint64(n.id)), Entries: entries}
		if err := n.raft.Step(m); err != nil {
			code := refusedDropped
			if lead, _ := n.leader.get(); lead != n.id {
				code = refusedNotLeader
			}
			for _, s := range batch {
				s.refuse(refusal{IDs: s.ids, Code: code})
			}
		}
		batch, entries = nil, nil
	}
	for {
		if s.membership {
			flush()
			n.appendMemberChange(s)
		} else {
			batch = append(batch, s)
			for i, id := range s.ids {
				entries = append(entries, &raftpb.Entry{Data: joinEntry(id, s.data[i])})
			}
		}
		if len(entries) >= maxBatch || len(n.proposals) == 0 {
			break
		}
		s = <-n.proposals
	}
	flush()
}

// encode writes s as the payload of a kindPropose frame: whether it is a
// membership change, then for each proposal its id, its length and itself.
func (s *submission) encode() []byte {
	b := []byte{0}
	switch {
	case s.membership && s.again:
		b[0] = 2
	case s.membership:
		b[0] = 1
	}
	for i, id := range s.ids {
		b = binary.BigEndian.AppendUint64(b, id)
		b = binary.BigEndian.AppendUint32(b, uint32(len(s.data[i])))
		b = append(b, s.data[i]...)
	}
	return b
}

var errBadSubmission = errors.New("malformed submission from a peer")

func decodeSubmission(b []byte) (*submission, error) {
	if len(b) < 1 || b[0] > 2 {
		return nil, errBadSubmission
	}
	s := &submission{membership: b[0] != 0, again: b[0] == 2}
	for b = b[1:]; len(b) > 0; {
		if len(b) < 12 || len(s.ids) == maxProposal {
			return nil, errBadSubmission
		}
		id, size := binary.BigEndian.Uint64(b), int(binary.BigEndian.Uint32(b[8:]))
		b = b[12:]
		if size > MaxCommand || size > len(b) {
			return nil, errBadSubmission
		}
		s.ids, s.data, b = append(s.ids, id), append(s.data, b[:size:size]), b[size:]
	}
	if len(s.ids) == 0 || (s.membership && len(s.ids) != 1) {
		return nil, errBadSubmission
	}
	return s, nil
}

// receiveSubmission takes what another node forwarded. Called by the reader of
// its connection, which waits if the Raft loop is behind.
func (n *Node) receiveSubmission(from MemberID, payload []byte) error {
	s, err := decodeSubmission(payload)
	if err != nil {
		return err
	}
	s.refuse = func(r refusal) {
		if p := n.peers.get(from); p != nil {
			p.enqueue(p.appends, outgoing{kind: kindRefuse, payload: mustJSON(r)})
		}
	}
	select {
	case n.proposals <- s:
	case <-n.ctx.Done():
	}
	return nil
}

func (n *Node) receiveRefusal(payload []byte) error {
	var r refusal
	if err := json.Unmarshal(payload, &r); err != nil {
		return fmt.Errorf("malformed refusal from a peer: %w", err)
	}
	n.waiters.refuse(r)
	return nil
}

// waiter is one Propose that waits for its entries to be applied here.
type waiter struct {
	ids     []uint64
	results []Result
	got     []bool
	left    int
	done    chan struct{} // closed when all results are there
	refused chan refusal  // holds the latest
}

// waiters finds the Propose that waits for an entry, by the id in it.
type waiters struct {
	mu   sync.Mutex
	next uint64
	byID map[uint64]*waiter
}

// newWaiters begins at a random id, so that entries which were proposed before
// a restart, or elsewhere, are taken for nobody's.
func newWaiters() *waiters {
	return &waiters{next: rand.Uint64(), byID: map[uint64]*waiter{}}
}

func (ws *waiters) register(count int) *waiter {
	w := &waiter{
		ids: make([]uint64, count), results: make([]Result, count), got: make([]bool, count), left: count,
		done: make(chan struct{}), refused: make(chan refusal, 1),
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for i := range w.ids {
		ws.next++
		w.ids[i] = ws.next
		ws.byID[ws.next] = w
	}
	return w
}

func (ws *waiters) forget(w *waiter) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, id := range w.ids {
		delete(ws.byID, id)
	}
}

// missing makes a submission of what has not been applied yet.
func (ws *waiters) missing(w *waiter, membership bool, data [][]byte) *submission {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	s := &submission{membership: membership}
	for i, got := range w.got {
		if !got {
			s.ids, s.data = append(s.ids, w.ids[i]), append(s.data, data[i])
		}
	}
	return s
}

// resolve hands out the results of applied entries. The second one of an entry
// that stands in the log twice finds nobody.
func (ws *waiters) resolve(ids []uint64, batch []Command) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for i, id := range ids {
		w := ws.byID[id]
		if w == nil {
			continue
		}
		delete(ws.byID, id)
		at := slices.Index(w.ids, id)
		w.results[at] = Result{Index: batch[i].Index, Term: batch[i].Term, Value: batch[i].Result}
		w.got[at] = true
		if w.left--; w.left == 0 {
			close(w.done)
		}
	}
}

func (ws *waiters) refuse(r refusal) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, id := range r.IDs {
		if w := ws.byID[id]; w != nil {
			select {
			case <-w.refused:
			default:
			}
			w.refused <- r // room was made above, under the lock that all senders hold
			return         // a submission has one waiter
		}
	}
}
