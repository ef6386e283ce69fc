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

// Outcome is what became of a proposed command: its place in the log, and what this node's state
// machine made of it.
type Outcome struct {
	Index uint64
	Term  uint64
	Value any
}

// proposal is commands on their way to the leader's log, in order.
type proposal struct {
	membership bool // a single memberChange instead of commands
	retry      bool // it was sent before, and may be in force
	ids        []uint64
	data       [][]byte

	// refuse is called if the leader cannot put the commands into its log. It must not block.
	refuse func(refusal)
	remote bool // from another node
}

// refusal is a leader's answer to a proposal that it did not put into its log.
type refusal struct {
	IDs  []uint64 `json:"ids"`
	Code string   `json:"code"`
	Text string   `json:"text,omitempty"`
	// Index is, for refusedDone, the log index at which the change is in force.
	Index uint64 `json:"index,omitempty"`
}

// The codes of a refusal. refusedForGood is final; after the others another try may succeed.
const (
	refusedNotLeader = "not_leader"
	// refusedDropped: Raft is busy with another membership change, or leadership is being
	// transferred.
	refusedDropped    = "dropped"
	refusedOverloaded = "overloaded" // too much waits for a majority
	refusedDone       = "done"       // the membership change is in force already
	refusedForGood    = "refused"    // the membership change is impossible; Text says why
)

// How long things are tried.
const (
	// firstRetryTicks is after how many ticks a proposal is sent again to the same leader. The
	// number doubles each time, up to maxRetryTicks.
	firstRetryTicks = 2 * electionTicks
	maxRetryTicks   = 60 * electionTicks
	// overloadTimeout is how long Propose tries an overloaded leader. The caller must learn of the
	// overload while it can still do something.
	overloadTimeout = time.Second

	firstBackoff = 5 * time.Millisecond
	maxBackoff   = 250 * time.Millisecond
)

// Limits of one Propose.
const (
	maxProposal      = 1024 // commands
	maxProposalBytes = 1 << 20
)

// Propose puts commands into the log, one entry each and in this order. It returns what this node's
// state machine made of them, once a majority has the commands on disk and this node has applied
// them. Any node will do: a node that does not lead forwards them.
//
// A proposal can be lost with a leader. Propose then proposes it again, until ctx ends. So a
// command may be in the log twice, and the state machine must recognise the second one.
//
// If ctx ends first, the error wraps ErrNoLeader or ErrNoQuorum, and the commands may or may not be
// applied later. Propose notices the end of ctx within a tick. [ErrOverloaded] comes sooner, and
// means that none of the commands was recorded.
func (n *Node) Propose(ctx context.Context, commands ...[]byte) ([]Outcome, error) {
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
	if len(commands) == 0 {
		return nil, nil
	}
	p, err := n.pending.add(ctx, n, false, commands)
	if err != nil {
		return nil, err
	}
	p.sendToLeader()
	return p.wait()
}

// wait returns the outcomes once all are there. Until then it sends the commands again when the
// leader has changed, has refused them, or has not answered for long.
func (p *pendingProposal) wait() ([]Outcome, error) {
	n := p.n
	for {
		switch {
		case n.ctx.Err() != nil: // otherwise the node ends later, and wakes us
			return n.pending.remove(p), ErrClosed
		case p.pause > 0:
			p.backOff()
		default:
			<-p.wake
			n.cfg.seams.settle("propose", p.firstID)
		}
		if p.done.Load() { // whatever else has ended meanwhile
			return n.pending.remove(p), nil
		}
		if over, err := p.handleWake(); over {
			return n.pending.remove(p), err
		}
		p.sendToLeader()
	}
}

