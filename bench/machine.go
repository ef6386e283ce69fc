package main

import (
	"bufio"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// machine says where and with what something was measured.
type machine struct {
	Date     time.Time         `json:"date"`
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	OS       string            `json:"os"`
	Go       string            `json:"go"`
	Commit   string            `json:"commit,omitempty"` // of chessrelay
	Versions map[string]string `json:"versions"`         // by module
}

func thisMachine() machine {
	m := machine{
		Date: time.Now().UTC().Truncate(time.Second), CPU: cpuModel(), Cores: runtime.NumCPU(),
		OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Versions: map[string]string{},
	}
	if out, err := exec.Command("git", "describe", "--always", "--dirty").Output(); err == nil {
		m.Commit = strings.TrimSpace(string(out))
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return m
	}
	shown := map[string]bool{
		"go.etcd.io/raft/v3": true, "go.etcd.io/bbolt": true,
		"github.com/hashicorp/raft-boltdb/v2": true, "github.com/hashicorp/raft-wal": true, "github.com/nats-io/nats.go": true,
	}
	for _, s := range systems {
		shown[s.module] = true
	}
	for _, s := range fanSystems {
		shown[s.module] = true
	}
	for _, d := range info.Deps {
		if shown[d.Path] {
			m.Versions[d.Path] = d.Version
		}
	}
	return m
}

// addProgram adds the version of a module with which the program in a file was built.
func (m *machine) addProgram(file, module string) error {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return err
	}
	for _, d := range info.Deps {
		if d.Path == module {
			m.Versions[module] = d.Version
			return nil
		}
	}
	return fmt.Errorf("%s holds no %s", file, module)
}

// cpuModel is the processor's own name, where it can be read.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
