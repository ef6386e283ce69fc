package conns

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is an http.Server behind a Listener. Its requests last until the test ends them.
type server struct {
	t    testing.TB
	l    *Listener
	room atomic.Int64
	held chan struct{} // closed: /held and /kept answer
	asks atomic.Int64  // how many such requests have come
	idle atomic.Int64  // how many requests have ended
	free func()
}

func newServer(t *testing.T, room, perAddress int, over net.Listener) *server {
	t.Helper()
	var err error
	if over == nil {
		if over, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	s := &server{t: t, held: make(chan struct{})}
	s.free = sync.OnceFunc(func() { close(s.held) })
	s.room.Store(int64(room))
	s.l = Listen(over, Config{Room: func() int { return int(s.room.Load()) }, PerAddress: perAddress})
	wait := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		s.asks.Add(1)
		<-s.held
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/held", wait)
	mux.Handle("/kept", Kept(wait))
	mux.Handle("/valued", Kept(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n\r\n")
		<-s.held
		conn.Close()
	})
	h := &http.Server{Handler: mux, ConnContext: s.l.ConnContext, ConnState: func(c net.Conn, state http.ConnState) {
		s.l.ConnState(c, state)
		if state == http.StateIdle {
			s.idle.Add(1)
		}
	}}
	done := make(chan error)
	go func() { done <- h.Serve(s.l) }()
	t.Cleanup(func() {
		s.free()
		h.Close()
		<-done
	})
	return s
}

// peer is a client's connection.
type peer struct {
	net.Conn
	r *bufio.Reader
	t testing.TB
}

func (s *server) dial(ip string) *peer {
	s.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	c, err := d.DialContext(s.t.Context(), "tcp", s.l.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(90 * time.Second)); err != nil { // for a test that hangs
		s.t.Fatal(err)
	}
	return &peer{c, bufio.NewReader(c), s.t}
}

func (p *peer) ask(path string) *peer {
	method := http.MethodGet
	if path == "/valued" {
		method = http.MethodPost
	}
	fmt.Fprintf(p, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", method, path)
	return p
}

// status returns the status of the answer; 0: the connection was closed.
func (p *peer) status() int {
	p.t.Helper()
	res, err := http.ReadResponse(p.r, nil)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatal("neither answered nor closed")
	}
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

func (p *peer) want(what string, status int) *peer {
	p.t.Helper()
	if got := p.status(); got != status {
		p.t.Errorf("%s: answered %d, want %d", what, got, status)
	}
	return p
}

// waitFor waits until cond holds. The limit is for a test that hangs.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !cond(); {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// hold sends a request that is not answered yet, and waits until it has come.
func (s *server) hold(ip, path string) *peer {
	s.t.Helper()
	before := s.asks.Load()
	p := s.dial(ip).ask(path)
	waitFor(s.t, "the request from "+ip, func() bool { return s.asks.Load() > before })
	return p
}

// queued waits until that many connections are idle, and that many are busy and not kept.
func (s *server) queued(idle, busy int) {
	s.t.Helper()
	waitFor(s.t, fmt.Sprintf("%d idle and %d busy connections", idle, busy), func() bool {
		s.l.mu.Lock()
		defer s.l.mu.Unlock()
		return s.l.all.idle.Len() == idle && s.l.all.busy.Len() == busy
	})
}

// TestOrder fills the room with connections of each kind. New ones take the place of the oldest
// idle one first, then of the oldest busy one, never of a kept one.
func TestOrder(t *testing.T) {
	s := newServer(t, 5, -1, nil)
	kept := s.hold("127.0.0.2", "/kept")
	s.queued(0, 0)
	valued := s.dial("127.0.0.3").ask("/valued").want("valued", 200)
	waitFor(t, "the valued connection to idle", func() bool { return s.idle.Load() == 1 })
	s.queued(0, 1)
	first := s.dial("127.0.0.4").ask("/").want("first", 200)
	s.queued(1, 1)
	second := s.dial("127.0.0.5").ask("/").want("second", 200)
	s.queued(2, 1)
	held := s.hold("127.0.0.6", "/held")
	s.queued(2, 2)
	s.dial("127.0.0.7").ask("/").want("the first that finds no room", 200)
	first.want("the one that idled longest", 0)
	s.queued(2, 2)
	second.ask("/").want("the other, which still has its connection", 200)
	s.queued(2, 2)
	s.hold("127.0.0.8", "/held")
	s.queued(1, 3)
	s.hold("127.0.0.9", "/held")
	s.queued(0, 4)
	// Only the valued connection idles; it is the oldest of the busy ones.
	s.dial("127.0.0.10").ask("/").want("the fourth", 200)
	valued.want("the valued one", 0)
	s.queued(1, 3)
	s.hold("127.0.0.11", "/held")
	s.queued(0, 4)
	s.dial("127.0.0.12").ask("/").want("the sixth, after it waited", 200)
	held.want("the oldest request", 0)
	s.free()
	kept.want("the kept request", 200)
	if got := s.l.Stats(); got.Displaced != 6 || got.Refused != 0 {
		t.Errorf("%+v", got)
	}
}

// TestAddress: an address has at most as many connections as it may have. If there is no room, an
// address with more than half of it makes way for others at once.
func TestAddress(t *testing.T) {
	s := newServer(t, 8, 6, nil)
	var crowd []*peer
	for range 6 {
		crowd = append(crowd, s.hold("127.0.0.2", "/held"))
	}
	s.queued(0, 6)
	s.dial("127.0.0.2").want("the seventh of one address", 429)
	s.hold("127.0.0.3", "/held")
	s.hold("127.0.0.4", "/held")
	s.queued(0, 8)
	began := time.Now()
	s.dial("127.0.0.5").ask("/").want("one of another address", 200)
	if took := time.Since(began); took > Patience {
		t.Logf("it took %v", took) // a slow machine; what follows shows whose place it took
	}
	crowd[0].want("the oldest of the crowd", 0)
	s.queued(1, 7)
	s.dial("127.0.0.2").want("another one of the crowd", 429)
	if got := s.l.Stats(); got.Open != 8 {
		t.Errorf("%+v", got)
	}
}

// TestHijacked: the hub counts spectators, which leave less room.
func TestHijacked(t *testing.T) {
	s := newServer(t, 2, -1, nil)
	for range 3 {
		s.dial("127.0.0.2").ask("/hijack").want("a spectator", 200)
	}
	waitFor(t, "no connection", func() bool { return s.l.Stats().Open == 0 })
	a, b := s.dial("127.0.0.2").ask("/").want("a", 200), s.dial("127.0.0.3").ask("/").want("b", 200)
	s.queued(2, 0)
	s.room.Store(1)
	s.dial("127.0.0.4").ask("/").want("c", 200)
	a.want("a", 0)
	b.want("b", 0)
}

// faulty is a listener whose accept sometimes fails.
type faulty struct {
	net.Listener
	errs chan error
}

func (f *faulty) Accept() (net.Conn, error) {
	select {
	case err := <-f.errs:
		return nil, err
	default:
		return f.Listener.Accept()
	}
}

// TestAcceptErrors: no error of accept ends the server. When there are no files, idle connections
// are closed.
func TestAcceptErrors(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{inner, make(chan error, 3)}
	s := newServer(t, 100, -1, f)
	idles := s.dial("127.0.0.2").ask("/").want("before", 200)
	s.queued(1, 0)
	f.errs <- &net.OpError{Op: "accept", Err: syscall.EMFILE}
	f.errs <- &net.OpError{Op: "accept", Err: syscall.ENFILE}
	f.errs <- &net.OpError{Op: "accept", Err: syscall.EPROTO}
	s.dial("127.0.0.3").ask("/").want("accepted before the errors", 200)
	s.dial("127.0.0.4").ask("/").want("after the errors", 200)
	idles.want("the idle one", 0)
	if got := s.l.Stats().AcceptErrors; got != 3 {
		t.Errorf("%d errors were counted", got)
	}
}
