package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// datasync makes the content and the size of f durable. It leaves out its times, which would cost a
// second write.
func datasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// openDirect opens the file at path for writes that go from the program's own memory to the disk.
// It returns nil where there are none. It also returns nil on file systems where a direct write
// with RWF_DSYNC is not known to be durable when it returns. (FUSE passes the flag to a program
// that may ignore it, but would have heeded an fdatasync.) The only error is that too many files
// are open.
func openDirect(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_DIRECT, 0)
	if OutOfFiles(err) {
		return nil, err
	}
	if err != nil {
		return nil, nil
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err == nil && (st.Type == unix.EXT4_SUPER_MAGIC || st.Type == unix.XFS_SUPER_MAGIC) {
		return f, nil
	}
	_ = f.Close()
	return nil, nil
}

// writeDirect writes whole pages of memory to f, at the beginning of a page, and makes them
// durable, in one system call. [errors.ErrUnsupported] says that this is not possible here; a part
// of them may be written.
func writeDirect(f *os.File, pages []byte, at int64) error {
	for len(pages) > 0 {
		n, err := unix.Pwritev2(int(f.Fd()), [][]byte{pages}, at, unix.RWF_DSYNC)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EINVAL), // larger blocks, or not whole pages
			errors.Is(err, unix.EPERM),            // a filter of system calls
			errors.Is(err, errors.ErrUnsupported): // an old system
			return errors.ErrUnsupported
		case err == nil && n == 0:
			err = io.ErrShortWrite
		}
		if err != nil {
			return &fs.PathError{Op: "pwritev2", Path: f.Name(), Err: err}
		}
		pages, at = pages[n:], at+int64(n)
	}
	return nil
}
