//go:build !unix

package engine

import (
	"os"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return nil }

func lowerPriority(int) {}

func killGroup(p *os.Process) { _ = p.Kill() }
