//go:build !unix

package demo

import (
	"os"
	"syscall"
)

func childAttributes() *syscall.SysProcAttr { return nil }

// terminate kills: there is no signal that asks for an orderly end here.
func terminate(p *os.Process) error { return p.Kill() }
