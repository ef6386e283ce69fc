package edge

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chessrelay/chessrelay/consensus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// machine is a state machine that keeps every entry, so that an edge can be compared with the log.
type machine struct {
	t    testing.TB
	tail *Tail

	mu      sync.Mutex
	applied uint64
	entries []consensus.Command
	images  int
}

func (m *machine) Apply(batch []consensus.Command) {
	m.mu.Lock()
	for _, c := range batch {
		if c.Index <= m.applied {
			m.t.Errorf("entry %d came after %d", c.Index, m.applied)
		}
		c.Data = slices.Clone(c.Data)
		m.entries = append(m.entries, c)
		m.applied = c.Index
	}
	m.mu.Unlock()
	m.tail.Append(batch)
}

// The records of an image are the entries; their content does not matter here.
func (m *machine) image() (uint64, iter.Seq2[string, []byte]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries := m.entries[:len(m.entries):len(m.entries)]
	return m.applied, func(yield func(string, []byte) bool) {
		for _, c := range entries {
			if !yield(fmt.Sprintf("%d", c.Index), append(binary.BigEndian.AppendUint64(nil, c.Term), c.Data...)) {
				return
			}
		}
	}
}

func (m *machine) Restore(applied uint64, load func(func(string, []byte) error) error) error {
	var entries []consensus.Command
	err := load(func(key string, value []byte) error {
		var index uint64
		if _, err := fmt.Sscan(key, &index); err != nil || len(value) < 8 {
			return errors.New("not a record of this machine")
		}
		entries = append(entries, consensus.Command{Index: index, Term: binary.BigEndian.Uint64(value), Data: slices.Clone(value[8:])})
		return nil
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.entries, m.applied = entries, applied
	m.images++
	m.mu.Unlock()
	m.tail.Reset(applied)
	return nil
}

func (m *machine) log() []consensus.Command {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.entries[:len(m.entries):len(m.entries)]
}

// play appends n entries of up to size bytes, some of them several indexes apart.
func (m *machine) play(n, size int) {
	for n > 0 {
		batch := make([]consensus.Command, min(n, 1+rand.IntN(8)))
		m.mu.Lock()
		at := m.applied
		m.mu.Unlock()
		for i := range batch {
			at++
			if rand.IntN(10) == 0 {
				at += rand.Uint64N(3) // a new leader, a membership change
			}
			data := make([]byte, rand.IntN(size+1))
			for j := range data {
				data[j] = byte(rand.Uint32())
			}
			batch[i] = consensus.Command{Index: at, Term: 1 + at/1000, Data: data}
		}
		m.Apply(batch)
		n -= len(batch)
	}
}

// testNode is a venue or an edge that has only a log.
type testNode struct {
	t testing.TB
	*machine
	server *LogServer
	edge   *LogClient // nil: a venue
	http   *httptest.Server

	mu     sync.Mutex
	status Status // a venue's
}

const testCluster = "c1"

// newVenue returns a venue whose tail holds as many entries; the test appends to its log.
func newVenue(t testing.TB, name string, tail int) *testNode {
	n := &testNode{t: t, machine: &machine{t: t, tail: NewTail(tail, 0)}}
	n.status = Status{Cluster: testCluster, Path: []Hop{{ID: name, Name: name}}}
	n.serve(LogServerConfig{})
	return n
}

func (n *testNode) serve(cfg LogServerConfig) {
	cfg.Tail, cfg.Image, cfg.Log = n.tail, n.image, testLog()
	cfg.Status = func() Status {
		if n.edge != nil {
			return n.edge.Status()
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		s := n.status
		n.machine.mu.Lock()
		s.Applied = n.applied
		n.machine.mu.Unlock()
		s.Newest = max(s.Newest, s.Applied)
		return s
	}
	n.server = OpenLogServer(cfg)
	if n.http == nil {
		n.http = httptest.NewUnstartedServer(nil)
	}
	n.http.Config.Handler = http.HandlerFunc(n.handle)
	n.http.Config.ReadTimeout = 300 * time.Millisecond
	n.http.Start()
	n.t.Cleanup(n.stop)
}

// handle does what package web does around a log server.
func (n *testNode) handle(w http.ResponseWriter, r *http.Request) {
	err := n.server.Serve(w, r)
	if err == nil {
		return
	}
	status, code := http.StatusServiceUnavailable, ""
	for c, e := range map[string]error{"other_cluster": ErrOtherCluster, "edge_loop": ErrLoop, "edge_too_deep": ErrTooDeep, "edge_diverged": ErrDiverged} {
		if errors.Is(err, e) {
			status, code = http.StatusConflict, c
		}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error(), "code": code})
}

// stop ends the node as a kill would.
func (n *testNode) stop() {
	n.http.CloseClientConnections()
	n.server.Close()
	n.http.Close()
	if n.edge != nil {
		n.edge.Close()
	}
}

// set changes what a venue says of itself.
func (n *testNode) set(f func(*Status)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(&n.status)
}

// quick returns short times for the tests.
func quick(upstreams ...string) LogClientConfig {
	return LogClientConfig{
		Upstreams: upstreams, Silence: 2 * time.Second, Patience: 300 * time.Millisecond,
		Probation: 300 * time.Millisecond, ProbeEvery: 50 * time.Millisecond,
	}
}

// newEdge returns an edge that also serves others.
func newEdge(t testing.TB, name string, cfg LogClientConfig) *testNode {
	t.Helper()
	n, err := openEdge(t, name, cfg, 10*time.Second)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func openEdge(t testing.TB, name string, cfg LogClientConfig, patience time.Duration) (*testNode, error) {
	n := &testNode{t: t, machine: &machine{t: t, tail: NewTail(0, 0)}}
	n.http = httptest.NewUnstartedServer(nil)
	cfg.Name, cfg.URL = name, "http://"+n.http.Listener.Addr().String()
	cfg.Machine, cfg.Tail, cfg.Log = n.machine, n.tail, testLog().With("edge", name)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var err error
	if n.edge, err = OpenLogClient(ctx, cfg); err != nil {
		n.http.Listener.Close()
		return nil, err
	}
	n.serve(LogServerConfig{})
	return n, nil
}

func testLog() *slog.Logger {
	if os.Getenv("CHESSRELAY_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

// same waits until the edge has what the venue has, and fails unless both are equal.
func same(t testing.TB, venue *testNode, edges ...*testNode) {
	t.Helper()
	want := venue.log()
	for _, e := range edges {
		eventually(t, "the edge to catch up", func() bool { return len(want) == 0 || e.edge.Applied() >= want[len(want)-1].Index })
		got := e.log()
		if len(got) != len(want) {
			t.Fatalf("%d entries, and the venue has %d", len(got), len(want))
		}
		for i := range want {
			if got[i].Index != want[i].Index || got[i].Term != want[i].Term || string(got[i].Data) != string(want[i].Data) {
				t.Fatalf("entry %d is another one", want[i].Index)
			}
		}
	}
}

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// follows reports whether the edge follows n.
func (n *testNode) follows(up *testNode) bool { return n.edge.Report().Upstream == up.http.URL }

// hurry ends the rest of all upstreams.
func (n *testNode) hurry() {
	n.edge.mu.Lock()
	defer n.edge.mu.Unlock()
	for _, u := range n.edge.upstreams.list {
		u.rest, u.failures = time.Time{}, 0
	}
}

// line is a TCP connection to a node that the test can disturb.
type line struct {
	t    testing.TB
	url  string
	to   string
	wg   sync.WaitGroup
	stop func()

	mu    sync.Mutex
	limit func() int // the bytes that the next connection carries down; nil: any number
	hold  chan struct{}
	conns []net.Conn
}

func newLine(t testing.TB, to *testNode) *line {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &line{t: t, url: "http://" + l.Addr().String(), to: strings.TrimPrefix(to.http.URL, "http://")}
	p.stop = func() { l.Close(); p.cut() }
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.carry(c) })
		}
	})
	t.Cleanup(func() { p.stop(); p.wg.Wait() })
	return p
}

func (p *line) carry(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer up.Close()
	p.mu.Lock()
	p.conns = append(p.conns, c, up)
	limit := -1
	if p.limit != nil {
		limit = p.limit()
	}
	p.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(up, c); up.Close() })
	buf := make([]byte, 4096)
	for limit != 0 {
		p.mu.Lock()
		hold := p.hold
		p.mu.Unlock()
		if hold != nil {
			<-hold
		}
		b := buf
		if limit > 0 {
			b = buf[:min(limit, len(buf))]
		}
		n, err := up.Read(b)
		if limit > 0 {
			limit -= n
		}
		if _, werr := c.Write(b[:n]); err != nil || werr != nil {
			break
		}
	}
	c.Close()
	up.Close()
	wg.Wait()
}

// cut ends all connections.
func (p *line) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// freeze stops what comes down until the returned function is called.
func (p *line) freeze() (thaw func()) {
	hold := make(chan struct{})
	p.mu.Lock()
	p.hold = hold
	p.mu.Unlock()
	return sync.OnceFunc(func() {
		p.mu.Lock()
		p.hold = nil
		p.mu.Unlock()
		close(hold)
	})
}
