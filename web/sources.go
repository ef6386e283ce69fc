package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/pull"
)

// sourceIn is where a round's games are to come from: absent, null (from nowhere any more) or a source.
type sourceIn struct {
	asked  bool
	source *relay.Source
}

// UnmarshalJSON is called for null too.
func (s *sourceIn) UnmarshalJSON(data []byte) error {
	s.asked = true
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(&s.source)
}

// command is nil if nothing was asked for.
func (s *sourceIn) command() (*relaypb.Source, error) {
	switch {
	case !s.asked:
		return nil, nil
	case s.source == nil:
		return &relaypb.Source{}, nil
	}
	if err := pull.Check(s.source); err != nil {
		return nil, &apiError{Status: 400, Code: "bad_request", Message: "source.url: " + err.Error(), More: map[string]any{"field": "source.url"}}
	}
	return &relaypb.Source{
		Kind: string(s.source.Kind), Url: s.source.URL, Round: fits(s.source.Round), IntervalSeconds: fits(s.source.IntervalSeconds),
	}, nil
}

// fits is a number that fits: one that does not is refused by the boards, and not wrapped around here.
func fits(n int) int32 { return int32(max(min(n, 1<<30), -1)) }

// sourceState is how the source of a round fares. The leader polls it, so others tell who that is.
type sourceState struct {
	PolledBy string `json:"polledBy"`      // the leader's name, empty if there is none
	URL      string `json:"url,omitempty"` // where the leader tells more, if that is not here
	*pull.Status
}

// clusterSource is how the source of a round fares, in few words. Durations, since the nodes' clocks may differ.
type clusterSource struct {
	Round      relay.RoundID `json:"round"`
	Name       string        `json:"name"`       // of the round
	Tournament string        `json:"tournament"` // its name
	URL        string        `json:"url"`
	LastPollMs int64         `json:"lastPollMs"`          // since the last poll; -1: there was none yet
	NextPollMs int64         `json:"nextPollMs"`          // until the next one
	FailingMs  int64         `json:"failingMs,omitempty"` // since the first of the polls that have failed without one that went well
	LastError  string        `json:"lastError,omitempty"` // of the last poll; empty if it went well
	Problems   int           `json:"problems,omitempty"`  // with games that it shows; the round's sourceState tells which
}

// clusterSources are those that this node polls, the oldest round first.
func (s *Server) clusterSources(r *http.Request, now time.Time) (out []clusterSource) {
	if s.cfg.Pull == nil {
		return nil
	}
	at := relay.Millis(now.UnixMilli())
	inside := s.insider(r)
	s.cfg.Boards.Read(func(_ uint64, b *relay.State) {
		for _, r := range b.Sources() {
			st, ok := s.cfg.Pull.Status(r.ID)
			if !ok {
				continue
			}
			c := clusterSource{
				Round: r.ID, Name: r.Name, URL: r.Source.URL, LastPollMs: -1, NextPollMs: int64(max(0, st.NextPoll-at)),
				LastError: st.LastError, Problems: len(st.Problems),
			}
			if r.Delay > 0 && !inside { // see withoutSources
				c.URL, c.LastError = "", ""
			}
			if t, ok := b.Tournament(r.Tournament); ok {
				c.Tournament = t.Name
			}
			if st.LastPoll > 0 {
				c.LastPollMs = int64(max(0, at-st.LastPoll))
			}
			if st.FailingSince > 0 {
				c.FailingMs = int64(max(1, at-st.FailingSince))
			}
			out = append(out, c)
		}
	})
	return out
}

// withoutSources hides from the public where rounds with a delay come from: there the games are to be had without one, and what is wrong with
// them is told of the newest ones.
func (s *Server) withoutSources(r *http.Request, rounds []*relay.Round) []*relay.Round {
	for i, round := range rounds {
		if round.Source != nil && round.Delay > 0 && !s.insider(r) {
			shown := *round
			shown.Source = nil
			rounds[i] = &shown
		}
	}
	return rounds
}

func (s *Server) sourceState(r *relay.Round) *sourceState {
	if r.Source == nil {
		return nil
	}
	out := &sourceState{}
	if s.cfg.Edge != nil {
		if leader := s.cfg.Edge.Status().Leader; leader.Name != "" {
			out.PolledBy = leader.Name
			if leader.HTTP != "" {
				out.URL = leader.HTTP + "/api/rounds/" + string(r.ID)
			}
		}
		return out
	}
	leader := s.cfg.Node.Leader()
	if m, err := s.cfg.Node.FindMember(leader.String()); err == nil {
		out.PolledBy = m.Name
		if leader != s.cfg.Node.ID() && m.HTTP != "" {
			out.URL = m.HTTP + "/api/rounds/" + string(r.ID)
		}
	}
	if s.cfg.Pull != nil {
		if st, ok := s.cfg.Pull.Status(r.ID); ok {
			out.Status = &st
		}
	}
	return out
}
