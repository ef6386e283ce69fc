package web

import (
	"bytes"
	"encoding/json"

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

func (s *Server) sourceState(r *relay.Round) *sourceState {
	if r.Source == nil {
		return nil
	}
	out := &sourceState{}
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
