package main

import (
	"os"
	"syscall"
)

// fdatasync makes what was written to f durable, except for the times in its inode.
func fdatasync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
