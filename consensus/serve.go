package consensus

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// Raft accepts any snapshot from which the log can go on, so another member than the leader may
// send it: the leader is busy enough. The leader asks a member whose boards are as new, over a
// connection for this request, and waits for the end:
//
//	leader                      server                     target
//	  │ serve: target, MsgSnap ──► │                          │
//	  │                            │ MsgSnap, boards file ──► │
//	  │ ◄──────────────── progress │ ◄─────────────── progress│   once a second each
//	  │ ◄──────────────── done     │ ◄─────────────────── done│
//
// The MsgSnap stays the leader's, in its term. Only its index, term and ConfState become those of
// the server's boards. If a connection breaks, a side is silent or the leader changes, all of it
// ends. The leader then tells Raft, Raft asks for another snapshot, and the leader sends that one
// itself.

// serveRequest is the leader's request to a server.
type serveRequest struct {
	Address string `json:"address"` // of the target
	Message []byte `json:"message"` // the leader's raftpb.Message
	// AtLeast is the lowest index that will do: the leader's log goes on from there, and the target
	// is a member there.
	AtLeast uint64 `json:"atLeast"`
}

// served is a snapshot that has arrived.
type served struct {
	Index uint64 `json:"index"`
	Bytes int64  `json:"bytes"` // of the boards file
}

// servers is the members that send a snapshot for this leader, and the snapshots' progress.
type servers struct {
	mu         sync.Mutex
	busy       map[MemberID]bool
	freed      chan struct{}                  // closed, and replaced, when a server is done
	failed     map[MemberID]string            // why the last snapshot to a member did not arrive
	inProgress map[MemberID]*snapshotProgress // by target

	arrived, lost uint64 // guarded by mu; how many arrived, and how many did not
}

// snapshotProgress counts the bytes of a snapshot that its target has.
type snapshotProgress struct{ atomic.Uint64 }

func newServers() *servers {
	return &servers{busy: map[MemberID]bool{}, freed: make(chan struct{}), failed: map[MemberID]string{}, inProgress: map[MemberID]*snapshotProgress{}}
}

// begin is called when a snapshot to id begins.
func (s *servers) begin(id MemberID) *snapshotProgress {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inProgress[id] = new(snapshotProgress)
	return s.inProgress[id]
}

// end is called when the snapshot has arrived, or with an error.
func (s *servers) end(id MemberID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inProgress, id)
	delete(s.failed, id)
	if err == nil {
		s.arrived++
		return
	}
	s.lost++
	s.failed[id] = err.Error()
}

// Snapshots returns how many snapshots to other members have arrived while this node led, whoever
// sent them. failed is how many tries did not succeed; each was followed by another one.
func (n *Node) Snapshots() (arrived, failed uint64) {
	n.servers.mu.Lock()
	defer n.servers.mu.Unlock()
	return n.servers.arrived, n.servers.lost
}

// state returns how much of the present snapshot has arrived, and why the one before did not.
func (s *servers) state(id MemberID) (arrived uint64, failed string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.inProgress[id]; a != nil {
		arrived = a.Load()
	}
	return arrived, s.failed[id]
}

// take marks the first idle member of ids as busy. If none is idle, it returns 0 and a channel that
// is closed when that changes.
func (s *servers) take(ids []MemberID) (id MemberID, freed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if !s.busy[id] {
			s.busy[id] = true
			return id, nil
		}
	}
	return 0, s.freed
}

func (s *servers) release(id MemberID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, id)
	close(s.freed)
	s.freed = make(chan struct{})
}

// sendSnapshot has a snapshot sent to the peer, in a goroutine of its own. It tells Raft once for
// each message how that went: a follower in StateSnapshot gets nothing else until then. After a
// failure Raft asks for another one at once, so each further failure is reported a little later.
func (r *replicator) sendSnapshot(m *raftpb.Message) {
	if !r.sendingSnapshot.CompareAndSwap(false, true) {
		r.n.reportSnapshot(r.id, raft.SnapshotFailure)
		return
	}
	r.n.wg.Go(func() {
		began := time.Now()
		got, by, err := r.arrangeSnapshot(m, r.n.servers.begin(r.id))
		r.n.servers.end(r.id, err)
		log := r.n.log.With("peer", r.id, "by", by, "index", got.Index, "bytes", got.Bytes, "took", time.Since(began))
		status := raft.SnapshotFinish
		if err != nil {
			log.Warn("snapshot to peer failed", "err", err)
			status = raft.SnapshotFailure
			r.backOffAfterFailure()
		} else {
			r.failures.Store(0)
			log.Info("snapshot sent")
			// Raft goes on from its own index if the peer's answer is not there yet.
			r.pinned.Store(min(got.Index, m.Snapshot.Metadata.Index))
			r.pinnedUntil.Store(time.Now().Add(snapshotTimeout + time.Since(began)).UnixNano())
		}
		r.otherServerFailed.Store(err != nil && by != r.n.id)
		r.sendingSnapshot.Store(false)
		r.n.reportSnapshot(r.id, status)
	})
}

