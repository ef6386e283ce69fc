//go:build unix

package engine

import (
	"os"
	"syscall"
)

// lowerPriority lets moves go first. It comes before the engine makes its threads, which inherit
// it.
func lowerPriority(pid int) { _ = syscall.Setpriority(syscall.PRIO_PROCESS, pid, 10) }

// killGroup kills the engine, and what it has started.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
	_ = p.Kill()
}
