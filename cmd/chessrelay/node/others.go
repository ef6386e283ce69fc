package node

import (
	"math/rand/v2"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// otherNodes are the URLs at which spectators of this node may go on. The zero value is ready.
type otherNodes struct {
	mu   sync.Mutex
	at   time.Time // when urls was made; guarded by mu
	urls []string  // guarded by mu; its strings are never changed
}

// refreshNodes is how long a list of the other nodes is used.
const refreshNodes = 2 * time.Second

// list returns the URLs, in an order of its own each time they are made, so that the spectators of
// a lost node spread over all others.
func (o *otherNodes) list(n *Node) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); now.Sub(o.at) > refreshNodes {
		o.at, o.urls = now, n.othersNow()
		rand.Shuffle(len(o.urls), func(i, j int) { o.urls[i], o.urls[j] = o.urls[j], o.urls[i] })
	}
	return o.urls
}

// othersNow returns the URLs of the group's other members or, on an edge, of the nodes above it. A
// URL at loopback means another machine to a spectator, unless this node is at loopback too.
func (n *Node) othersNow() []string {
	var all []string
	switch {
	case n.Raft != nil:
		for _, m := range n.Raft.Members() {
			all = append(all, m.HTTP)
		}
	case n.Edge != nil:
		for _, hop := range n.Edge.Status().Path {
			all = append(all, hop.HTTP)
		}
	}
	var out []string
	for _, u := range all {
		if u != "" && u != n.URL && (!atLoopback(u) || atLoopback(n.URL)) {
			out = append(out, u)
		}
	}
	return out
}

func atLoopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}
