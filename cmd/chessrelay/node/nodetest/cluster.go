package nodetest

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/edge"
)

// Tick is Raft's tick in tests. Elections are ten times as fast as in use.
const Tick = 20 * time.Millisecond

// Token is an admin's, if a test's cluster has tokens.
const Token = "cr_testtok1_ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// Node is a whole node in this process, over real sockets and files. A test can kill it and start
// it again with the same configuration.
type Node struct {
	T      testing.TB
	Config node.Config // what Start starts it with

	mu sync.Mutex // Start and Stop may run side by side
	*node.Node
}

// Cluster is a recorder, the first node, and venues.
type Cluster struct {
	T     testing.TB
	Dir   string             // of the nodes' data
	With  func(*node.Config) // changes the nodes' configurations; nil: nothing
	Nodes []*Node
}

// NewCluster starts this many nodes, and waits until the first three of them vote.
func NewCluster(t testing.TB, size int) *Cluster { return NewClusterWith(t, size, nil) }

// NewClusterWith does the same, after with has changed each node's configuration.
func NewClusterWith(t testing.TB, size int, with func(*node.Config)) *Cluster {
	c := &Cluster{T: t, Dir: t.TempDir(), With: with}
	t.Cleanup(func() {
		for _, n := range c.Nodes {
			n.Stop()
		}
	})
	for range size {
		c.Add()
	}
	c.WaitVoters(min(size, 3))
	return c
}

// Add starts another node; it joins through the recorder.
func (c *Cluster) Add() *Node {
	c.T.Helper()
	i := len(c.Nodes)
	n := &Node{T: c.T, Config: node.Config{
		Name: "venue-" + strconv.Itoa(i), Role: node.RoleVenue, Data: filepath.Join(c.Dir, strconv.Itoa(i)),
		HTTP: KeptAddress(c.T), Peer: KeptAddress(c.T), Voters: 3, PullAllow: "127.0.0.1",
	}}
	if i == 0 {
		n.Config.Name, n.Config.Role, n.Config.Bootstrap = "recorder", node.RoleRecorder, true
	} else {
		n.Config.Join = c.Nodes[0].URL
	}
	if c.With != nil {
		c.With(&n.Config)
	}
	c.Nodes = append(c.Nodes, n)
	n.Start()
	return n
}

// AdmitGhost adds a learner that nobody starts: a member whose machine is away.
func (n *Node) AdmitGhost() {
	n.T.Helper()
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	_, err := n.Raft.Admit(n.T.Context(), consensus.Member{ID: 77, Name: "ghost", Role: consensus.Venue, Peer: "127.0.0.1:1", Key: key})
	if err != nil {
		n.T.Fatal(err)
	}
}

// kept has the addresses that KeptAddress has returned: tests run in parallel.
var kept sync.Map

// KeptAddress is a free address that a node can come back to. No other caller gets it, in this
// process or another one. The kernel never gives its port to a connection (those are from 32768 on
// Linux), which could hold it while the node is down.
func KeptAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		// From 11,000 on: browsers refuse port 10,080 as unsafe.
		port := strconv.Itoa(11_000 + rand.IntN(21_000))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		defer l.Close()
		address := l.Addr().String()
		if _, taken := kept.LoadOrStore(address, true); taken {
			continue
		}
		// Tests of other packages run beside these. A socket that nobody uses claims the port while
		// the node is down. Without IPv6 there is no claim.
		claim, err := net.ListenPacket("udp", "[::1]:"+port)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err == nil {
			t.Cleanup(func() { claim.Close() })
		}
		return address
	}
	t.Fatal("no port is free")
	return ""
}

// Start starts the node, the first time and every other time.
func (n *Node) Start() {
	n.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	node, err := node.Open(ctx, n.Config, Log(n.T), Tick)
	if err != nil {
		n.T.Fatalf("start %s: %v", n.Config.Name, err)
	}
	n.mu.Lock()
	n.Node = node
	n.mu.Unlock()
	n.Config.HTTP = node.Addr().String()
	if node.Raft != nil {
		n.Config.Peer = node.Raft.PeerAddr()
	}
	if n.Config.Token != "" && n.Config.Bootstrap {
		Eventually(n.T, "the first token", node.HasTokens)
	}
}

// RemoveMember asks the node to remove a member for good.
func (n *Node) RemoveMember(name string) {
	n.T.Helper()
	c := client.New([]string{n.URL}, client.Options{})
	defer c.Close()
	if err := c.RemoveMember(n.T.Context(), name); err != nil {
		n.T.Fatalf("remove %s: %v", name, err)
	}
}

