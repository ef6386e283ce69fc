package base

import (
	"bytes"
	"encoding/json"
	"math"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// TournamentSettingsIn is how a tournament is shown and scored. Fields that are left out stay.
type TournamentSettingsIn struct {
	Unlisted     *bool      `json:"unlisted"`
	Private      *bool      `json:"private"`
	Replacements *string    `json:"replacements"`
	Teams        *string    `json:"teams"`
	TieBreaks    *tieBreaks `json:"tieBreaks"`
	Scoring      scoringIn  `json:"scoring"`
	Grouping     *string    `json:"grouping"`
}

// Command returns nil if the client says nothing.
func (in TournamentSettingsIn) Command() *relaypb.TournamentSettings {
	out := &relaypb.TournamentSettings{
		Unlisted: in.Unlisted, Private: in.Private, Replacements: in.Replacements, Teams: in.Teams, TieBreaks: (*string)(in.TieBreaks),
		Scoring: in.Scoring.command(), Grouping: in.Grouping,
	}
	if out.Unlisted == nil && out.Private == nil && out.Replacements == nil && out.Teams == nil && out.TieBreaks == nil && out.Scoring == nil && out.Grouping == nil {
		return nil
	}
	return out
}

// scoringIn is what results are worth: absent, null (the usual points), or points such as
// {"win":3,"draw":1}, for both colours or for each: {"white":{"win":1},"black":{"win":1.5}}.
type scoringIn struct {
	asked   bool
	scoring struct {
		pointsIn
		White *pointsIn `json:"white"`
		Black *pointsIn `json:"black"`
	}
}

type pointsIn struct {
	Win  *float64 `json:"win"`
	Draw *float64 `json:"draw"`
	Loss *float64 `json:"loss"`
}

// UnmarshalJSON is called for null too.
func (s *scoringIn) UnmarshalJSON(data []byte) error {
	s.asked = true
	if string(data) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(&s.scoring)
}

// command returns nil if the client says nothing.
func (s scoringIn) command() *relaypb.Scoring {
	if !s.asked {
		return nil
	}
	white, black := s.scoring.pointsIn, s.scoring.pointsIn
	if s.scoring.White != nil {
		white = *s.scoring.White
	}
	if s.scoring.Black != nil {
		black = *s.scoring.Black
	}
	return &relaypb.Scoring{
		WhiteWin: Hundredths(white.Win), WhiteDraw: Hundredths(white.Draw), WhiteLoss: Hundredths(white.Loss),
		BlackWin: Hundredths(black.Win), BlackDraw: Hundredths(black.Draw), BlackLoss: Hundredths(black.Loss),
	}
}

// Hundredths returns the points in hundredths. It does not wrap a number that does not fit; the
// boards refuse it.
func Hundredths(points *float64) *int32 {
	if points == nil {
		return nil
	}
	return new(int32(max(min(math.Round(*points*100), 1<<30), -1)))
}

// FirstSource returns the first of a round's sources, for the field "source"; nil if there is none.
func FirstSource(r *relay.Round) *relay.Source {
	if len(r.Sources) == 0 {
		return nil
	}
	return &r.Sources[0]
}

// InfoIn is further information about a tournament. Fields that are left out stay.
type InfoIn struct {
	Format      *string `json:"format"`
	TimeControl *string `json:"timeControl"`
	TimeZone    *string `json:"timeZone"`
	Players     *string `json:"players"`
	Website     *string `json:"website"`
}

// Command returns nil if the client says nothing.
func (in InfoIn) Command() *relaypb.TournamentInfo {
	if in == (InfoIn{}) {
		return nil
	}
	return &relaypb.TournamentInfo{
		Format: in.Format, TimeControl: in.TimeControl, TimeZone: in.TimeZone, Players: in.Players, Website: in.Website,
	}
}
