//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/demo"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// limited is a node in a process of its own, with a limit on its open files.
type limited struct {
	*demo.Node
	t    testing.TB
	http *http.Client // of the arbiter, who has a new connection for each request
}

// newLimited starts a recorder that is a cluster by itself.
func newLimited(t *testing.T, files int, flags ...string) *limited {
	t.Helper()
	dir := t.TempDir()
	exe := filepath.Join(dir, "limited")
	script := fmt.Sprintf("#!/bin/sh\nulimit -n %d && exec '%s' \"$@\" %s\n", files, os.Args[0], strings.Join(flags, " "))
	if err := os.WriteFile(exe, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	d := &demo.Demo{Out: io.Discard, Log: slog.New(slog.DiscardHandler), Exe: exe, Dir: dir}
	nodes, err := demo.Plan(dir, nodetest.KeptAddress(t), 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	n := nodes[0]
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(func() {
		stop()
		d.Children.Wait()
		if t.Failed() {
			t.Logf("the end of its log:\n%s", n.EndOfLog())
		}
	})
	if err := d.Launch(ctx, n); err != nil {
		t.Fatal(err)
	}
	if err := n.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	arbiter := &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{LocalAddr: from("127.0.0.2")}).DialContext}
	return &limited{n, t, &http.Client{Timeout: time.Minute, Transport: arbiter}}
}

// from is a local address for a connection.
func from(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip)} }

// log is what the process has logged.
func (l *limited) log() string {
	b, err := os.ReadFile(l.LogFile)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}

// files is how many files the process has open.
func (l *limited) files() int {
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", l.PID))
	if err != nil {
		l.t.Fatal(err)
	}
	return len(open)
}