// backOffAfterFailure waits longer after each failure in a row, or until this node no longer leads.
func (r *replicator) backOffAfterFailure() {
	const first, most = 20 * time.Millisecond, time.Second
	ctx, cancel := r.n.contextWhileLeader(r.ctx, r.n.id)
	defer cancel()
	rest := time.NewTimer(min(first<<min(r.failures.Add(1)-1, 10), most))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	}
}

// arrangeSnapshot finds a server for the snapshot that m announces, and has it sent. It returns
// early when this node no longer leads: Raft has forgotten m then.
func (r *replicator) arrangeSnapshot(m *raftpb.Message, arrived *snapshotProgress) (got served, by MemberID, err error) {
	ctx, cancel := r.n.contextWhileLeader(r.ctx, r.n.id)
	defer cancel()
	atLeast := r.pin(m.Snapshot.Metadata.Index)
	for by == 0 {
		ids, err := r.n.snapshotServers(ctx, r)
		if err != nil {
			return served{}, 0, err
		}
		var freed <-chan struct{}
		if by, freed = r.n.servers.take(ids); by == 0 {
			select {
			case <-freed:
			case <-ctx.Done():
				return served{}, 0, context.Cause(ctx)
			}
		}
	}
	defer r.n.servers.release(by)
	r.servedBy.Store(uint64(by))
	defer r.servedBy.Store(0)
	atLeast = max(atLeast, r.n.storage.needIndex.Load())
	if by == r.n.id {
		got, err = r.n.streamBoards(ctx, m, r.address(), atLeast, arrived)
	} else {
		got, err = r.askToServe(ctx, by, m, atLeast, arrived)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return got, by, err
}

// pin makes the log stay from where a server may need it. The server's boards may be a little
// behind index, at which Raft wants the snapshot. pin returns the lowest index that they may be at.
func (r *replicator) pin(index uint64) uint64 {
	r.pinned.Store(1)
	// A compaction that is under way is for a checkpoint up to this one.
	keep := r.n.cfg.KeepEntries
	at := r.n.boardsFile.Position().Index
	at = max(min(index, at-min(at, keep)), r.n.storage.entryLog.FirstIndex()-1, 1)
	r.pinned.Store(at)
	return at
}

// contextWhileLeader returns a context that ends when another member is known to lead. If id is
// this node, it ends as soon as this node does not lead.
func (n *Node) contextWhileLeader(ctx context.Context, id MemberID) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			lead, changed := n.leader.get()
			if lead != id && (lead != 0 || id == n.id) {
				cancel(fmt.Errorf("%s no longer leads", id))
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	})
	return ctx, func() { cancel(nil); wg.Wait() }
}

// snapshotServers returns the members that may send r's peer a snapshot, the best first and this
// node last. They have caught up; those on which no commit depends come first. In Raft's
// StateReplicate a peer takes what it is sent.
func (n *Node) snapshotServers(ctx context.Context, r *replicator) ([]MemberID, error) {
	if r.otherServerFailed.Load() {
		return []MemberID{n.id}, nil
	}
	type candidate struct {
		Member
		tracker.Progress
	}
	var all []candidate
	err := n.runOnRaftLoop(ctx, func(rn *raft.RawNode) {
		status := rn.Status()
		for id, p := range status.Progress {
			m, known := n.roster.get(MemberID(id))
			near := p.Match+n.cfg.KeepEntries/2 >= status.Commit
			if m.ID != n.id && m.ID != r.id && known && !n.isWrong(m.ID) && p.State == tracker.StateReplicate && near && n.reachable(m.ID) {
				all = append(all, candidate{m, p})
			}
		}
	})
	if err != nil { // the function may still be running
		return nil, err
	}
	slices.SortFunc(all, func(a, b candidate) int {
		switch {
		case a.IsLearner != b.IsLearner:
			return placeFirst(a.IsLearner)
		case a.Role != b.Role:
			return placeFirst(a.Role == Venue)
		case a.Match != b.Match:
			return placeFirst(a.Match > b.Match)
		default:
			return placeFirst(a.ID < b.ID)
		}
	})
	var ids []MemberID
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	if len(ids) > 0 && n.isWrong(n.id) {
		return ids, nil
	}
	return append(ids, n.id), nil
}

