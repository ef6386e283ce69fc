package base

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"

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

// RoundSettingsIn is how a round is fetched and scored. Fields that are left out stay.
type RoundSettingsIn struct {
	Source              sourceIn        `json:"source"`  // the only one; null: none
	Sources             *[]relay.Source `json:"sources"` // all of them, the most trusted first
	StartsAfterPrevious *bool           `json:"startsAfterPrevious"`
	Unrated             *bool           `json:"unrated"`
	Evaluations         *bool           `json:"evaluations"` // false: spectators are shown none
	Scoring             scoringIn       `json:"scoring"`
	TeamScoring         scoringIn       `json:"teamScoring"`
}

// Command returns nil if the client says nothing.
func (in RoundSettingsIn) Command() (*relaypb.RoundSettings, error) {
	out := &relaypb.RoundSettings{
		StartsAfterPrevious: in.StartsAfterPrevious, Unrated: in.Unrated, Scoring: in.Scoring.command(), TeamScoring: in.TeamScoring.command(),
		Evaluations: in.Evaluations,
	}
	switch {
	case in.Source.asked && in.Sources != nil:
		return nil, BadRequest(`either "source" or "sources", not both`)
	case in.Source.asked && in.Source.source != nil:
		in.Sources = &[]relay.Source{*in.Source.source}
	case in.Source.asked:
		in.Sources = new([]relay.Source)
	}
	if in.Sources != nil {
		var err error
		if out.Sources, err = SourcesCommand(*in.Sources); err != nil {
			return nil, err
		}
	}
	if out.Sources == nil && out.StartsAfterPrevious == nil && out.Unrated == nil && out.Scoring == nil && out.TeamScoring == nil && out.Evaluations == nil {
		return nil, nil
	}
	return out, nil
}

// SourcesCommand checks the URLs, and gives an id to each source that has none.
func SourcesCommand(sources []relay.Source) (*relaypb.Sources, error) {
	if len(sources) > relay.MaxRoundSources {
		return nil, BadRequest("a round has at most %d sources, not %d", relay.MaxRoundSources, len(sources))
	}
	ids := map[string]bool{}
	for _, s := range sources {
		ids[s.ID] = true
	}
	out := &relaypb.Sources{}
	for _, s := range sources {
		if err := pull.Check(&s); err != nil {
			return nil, &Error{Status: 400, Code: "bad_request", Message: "source.url: " + err.Error(), More: map[string]any{"field": "source.url"}}
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

// HidesSources reports whether the client may not know the round's sources.
func (s *Server) HidesSources(r *http.Request, round *relay.Round) bool {
	return round.Delay > 0 && !s.Sees(r, round)
}
