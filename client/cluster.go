package client

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// ID is the id of a cluster or a member. Programs show it and send it back; they do not interpret
// it.
type ID string

// UnmarshalJSON accepts a string, a number or null.
func (w *ID) UnmarshalJSON(b []byte) error {
	*w = ID(bytes.Trim(b, `"`))
	if *w == "null" {
		*w = ""
	}
	return nil
}

// Cluster is how the cluster stands, as one node sees it. docs/api.md explains each field.
type Cluster struct {
	// Public is whether this is what everybody may see: names, roles and staleness. The rest needs
	// the token of an admin.
	Public bool   `json:"public"`
	Role   string `json:"role"` // of the node that answers
	Stale  bool   `json:"stale"`

	ClusterID ID       `json:"clusterId"`
	Node      ID       `json:"node"`
	Leader    ID       `json:"leader"`
	Term      uint64   `json:"term"`
	Commit    uint64   `json:"commit"`
	Applied   uint64   `json:"applied"`
	Peer      string   `json:"peer"` // where the other members reach the node
	Newest    uint64   `json:"newest"`
	AgeMs     int64    `json:"ageMs"`
	Warnings  []string `json:"warnings"`
	Members   []Member `json:"members"`
	Sources   []Source `json:"sources"`

	Upstream *Upstream `json:"upstream"` // of an edge; nil: a member answered
	Edges    []Edge    `json:"edges"`    // the edges that follow the node that answers
	Engine   *Engine   `json:"engine"`   // of the node that answers; nil: it has none
}

// Engine is how a node's engine does.
type Engine struct {
	Name        string `json:"name"` // as it calls itself; empty: it has not started yet
	Running     bool   `json:"running"`
	Threads     int    `json:"threads"`
	Queue       int    `json:"queue"` // watched boards whose position has no evaluation yet
	Evaluations uint64 `json:"evaluations"`
	Restarts    uint64 `json:"restarts"`
}

// Member is a member of the cluster, as the node that answers sees it.
type Member struct {
	ID            ID     `json:"id"`
	Name          string `json:"name"`
	Role          string `json:"role"`     // "recorder" or "venue"
	Suffrage      string `json:"suffrage"` // "voter" or "learner"
	HTTP          string `json:"http"`
	Peer          string `json:"peer"`
	State         string `json:"state"` // of the leader's replication to it: "probe", "replicate", "snapshot"
	Match         uint64 `json:"match"`
	Next          uint64 `json:"next"`
	Leads         string `json:"leads,omitempty"` // why it does not lead, if it should
	Inflight      int    `json:"inflight"`
	InflightLimit int    `json:"inflightLimit"`
	Lag           int64  `json:"lag"` // entries; -1: not known
	LagMs         int64  `json:"lagMs"`
	LastContactMs int64  `json:"lastContactMs"`
	RTTMicros     int64  `json:"rttMicros,omitempty"`
	SentBytes     uint64 `json:"sentBytes"`
	SkewMs        int64  `json:"skewMs"`
	Diverged      bool   `json:"diverged"` // its boards are wrong
	SnapshotFrom  string `json:"snapshotFrom,omitempty"`
	SnapshotBytes uint64 `json:"snapshotBytes,omitempty"`
	SnapshotError string `json:"snapshotError,omitempty"`
	Stale         *bool  `json:"stale,omitempty"` // only if Cluster.Public is set
}

// Source is the source of a round's games, and how its polls go. Times are milliseconds.
type Source struct {
	Round      relay.RoundID `json:"round"`
	Name       string        `json:"name"` // of the round
	Tournament string        `json:"tournament"`
	URL        string        `json:"url"`
	State      string        `json:"state"`
	LastPollMs int64         `json:"lastPollMs"` // ago; -1: there was none
	NextPollMs int64         `json:"nextPollMs"` // from now
	FailingMs  int64         `json:"failingMs"`
	LastError  string        `json:"lastError"`
	Problems   int           `json:"problems"`
}

// Upstream is how an edge follows the cluster.
type Upstream struct {
	URL       string         `json:"upstream"` // the node that it follows; empty: none now
	Path      []Hop          `json:"path"`     // from the Raft group down to the edge
	Depth     int            `json:"depth"`    // the number of nodes above it
	Lag       uint64         `json:"lag"`      // entries that it knows of and does not have
	LagMs     int64          `json:"lagMs"`    // since when it has been behind; 0: it is not
	AgeMs     int64          `json:"ageMs"`    // how long ago its boards were the cluster's
	SkewMs    int64          `json:"skewMs"`   // how far its clock is ahead of the cluster's
	Stale     bool           `json:"stale"`
	Switches  uint64         `json:"switches"` // connections to an upstream since the start
	Images    uint64         `json:"images"`
	Entries   uint64         `json:"entries"`
	GotBytes  uint64         `json:"gotBytes"`
	Upstreams []UpstreamNode `json:"upstreams"` // in the order in which the edge would try them
}

// Hop is a node on the path of the log to an edge.
type Hop struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	HTTP string `json:"http,omitempty"`
}

// UpstreamNode is a node that an edge could follow.
type UpstreamNode struct {
	URL   string `json:"url"`
	Named bool   `json:"named"` // by the operator; false: learnt from an upstream
	State string `json:"state"` // "followed", "ready" or "resting"
	Error string `json:"error,omitempty"`
}

// Edge is an edge that follows the node that answers.
type Edge struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	HTTP        string `json:"http,omitempty"`
	Address     string `json:"address"`
	Sent        uint64 `json:"sent"` // the index up to which it was sent everything
	Lag         uint64 `json:"lag"`  // the entries not yet sent
	SentBytes   uint64 `json:"sentBytes"`
	ConnectedMs int64  `json:"connectedMs"`
}

// Cluster reads how the cluster stands.
func (c *Client) Cluster(ctx context.Context) (Cluster, error) {
	var s Cluster
	err := c.Do(ctx, http.MethodGet, "/api/cluster", nil, &s)
	return s, err
}

// RemoveMember removes a member for good. It takes an id or a name.
func (c *Client) RemoveMember(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, Path("/api/cluster/members", id), nil, nil)
}

// SetSuffrage makes a member a "voter" or a "learner".
func (c *Client) SetSuffrage(ctx context.Context, id, suffrage string) error {
	return c.Do(ctx, http.MethodPost, Path("/api/cluster/members", id), map[string]string{"suffrage": suffrage}, nil)
}

// Invitation is a word with which venues join the cluster.
type Invitation struct {
	Invitation string `json:"invitation"`
	ID         string `json:"id"`
	Uses       int    `json:"uses"`
	ExpiresAt  int64  `json:"expiresAt"` // Unix ms
}

// Invite makes an invitation for this many nodes (POST /api/cluster/members), which expires after
// life.
func (c *Client) Invite(ctx context.Context, uses int, life time.Duration) (i Invitation, err error) {
	in := map[string]any{"uses": uses, "expiresIn": life.Seconds()}
	return i, c.Do(ctx, http.MethodPost, "/api/cluster/members", in, &i)
}

// Replicates reports whether the member gets every entry as it is written.
func (m Member) Replicates() bool {
	return m.State == "replicate" || m.State == "leader" || m.Stale != nil && !*m.Stale
}
