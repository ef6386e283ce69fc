package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// frame is any frame of /live.
type frame struct {
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

// spectator is a client of /live that keeps what a browser would.
type spectator struct {
	t     testing.TB
	round string
	conn  *websocket.Conn

	cluster string
	since   uint64
	fens    map[string]string // by game
	illegal map[string]bool   // whether the last move was, by game
	indexes []uint64          // of the events seen, over all connections
	snaps   int
	status  frame
}

func newSpectator(t testing.TB, round string) *spectator {
	s := &spectator{t: t, round: round, fens: map[string]string{}, illegal: map[string]bool{}}
	t.Cleanup(s.leave)
	return s
}

// watch connects to a node, with since if there is something to resume.
func (s *spectator) watch(node string) {
	s.t.Helper()
	if err := s.dial(node); err != nil {
		s.t.Fatalf("watch %s: %v", node, err)
	}
}

// dial is watch for a node that may be down.
func (s *spectator) dial(node string) error {
	s.leave()
	q := url.Values{"round": {s.round}}
	if s.since > 0 {
		q.Set("since", fmt.Sprint(s.since))
		q.Set("cluster", s.cluster)
	}
	c, _, err := websocket.DefaultDialer.Dial(strings.Replace(node, "http", "ws", 1)+"/live?"+q.Encode(), nil)
	if err == nil {
		s.conn = c
	}
	return err
}

func (s *spectator) leave() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

// read takes one message; its frames are returned after they were taken in.
func (s *spectator) read() ([]frame, error) {
	_ = s.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	_, b, err := s.conn.ReadMessage()
	if err != nil {
		return nil, err
	}
	var frames []frame
	if b[0] == '[' {
		err = json.Unmarshal(b, &frames)
	} else {
		frames = make([]frame, 1)
		err = json.Unmarshal(b, &frames[0])
	}
	if err != nil {
		s.t.Fatalf("frame %s: %v", b, err)
	}
	before := s.since
	for _, f := range frames {
		s.take(f, before)
	}
	return frames, nil
}

// take takes a frame in, of a message before which that index had been seen. All changes of one
// index are one message.
func (s *spectator) take(f frame, before uint64) {
	switch f.Type {
	case "hello":
		s.cluster = f.Cluster
	case "snapshot":
		s.snaps++
		s.since = f.Index
		clear(s.fens)
		for _, b := range f.Boards {
			s.fens[b.Game], s.illegal[b.Game] = b.FEN, b.LastMove.Illegal
		}
	case "move", "takeback", "correction", "result", "game", "round", "deleted":
		if f.Index < s.since || f.Index <= before {
			s.t.Errorf("%s with index %d came when %d had been seen", f.Type, f.Index, s.since)
		}
		if n := len(s.indexes); n == 0 || f.Index > s.indexes[n-1] {
			s.indexes = append(s.indexes, f.Index)
		}
		s.since = f.Index
		if f.Type == "deleted" {
			delete(s.fens, f.Game)
		}
		if f.FEN != "" {
			s.fens[f.Game], s.illegal[f.Game] = f.FEN, f.Illegal
		}
	case "status":
		s.status = f
	default:
		s.t.Errorf("unknown frame %q", f.Type)
	}
}

// until reads until cond holds.
func (s *spectator) until(what string, cond func() bool) {
	s.t.Helper()
	for !cond() {
		if _, err := s.read(); err != nil {
			s.t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}
