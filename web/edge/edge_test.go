package edge

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestTree has three levels. Entries go on while each edge gets its image, and each level is killed
// in turn.
func TestTree(t *testing.T) {
	v1, v2 := newVenue(t, "v1", 0), newVenue(t, "v2", 0)
	both := func(n, size int) { // as Raft applies to both
		had := len(v1.log())
		v1.play(n, size)
		v2.Apply(v1.log()[had:])
	}
	both(3000, 200)
	done := make(chan struct{})
	var feeding sync.WaitGroup
	feeding.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				both(5, 200)
			}
		}
	})
	a := newEdge(t, "a", quick(v1.http.URL, v2.http.URL))
	b := newEdge(t, "b", quick(a.http.URL, v2.http.URL))
	c := newEdge(t, "c", quick(b.http.URL))
	if d := c.edge.Status(); d.Depth() != 3 || d.Path[0].Name != "v1" || d.Self().Name != "c" {
		t.Errorf("c is at depth %d of %+v", d.Depth(), d.Path)
	}
	applied := c.edge.Applied()
	v1.http.CloseClientConnections()
	v1.server.Close() // it keeps applying and serves nobody
	eventually(t, "a to follow v2", func() bool { return a.follows(v2) })
	eventually(t, "the path to be told", func() bool { return c.edge.Status().Path[0].Name == "v2" })
	a.stop()
	eventually(t, "b to follow v2", func() bool { return b.follows(v2) })
	b.stop() // c has learnt b's other upstreams
	eventually(t, "c to follow v2", func() bool { return c.follows(v2) })
	eventually(t, "more entries", func() bool { return c.edge.Applied() > applied+100 })
	close(done)
	feeding.Wait()
	same(t, v2, c)
	if c.images != 1 {
		t.Errorf("c got the boards %d times", c.images)
	}
}

// TestCutAnywhere cuts the connection after any number of bytes, repeatedly.
func TestCutAnywhere(t *testing.T) {
	v := newVenue(t, "v", 0)
	v.play(500, 300)
	l := newLine(t, v)
	cfg := quick(l.url)
	e := newEdge(t, "e", cfg)
	l.mu.Lock()
	l.limit = func() int { return 600 + rand.IntN(20_000) }
	l.mu.Unlock()
	for range 60 {
		v.play(100, 300)
		l.cut()
		e.hurry()
		<-time.After(5 * time.Millisecond)
	}
	l.mu.Lock()
	l.limit = nil
	l.mu.Unlock()
	same(t, v, e)
	if e.images != 1 {
		t.Errorf("the boards came %d times", e.images)
	}
}

// TestImageCutAnywhere checks that nothing is kept of an image that is cut.
func TestImageCutAnywhere(t *testing.T) {
	v := newVenue(t, "v", 0)
	v.play(300, 100)
	l := newLine(t, v)
	cut := 0
	l.mu.Lock()
	l.limit = func() int { cut += 4000; return cut }
	l.mu.Unlock()
	cfg := quick(l.url)
	var e *testNode
	for {
		var err error
		cfg.Silence = time.Second
		if e, err = openEdge(t, "e", cfg, 5*time.Second); err == nil {
			break
		}
	}
	same(t, v, e)
}

// TestOverrun checks that an edge which the tail no longer reaches gets an image.
func TestOverrun(t *testing.T) {
	v := newVenue(t, "v", 1000)
	v.play(100, 50)
	l := newLine(t, v)
	e := newEdge(t, "e", quick(l.url))
	same(t, v, e)
	thaw := l.freeze()
	l.cut()
	v.play(20_000, 50)
	thaw()
	same(t, v, e)
	if e.images < 2 {
		t.Errorf("the boards came %d times", e.images)
	}
	if n, bytes := v.tail.size(); n > 2500 || bytes > 1<<20 {
		t.Errorf("the tail holds %d entries, %d bytes", n, bytes)
	}
}

// TestSlowEdge checks that an edge that takes nothing is cut, and delays neither the venue nor
// other edges.
func TestSlowEdge(t *testing.T) {
	v := &testNode{t: t, machine: &machine{t: t, tail: NewTail(0, 0)}}
	v.status = Status{Cluster: testCluster, Path: []Hop{{ID: "v", Name: "v"}}}
	v.serve(LogServerConfig{WriteTimeout: 300 * time.Millisecond})
	v.play(10, 10)
	e := newEdge(t, "e", quick(v.http.URL))
	slow, err := net.Dial("tcp", v.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	_ = slow.(*net.TCPConn).SetReadBuffer(4 << 10)
	if _, err := io.WriteString(slow, "GET /feed/log?since=1&name=slow HTTP/1.1\r\nHost: v\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it to follow", func() bool { return len(v.server.Edges()) == 2 })
	v.play(30_000, 1000) // more than the kernel buffers
	same(t, v, e)
	eventually(t, "the slow one to be cut", func() bool { return v.server.Stats().Cut == 1 && len(v.server.Edges()) == 1 })
	if r := e.edge.Report(); r.Switches != 1 {
		t.Errorf("the other one had %d connections", r.Switches)
	}
}

// TestSilence checks that an upstream is left if it sends nothing and keeps the connection.
func TestSilence(t *testing.T) {
	v := newVenue(t, "v", 0)
	v.play(10, 10)
	l := newLine(t, v)
	cfg := quick(l.url, v.http.URL)
	cfg.Silence = time.Second
	cfg.Probation = time.Hour
	e := newEdge(t, "e", cfg)
	defer l.freeze()()
	began := time.Now()
	eventually(t, "the other upstream", func() bool { return e.follows(v) })
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("it took %v to give up a silent upstream", d)
	}
	v.play(10, 10)
	same(t, v, e)
	if stale, _ := e.edge.Stale(); stale {
		t.Error("it is stale")
	}
}

