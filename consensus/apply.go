package consensus

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// applyWork is one thing for the apply loop: committed entries, or a snapshot that replaces
// everything.
type applyWork struct {
	message *raftpb.Message // MsgStorageApply
	install *installation
}

// applier is the state of the apply loop.
type applier struct {
	n        *Node
	position store.Position // of the state machine
	// awaitsSnapshot says that Raft has accepted a snapshot that replaces everything. Nothing is
	// applied until it is installed.
	awaitsSnapshot bool
	batch          []Command // for apply
	ids            []uint64  // of batch

	unsaved       int        // entries applied since the last checkpoint began
	unsavedSince  time.Time  // when the first of them was applied
	dueAfter      int        // how many of them make a checkpoint due; see drawDueAfter
	checkpointNow bool       // a checkpoint is due at once
	saving        chan error // the error of the checkpoint that is being written; nil: none
	savedIndex    uint64     // the index of that checkpoint
}

// applyLoop feeds committed entries to the state machine, in log order. It also decides when to
// write the boards to disk. Another goroutine writes them, so that moves are applied meanwhile.
func (n *Node) applyLoop() {
	a := &applier{n: n, position: n.boardsFile.Position()}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-n.ctx.Done():
		case <-n.toApply.ready:
		case err := <-a.saving:
			a.saving <- err // for awaitCheckpoint
		case <-timer.C:
		}
		n.cfg.seams.settle("apply", 0)
		if n.ctx.Err() != nil {
			a.lastCheckpoint()
			return
		}
		works := n.toApply.takeAll()
		for _, w := range works {
			if err := a.process(w, len(works) == 1); err != nil {
				if n.ctx.Err() == nil {
					n.fail(err)
				}
				a.lastCheckpoint()
				return
			}
		}
		if len(a.saving) > 0 {
			if err := a.awaitCheckpoint(); err != nil {
				n.fail(err)
				return
			}
		}
		if wait := a.checkpointIfDue(); wait > 0 {
			timer.Reset(wait)
		}
	}
}

// fewApplied is how many entries, applied alone, do not wake the Raft loop. It learns of them at
// its next event. Until then Raft counts them as not yet applied, against maxCommitted.
const fewApplied = 16

// process does w. alone says that nothing else waits.
func (a *applier) process(w applyWork, alone bool) error {
	if w.install != nil {
		err := a.install(w.install)
		w.install.done <- err
		return err
	}
	if err := a.apply(w.message.Entries); err != nil {
		return err
	}
	few := alone && len(w.message.Entries) <= fewApplied && !a.n.gate.awaitsApply.Load()
	if !few {
		// Their next proposals join the batch that the Raft loop makes now.
		a.n.pending.wakeResolved()
	}
	for i := range w.message.Responses {
		m := &w.message.Responses[i]
		// Raft need not be woken for it.
		if few {
			a.n.inbox.putQuietly(news{message: m})
		} else {
			a.n.send(m)
		}
	}
	a.n.pending.wakeResolved() // last, since the goroutine that is woken last runs first
	return nil
}

// maxApplyBatch is how many commands are applied before their callers and other goroutines run.
// Goroutines run in the order in which they were woken. Behind thousands of callers the Raft loop
// and the replicators would wait for tens of milliseconds, while the network is idle.
const maxApplyBatch = 1024

// apply hands the commands among the entries to the state machine. A membership change ends a
// batch.
func (a *applier) apply(entries []raftpb.Entry) error {
	flush := func() {
		if len(a.batch) > 0 {
			a.n.cfg.Machine.Apply(a.batch)
			a.n.pending.resolve(a.ids, a.batch)
			clear(a.batch)
			a.batch, a.ids = a.batch[:0], a.ids[:0]
		}
	}
	for i := range entries {
		e := &entries[i]
		if a.awaitsSnapshot {
			break
		}
		switch e.Type {
		case raftpb.EntryNormal:
			if id, data, ok := splitEntry(e.Data); ok { // otherwise a new leader's empty entry
				if len(a.batch) == maxApplyBatch {
					flush()
					a.n.pending.wakeResolved()
					runtime.Gosched()
				}
				a.batch = append(a.batch, Command{Index: e.Index, Term: e.Term, Data: data})
				a.ids = append(a.ids, id)
			}
		default:
			flush()
			if err := a.changeMembership(e); err != nil {
				return err
			}
			if a.awaitsSnapshot {
				continue
			}
		}
		a.position.Index, a.position.Term = e.Index, e.Term
	}
	flush()
	if a.unsaved == 0 {
		a.unsavedSince = time.Now()
		a.drawDueAfter()
	}
	a.unsaved += len(entries)
	a.n.applied.Store(a.position.Index)
	a.n.reads.advance(a.position.Index)
	return nil
}

