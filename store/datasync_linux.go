package store

import (
	"errors"
	"os"
	"syscall"
)

// datasync makes what was written to f durable, and its size. It leaves out the
// times of f, which would cost a second write.
func datasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
