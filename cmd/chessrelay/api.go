package main

import (
	"bytes"
	"context"
	"net/http"
	"net/url"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/edge"
)

// What the API takes and gives, as far as this side needs it. Fields that a
// newer server adds are passed over.

type newTournament struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Location    string `json:"location,omitempty"`
}

type newGame struct {
	Board       int          `json:"board"`
	White       relay.Player `json:"white"`
	Black       relay.Player `json:"black"`
	FEN         string       `json:"fen,omitempty"`
	Variant     string       `json:"variant,omitempty"`
	TimeControl string       `json:"timeControl,omitempty"`
}

type newMove struct {
	Ply   relay.Ply    `json:"ply"`
	Move  string       `json:"move"`
	Clock *relay.Clock `json:"clock,omitempty"`
}

// accepted is the answer to a move.
type accepted struct {
	Index     uint64    `json:"index"`
	Term      uint64    `json:"term"`
	Ply       relay.Ply `json:"ply"`
	SAN       string    `json:"san"`
	UCI       string    `json:"uci"`
	FEN       string    `json:"fen"`
	Duplicate bool      `json:"duplicate"`
}

type moveState struct {
	Ply   relay.Ply   `json:"ply"`
	SAN   string      `json:"san"`
	UCI   string      `json:"uci"`
	Clock relay.Clock `json:"clock"`
}

type gameState struct {
	ID     relay.GameID  `json:"id"`
	Board  int           `json:"board"`
	White  relay.Player  `json:"white"`
	Black  relay.Player  `json:"black"`
	FEN    string        `json:"fen"`
	Ply    relay.Ply     `json:"ply"`
	Moves  []moveState   `json:"moves"` // in GET /api/games/{gid} only
	Result relay.Result  `json:"result"`
	Round  relay.RoundID `json:"round"`
}

type roundState struct {
	ID    relay.RoundID `json:"id"`
	Name  string        `json:"name"`
	Index uint64        `json:"index"` // of its creation
	Delay int           `json:"delay"` // seconds
	Games []gameState   `json:"games"`
}

type tournamentState struct {
	ID     relay.TournamentID `json:"id"`
	Name   string             `json:"name"`
	Rounds []roundState       `json:"rounds"`
}

// word is an id of the cluster. It is only ever shown and sent back, so a
// number is as good as a string.
type word string

func (w *word) UnmarshalJSON(b []byte) error {
	*w = word(bytes.Trim(b, `"`))
	if *w == "null" {
		*w = ""
	}
	return nil
}

type clusterState struct {
	// Public is whether this is what everybody may see: names, roles and staleness.
	Public bool   `json:"public"`
	Role   string `json:"role"`
	Stale  bool   `json:"stale"`

	ClusterID word          `json:"clusterId"`
	Node      word          `json:"node"`
	Leader    word          `json:"leader"`
	Term      uint64        `json:"term"`
	Commit    uint64        `json:"commit"`
	Applied   uint64        `json:"applied"`
	Peer      string        `json:"peer"` // where the other members reach the node
	Newest    uint64        `json:"newest"`
	AgeMs     int64         `json:"ageMs"`
	Warnings  []string      `json:"warnings"`
	Members   []memberState `json:"members"`
	Sources   []sourceState `json:"sources"`

	Upstream *edge.Report         `json:"upstream"` // on an edge
	Edges    []edge.SessionStatus `json:"edges"`    // that follow the node which answers
}

// sourceState is how the source of a round fares.
type sourceState struct {
	Round      relay.RoundID `json:"round"`
	Name       string        `json:"name"`
	Tournament string        `json:"tournament"`
	URL        string        `json:"url"`
	State      string        `json:"state"`
	LastPollMs int64         `json:"lastPollMs"`
	NextPollMs int64         `json:"nextPollMs"`
	FailingMs  int64         `json:"failingMs"`
	LastError  string        `json:"lastError"`
	Problems   int           `json:"problems"`
}

