package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/gorilla/websocket"
)

// The load of BenchmarkTLSSpectators: spectators at each node, rounds, and moves in each round.
const (
	costSpectators = 1000
	costRounds     = 7
	costMoves      = 40
)

// costNode is a node in a process of its own, with spectators.
type costNode struct {
	url, game     string
	pid, ply      int
	idle, crowded int64 // resident bytes without spectators and with them
	joining       time.Duration
	perMove       []float64 // µs of CPU time for each spectator and move, by round
}

// BenchmarkTLSSpectators compares what a spectator costs a node over TLS and over TCP: resident
// memory, and CPU time for each move. Two nodes run beside each other and take turns. Run it once:
// go test -run '^$' -bench TLSSpectators -benchtime 1x ./cmd/chessrelay
func BenchmarkTLSSpectators(b *testing.B) {
	plain, secure := startCostNode(b, nil), startCostNode(b, nodetest.WithTLS(b))
	nodes := []*costNode{plain, secure}
	for _, n := range nodes {
		n.crowd(b)
	}
	for round := range costRounds {
		for i := range nodes {
			n := nodes[(round+i)%2]
			before := n.cpu(b)
			for range costMoves {
				n.ply++
				nodetest.Must(b, n.url+"/api/games/"+n.game+"/moves", nodetest.Object{"ply": n.ply, "move": []string{"Ng8", "Nf3", "Nf6", "Ng1"}[n.ply%4]})
			}
			n.perMove = append(n.perMove, float64((n.cpu(b)-before).Microseconds())/costMoves/costSpectators)
		}
	}
	for name, n := range map[string]*costNode{"tcp": plain, "tls": secure} {
		slices.Sort(n.perMove)
		n.crowded = n.resident(b) // with what the collector leaves, without what joining took
		b.ReportMetric(float64(n.crowded-n.idle)/costSpectators/1024, name+"-KiB/spectator")
		b.ReportMetric(float64(n.joining.Microseconds())/costSpectators, name+"-µs/join")
		b.ReportMetric(n.perMove[costRounds/2], name+"-µs/move")
	}
}

func startCostNode(b *testing.B, with func(*node.Config)) *costNode {
	cfg := node.Config{HTTP: nodetest.KeptAddress(b), Peer: nodetest.KeptAddress(b)}
	args := []string{"serve", "--name", "r", "--role", "recorder", "--bootstrap", "--voters", "1", "--data", filepath.Join(b.TempDir(), "r"),
		"--http", cfg.HTTP, "--peer", cfg.Peer, "--max-per-address", "-1"}
	n := &costNode{url: "http://" + cfg.HTTP}
	if with != nil {
		with(&cfg)
		n.url = "https://" + cfg.HTTP
		args = append(args, "--tls-cert", cfg.TLSCert, "--tls-key", cfg.TLSKey)
	}
	cmd := exec.Command(os.Args[0], args...)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	n.pid = cmd.Process.Pid
	nodetest.Eventually(b, "the node to be ready", func() bool { return nodetest.Get(b, n.url+"/readyz", nil) == http.StatusOK })
	return n
}

// crowd brings the spectators, who read everything that comes.
func (n *costNode) crowd(b *testing.B) {
	round, games := nodetest.NewRound(b, n.url, 1)
	n.game, n.idle = games[0], n.resident(b)
	before := n.cpu(b)
	for range costSpectators {
		c, _, err := websocket.DefaultDialer.Dial(strings.Replace(n.url, "http", "ws", 1)+"/live?round="+round, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		go func() {
			for {
				if _, _, err := c.ReadMessage(); err != nil {
					return
				}
			}
		}()
	}
	n.joining = n.cpu(b) - before
}

func (n *costNode) resident(b *testing.B) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kB, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return kB << 10
}

// cpu is the processor time of the node so far. The kernel counts it in hundredths of a second.
func (n *costNode) cpu(b *testing.B) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] { // utime, stime
		t, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += t
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
