//go:build unix && !linux

package demo

import (
	"os"
	"syscall"
)

// childAttributes puts a child out of reach of the terminal's Ctrl-C. So the demo ends it, in
// order.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
