package consensus

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
)

// appendWork is one thing for the append loop: what Raft wants stored, or a
// compaction of the log up to an index.
type appendWork struct {
	message *raftpb.Message // MsgStorageAppend
	compact uint64
}

// appendLoop is the only writer of the log. It takes everything that has
// queued up while the last write was on its way to disk, makes one transaction
// of it, and then releases the answers in order (group commit). Nothing that
// promises durability leaves before the write that it promises.
func (n *Node) appendLoop() {
	a := appender{n: n, hard: n.storage.HardState()}
	for {
		select {
		case <-n.ctx.Done():
		case <-n.toAppend.ready:
		}
		n.cfg.seams.settle("append", 0)
		if n.ctx.Err() != nil {
			return
		}
		if err := a.process(n.toAppend.takeAll()); err != nil {
			if !errors.Is(err, ErrClosed) {
				n.fail(err)
			}
			return
		}
	}
}

// appender gathers what one transaction is to write.
type appender struct {
	n    *Node
	hard raftpb.HardState // the latest, whether written or not

	writes    int  // how many of the messages had entries
	sync      bool // hard has a term or vote that is not on disk
	entries   []raftpb.Entry
	responses []*raftpb.Message
}

func (a *appender) process(work []appendWork) error {
	for _, w := range work {
		var err error
		switch {
		case w.message == nil:
			if err = a.flush(); err == nil {
				err = a.n.untilFiles(func() error { return a.n.storage.Compact(w.compact) })
			}
		case hasSnapshot(w.message):
			if err = a.flush(); err == nil {
				err = a.install(w.message)
			}
		default:
			a.gather(w.message)
		}
		if err != nil {
			return err
		}
	}
	return a.flush()
}

func (a *appender) gather(m *raftpb.Message) {
	a.setHard(m)
	if ents := m.Entries; len(ents) > 0 {
		a.writes++
		// A later message replaces what it overlaps: a new leader's entries
		// take the place of an old one's.
		if len(a.entries) > 0 {
			first := a.entries[0].Index
			if at := ents[0].Index; at <= first {
				a.entries = nil
			} else {
				n := min(uint64(len(a.entries)), at-first)
				a.entries = a.entries[:n:n]
			}
		}
		if len(a.entries) == 0 {
			a.entries = ents[:len(ents):len(ents)] // Raft's: what is added makes a copy
		} else {
			a.entries = append(a.entries, ents...)
		}
	}
	a.answer(m)
}

// answer notes what m has answered once it is durable.
func (a *appender) answer(m *raftpb.Message) {
	for i := range m.Responses {
		a.responses = append(a.responses, &m.Responses[i])
	}
}

// setHard takes over the HardState that m carries, if any.
func (a *appender) setHard(m *raftpb.Message) {
	if !hasHardState(m) {
		return
	}
	if m.Term != a.hard.Term || m.Vote != a.hard.Vote {
		a.sync = true
	}
	a.hard = raftpb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}
}

// flush writes what was gathered and releases the answers. A commit index
// alone is not worth a write: it is derived again after a restart, and goes
// along with the next append.
func (a *appender) flush() error {
	if a.sync || len(a.entries) > 0 {
		if err := a.n.untilFiles(func() error { return a.n.storage.Append(a.hard, a.entries) }); err != nil {
			return err
		}
	}
	a.release()
	return nil
}

// release sends the answers on their way. Those to this node's Raft loop go first, and together: a
// goroutine that is woken last runs first, and others wait for theirs.
func (a *appender) release() {
	var own []event
	for _, m := range a.responses {
		if MemberID(m.To) == a.n.id {
			own = append(own, event{message: m})
		}
	}
	if a.writes > 0 {
		own = append(own, event{appended: a.writes})
	}
	a.n.inbox.put(own...)
	for _, m := range a.responses {
		if MemberID(m.To) != a.n.id {
			a.n.send(m)
		}
	}
	a.writes, a.sync, a.entries, a.responses = 0, false, nil, nil
}

// install puts the received boards in the place of the present ones, and starts
// the log anew behind them. A crash between the two is mended by repair.
func (a *appender) install(m *raftpb.Message) error {
	meta := m.Snapshot.Metadata
	if err := a.n.installSnapshot(meta); err != nil {
		return fmt.Errorf("install snapshot at index %d: %w", meta.Index, err)
	}
	a.setHard(m)
	if err := a.n.untilFiles(func() error { return a.n.storage.Reset(meta.Index, meta.Term, a.hard) }); err != nil {
		return err
	}
	// Entries that came in the same breath follow the snapshot.
	if ents := m.Entries; len(ents) > 0 {
		a.writes++
		if err := a.n.untilFiles(func() error { return a.n.storage.Append(a.hard, ents) }); err != nil {
			return err
		}
	}
	a.answer(m)
	a.release()
	return nil
}
