package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chessrelay/chessrelay/web/edge"
)

// relayingLiar is an upstream that serves what a member does, and tells of itself at other URLs as
// alternatives. Asked to vouch for them, it asks the member, by the URL that rewrite returns.
type relayingLiar struct {
	*httptest.Server
	saw  atomic.Int32 // tokens
	told atomic.Int32 // proofs that were passed on
}

func newRelayingLiar(t *testing.T, member string, rewrite func(asked string) string) *relayingLiar {
	l := &relayingLiar{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			l.saw.Add(1)
		}
		q := r.URL.Query()
		if r.URL.Path != "/feed/vouch" {
			http.NotFound(w, r)
			return
		}
		q.Set("url", rewrite(q.Get("url")))
		res, err := http.Get(member + "/feed/vouch?" + q.Encode())
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		l.told.Add(1)
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
	}))
	t.Cleanup(l.Close)
	return l
}

// upstreamOf is what an edge says of the upstream at a URL.
func upstreamOf(n *testNode, url string) edge.Upstream {
	for _, u := range n.edge.Report().Upstreams {
		if u.URL == url {
			return u
		}
	}
	return edge.Upstream{}
}

// lyingFeed serves what n does, and changes what it says of itself.
func lyingFeed(t *testing.T, n *testNode, change func(*edge.Status)) *httptest.Server {
	feed := edge.OpenLogServer(edge.LogServerConfig{
		Tail: n.boards.Tail(), Image: n.boards.Image, Log: testLog(t),
		Status: func() edge.Status {
			s := n.Status()
			change(&s)
			return s
		},
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = feed.Serve(w, r) }))
	t.Cleanup(func() {
		feed.Close()
		s.Close()
	})
	return s
}

// TestEdgeShowsItsTokenToMembersOnly has the only upstream that an edge was told of lie, and die.
// The edge shows nothing to liars that pass on a member's proof, be it for the member's URL or for
// their own, nor at a member's URL to one who proves that he has another member's key, or at a URL
// that no member has, such as a removed member's. It goes on at a member that it has learnt of,
// which proves that it is one.
func TestEdgeShowsItsTokenToMembersOnly(t *testing.T) {
	c := newTokenTest(t, 2)
	first, second := c.nodes[0], c.nodes[1]
	liars := []*relayingLiar{
		newRelayingLiar(t, second.url, func(asked string) string { return asked }),
		newRelayingLiar(t, second.url, func(string) string { return second.url }),
	}
	var told atomic.Pointer[[]string]
	told.Store(&[]string{liars[0].URL, liars[1].URL})
	var keys atomic.Pointer[map[string]string]
	key := second.raft.VouchKey(second.url)
	keys.Store(&map[string]string{second.url: first.raft.VouchKey(first.url), liars[0].URL: key, liars[1].URL: key})
	named := lyingFeed(t, first, func(s *edge.Status) {
		s.Alternatives, s.Path[0].HTTP = *told.Load(), liars[0].URL
		if s.Keys[second.url] != second.raft.VouchKey(second.url) || s.Keys[first.url] != first.raft.VouchKey(first.url) || len(s.Keys) != 2 {
			t.Errorf("a member tells of the keys %v", s.Keys)
		}
		s.Keys = *keys.Load()
	})
	token, _ := c.make("edge", nil)
	c.with = func(cfg *serveConfig) {
		cfg.Token, cfg.Upstreams, cfg.voucher = token, []string{named.URL}, first.raft.InviteEdge().Voucher()
	}
	e := c.addEdge("e")
	eventually(t, "the liars to be tried and refused", func() bool {
		named.CloseClientConnections()
		for _, l := range liars {
			if l.told.Load() == 0 || !strings.HasPrefix(upstreamOf(e, l.URL).Error, edge.ErrUnvouched.Error()) {
				return false
			}
		}
		return true
	})
	told.Store(&[]string{liars[0].URL, liars[1].URL, second.url})
	eventually(t, "who has not the member's key to be refused", func() bool {
		named.CloseClientConnections()
		return strings.Contains(upstreamOf(e, second.url).Error, "its key is not that of the member")
	})
	keys.Store(&map[string]string{})
	eventually(t, "a URL without a key to be refused", func() bool {
		named.CloseClientConnections()
		return strings.Contains(upstreamOf(e, second.url).Error, "no member of the cluster has this URL")
	})
	keys.Store(&map[string]string{second.url: key})
	eventually(t, "the edge to hear of the right key", func() bool { return e.edge.Status().Keys[second.url] == (*keys.Load())[second.url] })
	named.CloseClientConnections()
	named.Listener.Close()
	eventually(t, "the member to be followed", func() bool { return e.edge.Report().Upstream == second.url })
	for _, l := range liars {
		if n := l.saw.Load(); n > 0 {
			t.Errorf("a liar saw the token %d times", n)
		}
	}
}

// TestEveryConnectionIsProved has connections to a member end again and again. The token, the
// edge's own or that of a submission, comes by no connection that the member has not proved by:
// when one ends another program may listen there.
func TestEveryConnectionIsProved(t *testing.T) {
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
	c := newTestClusterWith(t, 1, func(cfg *serveConfig) {
		cfg.Token, cfg.AdvertiseHTTP = testToken, door.URL
		member.Rewrite = func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", cfg.HTTP, r.In.Host
		}
	})
	word, errs, _ := command(t.Context(), "edge", "invite", "http://"+c.nodes[0].cfg.HTTP, "--token", testToken)
	if word = strings.TrimSpace(word); word == "" {
		t.Fatal(errs)
	}
	url, _ := serveEdge(t, word)
	eventually(t, "the edge to be ready", func() bool { return get(t, url+"/readyz", nil) == http.StatusOK })
	for i := range 12 {
		before := shown.Load()
		eventually(t, "a submission to be passed on", func() bool {
			status, _ := ask(t, http.MethodPost, url+"/api/tournaments", testToken, object{"name": fmt.Sprint("Open ", i)})
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