// changeMembership applies a configuration change to Raft and to the roster.
func (a *applier) changeMembership(e *raftpb.Entry) error {
	var change raftpb.ConfChangeV2
	if e.Type == raftpb.EntryConfChange {
		var v1 raftpb.ConfChange
		if err := v1.Unmarshal(e.Data); err != nil {
			return fmt.Errorf("entry %d: %w", e.Index, err)
		}
		change = v1.AsV2()
	} else if err := change.Unmarshal(e.Data); err != nil {
		return fmt.Errorf("entry %d: %w", e.Index, err)
	}
	// If the node stops meanwhile, runOnRaftLoop returns, and the Raft loop may still run the
	// function. Once Raft has accepted a snapshot it counts votes by that membership, so an older
	// change must not alter it.
	var confState *raftpb.ConfState
	err := a.n.runOnRaftLoop(a.n.ctx, func(r *raft.RawNode) {
		if a.n.restoredIndex < e.Index {
			confState = r.ApplyConfChange(&change)
		}
	})
	if err != nil {
		return err
	}
	if a.awaitsSnapshot = confState == nil; a.awaitsSnapshot {
		return nil
	}
	a.position.ConfState = confState
	id, data, ok := splitEntry(change.Context)
	if !ok {
		return nil
	}
	var mc memberChange
	if err := json.Unmarshal(data, &mc); err != nil {
		return fmt.Errorf("entry %d: %w", e.Index, err)
	}
	a.n.storage.needIndex.Store(e.Index)
	a.checkpointNow = true
	a.n.roster.applyInvitation(mc)
	if mc.Invitation != nil {
		a.answer(id, e)
		return nil
	}
	mc.Member.Removed = mc.Op == opRemove
	had, known := a.n.roster.get(mc.Member.ID)
	switch mc.Op {
	case opPromote, opDemote:
		mc.Member.Learner = mc.Op == opDemote
	case opUpdate, opRenew: // they leave the vote as it is
		mc.Member.Learner = had.Learner
	}
	if known { // a key never changes
		mc.Member.Key = had.Key
	}
	if mc.Member.Certificate == "" {
		mc.Member.Certificate = had.Certificate
	}
	a.n.roster.put(mc.Member)
	a.answer(id, e) // first, since the removed member may be this node
	a.n.memberChanged(mc)
	return nil
}

// answer wakes the caller that waits for a membership change.
func (a *applier) answer(id uint64, e *raftpb.Entry) {
	a.n.pending.resolve([]uint64{id}, []Command{{Index: e.Index, Term: e.Term}})
	a.n.pending.wakeResolved()
}

// checkpointIfDue begins a checkpoint if one is due. Otherwise it returns the time until one may be
// due, or 0 if none will be.
func (a *applier) checkpointIfDue() time.Duration {
	if a.saving != nil || (a.unsaved == 0 && !a.checkpointNow) {
		return 0
	}
	if age := time.Since(a.unsavedSince); !a.checkpointNow && a.unsaved < a.dueAfter && age < a.n.cfg.CheckpointAfter {
		return a.n.cfg.CheckpointAfter - age
	}
	save := a.takeChanges()
	a.saving, a.savedIndex = make(chan error, 1), a.position.Index
	a.n.wg.Go(func() { a.saving <- save() })
	return 0
}

// drawDueAfter draws how many entries make the next checkpoint due. A large number differs between
// nodes: while one writes its boards, the others are a majority with idle disks and processors.
func (a *applier) drawDueAfter() {
	a.dueAfter = a.n.cfg.CheckpointEvery
	if quarter := a.dueAfter / 4; quarter >= maxApplyBatch {
		a.dueAfter += rand.IntN(2*quarter) - quarter
	}
}

// takeChanges takes what changed since the last checkpoint, and returns the function that writes
// it.
func (a *applier) takeChanges() (save func() error) {
	changed, members, position := a.n.cfg.Machine.Dirty(), a.n.roster.takeDirty(), a.position
	a.unsaved, a.checkpointNow = 0, false
	return func() error {
		c := store.Checkpoint{Position: position, Put: map[string][]byte{}}
		for _, some := range []iter.Seq2[string, []byte]{maps.All(members), changed} {
			for key, value := range some {
				if value == nil {
					c.Delete = append(c.Delete, key)
				} else {
					c.Put[key] = value
				}
			}
		}
		return a.n.cfg.seams.checkpoint(a.n.boardsFile, c)
	}
}

// checkpointed is called when a checkpoint is on disk, or has failed. Only now may the log be
// compacted.
func (a *applier) checkpointed(err error) error {
	a.saving = nil
	if err != nil {
		return err
	}
	keep := a.n.cfg.KeepEntries
	// Compacting is a write: not at every checkpoint.
	first := a.n.storage.entryLog.FirstIndex()
	if a.savedIndex <= first+keep+keep/4 {
		return nil
	}
	// Entries after a snapshot that is being sent stay, up to a limit. Without them the peer would
	// need another snapshot, and then another.
	cut := a.savedIndex - keep
	if pin := a.n.peers.oldestSnapshot(); pin != 0 && pin < cut {
		cut = max(pin, a.savedIndex-min(a.savedIndex, maxPinned*keep))
	}
	if cut >= first {
		a.n.toWrite.put(writeWork{compact: cut})
	}
	return nil
}

// awaitCheckpoint waits for the checkpoint that is being written, if any.
func (a *applier) awaitCheckpoint() error {
	if a.saving == nil {
		return nil
	}
	return a.checkpointed(<-a.saving)
}

// lastCheckpoint writes the last checkpoint of a node that stops, so that its next start is quick.
// It writes nothing if the node stops because of a failure.
func (a *applier) lastCheckpoint() {
	err := a.awaitCheckpoint()
	if err == nil && a.n.Err() == nil && a.unsaved > 0 {
		err = a.takeChanges()()
	}
	if err != nil {
		a.n.log.Error("last checkpoint failed; the log will be replayed", "err", err)
	}
}

// An entry's data begins with the id of its proposal, by which the proposing node recognises it.
// Raft's own entries are empty.
const entryHeader = 8

// encodeEntry adds an entry's data to b.
func encodeEntry(b []byte, id uint64, data []byte) []byte {
	return append(binary.BigEndian.AppendUint64(b, id), data...)
}

func splitEntry(b []byte) (id uint64, data []byte, ok bool) {
	if len(b) < entryHeader {
		return 0, nil, false
	}
	return binary.BigEndian.Uint64(b), b[entryHeader:], true
}
