package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// DefaultReceiveLimit is how big a file [Boards.Receive] takes unless it is told.
const DefaultReceiveLimit = 4 << 30

// Incoming is a boards file that was received and checked, and waits beside
// the present one for [Boards.Install] or Discard. One of the two must be called.
type Incoming struct {
	boards *Boards
	path   string
	state  boardsState

	mu sync.Mutex
	db *bolt.DB // nil once it is installed or discarded
}

// Receive reads a stream that [Snapshot.Encode] has written, from the first
// byte to the last and not farther, into a file beside the present one. The
// file is durable and has passed the same checks as in [OpenBoards] when it
// returns. The index and term must be those of want, and its ConfState too
// unless that is nil; otherwise, and if the stream is cut short, altered, or the
// file has more than limit bytes (zero: [DefaultReceiveLimit]), the error wraps
// [ErrStream]. No file is left after an error.
//
// Checkpoints and snapshots go on meanwhile, and several files may be
// received at once. It returns if reading r does, so r needs a deadline.
func (b *Boards) Receive(r io.Reader, want Position, limit int64) (_ *Incoming, err error) {
	if limit <= 0 {
		limit = DefaultReceiveLimit
	}
	f, err := createTemp(b.path)
	if err != nil {
		return nil, fmt.Errorf("receive boards: %w", err)
	}
	in := &Incoming{boards: b, path: f.Name()}
	defer func() {
		if err != nil {
			err = fmt.Errorf("receive boards: %w", errors.Join(err, in.Discard()))
		}
	}()
	err = decodeStream(r, limit, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if in.db, in.state, err = openBoardsFile(in.path); err != nil {
		if errors.Is(err, ErrDamaged) { // it was so when it was sent: the hash agrees
			err = fmt.Errorf("%w: %w", ErrStream, err)
		}
		return nil, err
	}
	return in, in.isAt(want)
}

// isAt checks that the file is what was announced.
func (in *Incoming) isAt(want Position) error {
	have := in.state.Position
	if have.Index != want.Index || have.Term != want.Term {
		return fmt.Errorf("%w: boards at index %d of term %d were announced, at %d of term %d they are",
			ErrStream, want.Index, want.Term, have.Index, have.Term)
	}
	if want.ConfState != nil {
		if err := want.ConfState.Equivalent(*have.ConfState); err != nil {
			return fmt.Errorf("%w: the members are not those announced: %w", ErrStream, err)
		}
	}
	return nil
}

// Position is where in the log the received boards stand.
func (in *Incoming) Position() Position { return in.state.Position }

// Discard removes the file. It does nothing after Install or another Discard.
func (in *Incoming) Discard() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.path == "" {
		return nil
	}
	var err error
	if in.db != nil {
		err = in.db.Close()
	}
	err = errors.Join(err, os.Remove(in.path))
	in.db, in.path = nil, ""
	return err
}

// Install puts the received file in the place of the present one, durably and
// at once: after a crash there is the one or the other. Everything begun after
// it works on the new file; snapshots and loads that are open go on with
// the old one until they are closed. [ErrBackwards] is returned, and in is left
// to be discarded, if the boards are farther already.
func (b *Boards) Install(in *Incoming) error {
	b.write.Lock()
	defer b.write.Unlock()
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.boards != b || in.path == "" {
		return errors.New("install boards: these are not, or no more, waiting to be installed")
	}
	old, state, err := b.use()
	if err != nil {
		return err
	}
	defer old.release()
	if in.state.Index < state.Index {
		return fmt.Errorf("install boards of %d over those of %d: %w", in.state.Index, state.Index, ErrBackwards)
	}
	dir, err := os.Open(filepath.Dir(b.path)) // before anything changes: it may fail for want of files
	if err != nil {
		return fmt.Errorf("install boards: %w", err)
	}
	if err := os.Rename(in.path, b.path); err != nil {
		return fmt.Errorf("install boards: %w", errors.Join(err, dir.Close()))
	}
	b.mu.Lock()
	b.file, b.state = &boardsFile{db: in.db, uses: 1}, in.state
	b.mu.Unlock()
	in.db, in.path = nil, ""
	// The last release is of the use that OpenBoards or an earlier Install began.
	if err := errors.Join(syncAndClose(dir), old.release()); err != nil {
		return b.fail(fmt.Errorf("install boards %s: %w: %w", b.path, ErrFailed, err))
	}
	return nil
}
