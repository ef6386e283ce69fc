package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestEdgeProvesEveryConnection ends connections to a member again and again. No token, the edge's
// own or a submission's, may come over a connection on which the member has not proved itself. When
// a connection ends, another program may listen there.
func TestEdgeProvesEveryConnection(t *testing.T) {
	type proof struct{}
	member := &httputil.ReverseProxy{}
	var shown, early atomic.Int32
	door := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proved := r.Context().Value(proof{}).(*atomic.Bool)
		switch {
		case r.URL.Path == "/feed/vouch":
			proved.Store(true)
		case r.Header.Get("Authorization") != "":
			shown.Add(1)
			if !proved.Load() {
				early.Add(1)
			}
		}
		member.ServeHTTP(w, r)
	}))
	door.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, proof{}, &atomic.Bool{})
	}
	door.Start()
	t.Cleanup(door.Close)
	c := nodetest.NewClusterWith(t, 1, func(cfg *node.Config) {
		cfg.Token, cfg.AdvertiseHTTP = nodetest.Token, door.URL
		member.Rewrite = func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", cfg.HTTP, r.In.Host
		}
	})
	word, errs, _ := command(t.Context(), "edge", "invite", "http://"+c.Nodes[0].Config.HTTP, "--token", nodetest.Token)
	if word = strings.TrimSpace(word); word == "" {
		t.Fatal(errs)
	}
	url, _ := serveEdge(t, word)
	nodetest.Eventually(t, "the edge to be ready", func() bool { return nodetest.Get(t, url+"/readyz", nil) == http.StatusOK })
	for i := range 12 {
		before := shown.Load()
		nodetest.Eventually(t, "a submission to be passed on", func() bool {
			status, _ := nodetest.Ask(t, http.MethodPost, url+"/api/tournaments", nodetest.Token, nodetest.Object{"name": fmt.Sprint("Open ", i)})
			return status == http.StatusCreated
		})
		if shown.Load() == before {
			t.Fatal("no token came by the door")
		}
		if i%2 == 0 {
			door.CloseClientConnections()
		}
	}
	if n := early.Load(); n > 0 {
		t.Errorf("%d of %d times a token came before a proof", n, shown.Load())
	}
}
