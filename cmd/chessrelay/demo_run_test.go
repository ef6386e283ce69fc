//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A screen is what a command prints. A test can look at it while the command runs.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // capacity 1
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

// waitFor waits until the screen shows a match of pattern, and returns its groups.
func (s *screen) waitFor(t *testing.T, ended <-chan int, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	timeout := time.After(2 * time.Minute)
	for {
		s.mu.Lock()
		text := s.text.String()
		s.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m
		}
		select {
		case <-s.changed:
		case code := <-ended:
			t.Fatalf("the demo ended with %d before %q was shown:\n%s", code, pattern, text)
		case <-timeout:
			t.Fatalf("%q is not shown:\n%s", pattern, text)
		}
	}
}

// TestDemo runs a demo with real processes. It replays its round, tells when a process is killed,
// and leaves no process and no file behind.
func TestDemo(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	out := &screen{changed: make(chan struct{}, 1)}
	env, _, _ := testEnvironment(nil)
	env.stdout, env.stderr = out, out
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, env, strings.Fields("demo --http 127.0.0.1:0 --speed 5000 --venues 2")) }()

	var pids []int
	for _, name := range []string{"recorder", "venue-1", "venue-2"} {
		pid, err := strconv.Atoi(out.waitFor(t, ended, name+` +kill -9 (\d+)\n`)[1])
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if err := syscall.Kill(pids[1], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	out.waitFor(t, ended, `venue-1 ended \(pid \d+, signal: killed\)`)
	out.waitFor(t, ended, `The replay is over(?s:.*)games +12 of 12 played to their end`)

	interrupt()
	if code := <-ended; code != exitDone {
		t.Errorf("exit %d", code)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
			t.Errorf("process %d: %v; want none", pid, err)
		}
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
