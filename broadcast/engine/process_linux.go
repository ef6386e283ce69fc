package engine

import "syscall"

// attributes put the engine into a group of its own, and have the kernel kill it when we die. That
// is when the thread ends that started it; so Engine.run keeps its thread.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
