package edge

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"unicode"

	"github.com/chessrelay/chessrelay/consensus"
)

// MaxDepth bounds the nodes between the Raft group and an edge, the edge included. It ends chains
// that nobody intended.
const MaxDepth = 16

// MaxKeys bounds the members whose keys a node tells.
const MaxKeys = 64

// MaxAlternatives bounds the other nodes that a node names.
const MaxAlternatives = 16

const (
	maxText  = 256 // bytes of a name, an id or a URL of another node
	maxAgeMs = 365 * 24 * 3600 * 1000
)

// Hop is one node on the path of the log.
type Hop struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	HTTP string `json:"http,omitempty"` // the URL of its API, as it tells it
}

// Status is how a node stands, as it tells the edges that follow it.
type Status struct {
	Cluster string `json:"cluster"`
	// Path lists the nodes that the log comes by: first a member of the Raft group, last the node
	// itself.
	Path []Hop `json:"path"`
	// Applied is the log index of its boards.
	Applied uint64 `json:"applied"`
	// Newest is the newest index that it knows of; it lacks Newest - Applied entries.
	Newest uint64 `json:"newest"`
	// AgeMs is how long ago, in ms, its boards were those of the group: nothing beyond Applied was
	// committed then.
	AgeMs int64 `json:"ageMs"`
	// Now is the time of the Raft group, in Unix nanoseconds: the clock in the middle of its
	// members' clocks. 0: the clocks were not compared yet.
	Now int64 `json:"now"`
	// Sum and Mark are the newest points of the rolling sum of its boards. The edges below compare
	// them with their own.
	Sum    consensus.Point `json:"sum"`
	Mark   consensus.Point `json:"mark"`
	Leader Hop             `json:"leader"` // of the Raft group; zero if none is known
	// Engine: evaluations come with the stream.
	Engine bool `json:"engine,omitempty"`
	// Alternatives are the URLs of nodes that would do as well as this one.
	Alternatives []string `json:"alternatives,omitempty"`
	// Keys maps the URLs of members, at most [MaxKeys], to the keys by which the
	// member vouches for it. See [consensus.Node.VouchKey].
	Keys map[string]string `json:"keys,omitempty"`
}

// Self is the node that tells the status.
func (s Status) Self() Hop { return s.Path[len(s.Path)-1] }

// Depth is the number of nodes above it.
func (s Status) Depth() int { return len(s.Path) - 1 }

// Has reports whether the log came by the node with this id.
func (s Status) Has(id string) bool {
	for _, h := range s.Path {
		if h.ID == id {
			return true
		}
	}
	return false
}

// parseStatus reads the payload of a kindState. It refuses what no node would say.
func parseStatus(payload []byte) (Status, error) {
	var s Status
	if err := json.Unmarshal(payload, &s); err != nil {
		return s, corrupt("its state is not JSON: %v", err)
	}
	if len(s.Path) == 0 || s.Cluster == "" || !plain(s.Cluster) || s.AgeMs < 0 || s.Now < 0 {
		return s, corrupt("its state lacks the cluster or the path")
	}
	if len(s.Path) > MaxDepth {
		return s, ErrTooDeep
	}
	for _, h := range append(s.Path[:len(s.Path):len(s.Path)], s.Leader) {
		if !plain(h.ID) || !plain(h.Name) || !plain(h.HTTP) {
			return s, corrupt("its state has a name of more than %d bytes, or one that cannot be printed", maxText)
		}
		if h.HTTP != "" && len(usable([]string{h.HTTP})) == 0 {
			return s, corrupt("its state has an address that is not the URL of a node: %q", h.HTTP)
		}
	}
	s.Newest = max(s.Newest, s.Applied)
	s.AgeMs = min(s.AgeMs, maxAgeMs)
	s.Alternatives = usable(s.Alternatives)
	for at, key := range s.Keys {
		if len(s.Keys) > MaxKeys || !plain(at) || !plain(key) {
			return s, corrupt("its state has impossible keys, or too many of them")
		}
	}
	return s, nil
}

// plain reports whether s is short and can be printed.
func plain(s string) bool { return len(s) <= maxText && isPrintable(s) }

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// usable returns the valid URLs, each once, at most MaxAlternatives of them.
func usable(urls []string) []string {
	var out []string
	for _, u := range urls {
		u = strings.TrimRight(u, "/")
		p, err := url.Parse(u)
		if err != nil || !plain(u) || p.Scheme != "http" && p.Scheme != "https" || p.Hostname() == "" || p.User != nil || p.RawQuery != "" || p.Fragment != "" {
			continue
		}
		if seen := contains(out, u); !seen && len(out) < MaxAlternatives {
			out = append(out, u)
		}
	}
	return out
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// The reasons why a node does not serve an edge, or an edge does not follow a node.
var (
	// ErrOtherCluster is returned when the two belong to different clusters.
	ErrOtherCluster = errors.New("it is in another cluster")
	// ErrLoop is returned when an edge would follow itself, directly or through others.
	ErrLoop = errors.New("it follows this very edge, so neither would get anything: a loop")
	// ErrTooDeep is returned when the path would be longer than [MaxDepth].
	ErrTooDeep = errors.New("the tree of edges would be deeper than 16")
	// ErrDiverged is returned when the two have different entries at one index, such as after the
	// cluster was set up again from old data.
	ErrDiverged = errors.New("its log has another entry at this edge's index, such as after the cluster was set up again from older data; restart this edge to follow it")
	// ErrTooMany is returned when a node serves as many edges, or images, as it may.
	ErrTooMany = errors.New("it serves as many edges as its limit allows")
	// ErrClosed is returned by a log server that was closed.
	ErrClosed = errors.New("the node is shutting down")
	// ErrBadRequest is returned when a request of an edge cannot be read.
	ErrBadRequest = errors.New("the parameters cannot be read")
)
