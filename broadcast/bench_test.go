package broadcast

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// rawSpectator opens a WebSocket that costs the client next to nothing, so that the benchmark
// measures the hub.
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
		wg.Go(func() { _, _ = io.Copy(io.Discard, conns[i]) })
	}
	waitFor(t, "all have their snapshot", func() bool { return n.hub.Stats().SnapshotsSent >= uint64(size) })
	return func() {
		for _, c := range conns {
			c.Close()
		}
		wg.Wait()
	}
}

// BenchmarkPublish measures the cost of one move for the apply loop. In a burst, the next move
// comes while the writers may be busy with the one before. In a calm, every spectator has it before
// the next one is timed; the wait is not counted. Read the percentiles: on a busy machine a few
// interrupted calls decide the mean.
//
// Without spectators a calm has nothing to wait for. So the calm figures of 0 and of 1000 differ by
// more than the spectators: the latter starts from sleep.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{0, 1000} {
		for name, burst := range map[string]uint64{"calm": 1, "burst": 64} {
			b.Run(fmt.Sprintf("spectators=%d/%s", size, name), func(b *testing.B) {
				s := longScript(b, 100)
				n := startNode(b, s, s.last(), func(c *Config) { c.PingEvery = time.Hour })
				defer crowd(b, n, size)()
				e := benchEvent(s)
				want := n.hub.Stats().EventsSent
				var calls []time.Duration
				for b.Loop() {
					e[0].Index++
					want += uint64(size)
					began := time.Now()
					n.hub.Publish(e)
					calls = append(calls, time.Since(began))
					if e[0].Index%burst == 0 {
						waitFor(b, "all have it", func() bool { return n.hub.Stats().EventsSent >= want })
					}
				}
				slices.Sort(calls)
				b.ReportMetric(0, "ns/op") // it would include the wait
				for _, p := range []int{50, 90, 99} {
					b.ReportMetric(float64(calls[len(calls)*p/100].Nanoseconds()), fmt.Sprintf("p%d-ns", p))
				}
			})
		}
	}
}

// BenchmarkFanOut sends one move to a crowd, until the last spectator has it.
func BenchmarkFanOut(b *testing.B) {
	const size = 1000
	s := longScript(b, 100)
	n := startNode(b, s, s.last(), func(c *Config) { c.PingEvery = time.Hour })
	defer crowd(b, n, size)()
	e := benchEvent(s)
	want := n.hub.Stats().EventsSent
	for b.Loop() {
		e[0].Index++
		want += size
		n.hub.Publish(e)
		waitFor(b, "all have it", func() bool { return n.hub.Stats().EventsSent >= want })
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/frame")
}

func benchEvent(s *script) []relay.Event {
	for i := len(s.events) - 1; ; i-- {
		if e := s.events[i]; e[0].RoundID() == roundA && e[0].Type == relay.EventMove {
			e := e[0]
			e.Index = s.last()
			return []relay.Event{e}
		}
	}
}

// BenchmarkSpectatorMemory measures a spectator's memory with its goroutines' stacks, without the
// kernel's buffers.
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

// BenchmarkDeflate measures what permessage-deflate costs for each message, and what it saves for
// each spectator: for a move, which is sent as it is, and for snapshots, which are compressed.
func BenchmarkDeflate(b *testing.B) {
	s := newScript(b)
	for board := range 200 {
		g := s.game(roundA, board+1)
		for range 3 + board%7 {
			s.move(g)
		}
	}
	view := &boards{applied: s.last(), state: s.state}
	snap := &snapshot{}
	view.Read(func(_ uint64, state *relay.State) { snap.read(state, roundA) })
	if err := snap.encode(nil); err != nil {
		b.Fatal(err)
	}
	move, err := encodeFrame(benchEvent(s))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		text []byte
	}{
		{"move", move.whole.text()}, {"boards=12", snap.frameWith(snap.boards[:12])}, {"boards=200", snap.frameWith(snap.boards)},
	} {
		b.Run(c.name, func(b *testing.B) {
			var out []byte
			for b.Loop() {
				out = deflateFrame(c.text)
			}
			b.ReportMetric(float64(len(textFrame(c.text))), "bytes-plain")
			b.ReportMetric(float64(len(out)), "bytes-deflated")
		})
	}
}