// TestStale checks that a venue's age is passed down the tree, and that edges do not leave for it
// without another upstream.
func TestStale(t *testing.T) {
	v, other := newVenue(t, "v", 0), newVenue(t, "other", 0)
	v.play(10, 10)
	other.Apply(v.log())
	a := newEdge(t, "a", quick(v.http.URL))
	b := newEdge(t, "b", quick(a.http.URL))
	v.set(func(s *Status) { s.AgeMs = 10_000 })
	eventually(t, "b to be stale", func() bool { stale, _ := b.edge.Stale(); return stale })
	if !a.follows(v) {
		t.Error("there is no other upstream, and a left its own")
	}
	v.set(func(s *Status) { s.Alternatives = []string{other.http.URL} })
	eventually(t, "a to follow the other", func() bool { return a.follows(other) })
	eventually(t, "b to be well", func() bool { stale, _ := b.edge.Stale(); return !stale })
}

// TestReturnToPreferredUpstream checks that the edge returns to its preferred upstream once that is
// well, and later after a return that failed.
func TestReturnToPreferredUpstream(t *testing.T) {
	v1, v2 := newVenue(t, "v1", 0), newVenue(t, "v2", 0)
	v1.play(10, 10)
	v2.Apply(v1.log())
	l := newLine(t, v1)
	e := newEdge(t, "e", quick(l.url, v2.http.URL))
	fail := func() {
		l.mu.Lock()
		l.limit = func() int { return 1 }
		l.mu.Unlock()
		l.cut()
		eventually(t, "the second one", func() bool { return e.follows(v2) })
	}
	again := func() time.Duration {
		l.mu.Lock()
		l.limit = nil
		l.mu.Unlock()
		began := time.Now()
		eventually(t, "the first one again", func() bool { return e.edge.Report().Upstream == l.url })
		return time.Since(began)
	}
	fail()
	first := again()
	fail()
	second := again()
	if first < 250*time.Millisecond || second < 550*time.Millisecond {
		t.Errorf("it went back after %v, and then after %v", first, second)
	}
}

// TestUpstreamBehindSendsNothing checks that boards never go back: an upstream that is behind sends
// nothing until it has caught up.
func TestUpstreamBehindSendsNothing(t *testing.T) {
	v1, v2 := newVenue(t, "v1", 0), newVenue(t, "v2", 0)
	v1.play(50, 10)
	v2.Apply(v1.log()[:20])
	e := newEdge(t, "e", quick(v1.http.URL, v2.http.URL))
	same(t, v1, e)
	v1.stop()
	eventually(t, "the one that is behind", func() bool { return e.follows(v2) })
	v2.Apply(v1.log()[20:40])
	v2.Apply(v1.log()[40:])
	v2.play(10, 10)
	same(t, v2, e)
	if e.images != 1 {
		t.Errorf("the boards came %d times", e.images)
	}
}

// TestDiverged checks that a log with another entry, or none, at the edge's index is not followed.
func TestDiverged(t *testing.T) {
	v := newVenue(t, "v", 0)
	v.play(50, 20)
	e := newEdge(t, "e", quick(v.http.URL))
	v.play(1, 20)
	same(t, v, e)
	for name, change := range map[string]func(other *machine){
		"another entry":  func(o *machine) { o.entries[50].Data = []byte("another game") },
		"no entry there": func(o *machine) { o.entries[50].Index += 5 },
	} {
		other := newVenue(t, "other", 0)
		other.entries = append(other.entries, v.log()...)
		change(other.machine)
		entries := other.entries
		other.entries = nil
		other.Apply(entries[:30])
		e.edge.mu.Lock()
		e.edge.upstreams = newUpstreams([]string{other.http.URL}, time.Second)
		e.edge.mu.Unlock()
		e.edge.mu.Lock()
		if e.edge.leave != nil {
			e.edge.leave(errors.New("by the test"))
		}
		e.edge.mu.Unlock()
		eventually(t, "the other one to be followed while nothing is known", func() bool { return e.follows(other) })
		other.Apply(entries[30:])
		eventually(t, name+" to be refused", func() bool {
			r := e.edge.Report()
			return r.Upstream == "" && strings.Contains(r.Upstreams[0].Error, ErrDiverged.Error())
		})
	}
	same(t, v, e)
}

