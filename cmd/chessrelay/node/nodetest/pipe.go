//go:build unix

package nodetest

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// NewPipe is a pipe, which is closed when the test ends.
func NewPipe(t testing.TB) (w *os.File, r *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return w, r
}

// FillPipe writes until the pipe takes nothing more, and returns the number of bytes.
func FillPipe(t testing.TB, w *os.File) (filled int) {
	t.Helper()
	raw, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		_ = syscall.SetNonblock(int(fd), true)
		for size := 4096; size > 0; {
			n, err := syscall.Write(int(fd), []byte(strings.Repeat("\n", size)))
			if err != nil {
				size /= 2
				continue
			}
			filled += n
		}
		_ = syscall.SetNonblock(int(fd), false)
	}); err != nil {
		t.Fatal(err)
	}
	return filled
}
