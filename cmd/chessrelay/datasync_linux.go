package main

import (
	"os"
	"syscall"
)

// datasync makes what was written to f durable, without its times.
func datasync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