// pendingProposal is one Propose that is waiting for its outcomes. It sends its commands to the
// leader as often as it takes.
//
// A node may have tens of thousands of them, so each waits on one channel only. Every goroutine
// that has news wakes it, and the news is in the fields. The Raft loop wakes it at wakeTick, and
// when its ctx has ended. A wake without news does no harm.
type pendingProposal struct {
	mu         sync.Mutex
	firstID    uint64        // guarded by mu; of the first command; others count up
	wake       chan struct{} // has a token when there is news
	outcomes   []Outcome     // guarded by mu until done
	size       int32         // of the commands, in bytes
	count      int32         // of the commands
	unresolved int32         // guarded by mu; commands without an outcome; 0: none waits
	done       atomic.Bool   // all outcomes are there

	resolved []bool   // guarded by mu; which commands have an outcome; nil for a single command
	refusal  *refusal // guarded by mu; the newest
	wakeTick uint64   // guarded by mu; the tick at which to wake it without news

	n          *Node
	ctx        context.Context
	membership bool
	data       [][]byte
	attempts

	// single is memory for a proposal of one command, the usual case. It saves allocations.
	single struct {
		proposal proposal
		ids      [1]uint64
		data     [1][]byte
		outcomes [1]Outcome
	}
}

// attempts is what a pendingProposal knows about its sends.
type attempts struct {
	sends        int // how many there were
	unrefused    int // how many were not refused; 0: no log has any of the commands
	sentTo       MemberID
	leaderChange uint64 // number of the change after which it was sent, see leaderWatch
	// resendIndex is set when the answer is late. The commands may be committed and not yet applied
	// here. They are sent again if they still lack an outcome once this node has applied up to this
	// index. 0: not set.
	resendIndex     uint64
	backoff         time.Duration // before the next try after a refusal
	retryTicks      uint64        // before the next try without an answer
	pause           time.Duration // before anything else
	overloadedSince time.Time     // zero: the newest answer was another one
}

// sendToLeader sends the commands that are not applied yet, unless the leader has them: to this
// node's queue, or to the leader's replicator.
func (p *pendingProposal) sendToLeader() {
	lead, change := p.n.leader.current()
	if change != p.leaderChange { // what the old leader had may be lost
		p.forgetLeader()
		p.leaderChange = change
	}
	if lead == 0 || (p.sentTo == lead && (p.resendIndex == 0 || p.n.Applied() < p.resendIndex)) {
		return
	}
	prop := p.n.pending.unapplied(p)
	p.sends++
	switch {
	case len(prop.ids) == 0: // the last ones were applied just now
	case lead == p.n.id:
		prop.refuse = p.n.refuseLocal
		p.n.proposals.put(prop)
	default:
		r := p.n.peers.get(lead)
		if r == nil || !r.enqueue(r.appends, outgoing{kind: kindPropose, payload: prop.encode()}) {
			p.pause = p.backoff
			return
		}
	}
	// A slow leader has not lost the proposal: do not make it slower.
	p.retryTicks, p.sentTo, p.resendIndex = min(2*p.retryTicks, maxRetryTicks), lead, 0
	p.unrefused++
}

// handleWake finds out why the proposal was woken without its outcomes, and whether to give up.
func (p *pendingProposal) handleWake() (over bool, err error) {
	refusal, due := p.n.pending.takeRefusal(p)
	if refusal != nil {
		if over, err := p.handleRefusal(*refusal); over {
			return true, err
		}
		// Not at once: the new leader may be about to become known here.
		p.pause = p.backoff + time.Duration(randomUint64()%uint64(p.backoff))
		p.backoff = min(2*p.backoff, maxBackoff)
		p.backOff()
	} else if due && p.resendIndex == 0 {
		p.resendIndex = p.n.Commit()
	}
	switch {
	case p.n.ctx.Err() != nil:
		return true, ErrClosed
	case p.ctx.Err() == nil:
		return false, nil
	case p.unrefused == 0 && !p.overloadedSince.IsZero():
		return true, ErrOverloaded
	case p.sends > 0:
		return true, fmt.Errorf("%w (%w)", ErrNoQuorum, p.ctx.Err())
	default:
		return true, fmt.Errorf("%w (%w)", ErrNoLeader, p.ctx.Err())
	}
}

