package store

import (
	"errors"
	"fmt"
	"io"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// Snapshot is the boards of one checkpoint, which stay the same while checkpoints go on. It has a
// read transaction: pages that are replaced meanwhile cannot be used again, so the file grows.
// Close it soon. Only Close may be called at the same time as another method.
type Snapshot struct {
	file *boardsFile
	tx   *bolt.Tx
	pos  Position
	once sync.Once
	err  error
}

// Snapshot begins to read the boards of the last durable checkpoint. The caller closes it.
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
		// From the transaction and not from memory: position and content must fit, whatever is
		// committed meanwhile.
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

// Position is the position of this snapshot.
func (s *Snapshot) Position() Position { return s.pos }

// Size is the number of bytes that WriteTo writes.
func (s *Snapshot) Size() int64 { return s.tx.Size() }

// WriteTo writes the boards file as [OpenBoards] opens it.
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) { return s.tx.WriteTo(w) }

// Encode writes the boards file as a stream for [Boards.Receive]; stream.go draws it. It writes to
// w in pieces of at most a megabyte.
func (s *Snapshot) Encode(w io.Writer) error { return encodeStream(w, s.Size(), s) }

// Close ends the read transaction. It may be called more than once. It may also be called while
// Encode writes to a connection that hangs, if the connection is closed first.
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
