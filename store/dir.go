package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// tempMark is in the name of every file that is being written beside another one, between that
// file's name and a random part.
const tempMark = ".tmp-"

// createTemp makes a file in path's directory, so that a rename can bring it to path.
func createTemp(path string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), filepath.Base(path)+tempMark+"*")
}

// removeTemps removes what a crash has left beside path. The caller has locked path, so none of it
// is in use.
func removeTemps(path string) error {
	left, err := filepath.Glob(globEscape(path) + tempMark + "*")
	if err != nil {
		return err
	}
	for _, p := range left {
		if err := os.Remove(p); err != nil {
			return err
		}
	}
	return nil
}

// globEscape keeps a directory's name from being read as a pattern.
func globEscape(path string) string {
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case '*', '?', '[', '\\':
			out = append(out, '\\')
		}
		out = append(out, path[i])
	}
	return string(out)
}

// syncDir makes the names in dir durable. Without it a file that was fsynced and renamed can be
// gone after a power failure.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return syncAndClose(d)
}

// syncAndClose makes the names in the open directory d durable.
func syncAndClose(d *os.File) error { return errors.Join(d.Sync(), d.Close()) }

// writeFileAtomic writes the file at path durably: after a crash it has its old content or the new
// one. Only one write at a time for a path: the temporary file has a fixed name, so that crashes
// leave at most one.
func writeFileAtomic(path string, write func(io.Writer) error) (err error) {
	// Before anything changes: it may fail for want of files.
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	f, err := os.OpenFile(path+tempMark+"new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return dir.Sync()
}

// lockWait is how long open waits for another process. That is enough for one that is just closing
// the file, and short for a person who has started a second one by mistake.
const lockWait = 500 * time.Millisecond

// lock takes the exclusive lock on f that bbolt takes, before bbolt does.
func lock(f *os.File) error {
	deadline := time.Now().Add(lockWait)
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: the data directory %s is %w", f.Name(), filepath.Dir(f.Name()), ErrInUse)
		}
		time.Sleep(10 * time.Millisecond)
	}
	// The process that had it may have replaced the file.
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(f.Name())
	if err != nil {
		return err
	}
	if !os.SameFile(mine, named) {
		return fmt.Errorf("%s was replaced just now: the data directory %s is %w", f.Name(), filepath.Dir(f.Name()), ErrInUse)
	}
	return nil
}
