package edge

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"unicode"

	"github.com/chessrelay/chessrelay/consensus"
)

// MaxDepth is how many nodes may stand between an edge and the Raft group, itself counted: a bound for what nobody meant.
const MaxDepth = 16

// MaxAlternatives is how many others a node names at the most.
const MaxAlternatives = 16

const (
	maxText  = 256 // of a name, an id, a URL of another node
	maxAgeMs = 365 * 24 * 3600 * 1000
)

// Hop is one node of the way that the log has come.
type Hop struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	HTTP string `json:"http,omitempty"` // the URL of its API, as it tells it
}

// Status is how a node stands, as it tells its followers, and they theirs.
type Status struct {
	Cluster string `json:"cluster"`
	// Path is the nodes that the log comes by: first a member of the Raft group, last the one that tells this.
	Path []Hop `json:"path"`
	// Applied is the log index that its boards stand at.
	Applied uint64 `json:"applied"`
	// Newest is the newest index that it knows of: Newest - Applied entries it lacks.
	Newest uint64 `json:"newest"`
	// AgeMs is how long ago its boards were those of the group: nothing beyond Applied was
	// committed then, in ms.
	AgeMs int64 `json:"ageMs"`
	// Now is the time of the Raft group, Unix nanoseconds: the clock in the middle of its members'.
	// 0: not known, since they were not compared yet.
	Now int64 `json:"now"`
	// Sum and Mark are the newest points of the rolling sum of its boards, which its followers
	// compare with theirs.
	Sum    consensus.Point `json:"sum"`
	Mark   consensus.Point `json:"mark"`
	Leader Hop             `json:"leader"` // of the Raft group; zero if none is known
	// Alternatives are the URLs of nodes that would do as well as this one.
	Alternatives []string `json:"alternatives,omitempty"`
	// Keys are, by URL, the keys by which members among Alternatives, and the leader, vouch for
	// their URLs; see [consensus.Node.VouchKey].
	Keys map[string]string `json:"keys,omitempty"`
}

// Self is the node that tells the status.
func (s Status) Self() Hop { return s.Path[len(s.Path)-1] }

// Depth is how many nodes are above the one that tells it.
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

// parseStatus reads the payload of a kindState, and refuses what no node would say.
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
			return s, corrupt("its state has an address that is no URL of a node: %q", h.HTTP)
		}
	}
	s.Newest = max(s.Newest, s.Applied)
	s.AgeMs = min(s.AgeMs, maxAgeMs)
	s.Alternatives = usable(s.Alternatives)
	for at, key := range s.Keys {
		if len(s.Keys) > MaxAlternatives+1 || !plain(at) || !plain(key) {
			return s, corrupt("its state has keys that cannot be, or too many of them")
		}
	}
	return s, nil
}

// plain reports whether s may be shown in a terminal, and kept.
func plain(s string) bool {
	return len(s) <= maxText && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// usable is those of the URLs that are some, each once, and not too many.
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

// Why a node does not serve a follower, or an edge does not follow a node.
var (
	// ErrOtherCluster is returned when the two are of different clusters.
	ErrOtherCluster = errors.New("it is of another cluster")
	// ErrLoop is returned when the log would come from the very node that it goes to.
	ErrLoop = errors.New("it follows this very edge, so neither would get anything: a loop")
	// ErrTooDeep is returned when there would be more than [MaxDepth] nodes on the way.
	ErrTooDeep = errors.New("the tree of edges would be deeper than 16")
	// ErrDiverged is returned when the two have different entries at one index: the cluster was set up again from something old.
	ErrDiverged = errors.New("its log has another entry where this edge is: the cluster has gone back behind it; restart this edge to follow it")
	// ErrTooMany is returned when a node has as many followers as it may have, or images on their way.
	ErrTooMany = errors.New("it serves as many edges as it may")
	// ErrClosed is returned by a feed that was closed.
	ErrClosed = errors.New("the node is going away")
	// ErrBadRequest is returned when a follower asks for something that cannot be read.
	ErrBadRequest = errors.New("the parameters cannot be read")
)