// TestLoops checks that an edge follows neither itself nor the edges below it.
func TestLoops(t *testing.T) {
	v := newVenue(t, "v", 0)
	v.play(10, 10)
	way := newLine(t, v) // cut below
	a := newEdge(t, "a", quick(way.url))
	b := newEdge(t, "b", quick(a.http.URL))
	c := newEdge(t, "c", quick(b.http.URL))
	same(t, v, c)
	refuses := func(e *testNode, url string) {
		t.Helper()
		e.edge.mu.Lock()
		e.edge.upstreams.list = append(e.edge.upstreams.list, &upstream{url: url, rank: 1})
		e.edge.upstreams.named = len(e.edge.upstreams.list)
		e.edge.mu.Unlock()
	}
	refuses(a, c.http.URL)
	refuses(a, a.http.URL)
	way.stop()
	eventually(t, "both loops to be refused", func() bool {
		n := 0
		for _, u := range a.edge.Report().Upstreams {
			if strings.Contains(u.Error, ErrLoop.Error()) {
				n++
			}
		}
		return n == 2
	})
	for _, e := range []*testNode{a, b, c} {
		eventually(t, e.edge.Name()+" to be stale", func() bool { stale, _ := e.edge.Stale(); return stale })
	}
}

// TestLoopLater checks that two edges that turn to each other at the same time notice and separate.
func TestLoopLater(t *testing.T) {
	v := newVenue(t, "v", 0)
	v.play(10, 10)
	x, y := newEdge(t, "x", quick(v.http.URL)), newEdge(t, "y", quick(v.http.URL))
	// What both would say at that moment.
	x.edge.mu.Lock()
	x.edge.upstreams.list[0].url = y.http.URL
	x.edge.mu.Unlock()
	y.edge.mu.Lock()
	y.edge.upstreams.list[0].url = x.http.URL
	y.edge.mu.Unlock()
	v.http.CloseClientConnections()
	eventually(t, "a loop to be found", func() bool {
		return strings.Contains(x.edge.Report().Upstreams[0].Error, ErrLoop.Error()) ||
			strings.Contains(y.edge.Report().Upstreams[0].Error, ErrLoop.Error())
	})
	x.edge.mu.Lock()
	x.edge.upstreams = newUpstreams([]string{v.http.URL}, time.Second)
	if x.edge.leave != nil {
		x.edge.leave(errors.New("by the test"))
	}
	x.edge.mu.Unlock()
	v.play(10, 10)
	same(t, v, x)
	eventually(t, "y to follow x", func() bool { y.hurry(); return y.follows(x) })
	same(t, v, y)
}

// TestRefused checks what an edge must not follow, and how deep a tree may be.
func TestRefused(t *testing.T) {
	v := newVenue(t, "v", 0)
	v.play(10, 10)
	e := newEdge(t, "e", quick(v.http.URL))
	same(t, v, e)
	v.set(func(s *Status) { s.Cluster = "c2" })
	v.http.CloseClientConnections()
	eventually(t, "another cluster to be refused", func() bool {
		return strings.Contains(e.edge.Report().Upstreams[0].Error, ErrOtherCluster.Error())
	})
	deep := newVenue(t, "deep", 0)
	deep.set(func(s *Status) {
		for len(s.Path) < MaxDepth {
			s.Path = append(s.Path, Hop{ID: "on the way"})
		}
	})
	last := newEdge(t, "last", quick(deep.http.URL))
	if d := last.edge.Status().Depth(); d != MaxDepth {
		t.Errorf("it is at depth %d", d)
	}
	if _, err := openEdge(t, "one more", quick(last.http.URL), time.Second/2); err == nil || !strings.Contains(err.Error(), ErrTooDeep.Error()) {
		t.Errorf("one more: %v", err)
	}
}

// TestManyEdges checks the limit, and that closing a server with edges is quick.
func TestManyEdges(t *testing.T) {
	v := &testNode{t: t, machine: &machine{t: t, tail: NewTail(0, 0)}}
	v.status = Status{Cluster: testCluster, Path: []Hop{{ID: "v", Name: "v"}}}
	v.serve(LogServerConfig{MaxEdges: 3})
	v.play(100, 100)
	var edges []*testNode
	for _, name := range []string{"1", "2", "3"} {
		edges = append(edges, newEdge(t, name, quick(v.http.URL)))
	}
	if _, err := openEdge(t, "4", quick(v.http.URL), time.Second/2); err == nil || !strings.Contains(err.Error(), ErrTooMany.Error()) {
		t.Errorf("a fourth one: %v", err)
	}
	v.play(1000, 100)
	same(t, v, edges...)
	list := v.server.Edges()
	if len(list) != 3 || list[0].Name != "1" || list[0].HTTP != edges[0].http.URL || list[0].Sent != v.applied {
		t.Errorf("the followers are %+v", list)
	}
	// The server's ReadTimeout, 0.3 s here, does not end a stream.
	<-time.After(500 * time.Millisecond)
	for _, e := range edges {
		if r := e.edge.Report(); r.Switches != 1 || r.Stale || r.Lag != 0 {
			t.Errorf("%s: %+v", e.edge.Name(), r)
		}
	}
	began := time.Now()
	v.server.Close()
	if d := time.Since(began); d > closeGrace {
		t.Errorf("the server took %v to close", d)
	}
}
