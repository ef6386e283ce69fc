package main

import (
	"os"
	"syscall"
)

// fdatasync makes what was written to f durable, without what only concerns its inode's times.
func fdatasync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
