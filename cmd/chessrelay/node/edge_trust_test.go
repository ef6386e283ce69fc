package node_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/web/edge"
)

// relayingLiar is an upstream that serves what a member does, and names itself at other URLs as
// alternatives. When an edge asks it to vouch for them, it asks the member, with the URL that
// rewrite returns.
type relayingLiar struct {
	*httptest.Server
	saw  atomic.Int32 // tokens that it was shown
	told atomic.Int32 // proofs that it passed on
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
func upstreamOf(n *nodetest.Node, url string) edge.Upstream {
	for _, u := range n.Edge.Report().Upstreams {
		if u.URL == url {
			return u
		}
	}
	return edge.Upstream{}
}

// lyingFeed serves n's log, and changes what n says of itself.
func lyingFeed(t *testing.T, n *nodetest.Node, change func(*edge.Status)) *httptest.Server {
	feed := edge.OpenLogServer(edge.LogServerConfig{
		Tail: n.Boards.Tail(), Image: n.Boards.Image, Log: nodetest.Log(t),
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

// TestEdgeShowsItsTokenToMembersOnly has the only upstream that an edge knows lie, and die. The
// edge shows nothing to liars that pass on a member's proof, for the member's URL or for their own.
// It shows nothing at a member's URL if the key there proves to be another member's. It shows
// nothing at a URL that no member has, such as a removed member's. It goes on at a member that it
// has learnt of, which proves to be one.
func TestEdgeShowsItsTokenToMembersOnly(t *testing.T) {
	t.Parallel()
	c := nodetest.NewTokenCluster(t, 2)
	first, second := c.Nodes[0], c.Nodes[1]
	liars := []*relayingLiar{
		newRelayingLiar(t, second.URL, func(asked string) string { return asked }),
		newRelayingLiar(t, second.URL, func(string) string { return second.URL }),
	}
	var told atomic.Pointer[[]string]
	told.Store(&[]string{liars[0].URL, liars[1].URL})
	var keys atomic.Pointer[map[string]string]
	key := second.Raft.VouchKey(second.URL)
	keys.Store(&map[string]string{second.URL: first.Raft.VouchKey(first.URL), liars[0].URL: key, liars[1].URL: key})
	named := lyingFeed(t, first, func(s *edge.Status) {
		s.Alternatives, s.Path[0].HTTP = *told.Load(), liars[0].URL
		if s.Keys[second.URL] != second.Raft.VouchKey(second.URL) || s.Keys[first.URL] != first.Raft.VouchKey(first.URL) || len(s.Keys) != 2 {
			t.Errorf("a member tells of the keys %v", s.Keys)
		}
		s.Keys = *keys.Load()
	})
	token, _ := c.MakeToken("edge", nil)
	c.With = func(cfg *node.Config) {
		cfg.Token, cfg.Upstreams, cfg.Voucher = token, []string{named.URL}, first.Raft.InviteEdge().Voucher()
	}
	e := c.AddEdge("e")
	nodetest.Eventually(t, "the liars to be tried and refused", func() bool {
		named.CloseClientConnections()
		for _, l := range liars {
			if l.told.Load() == 0 || !strings.HasPrefix(upstreamOf(e, l.URL).Error, edge.ErrUnvouched.Error()) {
				return false
			}
		}
		return true
	})
	told.Store(&[]string{liars[0].URL, liars[1].URL, second.URL})
	nodetest.Eventually(t, "who has not the member's key to be refused", func() bool {
		named.CloseClientConnections()
		return strings.Contains(upstreamOf(e, second.URL).Error, "its key is not that of the member")
	})
	keys.Store(&map[string]string{})
	nodetest.Eventually(t, "a URL without a key to be refused", func() bool {
		named.CloseClientConnections()
		return strings.Contains(upstreamOf(e, second.URL).Error, "no member of the cluster has this URL")
	})
	keys.Store(&map[string]string{second.URL: key})
	nodetest.Eventually(t, "the edge to hear of the right key", func() bool { return e.Edge.Status().Keys[second.URL] == (*keys.Load())[second.URL] })
	named.CloseClientConnections()
	named.Listener.Close()
	nodetest.Eventually(t, "the member to be followed", func() bool { return e.Edge.Report().Upstream == second.URL })
	for _, l := range liars {
		if n := l.saw.Load(); n > 0 {
			t.Errorf("a liar saw the token %d times", n)
		}
	}
}
