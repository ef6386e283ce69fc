package nodetest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Frame is any frame of /live.
type Frame struct {
	Type    string `json:"type"`
	Index   uint64 `json:"index"`
	Cluster string `json:"cluster"`
	Game    string `json:"game"`
	Board   int    `json:"board"`
	Ply     int    `json:"ply"`
	SAN     string `json:"san"`
	FEN     string `json:"fen"`
	Result  string `json:"result"`
	Illegal bool   `json:"illegal"`
	Boards  []struct {
		Game     string `json:"game"`
		Board    int    `json:"board"`
		FEN      string `json:"fen"`
		Ply      int    `json:"ply"`
		Result   string `json:"result"`
		LastMove struct {
			Illegal bool `json:"illegal"`
		} `json:"lastMove"`
	} `json:"boards"`
	Stale bool `json:"stale"`
}

// Spectator is a client of /live that keeps what a browser would.
type Spectator struct {
	T     testing.TB
	Round string
	Conn  *websocket.Conn

	Cluster   string
	Since     uint64
	FENs      map[string]string // by game
	Illegal   map[string]bool   // whether the last move was, by game
	Indexes   []uint64          // of the events seen, over all connections
	Snapshots int
	Status    Frame
}

// NewSpectator returns a spectator of a round, who watches nothing yet.
func NewSpectator(t testing.TB, round string) *Spectator {
	s := &Spectator{T: t, Round: round, FENs: map[string]string{}, Illegal: map[string]bool{}}
	t.Cleanup(s.Leave)
	return s
}

// Watch connects to a node, with since if the spectator resumes.
func (s *Spectator) Watch(node string) {
	s.T.Helper()
	if err := s.Dial(node); err != nil {
		s.T.Fatalf("watch %s: %v", node, err)
	}
}

// Dial is Watch for a node that may be down.
func (s *Spectator) Dial(node string) error {
	s.Leave()
	q := url.Values{"round": {s.Round}}
	if s.Since > 0 {
		q.Set("since", fmt.Sprint(s.Since))
		q.Set("cluster", s.Cluster)
	}
	c, _, err := websocket.DefaultDialer.Dial(strings.Replace(node, "http", "ws", 1)+"/live?"+q.Encode(), nil)
	if err == nil {
		s.Conn = c
	}
	return err
}

// Leave ends the connection, if any.
func (s *Spectator) Leave() {
	if s.Conn != nil {
		_ = s.Conn.Close()
		s.Conn = nil
	}
}

// Read reads one message, takes its frames in, and returns them.
func (s *Spectator) Read() ([]Frame, error) {
	_ = s.Conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	_, b, err := s.Conn.ReadMessage()
	if err != nil {
		return nil, err
	}
	var frames []Frame
	if b[0] == '[' {
		err = json.Unmarshal(b, &frames)
	} else {
		frames = make([]Frame, 1)
		err = json.Unmarshal(b, &frames[0])
	}
	if err != nil {
		s.T.Fatalf("frame %s: %v", b, err)
	}
	before := s.Since
	for _, f := range frames {
		s.Take(f, before)
	}
	return frames, nil
}

// Take takes in a frame of a message. before is the last index seen before that message. All
// changes of one index are one message.
func (s *Spectator) Take(f Frame, before uint64) {
	switch f.Type {
	case "hello":
		s.Cluster = f.Cluster
	case "snapshot":
		s.Snapshots++
		s.Since = f.Index
		clear(s.FENs)
		for _, b := range f.Boards {
			s.FENs[b.Game], s.Illegal[b.Game] = b.FEN, b.LastMove.Illegal
		}
	case "move", "takeback", "correction", "result", "game", "round", "deleted":
		if f.Index < s.Since || f.Index <= before {
			s.T.Errorf("%s with index %d came when %d had been seen", f.Type, f.Index, s.Since)
		}
		if n := len(s.Indexes); n == 0 || f.Index > s.Indexes[n-1] {
			s.Indexes = append(s.Indexes, f.Index)
		}
		s.Since = f.Index
		if f.Type == "deleted" {
			delete(s.FENs, f.Game)
		}
		if f.FEN != "" {
			s.FENs[f.Game], s.Illegal[f.Game] = f.FEN, f.Illegal
		}
	case "status":
		s.Status = f
	default:
		s.T.Errorf("unknown frame %q", f.Type)
	}
}

// Until reads until cond holds.
func (s *Spectator) Until(what string, cond func() bool) {
	s.T.Helper()
	for !cond() {
		if _, err := s.Read(); err != nil {
			s.T.Fatalf("waiting for %s: %v", what, err)
		}
	}
}
