//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
)

// newPipe is a pipe, which is closed when the test ends.
func newPipe(t *testing.T) (w *os.File, r *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return w, r
}

// fill writes until the pipe takes nothing more, and returns how many bytes that were.
func fill(t *testing.T, w *os.File) (filled int) {
	t.Helper()
	raw, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		_ = syscall.SetNonblock(int(fd), true)
		for size := 4096; size > 0; {
			n, err := syscall.Write(int(fd), []byte(strings.Repeat("\n", size)))
			if err != nil {
				size /= 2
				continue
			}
			filled += n
		}
		_ = syscall.SetNonblock(int(fd), false)
	}); err != nil {
		t.Fatal(err)
	}
	return filled
}

// TestLogQueueDropsAndSays logs into a full pipe: no line waits, those that have no room are
// counted, and the log says how many once its reader is back.
func TestLogQueueDropsAndSays(t *testing.T) {
	w, r := newPipe(t)
	filled := fill(t, w)
	q := openLogQueue(w)
	log, err := newLogger(&environment{stderr: q, logs: q}, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 10_000)
	const lines = 1000
	for i := range lines {
		log.Info("line", "i", i, "long", long)
	}
	dropped := q.Dropped()
	if dropped < lines/2 || dropped >= lines {
		t.Fatalf("%d lines of 10 kB each, of %d, were dropped by a queue of 1 MiB", dropped, lines)
	}

	if _, err := io.CopyN(io.Discard, r, int64(filled)); err != nil {
		t.Fatal(err)
	}
	read := bufio.NewScanner(r)
	for want := 0; ; want++ {
		if !read.Scan() {
			t.Fatalf("the log ended: %v", read.Err())
		}
		line := read.Text()
		if strings.Contains(line, fmt.Sprintf(`"lines":%d`, dropped)) && strings.Contains(line, "were dropped") {
			break
		}
		if !strings.Contains(line, fmt.Sprintf(`"i":%d,`, want)) || !strings.HasSuffix(line, `x"}`) {
			t.Fatalf("line %d is %.80s", want, line)
		}
	}
	log.Info("the last one")
	_ = q.Close()
	w.Close()
	if rest, err := io.ReadAll(r); err != nil || !strings.Contains(string(rest), "the last one") {
		t.Errorf("after the queue was closed, the log ends in %.200q, %v", rest, err)
	}
}

// TestLogQueueEndsThoughItsReaderStalls closes a queue whose file takes nothing; goleak sees to
// its goroutine.
func TestLogQueueEndsThoughItsReaderStalls(t *testing.T) {
	w, _ := newPipe(t)
	fill(t, w)
	q := openLogQueue(w)
	fmt.Fprintln(q, "nobody reads this")
	_ = q.Close()
	select {
	case <-q.done:
	default:
		t.Error("the queue's goroutine is left")
	}
	if q.Dropped() != 1 {
		t.Errorf("%d lines were dropped, of one", q.Dropped())
	}
}

// A child is a node that is a process of its own, with standard output and error of our choice.
type child struct {
	*demoNode
	cmd *exec.Cmd
}

// startChild starts a node with out as its standard output and error.
func startChild(t *testing.T, n *demoNode, out *os.File) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], serveArgs(n.cfg)...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = withoutOurVariables(os.Environ())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n.pid, n.ended = cmd.Process.Pid, make(chan struct{})
	go func() {
		_ = cmd.Wait() // says no more than the state does
		n.state = cmd.ProcessState
		close(n.ended)
	}()
	c := &child{demoNode: n, cmd: cmd}
	t.Cleanup(func() { c.signal(t, syscall.SIGKILL) })
	return c
}

// signal ends the process, and waits until it has ended.
func (c *child) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	_ = c.cmd.Process.Signal(sig) // it may have ended
	select {
	case <-c.ended:
	case <-time.After(90 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.ended
		t.Errorf("%s did not end", c.cfg.Name)
	}
}

// TestStalledLogReader has a leader whose log nobody reads any more. A venue that is started
// again must catch up, moves must be taken, and SIGTERM must end the leader.
func TestStalledLogReader(t *testing.T) {
	env, _, _ := testEnvironment(nil)
	nodes, err := planNodes(env, t.TempDir(), nodetest.KeptAddress(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := os.Create(filepath.Join(t.TempDir(), "venues.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	w, _ := newPipe(t) // nobody reads it

	var leader *child
	var venues []*child
	for i, n := range nodes {
		if i == 0 {
			leader = startChild(t, n, w)
		} else {
			venues = append(venues, startChild(t, n, logs))
		}
		nodetest.Eventually(t, n.cfg.Name+" to be ready", func() bool { return n.get("/readyz") })
	}
	c := client.New([]string{leader.url}, client.Options{Log: env.log})
	defer c.Close()
	nodetest.Eventually(t, "three voters", func() bool {
		s, err := c.Cluster(t.Context())
		return err == nil && countVoters(s) == 3
	})
	_, games := nodetest.NewRound(t, leader.url, 1)
	fill(t, w)

	venues[1].signal(t, syscall.SIGKILL)
	venues[1] = startChild(t, nodes[2], logs)
	nodetest.Eventually(t, "the venue to be ready again", func() bool { return nodes[2].get("/readyz") })
	venues[0].signal(t, syscall.SIGKILL) // so that the majority needs the one that came back
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if _, err := c.PlayMove(ctx, relay.GameID(games[0]), client.NewMove{Ply: 1, Move: "e4"}); err != nil {
		t.Errorf("a move: %v", err)
	}
	res, err := http.Get(leader.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); !strings.Contains(string(b), "chessrelay_log_dropped_total 0\n") {
		t.Errorf("the metrics do not count dropped log lines:\n%s", b)
	}
	leader.signal(t, syscall.SIGTERM)
	if code := leader.state.ExitCode(); code != exitDone {
		t.Errorf("the leader ended with %v", leader.state)
	}
}

// TestClosedLogReader has a node whose log reader has gone, and one whose last line is read only
// after the node has ended.
func TestClosedLogReader(t *testing.T) {
	env, _, _ := testEnvironment(nil)
	nodes, err := planNodes(env, t.TempDir(), nodetest.KeptAddress(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	w, r := newPipe(t)
	r.Close()
	n := startChild(t, nodes[0], w)
	nodetest.Eventually(t, "the node to be ready", func() bool {
		select {
		case <-n.ended:
			t.Fatalf("the node ended: %v", n.state)
		default:
		}
		return n.get("/readyz")
	})

	w, r = newPipe(t)
	second := *nodes[0] // on the same addresses
	second.cfg.Data = t.TempDir()
	late := startChild(t, &second, w)
	<-late.ended
	w.Close()
	if text, err := io.ReadAll(r); err != nil || !strings.Contains(string(text), "another process listens there") {
		t.Errorf("a node on addresses that are taken says %q, %v", text, err)
	}
	n.signal(t, syscall.SIGTERM)
	if code := n.state.ExitCode(); code != exitDone {
		t.Errorf("the node ended with %v", n.state)
	}
}
