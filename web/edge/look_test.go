package edge

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestBehindASlowLine has an edge's stream arrive at a few kB a second, while its questions beside
// the stream are answered. The edge knows that it is behind, how far and since when, and tells the
// edges below it.
func TestBehindASlowLine(t *testing.T) {
	v := newVenue(t, "v", 0)
	v.play(10, 10)
	to, err := url.Parse(v.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	var slow atomic.Bool
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(to) },
		FlushInterval: -1,
		ModifyResponse: func(res *http.Response) error {
			if res.Request.URL.Query().Get("peek") == "" {
				res.Body = &slowBody{res.Body, &slow}
			}
			return nil
		},
	}
	line := httptest.NewServer(proxy)
	t.Cleanup(func() { line.CloseClientConnections(); line.Close() })
	e := newEdge(t, "e", quick(line.URL))
	below := newEdge(t, "below", quick(e.http.URL))
	well := func(n *testNode) bool { stale, _ := n.edge.Stale(); return !stale && n.edge.Report().Lag == 0 }
	for _, n := range []*testNode{e, below} {
		if !well(n) {
			t.Fatalf("%s, to which nothing happens, is %+v", n.edge.Name(), n.edge.Report())
		}
	}
	slow.Store(true)
	v.play(3000, 100)
	for _, n := range []*testNode{e, below} {
		eventually(t, n.edge.Name()+" to know how old it is", func() bool {
			r := n.edge.Report()
			return r.Stale && r.Lag > 0 && r.AgeMs > n.edge.cfg.Silence.Milliseconds()
		})
	}
	if !strings.HasPrefix(e.edge.Report().Upstream, line.URL) {
		t.Error("the upstream is no longer followed")
	}
	slow.Store(false)
	same(t, v, e, below)
	for _, n := range []*testNode{e, below} {
		eventually(t, n.edge.Name()+" to be well", func() bool { return well(n) })
	}
}

// slowBody is read 100 bytes at a time, 50 times a second, while slow is set.
type slowBody struct {
	io.ReadCloser
	slow *atomic.Bool
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.slow.Load() {
		<-time.After(20 * time.Millisecond)
		p = p[:min(len(p), 100)]
	}
	return b.ReadCloser.Read(p)
}
