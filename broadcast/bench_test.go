package broadcast

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// rawSpectator opens a WebSocket with next to nothing on this side of it, so
// that what is measured is the hub's.
func rawSpectator(t testing.TB, n *node) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", n.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /live?round=%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n", roundA)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(resp, err)
	}
	return conn
}

func crowd(t testing.TB, n *node, size int) (leave func()) {
	conns := make([]net.Conn, size)
	var wg sync.WaitGroup
	for i := range conns {
		conns[i] = rawSpectator(t, n)
		wg.Go(func() { io.Copy(io.Discard, conns[i]) })
	}
	waitFor(t, "all have their snapshot", func() bool { return n.hub.Stats().SnapshotsSent >= uint64(size) })
	return func() {
		for _, c := range conns {
			c.Close()
		}
		wg.Wait()
	}
}

// What one move costs the apply loop: hardly more when a thousand watch. What
// there is of a difference is their writers competing for the processors. Every
// 64 moves they are let catch up, and that time is not counted.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{0, 1000} {
		b.Run(fmt.Sprint("spectators=", size), func(b *testing.B) {
			s := longScript(b, 100)
			n := startNode(b, s, s.last(), func(c *Config) { c.PingEvery = time.Hour })
			defer crowd(b, n, size)()
			e := benchEvent(s)
			for b.Loop() {
				e[0].Index++
				n.hub.Publish(e)
				if size > 0 && e[0].Index%64 == 0 {
					b.StopTimer()
					sent := n.hub.counters.eventsSent.Load()
					waitFor(b, "all have it", func() bool {
						now := n.hub.counters.eventsSent.Load()
						quiet := now == sent
						sent = now
						return quiet
					})
					b.StartTimer()
				}
			}
		})
	}
}

// One move to all of a crowd, until the last has it: what this node can push.
func BenchmarkFanOut(b *testing.B) {
	const size = 1000
	s := longScript(b, 100)
	n := startNode(b, s, s.last(), func(c *Config) { c.PingEvery = time.Hour })
	defer crowd(b, n, size)()
	e := benchEvent(s)
	want := n.hub.counters.eventsSent.Load()
	for b.Loop() {
		e[0].Index++
		want += size
		n.hub.Publish(e)
		for n.hub.counters.eventsSent.Load() < want {
			runtime.Gosched()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/frame")
}

func benchEvent(s *script) []relay.Event {
	for i := len(s.events) - 1; ; i-- {
		if e := s.events[i]; e[0].Round == roundA && e[0].Type == relay.EventMove {
			e := e[0]
			e.Index = s.last()
			return []relay.Event{e}
		}
	}
}

// What a spectator costs in memory, its goroutines' stacks included, the
// kernel's buffers not.
func BenchmarkSpectatorMemory(b *testing.B) {
	const size = 1000
	for b.Loop() {
		s := longScript(b, 100)
		n := startNode(b, s, s.last(), nil)
		before := memory()
		conns := make([]net.Conn, size)
		for i := range conns {
			conns[i] = rawSpectator(b, n)
		}
		waitFor(b, "all have their snapshot", func() bool { return n.hub.Stats().SnapshotsSent >= size })
		b.ReportMetric(float64(memory()-before)/size, "bytes/spectator")
		for _, c := range conns {
			c.Close()
		}
		n.hub.Close()
	}
}

func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
