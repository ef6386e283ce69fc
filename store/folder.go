package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// folder is what the log asks of the operating system; in tests a simulated
// disk stands behind it. What create, rename and remove change is durable
// after sync.
type folder interface {
	path(name string) string
	list() ([]string, error)
	create(name string) (file, error) // replaces what has that name
	open(name string) (file, error)
	rename(from, to string) error // replaces what has that name
	remove(name string) error
	sync() error
	Close() error
}

// file is one in a folder.
type file interface {
	io.ReaderAt
	io.WriterAt
	size() (int64, error)
	// sync makes what was written durable, and the size.
	sync() error
	Close() error
}

// osFolder is a folder of the operating system, locked.
type osFolder struct{ d *os.File }

// openFolder makes the folder at path if there is none, and locks it.
func openFolder(path string) (folder, error) {
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a file, the log of a former version, which this one cannot read; it keeps the log in a "+
			"directory of that name: start the former version once more and remove this member from the cluster (if it is alone, "+
			"let another node join first), then clear %s and let the node join again as a new member", path, filepath.Dir(path))
	}
	// Also if it is there already: who made it may have been killed before this.
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	d, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := lock(d); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return osFolder{d}, nil
}

func (f osFolder) path(name string) string { return filepath.Join(f.d.Name(), name) }

func (f osFolder) list() (names []string, err error) {
	all, err := os.ReadDir(f.d.Name())
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names, err
}

func (f osFolder) create(name string) (file, error) {
	return openFile(f.path(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (f osFolder) open(name string) (file, error) { return openFile(f.path(name), os.O_RDWR) }

func (f osFolder) rename(from, to string) error { return os.Rename(f.path(from), f.path(to)) }

func (f osFolder) remove(name string) error { return os.Remove(f.path(name)) }

func (f osFolder) sync() error { return f.d.Sync() }

// Close gives up the lock.
func (f osFolder) Close() error { return f.d.Close() }

type osFile struct{ *os.File }

func openFile(path string, flags int) (file, error) {
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (f osFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) sync() error {
	if err := datasync(f.File); err != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}