// Stop is SIGTERM.
func (n *Node) Stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.Node != nil {
		if err := n.Node.Close(); err != nil {
			n.T.Errorf("close %s: %v", n.Config.Name, err)
		}
		n.Node = nil
	}
}

// Kill is as near to kill -9 as one process allows: the node hands nothing over and writes nothing
// more. TestDemo kills real processes.
func (n *Node) Kill() {
	if n.Raft != nil {
		n.Raft.Halt(errors.New("killed by the test"))
	}
	n.Stop()
}

// URLs is the URLs of all nodes, separated by commas.
func (c *Cluster) URLs() string {
	var urls []string
	for _, n := range c.Nodes {
		urls = append(urls, n.URL)
	}
	return strings.Join(urls, ",")
}

// Leader waits for a leader.
func (c *Cluster) Leader() *Node {
	c.T.Helper()
	var lead *Node
	Eventually(c.T, "a leader", func() bool {
		for _, n := range c.Nodes {
			if n.Node != nil && n.Raft != nil && n.Raft.Leader() == n.Raft.ID() {
				lead = n
				return true
			}
		}
		return false
	})
	return lead
}

// WaitVoters waits until there are this many voters, and all are reached.
func (c *Cluster) WaitVoters(want int) {
	c.T.Helper()
	Eventually(c.T, strconv.Itoa(want)+" voters", func() bool {
		var s consensus.Status
		voters := 0
		if Get(c.T, c.Nodes[0].URL+"/api/cluster", &s) == http.StatusOK {
			for _, m := range s.Members {
				if m.Suffrage == "voter" && m.State != "unreachable" {
					voters++
				}
			}
		}
		return voters == want
	})
}

// WaitEqual waits until all running nodes have everything that was acknowledged, and fails if their
// boards differ then. Nothing may be submitted meanwhile.
//
// The same index on all nodes would not be enough. Nodes that have all started again know only the
// commit index that they last noted, until one of them leads.
func (c *Cluster) WaitEqual() {
	c.T.Helper()
	ctx, cancel := context.WithTimeout(c.T.Context(), 30*time.Second)
	defer cancel()
	var target uint64
	for _, n := range c.Nodes {
		if n.Node != nil {
			if n.Raft != nil { // it is no edge
				if err := n.Raft.ReadIndex(ctx); err != nil {
					c.T.Fatalf("%s to have what was acknowledged: %v", n.Config.Name, err)
				}
			}
			index, _ := n.Stand()
			target = max(target, index)
		}
	}
	hashes := map[[32]byte]string{}
	for _, n := range c.Nodes {
		if n.Node == nil {
			continue
		}
		var hash [32]byte
		Eventually(c.T, n.Config.Name+" to catch up", func() bool {
			var index uint64
			index, hash = n.Stand()
			return index >= target
		})
		hashes[hash] += n.Config.Name + " "
	}
	if len(hashes) != 1 {
		c.T.Fatalf("different boards: %v", hashes)
	}
}

// Stand is the index and the hash of a node's boards.
func (n *Node) Stand() (index uint64, hash [32]byte) {
	n.Boards.Read(func(applied uint64, s *relay.State) { index, hash = applied, s.Hash() })
	return index, hash
}

// Log discards everything, or goes to stderr if CHESSRELAY_TEST_LOG is set.
func Log(t testing.TB) *slog.Logger {
	if os.Getenv("CHESSRELAY_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})).With("test", t.Name())
}

// Eventually waits until cond holds. Its limit is for a test that hangs, and is no requirement.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// AddEdge starts an edge that follows one of these nodes, preferably the first.
func (c *Cluster) AddEdge(name string, upstreams ...*Node) *Node {
	c.T.Helper()
	n := &Node{T: c.T, Config: node.Config{
		Name: name, Role: node.RoleEdge, HTTP: KeptAddress(c.T), Voters: 1,
		Pace: edge.LogClientConfig{Patience: time.Second, Probation: 500 * time.Millisecond, ProbeEvery: 100 * time.Millisecond},
	}}
	for _, u := range upstreams {
		scheme := "http://"
		if u.Config.TLS() {
			scheme = "https://"
		}
		n.Config.Upstreams = append(n.Config.Upstreams, scheme+u.Config.HTTP)
	}
	if c.With != nil {
		c.With(&n.Config)
	}
	c.Nodes = append(c.Nodes, n)
	n.Start()
	return n
}

// Play plays the next moves of an endless game of knights, at a node.
func (n *Node) Play(game string, from, to int) {
	n.T.Helper()
	for ply := from; ply <= to; ply++ {
		Must(n.T, n.URL+"/api/games/"+game+"/moves", Object{"ply": ply, "move": []string{"Ng8", "Nf3", "Nf6", "Ng1"}[ply%4]})
	}
}
