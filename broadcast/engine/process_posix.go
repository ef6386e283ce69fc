//go:build unix && !linux

package engine

import "syscall"

// attributes put the engine into a group of its own.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