// placeFirst is what a comparison returns.
func placeFirst(first bool) int {
	if first {
		return -1
	}
	return 1
}

// askToServe has another member send the snapshot, and waits for the end.
func (r *replicator) askToServe(ctx context.Context, by MemberID, m *raftpb.Message, atLeast uint64, arrived *snapshotProgress) (served, error) {
	server := r.n.peers.get(by)
	if server == nil {
		return served{}, ErrUnknownMember
	}
	head, err := m.Marshal()
	if err != nil {
		return served{}, err
	}
	c, err := server.dial(ctx, channelServe)
	if err != nil {
		return served{}, fmt.Errorf("ask %s to serve it: %w", by, err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	r.n.log.Info("asked another member to send the snapshot to the peer", "peer", r.id, "by", by, "atLeast", atLeast)
	err = writeMessage(c, kindServe, mustJSON(serveRequest{r.address(), head, atLeast}))
	if err != nil {
		return served{}, err
	}
	payload, err := awaitSnapshot(c, arrived)
	if err != nil {
		return served{}, err
	}
	var got served
	if err := json.Unmarshal(payload, &got); err != nil || got.Index < atLeast {
		return served{}, fmt.Errorf("%s served a snapshot at index %d instead of %d or later (%w)", by, got.Index, atLeast, err)
	}
	return got, nil
}

// awaitSnapshot reads from c until the other side is done, has failed, or was silent for too long.
// It stores the progress in arrived.
func awaitSnapshot(c net.Conn, arrived *snapshotProgress) ([]byte, error) {
	br := bufio.NewReader(&silenceConn{Conn: c})
	for {
		kind, payload, err := readMessage(br)
		switch {
		case err != nil:
			return nil, fmt.Errorf("no answer: %w", err)
		case kind == kindSnapDone:
			return payload, nil
		case kind == kindSnapFail:
			return nil, fmt.Errorf("it failed at the peer: %s", payload)
		case kind != kindProgress:
			return nil, fmt.Errorf("unexpected message of kind %d from peer", kind)
		case len(payload) == 8:
			arrived.Store(binary.BigEndian.Uint64(payload))
		}
	}
}

// serveSnapshot is the server's side of askToServe. A node serves one snapshot at a time, and only
// for the leader that it follows.
func (n *Node) serveSnapshot(c net.Conn, from MemberID) error {
	if err := c.SetReadDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	kind, payload, err := readMessage(bufio.NewReader(c))
	if err != nil {
		return err
	}
	var req serveRequest
	m := new(raftpb.Message)
	if kind != kindServe {
		return fmt.Errorf("message of kind %d instead of a request to serve a snapshot", kind)
	}
	if err := errors.Join(json.Unmarshal(payload, &req), m.Unmarshal(req.Message)); err != nil {
		return fmt.Errorf("request to serve a snapshot: %w", err)
	}
	if m.Type != raftpb.MsgSnap || m.Snapshot == nil || MemberID(m.From) != from || MemberID(m.To) == n.id || len(req.Address) > maxAddress {
		return fmt.Errorf("request from %s to serve a %s from %s to %s", from, m.Type, MemberID(m.From), MemberID(m.To))
	}
	got, err := n.serveFor(c, m, req)
	if err := c.SetWriteDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	if err != nil {
		return errors.Join(err, writeMessage(c, kindSnapFail, []byte(err.Error())))
	}
	return writeMessage(c, kindSnapDone, mustJSON(got))
}

// serveFor sends the snapshot while the leader waits at the other end of c.
func (n *Node) serveFor(c net.Conn, m *raftpb.Message, req serveRequest) (served, error) {
	lead, to := MemberID(m.From), MemberID(m.To)
	if err := n.checkLeader(lead, m.Term); err != nil {
		return served{}, err
	}
	ctx, cancel := n.contextWhileLeader(n.ctx, lead)
	defer cancel()
	ctx, hungUp := context.WithCancelCause(ctx)
	defer hungUp(nil)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer func() { _ = c.SetReadDeadline(time.Now()) }() // ends the goroutine; nothing is read after it
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return served{}, err
	}
	wg.Go(func() {
		_, err := c.Read(make([]byte, 1)) // the leader sends nothing more: this is the end
		hungUp(fmt.Errorf("the leader no longer waits for it: %w", err))
	})
	arrived := new(snapshotProgress)
	defer reportProgress(c, arrived.Load)()
	n.log.Info("serving a snapshot for the leader", "leader", lead, "peer", to)
	began := time.Now()
	got, err := n.streamBoards(ctx, m, req.Address, req.AtLeast, arrived)
	log := n.log.With("leader", lead, "peer", to, "index", got.Index, "bytes", got.Bytes, "took", time.Since(began))
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		log.Warn("snapshot for the leader failed", "err", err)
		return got, err
	}
	log.Info("snapshot for the leader served")
	return got, nil
}

