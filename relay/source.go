package relay

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// Source is where games of a round come from: a server elsewhere that the leader polls.
type Source struct {
	// ID names the source in its round; a board that follows it has the ID as its Source. The node
	// that receives the update fills in an empty ID.
	ID   string     `json:"id,omitempty"`
	Kind SourceKind `json:"kind"`
	// URL is its address, which everybody may read.
	URL string `json:"url"`
	// Round is the number of the round at the source; 0: the place of this round in its tournament.
	// Of SourceLCC only.
	Round int `json:"round,omitempty"`
	// IntervalSeconds is the pause between two polls; 0: 5.
	IntervalSeconds int `json:"intervalSeconds,omitempty"`
	// OnlyRound: games with another Round tag, or without one, are left out; 0: all are taken.
	OnlyRound int `json:"onlyRound,omitempty"`
	// Slices are the games that are taken, by their place from 1, such as "1-4,7"; empty: all.
	Slices string `json:"slices,omitempty"`
	// BoardOffset is added to the numbers of its boards.
	BoardOffset int `json:"boardOffset,omitempty"`
	// SilentSeconds is how long a source may be without news until a board changes to the next
	// source; 0: 60.
	SilentSeconds int `json:"silentSeconds,omitempty"`
}

// SourceKind is what a [Source] sends.
type SourceKind string

// The kinds of sources.
const (
	SourcePGN    SourceKind = "pgn"    // all games in one text
	SourceLCC    SourceKind = "lcc"    // the documents of a DGT LiveChess Cloud, see package lcc
	SourceFolder SourceKind = "folder" // the folder that LiveChess writes: index.json, game-N.json
)

// ManualSource is the source of a board that follows no source: a person plays it.
const ManualSource = "manual"

const (
	defaultInterval = 5 * time.Second
	defaultSilence  = time.Minute
)

// Interval is the pause between two polls.
func (s Source) Interval() time.Duration {
	if s.IntervalSeconds == 0 {
		return defaultInterval
	}
	return time.Duration(s.IntervalSeconds) * time.Second
}

// Silence is how long the source may be without news until a board changes to the next one.
func (s Source) Silence() time.Duration {
	if s.SilentSeconds == 0 {
		return defaultSilence
	}
	return time.Duration(s.SilentSeconds) * time.Second
}

// String formats the source for an audit trail.
func (s Source) String() string {
	text := string(s.Kind) + " " + s.URL
	for _, f := range []struct {
		name  string
		value int
	}{{"round", s.Round}, {"onlyRound", s.OnlyRound}, {"boardOffset", s.BoardOffset}, {"silentSeconds", s.SilentSeconds}} {
		if f.value != 0 {
			text += fmt.Sprintf(" %s %d", f.name, f.value)
		}
	}
	if s.Slices != "" {
		text += " slices " + s.Slices
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

// indexSources must be called with every version of a round whose sources may have changed.
func (s *State) indexSources(r *Round) {
	if len(r.Sources) == 0 || s.deletedRound(r) != nil {
		delete(s.sources, r.ID)
		return
	}
	s.sources[r.ID] = true
}

// checkSources checks the new sources of a round. r is the present round; nil if it is being
// created. The program that polls checks the addresses.
func (s *State) checkSources(r *Round, to []Source) error {
	if len(to) == 0 {
		return nil
	}
	if len(to) > MaxRoundSources {
		return refuse(ErrLimit, "a round has at most %d sources", MaxRoundSources)
	}
	if (r == nil || len(r.Sources) == 0) && len(s.sources) >= MaxSources {
		return refuse(ErrLimit, "%d rounds have a source, which is the limit; remove the source of a round that is over", len(s.sources))
	}
	ids := make(map[string]bool, len(to))
	for i := range to {
		if err := to[i].check(); err != nil {
			return err
		}
		if ids[to[i].ID] {
			return bad("source.id", "is used twice: %q", to[i].ID)
		}
		ids[to[i].ID] = true
	}
	return nil
}

func (s *Source) check() error {
	if s.Kind != SourcePGN && s.Kind != SourceLCC && s.Kind != SourceFolder {
		return bad("source.kind", `must be "pgn", "lcc" or "folder", not %q`, clip(string(s.Kind), 32))
	}
	if s.URL == "" {
		return bad("source.url", "is required")
	}
	if s.ID == ManualSource {
		return bad("source.id", "must not be %q, which is that of a board without a source", ManualSource)
	}
	if _, err := ParseSlices(s.Slices); err != nil {
		return err
	}
	return firstError(
		checkText("source.url", s.URL, MaxSourceURL, false),
		checkText("source.id", s.ID, MaxTagName, false),
		checkRange("source.round", int64(s.Round), 0, MaxRounds),
		checkRange("source.intervalSeconds", int64(s.IntervalSeconds), 0, MaxInterval),
		checkRange("source.onlyRound", int64(s.OnlyRound), 0, MaxRounds),
		checkRange("source.boardOffset", int64(s.BoardOffset), 0, MaxBoard),
		checkRange("source.silentSeconds", int64(s.SilentSeconds), 0, MaxInterval),
	)
}

// Slice is a range of places, both ends included, counted from 1.
type Slice struct{ First, Last int }

// ParseSlices reads [Source].Slices: places and ranges of places, such as "1-4,7". Empty: all
// places.
func ParseSlices(text string) ([]Slice, error) {
	var out []Slice
	if len(text) > MaxSlices {
		return nil, bad("source.slices", "must have at most %d bytes, not %d", MaxSlices, len(text))
	}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		low, high, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(low)
		last := first
		if err == nil && isRange {
			last, err = strconv.Atoi(high)
		}
		if err != nil || first < 1 || last < first || last > 1<<20 {
			return nil, bad("source.slices", `must be places and ranges such as "1-4,7", not %q`, clip(part, 32))
		}
		out = append(out, Slice{first, last})
	}
	return out, nil
}

func sourceRecord(s Source) *relaypb.Source {
	return &relaypb.Source{
		Id: s.ID, Kind: string(s.Kind), Url: s.URL, Round: int32(s.Round), IntervalSeconds: int32(s.IntervalSeconds),
		OnlyRound: int32(s.OnlyRound), Slices: s.Slices, BoardOffset: int32(s.BoardOffset), SilentSeconds: int32(s.SilentSeconds),
	}
}

func sourceFrom(r *relaypb.Source) Source {
	return Source{
		ID: r.GetId(), Kind: SourceKind(r.GetKind()), URL: r.GetUrl(), Round: int(r.GetRound()), IntervalSeconds: int(r.GetIntervalSeconds()),
		OnlyRound: int(r.GetOnlyRound()), Slices: r.GetSlices(), BoardOffset: int(r.GetBoardOffset()), SilentSeconds: int(r.GetSilentSeconds()),
	}
}
