package node

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/web"
	"github.com/chessrelay/chessrelay/web/conns"
)

// Limits of the HTTP server. A WebSocket has its own.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 15 * time.Second
	maxHeader     = 64 << 10
	// shutdownGrace is how long requests may take to end when the node stops.
	shutdownGrace = 3 * time.Second
	// maxRequests bounds the connections that are not spectators', whatever the limit on open
	// files.
	maxRequests = 32_768
	// maxEdges bounds the edges that follow this node.
	maxEdges = 512
	// fewSpectators is how many spectators a node must be able to serve by default; with fewer, it
	// warns.
	fewSpectators = 1000
)

// isStarting is why a node is not ready while it waits for no other node.
const isStarting = "the node is starting"

// openHTTP listens, and answers at once that the node is starting. answerBy replaces that answer.
func (n *Node) openHTTP(cfg Config, proxies []netip.Prefix) error {
	l, err := net.Listen("tcp", cfg.HTTP)
	if err != nil {
		return fmt.Errorf("cannot listen on --http %s: %w%s", cfg.HTTP, err, whenTaken(err))
	}
	n.listener = conns.Listen(l, conns.Config{Room: n.room, PerAddress: cfg.MaxPerAddress, Proxies: proxies, Log: n.log})
	n.starting = web.NewStarting(cfg.Name, isStarting)
	n.answerBy(n.starting)
	n.server = newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*n.handler.Load()).ServeHTTP(w, r) }), n.log)
	n.server.ConnState, n.server.ConnContext = n.listener.ConnState, n.listener.ConnContext
	n.wg.Go(func() { n.served <- n.front.serve(n.server, n.listener) })
	return nil
}

// answerBy has h answer all requests from now on.
func (n *Node) answerBy(h http.Handler) { n.handler.Store(&h) }

// room is how many connections there may be besides those of spectators.
func (n *Node) room() int {
	spectators := 0
	if hub := n.watched.Load(); hub != nil {
		spectators = hub.Connections()
	}
	return requestRoom(broadcast.OpenFiles(), spectators)
}

// requestRoom is how many files are left for requests. Of the files that are not for spectators,
// two fifths are for the node's own log, boards and peers. Requests always have the others.
func requestRoom(files, spectators int) int {
	if files == 0 {
		return maxRequests
	}
	return min(files-broadcast.SpareFiles(files)*2/5-spectators, maxRequests)
}

// maxFollowers is how many edges may follow: half of the connections that are left when the node
// has all its spectators.
func maxFollowers(files, spectators int) int {
	return max(1, min(maxEdges, requestRoom(files, spectators)/2))
}

// filesWarning says that too few files may be open for the wanted spectators; empty: there are
// enough. wanted is --max-spectators.
func filesWarning(wanted, files int) string {
	if files == 0 || wanted < 0 {
		return ""
	}
	if wanted == 0 {
		wanted = fewSpectators
	}
	most := files - broadcast.SpareFiles(files)
	if wanted <= most {
		return ""
	}
	return fmt.Sprintf("this node serves at most %d spectators, not %d: it may have only %d files open; raise the limit (ulimit -n, LimitNOFILE=) to %d",
		most, wanted, files, wanted+broadcast.SpareFiles(1<<20))
}