// play submits the next move of a game over a new connection, and asks whether the node is ready.
// Neither may fail.
func (l *limited) play(game string, ply int) {
	l.t.Helper()
	for _, r := range []struct{ method, path, body string }{
		{http.MethodPost, "/api/games/" + game + "/moves", fmt.Sprintf(`{"ply":%d,"move":"%s"}`, ply, shuffled(ply))},
		{http.MethodGet, "/readyz", ""},
	} {
		req, err := http.NewRequestWithContext(l.t.Context(), r.method, l.URL+r.path, strings.NewReader(r.body))
		if err != nil {
			l.t.Fatal(err)
		}
		res, err := l.http.Do(req)
		if err != nil {
			l.t.Fatalf("ply %d, %s: %v", ply, r.path, err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode > 299 {
			l.t.Fatalf("ply %d, %s: %s %s", ply, r.path, res.Status, body)
		}
	}
}

// A crowd is connections that stay as long as the node lets them.
type crowd struct {
	let, refused, closed atomic.Int64
	wg                   sync.WaitGroup
	mu                   sync.Mutex
	conns                []net.Conn
}

// come opens a connection, sends a request and reads until the node closes it. It never closes the
// connection itself.
func (c *crowd) come(t testing.TB, ip, node, request string) {
	t.Helper()
	conn, err := (&net.Dialer{LocalAddr: from(ip)}).DialContext(t.Context(), "tcp", strings.TrimPrefix(node, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.conns = append(c.conns, conn)
	c.mu.Unlock()
	fmt.Fprint(conn, request)
	c.wg.Go(func() {
		r := bufio.NewReader(conn)
		switch line, err := r.ReadString('\n'); {
		case err == nil && strings.Contains(line, " 200 "):
			c.let.Add(1)
		case err == nil:
			c.refused.Add(1)
		}
		_, _ = io.Copy(io.Discard, r)
		c.closed.Add(1)
	})
}

func (c *crowd) leave() {
	for _, conn := range c.conns {
		conn.Close()
	}
	c.wg.Wait()
}

// TestFullNodeTakesMoves asks a node for /events with more clients than it may serve. Refused
// clients keep their connections if they can. Moves and health checks go on.
func TestFullNodeTakesMoves(t *testing.T) {
	t.Parallel()
	const files, clients = 1100, 1090
	n := newLimited(t, files, "--max-per-address=-1")
	round, games := nodetest.NewRound(t, n.URL, 1)
	var c crowd
	defer c.leave()
	request := "GET /events?round=" + round + " HTTP/1.1\r\nHost: hall\r\n\r\n"
	for i := range clients {
		c.come(t, "127.0.0.2", n.URL, request)
		if i%10 == 0 {
			n.play(games[0], i/10+1)
		}
	}
	nodetest.Eventually(t, "all to be answered", func() bool { return c.let.Load()+c.refused.Load() == clients })
	if let, refused := c.let.Load(), c.refused.Load(); let != files-500 || refused != clients-let {
		t.Errorf("%d of %d watch and %d were refused, with %d files", let, clients, refused, files)
	}
	nodetest.Eventually(t, "the refused to be closed", func() bool { return c.closed.Load() == c.refused.Load() })
	for ply := clients/10 + 1; ply < clients/10+20; ply++ {
		n.play(games[0], ply)
	}
	if open := n.files(); open > files-400 {
		t.Errorf("%d files are open, of %d", open, files)
	}
}

// TestPagesLeaveRoom brings the spectators that docs/operations.md promises. Each loads a page over
// a connection that it keeps, and then watches. All of them see the round, and moves go on.
func TestPagesLeaveRoom(t *testing.T) {
	t.Parallel()
	const files, clients = 1500, 1000
	n := newLimited(t, files, "--max-per-address=-1")
	round, games := nodetest.NewRound(t, n.URL, 1)
	var pages, watchers crowd
	defer pages.leave()
	defer watchers.leave()
	for i := range clients {
		pages.come(t, "127.0.0.2", n.URL, "GET /round/"+round+" HTTP/1.1\r\nHost: hall\r\n\r\n")
		watchers.come(t, "127.0.0.2", n.URL, "GET /events?round="+round+" HTTP/1.1\r\nHost: hall\r\n\r\n")
		if i%10 == 0 {
			n.play(games[0], i/10+1)
		}
	}
	nodetest.Eventually(t, "all pages and streams", func() bool { return pages.let.Load()+watchers.let.Load() == 2*clients })
	for ply := clients/10 + 1; ply < clients/10+20; ply++ {
		n.play(games[0], ply)
	}
	if watchers.closed.Load() > 0 || watchers.refused.Load() > 0 {
		t.Errorf("%d who watch were closed, %d refused", watchers.closed.Load(), watchers.refused.Load())
	}
	// The node closes them after a while even without need.
	nodetest.Eventually(t, "idle connections to be closed", func() bool { return pages.closed.Load() == clients })
}

// TestIdleConnectionsDoNotStopLeader keeps more connections idle than a leader may have files,
// until its log has needed new segments.
func TestIdleConnectionsDoNotStopLeader(t *testing.T) {
	t.Parallel()
	const files = 400
	n := newLimited(t, files)
	var c crowd
	defer c.leave()
	for i := range 2 * files {
		c.come(t, fmt.Sprintf("127.0.1.%d", 1+i%100), n.URL, "GET /healthz HTTP/1.1\r\nHost: hall\r\n\r\n")
	}
	tournament := n.URL + "/api/tournaments/" + nodetest.Must(t, n.URL+"/api/tournaments", nodetest.Object{"name": "Test Open"})["id"].(string)
	for i := range 2000 {
		long := nodetest.Object{"description": fmt.Sprintf("%20000d", i)}
		if status := nodetest.Patch(t, tournament, long, nil); status != http.StatusOK {
			t.Fatalf("change %d: %d", i, status)
		}
		if segments, err := filepath.Glob(filepath.Join(n.Config.Data, "log", "*.seg")); err != nil || len(segments) > 2 {
			return
		}
	}
	t.Fatal("the log has needed no new segment")
}

// TestSilentConnectionsLeaveRoom connects over and over, from one address or from many, and sends
// no request or half of one. Moves and health checks go on.
func TestSilentConnectionsLeaveRoom(t *testing.T) {
	t.Parallel()
	for name, addresses := range map[string]int{"one address": 1, "many addresses": 100} {
		t.Run(name, func(t *testing.T) {
			const files = 400
			n := newLimited(t, files)
			_, games := nodetest.NewRound(t, n.URL, 1)
			requests := []string{"", "POST /api/games/" + games[0] + "/moves HTTP/1.1\r\nHost: ", "GET / HTTP/1.1\r\nHost: hall\r\nX: ",
				"POST /api/games/" + games[0] + "/moves HTTP/1.1\r\nHost: hall\r\nContent-Length: 40\r\n\r\n{"}
			var c crowd
			defer c.leave()
			for i := range 3 * files {
				c.come(t, fmt.Sprintf("127.0.1.%d", 1+i%addresses), n.URL, requests[i%len(requests)])
				if i%40 == 0 {
					n.play(games[0], i/40+1)
				}
			}
			if log := n.log(); !strings.Contains(log, "ulimit -n") {
				t.Errorf("its log does not say what to do:\n%s", log)
			}
		})
	}
}

// TestFilesWarning starts a node that may open too few files for its spectators. The node says so.
func TestFilesWarning(t *testing.T) {
	t.Parallel()
	n := newLimited(t, 800, "--max-spectators=2000")
	const want = "at most 400 spectators, not 2000"
	if log := n.log(); !strings.Contains(log, want) {
		t.Errorf("its log does not say %q:\n%s", want, log)
	}
	var ready struct{ Warning string }
	nodetest.Get(t, n.URL+"/readyz", &ready)
	if !strings.Contains(ready.Warning, want) {
		t.Errorf("/readyz warns %q", ready.Warning)
	}
}
