package relay

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// Source is where the games of a round come from, if a server elsewhere shows them: the leader polls it.
// Immutable once published by [State].
type Source struct {
	Kind SourceKind `json:"kind"`
	// URL is its address, which everybody may read.
	URL string `json:"url"`
	// Round is the number of the round there; 0: the place of this one in its tournament. Of SourceLCC only.
	Round int `json:"round,omitempty"`
	// IntervalSeconds is the pause between two polls; 0: 5.
	IntervalSeconds int `json:"intervalSeconds,omitempty"`
}

// SourceKind is what a [Source] sends.
type SourceKind string

// The kinds of sources.
const (
	SourcePGN SourceKind = "pgn" // all games in one text
	SourceLCC SourceKind = "lcc" // the documents of a DGT LiveChess Cloud, see package lcc
)

const defaultInterval = 5 * time.Second

// Interval is the pause between two polls.
func (s *Source) Interval() time.Duration {
	if s.IntervalSeconds == 0 {
		return defaultInterval
	}
	return time.Duration(s.IntervalSeconds) * time.Second
}

// String is the source as an audit trail shows it; empty for nil.
func (s *Source) String() string {
	if s == nil {
		return ""
	}
	text := string(s.Kind) + " " + s.URL
	if s.Round > 0 {
		text += fmt.Sprintf(" round %d", s.Round)
	}
	return fmt.Sprintf("%s every %s", text, s.Interval())
}

// Sources returns the rounds that have a source, oldest first.
func (s *State) Sources() []*Round {
	out := make([]*Round, 0, len(s.sources))
	for id := range s.sources {
		out = append(out, s.rounds[id])
	}
	slices.SortFunc(out, func(a, b *Round) int { return cmp.Compare(a.Index, b.Index) })
	return out
}

// noteSource is called with every version of a round that may have another source.
func (s *State) noteSource(r *Round) {
	if r.Source == nil {
		delete(s.sources, r.ID)
		return
	}
	s.sources[r.ID] = true
}

// checkSource checks a source that a round is to get, if it is to get one. r is the round as it is, nil if
// it is new. What has the form of an address is for the one who polls to say.
func (s *State) checkSource(r *Round, op *relaypb.Source) error {
	to := sourceFrom(op)
	if to == nil {
		return nil
	}
	if to.Kind != SourcePGN && to.Kind != SourceLCC {
		return bad("source.kind", `must be "pgn" or "lcc", and is %q`, clip(string(to.Kind), 32))
	}
	if to.URL == "" {
		return bad("source.url", "is required")
	}
	if (r == nil || r.Source == nil) && len(s.sources) >= MaxSources {
		return refuse(ErrLimit, "%d rounds have a source already, and no more may; take that of a round that is over away", len(s.sources))
	}
	return firstError(
		checkText("source.url", to.URL, MaxSourceURL, false),
		checkRange("source.round", int64(to.Round), 0, MaxRounds),
		checkRange("source.intervalSeconds", int64(to.IntervalSeconds), 0, MaxInterval),
	)
}

// source gives the round another source, or none.
func (d *diff) source(r *Round, op *relaypb.Source) {
	if op == nil {
		return
	}
	was, now := r.Source, sourceFrom(op)
	if was == now || was != nil && now != nil && *was == *now {
		return
	}
	d.note("source", was.String(), now.String())
	r.Source = now
}

func sourceRecord(s *Source) *relaypb.Source {
	if s == nil {
		return nil
	}
	return &relaypb.Source{Kind: string(s.Kind), Url: s.URL, Round: int32(s.Round), IntervalSeconds: int32(s.IntervalSeconds)}
}

// sourceFrom is nil for a source that is empty.
func sourceFrom(r *relaypb.Source) *Source {
	if r.GetKind() == "" && r.GetUrl() == "" {
		return nil
	}
	return &Source{SourceKind(r.Kind), r.Url, int(r.Round), int(r.IntervalSeconds)}
}
