//go:build unix

package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/demo"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
)

// A child is a node that is a process of its own, with standard output and error of our choice.
type child struct {
	*demo.Node
	cmd *exec.Cmd
}

// startChild starts a node with out as its standard output and error.
func startChild(t *testing.T, n *demo.Node, out *os.File) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], n.Config.Args()...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = demo.Environment(os.Environ())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n.PID, n.Ended = cmd.Process.Pid, make(chan struct{})
	go func() {
		_ = cmd.Wait() // the state says as much
		n.State = cmd.ProcessState
		close(n.Ended)
	}()
	c := &child{Node: n, cmd: cmd}
	t.Cleanup(func() { c.signal(t, syscall.SIGKILL) })
	return c
}

// signal sends the process a signal, and waits until it has ended.
func (c *child) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	_ = c.cmd.Process.Signal(sig) // it may have ended
	select {
	case <-c.Ended:
	case <-time.After(90 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.Ended
		t.Errorf("%s did not end", c.Config.Name)
	}
}

// TestStalledLogReader has a leader whose log nobody reads any longer. A venue that is started
// again must catch up, moves must be taken, and SIGTERM must end the leader.
func TestStalledLogReader(t *testing.T) {
	nodes, err := demo.Plan(t.TempDir(), nodetest.KeptAddress(t), 2, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	logs, err := os.Create(filepath.Join(t.TempDir(), "venues.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	w, _ := nodetest.NewPipe(t) // nobody reads it

	var leader *child
	var venues []*child
	for i, n := range nodes {
		if i == 0 {
			leader = startChild(t, n, w)
		} else {
			venues = append(venues, startChild(t, n, logs))
		}
		nodetest.Eventually(t, n.Config.Name+" to be ready", func() bool { return n.Get("/readyz") })
	}
	c := client.New([]string{leader.URL}, client.Options{Log: slog.New(slog.DiscardHandler)})
	defer c.Close()
	nodetest.Eventually(t, "three voters", func() bool {
		s, err := c.Cluster(t.Context())
		return err == nil && countVoters(s) == 3
	})
	_, games := nodetest.NewRound(t, leader.URL, 1)
	nodetest.FillPipe(t, w)

	venues[1].signal(t, syscall.SIGKILL)
	venues[1] = startChild(t, nodes[2], logs)
	nodetest.Eventually(t, "the venue to be ready again", func() bool { return nodes[2].Get("/readyz") })
	venues[0].signal(t, syscall.SIGKILL) // so the majority needs the one that came back
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if _, err := c.PlayMove(ctx, relay.GameID(games[0]), client.NewMove{Ply: 1, Move: "e4"}); err != nil {
		t.Errorf("a move: %v", err)
	}
	res, err := http.Get(leader.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); !strings.Contains(string(b), "chessrelay_log_dropped_total 0\n") {
		t.Errorf("the metrics do not count dropped log lines:\n%s", b)
	}
	leader.signal(t, syscall.SIGTERM)
	if code := leader.State.ExitCode(); code != exitDone {
		t.Errorf("the leader ended with %v", leader.State)
	}
}

// TestClosedLogReader has a node whose log reader has gone. On another node, the last line is read
// only after the node has ended.
func TestClosedLogReader(t *testing.T) {
	nodes, err := demo.Plan(t.TempDir(), nodetest.KeptAddress(t), 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w, r := nodetest.NewPipe(t)
	r.Close()
	n := startChild(t, nodes[0], w)
	nodetest.Eventually(t, "the node to be ready", func() bool {
		select {
		case <-n.Ended:
			t.Fatalf("the node ended: %v", n.State)
		default:
		}
		return n.Get("/readyz")
	})

	w, r = nodetest.NewPipe(t)
	second := *nodes[0] // on the same addresses
	second.Config.Data = t.TempDir()
	late := startChild(t, &second, w)
	<-late.Ended
	w.Close()
	if text, err := io.ReadAll(r); err != nil || !strings.Contains(string(text), "another process listens there") {
		t.Errorf("a node on addresses that are taken says %q, %v", text, err)
	}
	n.signal(t, syscall.SIGTERM)
	if code := n.State.ExitCode(); code != exitDone {
		t.Errorf("the node ended with %v", n.State)
	}
}
