//go:build unix && !linux

package demo

import (
	"os"
	"syscall"
)

// childAttributes puts a child out of reach of the terminal's Ctrl-C, so that
// it is ended by us and in order.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
