package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
)

// testTick makes elections ten times as quick as in earnest.
const testTick = 20 * time.Millisecond

// testToken is that of an admin, where a test's cluster has tokens.
const testToken = "cr_testtok1_ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// testNode is a whole node in this process, over real sockets and files, that
// can be killed and started again by the same line.
type testNode struct {
	t   testing.TB
	cfg serveConfig

	mu sync.Mutex
	*node
}

// testCluster is a recorder, the first node, and venues.
type testCluster struct {
	t     testing.TB
	dir   string
	with  func(*serveConfig) // what else the nodes are started with; nil: nothing
	nodes []*testNode
}

func newTestCluster(t testing.TB, size int) *testCluster { return newTestClusterWith(t, size, nil) }

func newTestClusterWith(t testing.TB, size int, with func(*serveConfig)) *testCluster {
	c := &testCluster{t: t, dir: t.TempDir(), with: with}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			n.stop()
		}
	})
	for range size {
		c.add()
	}
	c.waitVoters(min(size, 3))
	return c
}

// add starts another node; it joins through the recorder.
func (c *testCluster) add() *testNode {
	c.t.Helper()
	i := len(c.nodes)
	n := &testNode{t: c.t, cfg: serveConfig{
		Name: "venue-" + strconv.Itoa(i), Role: roleVenue, Data: filepath.Join(c.dir, strconv.Itoa(i)),
		HTTP: keptAddress(c.t), Peer: keptAddress(c.t), Voters: 3, PullAllow: "127.0.0.1",
	}}
	if i == 0 {
		n.cfg.Name, n.cfg.Role, n.cfg.Bootstrap = "recorder", roleRecorder, true
	} else {
		n.cfg.Join = c.nodes[0].url
	}
	if c.with != nil {
		c.with(&n.cfg)
	}
	c.nodes = append(c.nodes, n)
	n.start()
	return n
}

// admitGhost adds a learner that nobody starts: a member whose machine is away.
func (n *testNode) admitGhost() {
	n.t.Helper()
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	_, err := n.raft.Admit(n.t.Context(), consensus.Member{ID: 77, Name: "ghost", Role: consensus.Venue, Peer: "127.0.0.1:1", Key: key})
	if err != nil {
		n.t.Fatal(err)
	}
}

// kept has the addresses that keptAddress has returned: tests run side by side.
var kept sync.Map

// keptAddress is a free address that a node can come back to. No other caller gets it. Its port is
// not one of those that the kernel gives to connections (from 32768 on Linux), any of which could
// hold it while the node is down.
func keptAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		// From 11,000 on: browsers refuse port 10,080 as unsafe.
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(11_000+rand.IntN(21_000)))
		if err != nil {
			continue
		}
		defer l.Close()
		address := l.Addr().String()
		if _, taken := kept.LoadOrStore(address, true); !taken {
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// start starts the node, the first time and every other time.
func (n *testNode) start() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	node, err := openNode(ctx, n.cfg, testLog(n.t), testTick)
	if err != nil {
		n.t.Fatalf("start %s: %v", n.cfg.Name, err)
	}
	n.mu.Lock()
	n.node = node
	n.mu.Unlock()
	n.cfg.HTTP = node.Addr().String()
	if node.raft != nil {
		n.cfg.Peer = node.raft.PeerAddr()
	}
	if n.cfg.Token != "" && n.cfg.Bootstrap {
		eventually(n.t, "the first token", node.hasTokens)
	}
}

// removeMember asks the node to remove a member for good.
func (n *testNode) removeMember(name string) {
	n.t.Helper()
	c := client.New([]string{n.url}, client.Options{})
	defer c.Close()
	if err := c.RemoveMember(n.t.Context(), name); err != nil {
		n.t.Fatalf("remove %s: %v", name, err)
	}
}

// stop is SIGTERM.
func (n *testNode) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.node != nil {
		if err := n.node.Close(); err != nil {
			n.t.Errorf("close %s: %v", n.cfg.Name, err)
		}
		n.node = nil
	}
}

// kill is as near to kill -9 as one process allows: nothing is handed over and
// nothing more is written. TestDemo kills real processes.
func (n *testNode) kill() {
	if n.raft != nil {
		n.raft.Halt(errors.New("killed by the test"))
	}
	n.stop()
}

func (c *testCluster) urls() string {
	var urls []string
	for _, n := range c.nodes {
		urls = append(urls, n.url)
	}
	return strings.Join(urls, ",")
}

func (c *testCluster) leader() *testNode {
	c.t.Helper()
	var lead *testNode
	eventually(c.t, "a leader", func() bool {
		for _, n := range c.nodes {
			if n.node != nil && n.raft != nil && n.raft.Leader() == n.raft.ID() {
				lead = n
				return true
			}
		}
		return false
	})
	return lead
}

