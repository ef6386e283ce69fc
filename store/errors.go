package store

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrDamaged is returned, with the file's name and the fault, when a file does not have the
	// content that was once written to it. Nothing in the file can be trusted then.
	ErrDamaged = errors.New("damaged")

	// ErrInUse is returned when another process has the file open.
	ErrInUse = errors.New("in use by another process")

	// ErrFailed is returned by the write that failed and by every later write. Nobody knows what is
	// on disk until the file is closed and opened again. Wrong arguments are refused without it.
	ErrFailed = errors.New("the store has stopped after a failed write")

	// ErrGap is returned when new entries do not follow the stored ones, or one another.
	ErrGap = errors.New("gap in the log")

	// ErrBackwards is returned by [Boards.Checkpoint] and [Boards.Install] if the boards would go
	// back to an earlier index.
	ErrBackwards = errors.New("the boards would go back")

	// ErrStream is returned by [Boards.Receive] for a stream that is cut short, altered, too big,
	// or not of the announced position.
	ErrStream = errors.New("bad snapshot stream")
)

// OutOfFiles reports whether a file could not be opened because too many are open, in this process
// (EMFILE) or on this machine (ENFILE). The store has then changed nothing and goes on. The caller
// may repeat the call once files were closed.
func OutOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// damage is an [ErrDamaged] about one file.
type damage struct {
	path string
	what string
}

// damaged says that the file at path is damaged, and how.
func damaged(path, format string, args ...any) error {
	return &damage{path: path, what: fmt.Sprintf(format, args...)}
}

// Error names the file and what an operator can do. To remove only that file is not among it: a
// node without the votes and entries that it has acknowledged must not go on under its old
// identity.
func (d *damage) Error() string {
	return fmt.Sprintf("%s is damaged: %s (restore the whole data directory of this node from one copy, "+
		"or clear it and let the node join again as a new member)", d.path, d.what)
}

func (d *damage) Unwrap() error { return ErrDamaged }
