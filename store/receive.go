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

// DefaultReceiveLimit is the default limit of [Boards.Receive], in bytes.
const DefaultReceiveLimit = 4 << 30

// Incoming is a boards file that was received and checked, and waits beside the present one. The
// caller must call [Boards.Install] or Discard.
type Incoming struct {
	boards *Boards
	path   string
	state  boardsState

	mu sync.Mutex
	db *bolt.DB // nil once it is installed or discarded
}

// Receive reads a stream of [Snapshot.Encode] exactly to its end, into a file beside the present
// one. When it returns, the file is durable and has passed the checks of [OpenBoards]. Its index
// and term must be those of want, and so must its ConfState unless that is nil.
//
// The error wraps [ErrStream] if that fails, if the stream is cut short or altered, or if the file
// has more than limit bytes (zero: [DefaultReceiveLimit]). After an error there is no file.
//
// Checkpoints and snapshots go on meanwhile, and several files may be received at once. r needs a
// deadline: Receive returns only if reading does.
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
		if errors.Is(err, ErrDamaged) { // it was damaged when it was sent: the hash agrees
			err = fmt.Errorf("%w: %w", ErrStream, err)
		}
		return nil, err
	}
	return in, in.isAt(want)
}

// isAt checks that the file is the announced one.
func (in *Incoming) isAt(want Position) error {
	have := in.state.Position
	if have.Index != want.Index || have.Term != want.Term {
		return fmt.Errorf("%w: boards at index %d of term %d were announced, but these are at %d of term %d",
			ErrStream, want.Index, want.Term, have.Index, have.Term)
	}
	if want.ConfState != nil {
		if err := want.ConfState.Equivalent(*have.ConfState); err != nil {
			return fmt.Errorf("%w: the members are not the announced ones: %w", ErrStream, err)
		}
	}
	return nil
}

// Position is the position of the received boards.
func (in *Incoming) Position() Position { return in.state.Position }

// Discard removes the file. After Install or another Discard it does nothing.
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

// Install replaces the present file by the received one, durably and at once: after a crash there
// is one or the other. Everything that begins later uses the new file. Open snapshots and loads go
// on with the old one until they are closed. If the boards are newer already, the error is
// [ErrBackwards], and the caller must discard in.
func (b *Boards) Install(in *Incoming) error {
	b.write.Lock()
	defer b.write.Unlock()
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.boards != b || in.path == "" {
		return errors.New("install boards: these boards are not, or no longer, waiting to be installed")
	}
	old, state, err := b.use()
	if err != nil {
		return err
	}
	defer old.release()
	if in.state.Index < state.Index {
		return fmt.Errorf("install boards of %d over those of %d: %w", in.state.Index, state.Index, ErrBackwards)
	}
	// Before anything changes: it may fail for want of files.
	dir, err := os.Open(filepath.Dir(b.path))
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
