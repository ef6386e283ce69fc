package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/pull"
)

// sourceState says how the source of a round fares. The leader polls it, so other nodes name the
// leader.
type sourceState struct {
	PolledBy string `json:"polledBy"`      // the leader's name; empty: there is none
	URL      string `json:"url,omitempty"` // where the leader says more, unless this is the leader
	*pull.Status
	Sources []pull.SourceStatus `json:"sources,omitempty"` // all of the round's; Status is that of the first
}

// clusterSource says in short how the source of a round fares. Times are durations, since the
// nodes' clocks may differ.
type clusterSource struct {
	Round      relay.RoundID `json:"round"`
	Name       string        `json:"name"`       // of the round
	Tournament string        `json:"tournament"` // its name
	URL        string        `json:"url"`
	State      string        `json:"state,omitempty"`     // see pull.Status
	LastPollMs int64         `json:"lastPollMs"`          // since the last poll; -1: none yet
	NextPollMs int64         `json:"nextPollMs"`          // until the next one
	FailingMs  int64         `json:"failingMs,omitempty"` // since the current run of failed polls began; 0: the last poll succeeded
	LastError  string        `json:"lastError,omitempty"` // of the last poll; empty: it succeeded
	Problems   int           `json:"problems,omitempty"`  // problems with games that it shows; the round's sourceState has them
}

// clusterSources returns the sources that this node polls, oldest round first.
func (s *Server) clusterSources(r *http.Request, now time.Time) (out []clusterSource) {
	if s.Pull == nil {
		return nil
	}
	at := relay.Millis(now.UnixMilli())
	s.Boards.Read(func(_ uint64, b *relay.State) {
		for _, round := range b.Sources() {
			if b.Private(string(round.ID)) && !s.Sees(r, round) {
				continue
			}
			tournament := ""
			if t, ok := b.Tournament(round.Tournament); ok {
				tournament = t.Name
			}
			for _, st := range s.Pull.Sources(round.ID) {
				c := clusterSource{
					Round: round.ID, Name: round.Name, Tournament: tournament, URL: st.URL, State: st.State, LastPollMs: -1,
					NextPollMs: int64(max(0, st.NextPoll-at)), LastError: st.LastError, Problems: len(st.Problems),
				}
				if round.Delay > 0 && !s.Sees(r, round) { // see withoutSources
					c.URL, c.LastError, c.State = "", "", ""
				}
				if st.LastPoll > 0 {
					c.LastPollMs = int64(max(0, at-st.LastPoll))
				}
				if st.FailingSince > 0 {
					c.FailingMs = int64(max(1, at-st.FailingSince))
				}
				out = append(out, c)
			}
		}
	})
	return out
}

// withoutSources hides the sources of rounds with a delay from the public. A source has the games
// without the delay, and its problems tell about the newest moves.
func (s *Server) withoutSources(r *http.Request, rounds []*relay.Round) []*relay.Round {
	for i, round := range rounds {
		if len(round.Sources) > 0 && s.HidesSources(r, round) {
			shown := *round
			shown.Sources = nil
			rounds[i] = &shown
		}
	}
	return rounds
}

// withoutSourceUpdates returns the audit trail of a round without what [Server.withoutSources]
// hides. A line about nothing else is left out.
func (s *Server) withoutSourceUpdates(r *http.Request, round *relay.Round) []relay.Update {
	if !s.HidesSources(r, round) {
		return round.Updates
	}
	var out []relay.Update
	for _, u := range round.Updates {
		fields := slices.DeleteFunc(slices.Clone(u.Fields), func(f relay.FieldChange) bool { return f.Name == relay.SourcesField })
		if len(fields) > 0 || len(u.Fields) == 0 {
			u.Fields = fields
			out = append(out, u)
		}
	}
	return out
}

func (s *Server) sourceState(r *relay.Round) *sourceState {
	if len(r.Sources) == 0 {
		return nil
	}
	out := &sourceState{}
	if s.Edge != nil {
		if leader := s.Edge.Status().Leader; leader.Name != "" {
			out.PolledBy = leader.Name
			if leader.HTTP != "" {
				out.URL = leader.HTTP + "/api/rounds/" + string(r.ID)
			}
		}
		return out
	}
	leader := s.Node.Leader()
	if m, err := s.Node.FindMember(leader.String()); err == nil {
		out.PolledBy = m.Name
		if leader != s.Node.ID() && m.HTTP != "" {
			out.URL = m.HTTP + "/api/rounds/" + string(r.ID)
		}
	}
	if s.Pull != nil {
		if out.Sources = s.Pull.Sources(r.ID); len(out.Sources) > 0 {
			out.Status = &out.Sources[0].Status
		}
	}
	return out
}
