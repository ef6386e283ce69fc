package consensus

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chessrelay/chessrelay/store"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // the race detector makes a collection dear
	goleak.VerifyTestMain(m)
}

// list is a state machine that remembers every command, in order. Each checkpoint leaves a mark,
// and removes the one before.
type list struct {
	mu      sync.Mutex
	applied uint64
	items   []string
	saved   int
	mark    string
}

func (l *list) Apply(batch []Command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range batch {
		if batch[i].Index <= l.applied {
			panic(fmt.Sprintf("index %d after %d", batch[i].Index, l.applied))
		}
		l.applied = batch[i].Index
		l.items = append(l.items, string(batch[i].Data))
		batch[i].Outcome = len(l.items)
	}
}

func (l *list) Dirty() iter.Seq2[string, []byte] {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string][]byte{}
	for ; l.saved < len(l.items); l.saved++ {
		out[fmt.Sprintf("i/%08d", l.saved)] = []byte(l.items[l.saved])
	}
	if l.mark != "" {
		out[l.mark] = nil
	}
	l.mark = fmt.Sprintf("x/%d", l.applied)
	out[l.mark] = []byte{}
	return maps.All(out)
}

func (l *list) Restore(applied uint64, load func(func(string, []byte) error) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.applied, l.items, l.mark = applied, nil, ""
	err := load(func(key string, value []byte) error {
		if strings.HasPrefix(key, "x/") {
			if l.mark != "" {
				return fmt.Errorf("%s is there still, beside %s", l.mark, key)
			}
			l.mark = key
			return nil
		}
		if at, err := strconv.Atoi(strings.TrimPrefix(key, "i/")); err != nil || at != len(l.items) {
			return fmt.Errorf("key %q at %d", key, len(l.items))
		}
		l.items = append(l.items, string(value))
		return nil
	})
	l.saved = len(l.items)
	return err
}

func (l *list) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.items)
}

// testNode is a node that can be killed and started again.
type testNode struct {
	t    testing.TB
	cfg  Config
	list *list
	*Node
}

// testCluster is nodes with real sockets and real files, in one process.
type testCluster struct {
	t     testing.TB
	dir   string
	nodes []*testNode
	tick  time.Duration // 0: as most tests have it
	plain bool          // no TLS, for lines that read the messages
}

func newCluster(t testing.TB, size int) *testCluster { return newClusterOf(t, size, false) }

// newCalmCluster is for tests in which no election may end a leadership, however busy the machine.
func newCalmCluster(t testing.TB, size int) *testCluster {
	c := newCluster(t, 0)
	c.tick = 150 * time.Millisecond
	c.grow(size)
	return c
}

func newClusterOf(t testing.TB, size int, plain bool) *testCluster {
	c := &testCluster{t: t, dir: t.TempDir(), plain: plain}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			n.stop()
		}
	})
	c.grow(size)
	return c
}

// grow adds nodes that all become voters.
func (c *testCluster) grow(size int) {
	c.t.Helper()
	for range size {
		c.add(nil)
	}
	// All must know it: if the leader were killed earlier, the others would still count by the old
	// membership.
	for _, n := range c.nodes {
		for _, by := range c.nodes {
			waitFor(c.t, n.cfg.Name+" to vote, as "+by.cfg.Name+" sees it", func() bool { return suffrage(by, n.ID()) == "voter" })
		}
	}
}

// add starts another node; the first one is the founder.
func (c *testCluster) add(change func(*Config)) *testNode {
	c.t.Helper()
	i := len(c.nodes)
	n := &testNode{t: c.t, cfg: Config{
		Dir:             filepath.Join(c.dir, strconv.Itoa(i)),
		Name:            fmt.Sprintf("node-%d", i),
		Role:            Venue,
		ListenPeer:      keptAddress(c.t),
		Tick:            cmp.Or(c.tick, 50*time.Millisecond),
		CheckpointAfter: 50 * time.Millisecond,
		Log:             testLog(c.t),
	}}
	n.cfg.seams.noTLS = c.plain
	if i == 0 {
		n.cfg.Role, n.cfg.Bootstrap = Recorder, true
	} else {
		n.cfg.Join = func(ctx context.Context, self Applicant) (Welcome, error) {
			return c.running().Admit(ctx, self.Member)
		}
	}
	if change != nil {
		change(&n.cfg)
	}
	c.nodes = append(c.nodes, n)
	if n.cfg.Machine != nil {
		n.open()
	} else {
		n.start()
	}
	return n
}

// withKey gives a made-up member a key.
func withKey(m Member) Member {
	m.Key = publicOf(keyOf(m.ID))
	return m
}

// keyOf is a private key for an id.
func keyOf(id MemberID) string {
	seed := make([]byte, ed25519.SeedSize)
	binary.BigEndian.PutUint64(seed, uint64(id))
	return encodeBase64(seed)
}

func publicOf(key string) string {
	private, err := privateKey(key)
	if err != nil {
		panic(err)
	}
	return encodeBase64(private.Public().(ed25519.PublicKey))
}