type memberState struct {
	ID            word   `json:"id"`
	Name          string `json:"name"`
	Role          string `json:"role"`
	Suffrage      string `json:"suffrage"`
	HTTP          string `json:"http"`
	Peer          string `json:"peer"`
	State         string `json:"state"`
	Match         uint64 `json:"match"`
	Next          uint64 `json:"next"`
	Leads         string `json:"leads,omitempty"` // see consensus.MemberStatus
	Inflight      int    `json:"inflight"`
	InflightLimit int    `json:"inflightLimit"`
	Lag           int64  `json:"lag"`
	LagMs         int64  `json:"lagMs"`
	LastContactMs int64  `json:"lastContactMs"`
	RTTMicros     int64  `json:"rttMicros,omitempty"`
	SentBytes     uint64 `json:"sentBytes"`
	SkewMs        int64  `json:"skewMs"`
	Diverged      bool   `json:"diverged"` // its boards are wrong
	SnapshotFrom  string `json:"snapshotFrom,omitempty"`
	SnapshotBytes uint64 `json:"snapshotBytes,omitempty"`
	SnapshotError string `json:"snapshotError,omitempty"`
	Stale         *bool  `json:"stale,omitempty"` // what the public sees instead of all that
}

func (c *client) createTournament(ctx context.Context, t newTournament) (relay.TournamentID, error) {
	var made struct {
		ID relay.TournamentID `json:"id"`
	}
	err := c.call(ctx, http.MethodPost, "/api/tournaments", t, &made)
	return made.ID, err
}

func (c *client) createRound(ctx context.Context, t relay.TournamentID, name string) (relay.RoundID, error) {
	var made struct {
		ID relay.RoundID `json:"id"`
	}
	err := c.call(ctx, http.MethodPost, path("/api/tournaments", string(t), "rounds"), map[string]string{"name": name}, &made)
	return made.ID, err
}

func (c *client) createGame(ctx context.Context, r relay.RoundID, g newGame) (relay.GameID, error) {
	var made struct {
		ID relay.GameID `json:"id"`
	}
	err := c.call(ctx, http.MethodPost, path("/api/rounds", string(r), "games"), g, &made)
	return made.ID, err
}

func (c *client) playMove(ctx context.Context, g relay.GameID, m newMove) (accepted, error) {
	var a accepted
	err := c.call(ctx, http.MethodPost, path("/api/games", string(g), "moves"), m, &a)
	return a, err
}

func (c *client) setResult(ctx context.Context, g relay.GameID, result relay.Result) error {
	return c.call(ctx, http.MethodPost, path("/api/games", string(g), "result"), map[string]relay.Result{"result": result}, nil)
}

func (c *client) game(ctx context.Context, g relay.GameID) (gameState, error) {
	var s gameState
	err := c.call(ctx, http.MethodGet, path("/api/games", string(g))+linearizable, nil, &s)
	return s, err
}

func (c *client) tournaments(ctx context.Context) ([]tournamentState, error) {
	var s struct {
		Tournaments []tournamentState `json:"tournaments"`
	}
	err := c.call(ctx, http.MethodGet, "/api/tournaments", nil, &s)
	return s.Tournaments, err
}

// getRound and game read what is to be written to, so they ask for a state that is
// not older than the question, even from a node that is behind.
func (c *client) getRound(ctx context.Context, r relay.RoundID) (roundState, error) {
	var s roundState
	err := c.call(ctx, http.MethodGet, path("/api/rounds", string(r))+linearizable, nil, &s)
	return s, err
}

func (c *client) cluster(ctx context.Context) (clusterState, error) {
	var s clusterState
	err := c.call(ctx, http.MethodGet, "/api/cluster", nil, &s)
	return s, err
}

func (c *client) removeMember(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, path("/api/cluster/members", id), nil, nil)
}

func (c *client) setSuffrage(ctx context.Context, id string, suffrage string) error {
	return c.call(ctx, http.MethodPost, path("/api/cluster/members", id), map[string]string{"suffrage": suffrage}, nil)
}

const linearizable = "?consistency=linearizable"

// path joins segments that may hold anything to a fixed beginning.
func path(prefix string, segments ...string) string {
	for _, s := range segments {
		prefix += "/" + url.PathEscape(s)
	}
	return prefix
}
