package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"

	bolt "go.etcd.io/bbolt"
)

// Buckets and keys. No bucket is inside another one.
var (
	bucketRecords = []byte("records") // key -> value
	bucketState   = []byte("state")   // one record
	keyState      = []byte("state")
)

// mapSize is how much address space a file gets at once. When a file outgrows its mapping, bbolt
// stops the writer until every reader has finished. A snapshot on its way to a slow venue is a
// reader.
const mapSize = 1 << 30

// growStep is how much a file grows at once, which costs one more fsync.
const growStep = 1 << 20

// boltOptions has bbolt find the list of free pages at open instead of storing it. That saves
// writes in every transaction, and leaves one thing less on disk that could be wrong unnoticed.
func boltOptions() *bolt.Options {
	return &bolt.Options{
		Timeout:        lockWait,
		NoFreelistSync: true,
		FreelistType:   bolt.FreelistMapType,
		NoStatistics:   true,
	}
}

// openBolt locks, checks and opens the file at path, which must exist. fn gets every record before
// bbolt maps the file.
func openBolt(path string, fn recordFunc) (*bolt.DB, error) {
	o := boltOptions()
	o.InitialMmapSize = mapSize
	var checked error
	// bbolt locks the file that this returns; a second lock by the same open file does nothing. So
	// no other process writes while we check.
	o.OpenFile = func(path string, _ int, _ fs.FileMode) (f *os.File, err error) {
		if f, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				checked = err
				f.Close()
			}
		}()
		if err = lock(f); err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		return f, checkFile(f, info.Size(), fn)
	}
	var db *bolt.DB
	err := guard(path, func() (err error) {
		if db, err = bolt.Open(path, 0, o); err == nil {
			db.AllocSize = growStep
		}
		return err
	})
	switch {
	case checked != nil:
		return nil, checked
	case err != nil && !errors.Is(err, ErrDamaged):
		return nil, fmt.Errorf("open %s: %w", path, err)
	case err != nil:
		return nil, err
	}
	return db, nil
}

// checkFile is checkImage with an error that names the file.
func checkFile(f *os.File, size int64, fn recordFunc) error {
	err := checkImage(f, size, fn)
	var disk *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &disk):
		return fmt.Errorf("check %s: %w", f.Name(), err)
	default:
		return damaged(f.Name(), "%v", err)
	}
}

// createBolt makes the file at path if there is none. It appears complete, so an empty or
// half-written file is always damaged, and never taken for a new one.
func createBolt(path string, init func(*bolt.Tx) error) (err error) {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := createTemp(path)
	if err != nil {
		return err
	}
	temp := f.Name()
	defer os.Remove(temp)
	defer func() { err = errors.Join(err, f.Close()) }()

	db, err := bolt.Open(temp, 0o600, boltOptions())
	if err != nil {
		return err
	}
	if err := errors.Join(db.Update(init), db.Close()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	// A link, where the file system has them, replaces no file that another process has created
	// meanwhile.
	switch err := os.Link(temp, path); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, syscall.EPERM), errors.Is(err, errors.ErrUnsupported):
		if err := os.Rename(temp, path); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	return syncDir(filepath.Dir(path))
}

// guard turns a panic in fn into an error. A file that has passed checkImage gives bbolt no reason
// to panic. But the disk may later fail to deliver a mapped page, which the runtime reports as a
// fault.
func guard(path string, fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = damaged(path, "reading it failed: %v", r)
		}
	}()
	return fn()
}

// update runs fn in a write transaction and commits it.
func update(db *bolt.DB, path string, fn func(*bolt.Tx) error) error {
	return guard(path, func() error {
		tx, err := db.Begin(true)
		if err != nil {
			return err
		}
		// Not db.Update, which reads the whole file on another goroutine after a panic. After a
		// commit this does nothing.
		defer tx.Rollback()
		if err := fn(tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}