func (c *testCluster) waitVoters(want int) {
	c.t.Helper()
	eventually(c.t, strconv.Itoa(want)+" voters", func() bool {
		var s consensus.Status
		voters := 0
		if get(c.t, c.nodes[0].url+"/api/cluster", &s) == http.StatusOK {
			for _, m := range s.Members {
				if m.Suffrage == "voter" && m.State != "unreachable" {
					voters++
				}
			}
		}
		return voters == want
	})
}

// waitEqual waits until all running nodes have what was ever acknowledged, and fails if
// their boards are not the same then. Nothing may be submitted meanwhile.
//
// That the nodes stand at the same index would not do: nodes that have all started again know only
// what was committed when they last noted it, until one of them leads.
func (c *testCluster) waitEqual() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	var target uint64
	for _, n := range c.nodes {
		if n.node != nil {
			if n.raft != nil { // it is no edge
				if err := n.raft.ReadIndex(ctx); err != nil {
					c.t.Fatalf("%s to have what was acknowledged: %v", n.cfg.Name, err)
				}
			}
			index, _ := n.stand()
			target = max(target, index)
		}
	}
	hashes := map[[32]byte]string{}
	for _, n := range c.nodes {
		if n.node == nil {
			continue
		}
		var hash [32]byte
		eventually(c.t, n.cfg.Name+" to catch up", func() bool {
			var index uint64
			index, hash = n.stand()
			return index >= target
		})
		hashes[hash] += n.cfg.Name + " "
	}
	if len(hashes) != 1 {
		c.t.Fatalf("different boards: %v", hashes)
	}
}

// stand is the index and the hash of a node's boards.
func (n *testNode) stand() (index uint64, hash [32]byte) {
	n.boards.Read(func(applied uint64, s *relay.State) { index, hash = applied, s.Hash() })
	return index, hash
}

func testLog(t testing.TB) *slog.Logger {
	if os.Getenv("CHESSRELAY_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})).With("test", t.Name())
}

// eventually waits until cond holds. The limit is for a test that hangs, not a
// figure that anything is held to.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// get reads JSON and returns the status code.
func get(t testing.TB, url string, out any) int {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		return 0
	}
	return decode(t, res, out)
}

// post sends a body, a string as it stands and anything else as JSON.
func post(t testing.TB, url string, body, out any) int {
	t.Helper()
	raw, isString := body.(string)
	if !isString {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		raw = string(b)
	}
	res, err := http.Post(url, "application/json", strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, res, out)
}

func patch(t testing.TB, url string, body, out any) int {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPatch, url, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, res, out)
}

func decode(t testing.TB, res *http.Response, out any) int {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			t.Fatalf("not JSON: %v: %s", err, b)
		}
	}
	return res.StatusCode
}

type object = map[string]any

// must posts and wants it done.
func must(t testing.TB, url string, body any) object {
	t.Helper()
	var out object
	if status := post(t, url, body, &out); status != http.StatusCreated && status != http.StatusOK {
		t.Fatalf("POST %s: %d %v", url, status, out)
	}
	return out
}

// newRound makes a tournament with a round and boards, and returns the ids of the
// round and the games.
func newRound(t testing.TB, url string, boards int) (round string, games []string) {
	t.Helper()
	tid := must(t, url+"/api/tournaments", object{"name": "Test Open"})["id"].(string)
	round = must(t, url+"/api/tournaments/"+tid+"/rounds", object{"name": "Round 1"})["id"].(string)
	for b := 1; b <= boards; b++ {
		g := must(t, url+"/api/rounds/"+round+"/games", object{
			"board": b,
			"white": object{"name": "White " + strconv.Itoa(b), "title": "GM", "rating": 2700},
			"black": object{"name": "Black " + strconv.Itoa(b), "federation": "NOR"},
		})
		games = append(games, g["id"].(string))
	}
	return round, games
}

// feedSample replays the sample round as fast as it goes. The URLs are separated by commas.
func feedSample(t testing.TB, to string) replay.Summary {
	t.Helper()
	s := feedGames(t, to, replay.SampleRound)
	if len(s.Failures) > 0 {
		t.Fatalf("the sample round: %v", s.Failures)
	}
	return s
}

// feedGames replays games in PGN as fast as it goes, into a round of their own.
func feedGames(t testing.TB, to, text string) replay.Summary {
	t.Helper()
	games, broken, err := replay.Read(strings.NewReader(text))
	if err != nil || len(broken) > 0 {
		t.Fatal(err, broken)
	}
	c := client.New(strings.Split(to, ","), client.Options{Source: "feed"})
	defer c.Close()
	p := replay.New(replay.Config{Client: c, Anonymous: true, Log: testLog(t), Games: games, Patience: 10 * time.Minute})
	if err := p.Prepare(t.Context(), "", ""); err != nil {
		t.Fatal(err)
	}
	p.Play(t.Context())
	return p.Summary()
}
