package consensus

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
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

	// refuse is told when this node could not put them into its log. It must not block.
	refuse func(refusal)
	remote bool // another node's
}

// refusal is the leader's answer to a submission that it did not put into its log.
type refusal struct {
	IDs  []uint64 `json:"ids"`
	Code string   `json:"code"`
	Text string   `json:"text,omitempty"`
	// Index is, of refusedDone, where in the log the change is in force.
	Index uint64 `json:"index,omitempty"`
}

// The codes of a refusal. All but the last are worth another try.
const (
	refusedNotLeader  = "not_leader"
	refusedDropped    = "dropped"    // Raft is busy: another change of the membership, or leadership is being handed over
	refusedOverloaded = "overloaded" // too much waits for a majority
	refusedDone       = "done"       // a membership change that is in force already
	refusedForGood    = "refused"    // a membership change that cannot be; Text says why
)

// How long things are tried.
const (
	// firstPatience is after how many ticks a proposal is sent once more to a leader that
	// has not changed; each time it is twice as many, up to maxPatience.
	firstPatience = 2 * electionTicks
	maxPatience   = 60 * electionTicks
	// overloadPatience is how long a proposal is offered to a leader that is overloaded. Those who wait
	// should hear of it while they can still do something.
	overloadPatience = time.Second

	firstBackoff = 5 * time.Millisecond
	maxBackoff   = 250 * time.Millisecond
)

// Limits of one Propose.
const (
	maxProposal      = 1024 // commands
	maxProposalBytes = 1 << 20
)

// Propose puts commands into the log, one entry each and in this order, and
// returns what the state machine of this node made of them, once a majority
// has them on disk and this node has applied them. Any node will do: what is
// not the leader forwards.
//
// A proposal can be lost with a leader. Propose then proposes it again, until
// ctx ends; so the same command may stand in the log twice, and the state
// machine must take the second one for what it is. If ctx ends first, which is noticed
// within a tick, the error wraps
// ErrNoLeader or ErrNoQuorum, and the commands may or may not be applied later.
// [ErrOverloaded] comes sooner, and says that nothing of them was recorded.
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
	d, err := n.waiters.register(ctx, n, membership, data)
	if err != nil {
		return nil, err
	}
	for {
		d.send()
		switch {
		case n.ctx.Err() != nil: // or else it ends later, and wakes us
			return n.waiters.forget(d), ErrClosed
		case d.pause > 0:
			d.rest()
		default:
			<-d.wake
			n.cfg.seams.settle("propose", d.first)
		}
		if d.done.Load() { // whatever else has come to an end meanwhile
			return n.waiters.forget(d), nil
		}
		if over, err := d.look(); over {
			return n.waiters.forget(d), err
		}
	}
}

// A delivery is one Propose on its way: it brings its commands to whoever
// leads, as often as it takes, and waits until they are applied here. Since a
// node may have tens of thousands of them, each waits on one channel only, which
// everybody who has news for it wakes, the Raft loop among them when its time to look has
// come or its ctx has ended; what the news is stands in its fields. Being woken without any does no harm.
type delivery struct {
	// What the apply loop needs is in 64 bytes, as many as a processor fetches at a time.

	mu      sync.Mutex
	first   uint64        // guarded by mu; the commands' ids are this one and those that follow
	wake    chan struct{} // holds a token when there is news
	results []Result      // guarded by mu until done
	size    int32         // of the commands, in bytes
	count   int32         // of the commands
	left    int32         // guarded by mu; how many have no result yet; 0: nobody waits
	done    atomic.Bool   // the results are there

	got     []bool   // guarded by mu; which have a result, where they are several
	refusal *refusal // guarded by mu; the latest
	lookAt  uint64   // guarded by mu; the tick at which to be woken without news

	n          *Node
	ctx        context.Context
	membership bool
	data       [][]byte
	journey

	// What most need, with one command, without more allocations.
	one struct {
		submission submission
		ids        [1]uint64
		data       [1][]byte
		results    [1]Result
	}
}

// A journey is what a delivery knows of its way.
type journey struct {
	sends      int // how often it was given to some leader
	out        int // those that were not refused: while it is 0, nothing of it is in a log
	with       MemberID
	reign      uint64        // of the leader that has it; see leaderWatch
	upTo       uint64        // with a leader that has not changed: it may be among the committed entries up to here
	backoff    time.Duration // before the next try after a refusal
	patience   uint64        // ticks before the next try without an answer
	pause      time.Duration // before anything else
	overloaded time.Time     // since when every answer was that; zero: the last one was not
}

