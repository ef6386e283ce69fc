package store

import (
	"errors"
	"fmt"
	"io"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// Snapshot is the boards of one checkpoint, which stay as they are while
// checkpoints go on. It holds a read transaction: pages that are replaced meanwhile
// cannot be used again, and the file grows. So close it soon. Not safe for
// concurrent use, but for Close.
type Snapshot struct {
	file *boardsFile
	tx   *bolt.Tx
	pos  Position
	once sync.Once
	err  error
}

// Snapshot begins to read the boards of the last durable checkpoint. The
// caller closes it.
func (b *Boards) Snapshot() (_ *Snapshot, err error) {
	f, _, err := b.use()
	if err != nil {
		return nil, err
	}
	s := &Snapshot{file: f}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	err = guard(b.path, func() (err error) {
		if s.tx, err = f.db.Begin(false); err != nil {
			return err
		}
		// From the transaction and not from memory: what is sent and what is
		// said about it must be the same, whatever is committed meanwhile.
		state, err := openBoardsState(s.tx.Bucket(bucketState).Get(keyState))
		if err != nil {
			return damaged(b.path, "state: %v", err)
		}
		s.pos = state.Position
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return s, nil
}

// Position is where in the log this snapshot stands.
func (s *Snapshot) Position() Position { return s.pos }

// Size is how many bytes WriteTo writes.
func (s *Snapshot) Size() int64 { return s.tx.Size() }

// WriteTo writes the boards file, as [OpenBoards] opens it.
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) { return s.tx.WriteTo(w) }

// Encode writes the boards file as a stream for [Boards.Receive]; its layout
// stands in stream.go. It writes to w in pieces of a megabyte at most.
func (s *Snapshot) Encode(w io.Writer) error { return encodeStream(w, s.Size(), s) }

// Close ends the read transaction. It may be called more than once, and while
// Encode writes to a connection that hangs if that is closed before.
func (s *Snapshot) Close() error {
	s.once.Do(func() {
		var err error
		if s.tx != nil {
			err = s.tx.Rollback()
		}
		s.err = errors.Join(err, s.file.release())
	})
	return s.err
}