// backOff waits for p.pause, whatever news there is, unless the proposal ends. The caller looks at
// the news afterwards.
func (p *pendingProposal) backOff() {
	timer := time.NewTimer(p.pause)
	defer timer.Stop()
	defer p.notify()
	p.pause = 0
	for !p.done.Load() {
		select {
		case <-p.wake:
		case <-timer.C:
			return
		case <-p.ctx.Done():
			return
		case <-p.n.ctx.Done():
			return
		}
	}
}

// handleRefusal takes a leader's refusal, and reports whether to give up.
func (p *pendingProposal) handleRefusal(r refusal) (over bool, err error) {
	p.forgetLeader()
	p.unrefused--
	switch r.Code {
	case refusedDone:
		return true, p.n.waitApplied(p.ctx, r.Index)
	case refusedForGood:
		return true, fmt.Errorf("%w: %s", ErrMembership, r.Text)
	case refusedOverloaded:
		if p.overloadedSince.IsZero() {
			p.overloadedSince = time.Now()
		}
		if p.unrefused == 0 && time.Since(p.overloadedSince) > overloadTimeout {
			return true, ErrOverloaded
		}
	default:
		p.overloadedSince = time.Time{}
	}
	return false, nil
}

func (p *pendingProposal) forgetLeader() {
	p.sentTo, p.retryTicks = 0, firstRetryTicks
}

// encode writes prop as the payload of a kindPropose message: one byte for its kind, then the id,
// the length and the bytes of each command.
func (prop *proposal) encode() []byte {
	b := []byte{0}
	switch {
	case prop.membership && prop.retry:
		b[0] = 2
	case prop.membership:
		b[0] = 1
	}
	for i, id := range prop.ids {
		b = binary.BigEndian.AppendUint64(b, id)
		b = binary.BigEndian.AppendUint32(b, uint32(len(prop.data[i])))
		b = append(b, prop.data[i]...)
	}
	return b
}

var errBadProposal = errors.New("malformed proposal from a peer")

func decodeProposal(b []byte) (*proposal, error) {
	if len(b) < 1 || b[0] > 2 {
		return nil, errBadProposal
	}
	prop := &proposal{membership: b[0] != 0, retry: b[0] == 2}
	for b = b[1:]; len(b) > 0; {
		if len(b) < 12 || len(prop.ids) == maxProposal {
			return nil, errBadProposal
		}
		id, size := binary.BigEndian.Uint64(b), int(binary.BigEndian.Uint32(b[8:]))
		b = b[12:]
		if size > MaxCommand || size > len(b) {
			return nil, errBadProposal
		}
		prop.ids, prop.data, b = append(prop.ids, id), append(prop.data, b[:size:size]), b[size:]
	}
	if len(prop.ids) == 0 || (prop.membership && len(prop.ids) != 1) {
		return nil, errBadProposal
	}
	return prop, nil
}

// receiveProposal takes what another node forwarded. It is called by the reader of the connection.
func (n *Node) receiveProposal(from MemberID, payload []byte) error {
	prop, err := decodeProposal(payload)
	if err != nil {
		return err
	}
	prop.remote = true
	prop.refuse = func(r refusal) {
		if p := n.peers.get(from); p != nil {
			p.enqueue(p.appends, outgoing{kind: kindRefuse, payload: mustJSON(r)})
		}
	}
	if n.queuedByPeers.Add(int64(len(prop.ids))) > maxQueuedByPeers {
		n.queuedByPeers.Add(-int64(len(prop.ids)))
		prop.refuse(refusal{IDs: prop.ids, Code: refusedOverloaded})
		return nil
	}
	n.proposals.put(prop)
	return nil
}

func (n *Node) receiveRefusal(payload []byte) error {
	var r refusal
	if err := json.Unmarshal(payload, &r); err != nil {
		return fmt.Errorf("malformed refusal from a peer: %w", err)
	}
	n.pending.refuse(r)
	return nil
}
