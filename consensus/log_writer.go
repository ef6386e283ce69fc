package consensus

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
)

// writeWork is one thing for the write loop: what Raft wants stored, or an index up to which to
// compact the log.
type writeWork struct {
	message *raftpb.Message // MsgStorageAppend
	compact uint64
}

// writeLoop is the only writer of the log. It takes everything that was queued during the last
// write, makes one write of it, and then releases the answers in order (group commit). An answer
// that promises durability never leaves before the write that it promises.
func (n *Node) writeLoop() {
	w := logWriter{n: n, hard: n.storage.HardState()}
	for {
		select {
		case <-n.ctx.Done():
		case <-n.toWrite.ready:
		}
		n.cfg.seams.settle("write", 0)
		if n.ctx.Err() != nil {
			return
		}
		if err := w.process(n.toWrite.takeAll()); err != nil {
			if !errors.Is(err, ErrClosed) {
				n.fail(err)
			}
			return
		}
	}
}

// logWriter gathers what one write is to contain.
type logWriter struct {
	n    *Node
	hard raftpb.HardState // the newest, written or not

	writes    int  // how many of the messages had entries
	sync      bool // hard has a term or vote that is not on disk
	entries   []raftpb.Entry
	responses []*raftpb.Message
}

func (w *logWriter) process(work []writeWork) error {
	for _, item := range work {
		var err error
		switch {
		case item.message == nil:
			if err = w.flush(); err == nil {
				err = w.n.untilFiles(func() error { return w.n.storage.Compact(item.compact) })
			}
		case hasSnapshot(item.message):
			if err = w.flush(); err == nil {
				err = w.install(item.message)
			}
		default:
			w.gather(item.message)
		}
		if err != nil {
			return err
		}
	}
	return w.flush()
}

func (w *logWriter) gather(m *raftpb.Message) {
	w.setHard(m)
	if ents := m.Entries; len(ents) > 0 {
		w.writes++
		// A later message replaces what it overlaps: entries of a new leader replace those of an
		// old one.
		if len(w.entries) > 0 {
			first := w.entries[0].Index
			if at := ents[0].Index; at <= first {
				w.entries = nil
			} else {
				n := min(uint64(len(w.entries)), at-first)
				w.entries = w.entries[:n:n]
			}
		}
		if len(w.entries) == 0 {
			w.entries = ents[:len(ents):len(ents)] // Raft's own array: an append to it must copy
		} else {
			w.entries = append(w.entries, ents...)
		}
	}
	w.queueResponses(m)
}

// queueResponses keeps m's answers until m is durable.
func (w *logWriter) queueResponses(m *raftpb.Message) {
	for i := range m.Responses {
		w.responses = append(w.responses, &m.Responses[i])
	}
}

// setHard takes the HardState of m, if any.
func (w *logWriter) setHard(m *raftpb.Message) {
	if !hasHardState(m) {
		return
	}
	if m.Term != w.hard.Term || m.Vote != w.hard.Vote {
		w.sync = true
	}
	w.hard = raftpb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}
}

// flush writes what was gathered and releases the answers. A commit index alone is not worth a
// write: a node derives it again after a restart, and the next write includes it.
func (w *logWriter) flush() error {
	if w.sync || len(w.entries) > 0 {
		if err := w.n.untilFiles(func() error { return w.n.storage.Write(w.hard, w.entries) }); err != nil {
			return err
		}
	}
	w.sendAnswers()
	return nil
}

// sendAnswers sends the answers. Those to this node's Raft loop go first, and together: the
// goroutine that is woken last runs first, and the peers wait for their answers.
func (w *logWriter) sendAnswers() {
	var own []news
	for _, m := range w.responses {
		if MemberID(m.To) == w.n.id {
			own = append(own, news{message: m})
		}
	}
	if w.writes > 0 {
		own = append(own, news{writes: w.writes})
	}
	w.n.inbox.put(own...)
	for _, m := range w.responses {
		if MemberID(m.To) != w.n.id {
			w.n.send(m)
		}
	}
	w.writes, w.sync, w.entries, w.responses = 0, false, nil, nil
}

// install replaces the boards by the received ones, and begins the log again behind them. repair
// mends a crash between the two.
func (w *logWriter) install(m *raftpb.Message) error {
	meta := m.Snapshot.Metadata
	if err := w.n.installSnapshot(meta); err != nil {
		return fmt.Errorf("install snapshot at index %d: %w", meta.Index, err)
	}
	w.setHard(m)
	if err := w.n.untilFiles(func() error { return w.n.storage.Reset(meta.Index, meta.Term, w.hard) }); err != nil {
		return err
	}
	// Entries in the same message come after the snapshot.
	if ents := m.Entries; len(ents) > 0 {
		w.writes++
		if err := w.n.untilFiles(func() error { return w.n.storage.Write(w.hard, ents) }); err != nil {
			return err
		}
	}
	w.queueResponses(m)
	w.sendAnswers()
	return nil
}
