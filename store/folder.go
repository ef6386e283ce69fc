package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// folder is what the log needs of the operating system. In tests a simulated disk replaces it.
// Changes by create, rename and remove are durable after sync.
type folder interface {
	path(name string) string
	list() ([]string, error)
	create(name string) (file, error) // replaces a file of that name; for writes that lengthen it
	open(name string) (file, error)
	rename(from, to string) error // replaces a file of that name
	remove(name string) error
	sync() error
	Close() error
}

// file is a file in a folder.
type file interface {
	io.ReaderAt
	// write writes pages, which [newPages] made, at the beginning of a page. It makes them and the
	// size durable. If the last page is not whole, the file ends there. After an error nobody knows
	// how much was written.
	write(pages []byte, at int64) error
	size() (int64, error)
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
		return nil, fmt.Errorf("%s is a file, and the log is a directory of that name: another program wrote the file; "+
			"start with an empty data directory", path)
	}
	// Also for an existing folder: the process that made it may have been killed before this.
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
	d, err := os.OpenFile(f.path(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &osFile{File: d}, nil
}

func (f osFolder) open(name string) (file, error) {
	d, err := os.OpenFile(f.path(name), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	direct, err := openDirect(f.path(name))
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &osFile{d, direct}, nil
}

func (f osFolder) rename(from, to string) error { return os.Rename(f.path(from), f.path(to)) }

func (f osFolder) remove(name string) error { return os.Remove(f.path(name)) }

func (f osFolder) sync() error { return f.d.Sync() }

// Close releases the lock.
func (f osFolder) Close() error { return f.d.Close() }

// osFile is a file of the operating system. One goroutine at a time writes to it.
type osFile struct {
	*os.File
	// direct is a second descriptor for direct writes. It is nil if there are none here, and for a
	// file that is being made: ext4 before Linux 6.7 returned from a direct write that lengthens a
	// file before the size was durable.
	direct *os.File
}

// write uses direct writes while they are possible, and otherwise writes through the system's
// memory. The system keeps the two in step.
func (f *osFile) write(pages []byte, at int64) error {
	if f.direct != nil {
		err := writeDirect(f.direct, pages, at)
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		err, f.direct = f.direct.Close(), nil
		if err != nil {
			return err
		}
	}
	if _, err := f.WriteAt(pages, at); err != nil {
		return err
	}
	if err := datasync(f.File); err != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}

func (f *osFile) Close() error {
	err := f.File.Close()
	if f.direct != nil {
		err = errors.Join(err, f.direct.Close())
	}
	return err
}

func (f *osFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