// send gives the leader what is not applied yet, unless it has it.
func (d *delivery) send() {
	lead, reign := d.n.leader.now()
	if reign != d.reign { // what the old leader had may be lost
		d.forgetLeader()
		d.reign = reign
	}
	if lead == 0 || (d.with == lead && (d.upTo == 0 || d.n.Applied() < d.upTo)) {
		return
	}
	s := d.n.waiters.toSend(d)
	d.sends++
	if !d.n.dispatch(lead, s) {
		d.pause = d.backoff
		return
	}
	// What is slow is not lost: do not make it slower.
	d.patience, d.with, d.upTo = min(2*d.patience, maxPatience), lead, 0
	d.out++
}

// look finds out why it was woken without its results, and whether that is the end.
func (d *delivery) look() (over bool, err error) {
	refusal, due := d.n.waiters.news(d)
	if refusal != nil {
		if over, err := d.refused(*refusal); over {
			return true, err
		}
		// Not at once: the leader's own news may be on its way here.
		d.pause = d.backoff + time.Duration(random()%uint64(d.backoff))
		d.backoff = min(2*d.backoff, maxBackoff)
		d.rest()
	} else if due && d.upTo == 0 {
		d.upTo = d.n.Commit()
	}
	switch {
	case d.n.ctx.Err() != nil:
		return true, ErrClosed
	case d.ctx.Err() == nil:
		return false, nil
	case d.out == 0 && !d.overloaded.IsZero():
		return true, ErrOverloaded
	case d.sends > 0:
		return true, fmt.Errorf("%w (%w)", ErrNoQuorum, d.ctx.Err())
	default:
		return true, fmt.Errorf("%w (%w)", ErrNoLeader, d.ctx.Err())
	}
}

// rest lets d.pause pass, whatever news there is, unless it is the end. The news is
// looked at afterwards.
func (d *delivery) rest() {
	timer := time.NewTimer(d.pause)
	defer timer.Stop()
	defer d.notify()
	d.pause = 0
	for !d.done.Load() {
		select {
		case <-d.wake:
		case <-timer.C:
			return
		case <-d.ctx.Done():
			return
		case <-d.n.ctx.Done():
			return
		}
	}
}

// refused takes a leader's answer that it did not put into its log what it was sent.
func (d *delivery) refused(r refusal) (over bool, err error) {
	d.forgetLeader()
	d.out--
	switch r.Code {
	case refusedDone:
		return true, d.n.waitApplied(d.ctx, r.Index)
	case refusedForGood:
		return true, fmt.Errorf("%w: %s", ErrMembership, r.Text)
	case refusedOverloaded:
		if d.overloaded.IsZero() {
			d.overloaded = time.Now()
		}
		if d.out == 0 && time.Since(d.overloaded) > overloadPatience {
			return true, ErrOverloaded
		}
	default:
		d.overloaded = time.Time{}
	}
	return false, nil
}

func (d *delivery) forgetLeader() {
	d.with, d.patience = 0, firstPatience
}

// dispatch gives s to the leader: here, or over its replicator. It reports
// whether s is on its way.
func (n *Node) dispatch(lead MemberID, s *submission) bool {
	if len(s.ids) == 0 {
		return true
	}
	if lead == n.id {
		s.refuse = n.refuseHere
		n.offers.put(s)
		return true
	}
	r := n.peers.get(lead)
	return r != nil && r.enqueue(r.appends, outgoing{kind: kindPropose, payload: s.encode()})
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
// its connection.
func (n *Node) receiveSubmission(from MemberID, payload []byte) error {
	s, err := decodeSubmission(payload)
	if err != nil {
		return err
	}
	s.remote = true
	s.refuse = func(r refusal) {
		if p := n.peers.get(from); p != nil {
			p.enqueue(p.appends, outgoing{kind: kindRefuse, payload: mustJSON(r)})
		}
	}
	if n.offeredByPeers.Add(int64(len(s.ids))) > maxOffered {
		n.offeredByPeers.Add(-int64(len(s.ids)))
		s.refuse(refusal{IDs: s.ids, Code: refusedOverloaded})
		return nil
	}
	n.offers.put(s)
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