// keptAddress is a free address that a node can come back to. Its port is not one that the kernel
// gives to connections (from 32768 on Linux), which could take it while the node is down.
func keptAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(10_000+rand.IntN(22_000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

func (c *testCluster) running() *testNode {
	for _, n := range c.nodes {
		if n.Node != nil && n.Node.ctx.Err() == nil {
			return n
		}
	}
	c.t.Fatal("no node runs")
	return nil
}

func (c *testCluster) leader() *testNode {
	c.t.Helper()
	var lead *testNode
	waitFor(c.t, "a leader", func() bool {
		for _, n := range c.nodes {
			if n.Node != nil && n.ctx.Err() == nil && n.Leader() == n.ID() {
				lead = n
				return true
			}
		}
		return false
	})
	return lead
}

func testLog(t testing.TB) *slog.Logger {
	if os.Getenv("CHESSRELAY_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("test", t.Name())
}

func (n *testNode) start() {
	n.t.Helper()
	n.list = &list{}
	n.cfg.Machine = n.list
	n.open()
}

// open starts the node with its configured state machine.
func (n *testNode) open() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	node, err := Open(ctx, n.cfg)
	if err != nil {
		n.t.Fatalf("open %s: %v", n.cfg.Name, err)
	}
	n.Node = node
	// The address stays over restarts, as on a real machine.
	n.cfg.ListenPeer = node.listener.Addr().String()
}

// credentialsOf returns credentials of a member that n's cluster has certified and no log has. The
// certificate is as new as possible.
func (n *testNode) credentialsOf(id MemberID) *credentials {
	n.t.Helper()
	who, err := store.LoadIdentity(n.cfg.Dir)
	if err != nil {
		n.t.Fatal(err)
	}
	c, err := newCredentials(who.ClusterID, keyOf(id), who.Authority, who.AuthorityKey, "")
	if err != nil {
		n.t.Fatal(err)
	}
	certificate, err := c.issue(id, c.public(), math.MaxUint64, time.Now())
	if err := errors.Join(err, c.show(certificate)); err != nil {
		n.t.Fatal(err)
	}
	return c
}

// adopt makes id a member, with a key that the test has.
func (n *testNode) adopt(id MemberID) {
	n.t.Helper()
	m := withKey(Member{ID: id, Name: "adopted", Role: Venue, Peer: "127.0.0.1:1"})
	if _, err := n.Admit(within(n.t, 60*time.Second), m); err != nil {
		n.t.Fatal(err)
	}
}

// dialAs opens a connection to n as member id, up to the hello.
func (n *testNode) dialAs(id MemberID) net.Conn {
	n.t.Helper()
	raw, err := net.Dial("tcp", n.PeerAddr())
	if err != nil {
		n.t.Fatal(err)
	}
	return tls.Client(raw, n.credentialsOf(id).client(n.ID(), nil))
}

// stop ends a node as SIGTERM does.
func (n *testNode) stop() {
	if n.Node != nil {
		if err := n.Node.Close(); err != nil {
			n.t.Errorf("close %s: %v", n.cfg.Name, err)
		}
		n.Node = nil
	}
}

var errKilled = errors.New("killed by the test")

// kill ends a node at once: no hand-over, no last checkpoint.
func (n *testNode) kill() {
	n.Halt(errKilled)
	n.stop()
}

func (n *testNode) propose(commands ...string) []Outcome {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var data [][]byte
	for _, c := range commands {
		data = append(data, []byte(c))
	}
	rs, err := n.Propose(ctx, data...)
	if err != nil {
		n.t.Fatalf("propose at %s: %v", n.cfg.Name, err)
	}
	return rs
}

// waitFor waits for cond, and looks less often the longer it takes. The limit is for a test that
// hangs. It is not a measure of anything.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	began := time.Now()
	for !cond() {
		waited := time.Since(began)
		if waited > 90*time.Second {
			t.Fatalf("waited in vain for %s", what)
		}
		<-time.After(min(max(waited/20, 2*time.Millisecond), 20*time.Millisecond))
	}
}

// waitSame waits until every running node has want.
func (c *testCluster) waitSame(want []string) {
	c.t.Helper()
	for _, n := range c.nodes {
		if n.Node == nil {
			continue
		}
		waitFor(c.t, n.cfg.Name+" to have every command", func() bool { return len(n.list.all()) >= len(want) })
		if got := n.list.all(); !slices.Equal(got, want) {
			c.t.Fatalf("%s holds %d commands that are not the %d wanted", n.cfg.Name, len(got), len(want))
		}
	}
}

// waitAgree waits until every running node has applied all that any of them knows to be committed,
// and all have the same. Nothing may be proposed meanwhile.
func (c *testCluster) waitAgree() {
	c.t.Helper()
	var commit uint64
	for _, n := range c.nodes {
		if n.Node != nil {
			commit = max(commit, n.Commit())
		}
	}
	var first *testNode
	for _, n := range c.nodes {
		if n.Node == nil {
			continue
		}
		waitFor(c.t, n.cfg.Name+" to have every command", func() bool { return n.Applied() >= commit })
		if first == nil {
			first = n
		} else if a, b := first.list.all(), n.list.all(); !slices.Equal(a, b) {
			c.t.Fatalf("%s holds %d commands that are not the %d of %s", n.cfg.Name, len(b), len(a), first.cfg.Name)
		}
	}
}

func status(n *testNode) Status {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s, err := n.Status(ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	return s
}

func suffrage(n *testNode, id MemberID) string {
	for _, m := range status(n).Members {
		if m.ID == id {
			return m.Suffrage
		}
	}
	return ""
}
