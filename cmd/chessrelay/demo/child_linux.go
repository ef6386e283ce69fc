package demo

import (
	"os"
	"syscall"
)

// childAttributes puts a child out of reach of the terminal's Ctrl-C. So the demo ends it, in
// order. The kernel kills the child if the demo dies first.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
