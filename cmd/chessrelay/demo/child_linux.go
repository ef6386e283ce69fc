package demo

import (
	"os"
	"syscall"
)

// childAttributes puts a child out of reach of the terminal's Ctrl-C, so that
// it is ended by us and in order, and has the kernel kill it should we die first.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