// waitBoards waits until the boards on disk are as new as index. Applied entries are written soon,
// so this takes little longer.
func (n *Node) waitBoards(ctx context.Context, index uint64) error {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.CheckpointAfter+n.cfg.electionTimeout())
	defer cancel()
	every := time.NewTicker(n.cfg.Tick)
	defer every.Stop()
	for n.boardsFile.Position().Index < index {
		select {
		case <-every.C:
		case <-ctx.Done():
			return fmt.Errorf("the boards on disk are at index %d, and %d is needed", n.boardsFile.Position().Index, index)
		}
	}
	return nil
}

// errServing is returned by streamBoards if it is running already.
var errServing = errors.New("this node serves another snapshot")

// streamBoards sends the boards file to the member that m is for, at addr, over a connection of its
// own. It returns when the member has taken them. The index, term and ConfState come from the same
// transaction as the bytes. They may differ from m's, and are at least atLeast.
func (n *Node) streamBoards(ctx context.Context, m *raftpb.Message, addr string, atLeast uint64, arrived *snapshotProgress) (got served, err error) {
	if !n.serving.TryLock() {
		return got, errServing
	}
	defer n.serving.Unlock()
	if err := n.waitBoards(ctx, atLeast); err != nil {
		return got, err
	}
	snap, err := n.boardsFile.Snapshot()
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	got = served{snap.Position().Index, snap.Size()}
	to := *m
	to.Snapshot = &raftpb.Snapshot{Metadata: metadata(snap.Position())}
	head, err := to.Marshal()
	if err != nil {
		return got, err
	}
	c, err := n.dial(ctx, MemberID(m.To), addr, channelSnapshot)
	if err != nil {
		return got, err
	}
	defer c.Close()
	// The side that ends first ends the other. The peer reports by itself that it lives, so a write
	// may take as long as it needs.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	answer := make(chan error, 1)
	go func() {
		_, err := awaitSnapshot(c, arrived)
		answer <- err
		if err != nil {
			cancel()
		}
	}()
	w := bufio.NewWriterSize(c, 256<<10)
	err = writeMessage(w, kindRaft, head)
	if err == nil {
		err = snap.Encode(&pacedWriter{ctx: ctx, w: w, since: time.Now()})
	}
	if err == nil {
		err = w.Flush()
	}
	if half, ok := c.(interface{ CloseWrite() error }); ok && err != nil {
		_ = half.CloseWrite() // the peer may still say why
	} else if err != nil {
		_ = c.Close()
	}
	if failed := <-answer; failed != nil {
		if errors.Is(err, net.ErrClosed) {
			err = nil
		}
		return got, errors.Join(failed, err)
	}
	return got, err
}

// pacing is how many times as long as it works a node rests while it sends a snapshot. So the moves
// have the machine for themselves most of the time. On a busy machine work and rest take longer.
const pacing = 6

// pacedWriter writes an encoder's output to w, and rests in between.
type pacedWriter struct {
	ctx   context.Context
	w     io.Writer
	since time.Time // when the encoder began to work
}

func (p *pacedWriter) Write(b []byte) (int, error) {
	rest := time.NewTimer(min(pacing*time.Since(p.since), pingEvery))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-p.ctx.Done():
		return 0, context.Cause(p.ctx)
	}
	n, err := p.w.Write(b)
	p.since = time.Now()
	return n, err
}
