//go:build !unix

package demo

import (
	"os"
	"syscall"
)

func childAttributes() *syscall.SysProcAttr { return nil }

// terminate kills: here, no signal asks for an orderly end.
func terminate(p *os.Process) error { return p.Kill() }
