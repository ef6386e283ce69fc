package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/pull"
)

// sourceIn is a JSON value that may be absent, null or a source.
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

// roundSettingsIn is how a round is fetched and scored. Fields that are left out stay.
type roundSettingsIn struct {
	Source              sourceIn        `json:"source"`  // the only one; null: none
	Sources             *[]relay.Source `json:"sources"` // all of them, the most trusted first
	StartsAfterPrevious *bool           `json:"startsAfterPrevious"`
	Unrated             *bool           `json:"unrated"`
	Scoring             scoringIn       `json:"scoring"`
	TeamScoring         scoringIn       `json:"teamScoring"`
}

// command returns nil if the client says nothing.
func (in roundSettingsIn) command() (*relaypb.RoundSettings, error) {
	out := &relaypb.RoundSettings{
		StartsAfterPrevious: in.StartsAfterPrevious, Unrated: in.Unrated, Scoring: in.Scoring.command(), TeamScoring: in.TeamScoring.command(),
	}
	switch {
	case in.Source.asked && in.Sources != nil:
		return nil, badRequest(`either "source" or "sources", not both`)
	case in.Source.asked && in.Source.source != nil:
		in.Sources = &[]relay.Source{*in.Source.source}
	case in.Source.asked:
		in.Sources = new([]relay.Source)
	}
	if in.Sources != nil {
		var err error
		if out.Sources, err = sourcesCommand(*in.Sources); err != nil {
			return nil, err
		}
	}
	if out.Sources == nil && out.StartsAfterPrevious == nil && out.Unrated == nil && out.Scoring == nil && out.TeamScoring == nil {
		return nil, nil
	}
	return out, nil
}

// sourcesCommand checks the URLs, and gives an id to each source that has none.
func sourcesCommand(sources []relay.Source) (*relaypb.Sources, error) {
	if len(sources) > relay.MaxRoundSources {
		return nil, badRequest("a round has at most %d sources, and these are %d", relay.MaxRoundSources, len(sources))
	}
	ids := map[string]bool{}
	for _, s := range sources {
		ids[s.ID] = true
	}
	out := &relaypb.Sources{}
	for _, s := range sources {
		if err := pull.Check(&s); err != nil {
			return nil, &apiError{Status: 400, Code: "bad_request", Message: "source.url: " + err.Error(), More: map[string]any{"field": "source.url"}}
		}
		for n := 0; s.ID == ""; n++ {
			if id := sourceID(&s, n); !ids[id] {
				s.ID, ids[id] = id, true
			}
		}
		out.List = append(out.List, &relaypb.Source{
			Id: s.ID, Kind: string(s.Kind), Url: s.URL, Round: fits(s.Round), IntervalSeconds: fits(s.IntervalSeconds), OnlyRound: fits(s.OnlyRound),
			Slices: s.Slices, BoardOffset: fits(s.BoardOffset), SilentSeconds: fits(s.SilentSeconds),
		})
	}
	return out, nil
}

// sourceID derives the id of a source from what the source is. So when the list changes, boards
// that follow one source are not handed to another.
func sourceID(s *relay.Source, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%d\n%s\n%d", s.URL, s.Round, s.OnlyRound, s.Slices, n))
	return fmt.Sprintf("s%x", sum[:3])
}

// fits returns a number that fits. It does not wrap one that does not fit; the boards refuse it.
func fits(n int) int32 { return int32(max(min(n, 1<<30), -1)) }

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
	if s.cfg.Pull == nil {
		return nil
	}
	at := relay.Millis(now.UnixMilli())
	s.cfg.Boards.Read(func(_ uint64, b *relay.State) {
		for _, round := range b.Sources() {
			if b.Private(string(round.ID)) && !s.sees(r, round) {
				continue
			}
			tournament := ""
			if t, ok := b.Tournament(round.Tournament); ok {
				tournament = t.Name
			}
			for _, st := range s.cfg.Pull.Sources(round.ID) {
				c := clusterSource{
					Round: round.ID, Name: round.Name, Tournament: tournament, URL: st.URL, State: st.State, LastPollMs: -1,
					NextPollMs: int64(max(0, st.NextPoll-at)), LastError: st.LastError, Problems: len(st.Problems),
				}
				if round.Delay > 0 && !s.sees(r, round) { // see withoutSources
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
		if len(round.Sources) > 0 && s.hidesSources(r, round) {
			shown := *round
			shown.Sources = nil
			rounds[i] = &shown
		}
	}
	return rounds
}

// hidesSources reports whether the client may not know the round's sources.
func (s *Server) hidesSources(r *http.Request, round *relay.Round) bool {
	return round.Delay > 0 && !s.sees(r, round)
}

// withoutSourceUpdates returns the audit trail of a round without what [Server.withoutSources]
// hides. A line about nothing else is left out.
func (s *Server) withoutSourceUpdates(r *http.Request, round *relay.Round) []relay.Update {
	if !s.hidesSources(r, round) {
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
		if out.Sources = s.cfg.Pull.Sources(r.ID); len(out.Sources) > 0 {
			out.Status = &out.Sources[0].Status
		}
	}
	return out
}
