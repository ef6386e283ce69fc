package relay

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// TournamentSettings is how a tournament is shown, how its games count, and how its sources are
// read. The zero value is the usual one.
type TournamentSettings struct {
	// Unlisted: the tournament is in no list; a client that has its id can read it.
	Unlisted bool `json:"unlisted,omitempty"`
	// Private: only a client with a token that covers the tournament or a part of it sees that it
	// exists.
	Private bool `json:"private,omitempty"`
	// Replacements has a line for each player whom the sources name wrongly, such as "Wrong Name =
	// Right Name / 12345 / IM / 2410". Package mirror reads it.
	Replacements string `json:"replacements,omitempty"`
	// Teams has a line for each player, "Team; Name or FIDE id". Package mirror reads it.
	Teams string `json:"teams,omitempty"`
	// TieBreaks are FIDE's codes in their order, such as "DE,BHC1,BH"; empty: the usual ones. See
	// package standings.
	TieBreaks string `json:"tieBreaks,omitempty"`
	// Scoring is what a game's results are worth; nil: 1, ½ and 0.
	Scoring *Scoring `json:"scoring,omitempty"`
	// Grouping names the tournaments that are shown together: a name, and a line for each id.
	Grouping string `json:"grouping,omitempty"`
}

// RoundSettings is how the games of a round are fetched, and how they count. The zero value is the
// usual one.
type RoundSettings struct {
	// Sources are where the games come from, the most trusted first; none: only from what is
	// submitted.
	Sources []Source `json:"sources,omitempty"`
	// StartsAfterPrevious: the round starts when the round before it is finished.
	StartsAfterPrevious bool `json:"startsAfterPrevious,omitempty"`
	// Unrated: the games count for no rating.
	Unrated bool `json:"unrated,omitempty"`
	// Scoring is what a game's results are worth in this round; nil: as in the tournament.
	Scoring *Scoring `json:"scoring,omitempty"`
	// TeamScoring is what a match is worth, in Scoring.White; nil: 2, 1 and 0.
	TeamScoring *Scoring `json:"teamScoring,omitempty"`
	// Evaluations is whether spectators are shown what an engine thinks of the games, if a node has
	// one.
	Evaluations Evaluations `json:"evaluations,omitzero"`
}

// Evaluations is a switch that is on by default.
type Evaluations struct{ Off bool }

// String formats the switch for an audit trail.
func (e Evaluations) String() string { return strconv.FormatBool(!e.Off) }

// MarshalJSON writes true or false.
func (e Evaluations) MarshalJSON() ([]byte, error) { return json.Marshal(!e.Off) }

// UnmarshalJSON reads what MarshalJSON writes.
func (e *Evaluations) UnmarshalJSON(data []byte) error {
	var on bool
	err := json.Unmarshal(data, &on)
	e.Off = !on
	return err
}

// evaluationsFrom returns the switch that a command or a record tells; nil if it tells none.
func evaluationsFrom(on *bool) *Evaluations {
	if on == nil {
		return nil
	}
	return &Evaluations{Off: !*on}
}

// Scoring is what the results of a game are worth, by colour.
type Scoring struct {
	White Points `json:"white"`
	Black Points `json:"black"`
}

// Points is what a win, a draw and a loss are worth, in hundredths of a point. In JSON they are
// points, such as 0.5.
type Points struct {
	Win, Draw, Loss int
}

// UsualScoring is what a game is worth by default: 1, ½ and 0.
var UsualScoring = Scoring{White: Points{100, 50, 0}, Black: Points{100, 50, 0}}

// UsualTeamScoring is what a match is worth by default: 2, 1 and 0.
var UsualTeamScoring = Scoring{White: Points{200, 100, 0}, Black: Points{200, 100, 0}}

type pointsJSON struct {
	Win  float64 `json:"win"`
	Draw float64 `json:"draw"`
	Loss float64 `json:"loss"`
}

// MarshalJSON writes points, such as {"win":1,"draw":0.5,"loss":0}.
func (p Points) MarshalJSON() ([]byte, error) {
	return json.Marshal(pointsJSON{float64(p.Win) / 100, float64(p.Draw) / 100, float64(p.Loss) / 100})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Points) UnmarshalJSON(data []byte) error {
	var in pointsJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	for _, f := range []struct {
		from float64
		to   *int
	}{{in.Win, &p.Win}, {in.Draw, &p.Draw}, {in.Loss, &p.Loss}} {
		if !(f.from >= -maxPoints/100 && f.from <= maxPoints/100) {
			return fmt.Errorf("points must be from %d to %d, not %v", -maxPoints/100, maxPoints/100, f.from)
		}
		*f.to = int(f.from*100 + 0.5)
	}
	return nil
}

// maxPoints is the most that one result is worth, in hundredths.
const maxPoints = 100_00

func checkScoring(field string, s *relaypb.Scoring) error {
	if s == nil {
		return nil
	}
	for _, n := range []*int32{s.WhiteWin, s.WhiteDraw, s.WhiteLoss, s.BlackWin, s.BlackDraw, s.BlackLoss} {
		if n != nil && (*n < 0 || *n > maxPoints) {
			return bad(field, "must be from 0 to %d points, not %d hundredths", maxPoints/100, *n)
		}
	}
	return nil
}

// scoringFrom returns nil for a scoring that says nothing. The usual one then counts; it also fills
// in what is absent.
func scoringFrom(r *relaypb.Scoring, usual Scoring) *Scoring {
	if r == nil || r.WhiteWin == nil && r.WhiteDraw == nil && r.WhiteLoss == nil && r.BlackWin == nil && r.BlackDraw == nil && r.BlackLoss == nil {
		return nil
	}
	s := usual
	for _, f := range []struct {
		from *int32
		to   *int
	}{
		{r.WhiteWin, &s.White.Win}, {r.WhiteDraw, &s.White.Draw}, {r.WhiteLoss, &s.White.Loss},
		{r.BlackWin, &s.Black.Win}, {r.BlackDraw, &s.Black.Draw}, {r.BlackLoss, &s.Black.Loss},
	} {
		if f.from != nil {
			*f.to = int(*f.from)
		}
	}
	return &s
}

func scoringRecord(s *Scoring) *relaypb.Scoring {
	if s == nil {
		return nil
	}
	return &relaypb.Scoring{
		WhiteWin: new(int32(s.White.Win)), WhiteDraw: new(int32(s.White.Draw)), WhiteLoss: new(int32(s.White.Loss)),
		BlackWin: new(int32(s.Black.Win)), BlackDraw: new(int32(s.Black.Draw)), BlackLoss: new(int32(s.Black.Loss)),
	}
}

// String formats the scoring for an audit trail; empty for nil.
func (s *Scoring) String() string {
	if s == nil {
		return ""
	}
	points := func(p Points) string {
		return fmt.Sprintf("%g/%g/%g", float64(p.Win)/100, float64(p.Draw)/100, float64(p.Loss)/100)
	}
	if s.White == s.Black {
		return points(s.White)
	}
	return "White " + points(s.White) + ", Black " + points(s.Black)
}

// scoring sets a scoring to its new value, if there is one.
func (d *diff) scoring(name string, field **Scoring, to *relaypb.Scoring, usual Scoring) {
	if to == nil {
		return
	}
	next := scoringFrom(to, usual)
	if was, now := (*field).String(), next.String(); was != now {
		d.note(name, was, now)
		*field = next
	}
}

// tournament changes the settings that an update names.
func (d *diff) tournament(t *TournamentSettings, op *relaypb.TournamentSettings) error {
	if op == nil {
		return nil
	}
	set(d, "unlisted", &t.Unlisted, op.Unlisted)
	set(d, "private", &t.Private, op.Private)
	set(d, "replacements", &t.Replacements, op.Replacements)
	set(d, "teams", &t.Teams, op.Teams)
	set(d, "tieBreaks", &t.TieBreaks, op.TieBreaks)
	set(d, "grouping", &t.Grouping, op.Grouping)
	d.scoring("scoring", &t.Scoring, op.Scoring, UsualScoring)
	return firstError(
		checkText("replacements", t.Replacements, MaxReplacements, true),
		checkText("teams", t.Teams, MaxReplacements, true),
		checkText("tieBreaks", t.TieBreaks, MaxShortText, false),
		checkText("grouping", t.Grouping, MaxDescription, true),
		checkScoring("scoring", op.Scoring),
	)
}

// round changes the settings that an update names. r is the present round; nil if it is being
// created.
func (d *diff) round(s *State, r *Round, next *RoundSettings, op *relaypb.RoundSettings) error {
	if op == nil {
		return nil
	}
	set(d, "startsAfterPrevious", &next.StartsAfterPrevious, op.StartsAfterPrevious)
	set(d, "unrated", &next.Unrated, op.Unrated)
	set(d, "evaluations", &next.Evaluations, evaluationsFrom(op.Evaluations))
	d.scoring("scoring", &next.Scoring, op.Scoring, UsualScoring)
	d.scoring("teamScoring", &next.TeamScoring, op.TeamScoring, UsualTeamScoring)
	if op.Sources != nil {
		sources := mapped(op.Sources.List, sourceFrom)
		if err := s.checkSources(r, sources); err != nil {
			return err
		}
		if was, now := sourcesText(next.Sources), sourcesText(sources); was != now {
			d.note(SourcesField, was, now)
			next.Sources = sources
		}
	}
	return firstError(checkScoring("scoring", op.Scoring), checkScoring("teamScoring", op.TeamScoring))
}

// SourcesField is the field of an [Update] that tells where a round's games come from.
const SourcesField = "sources"

func sourcesText(sources []Source) string {
	return strings.Join(mapped(sources, Source.String), "; ")
}

// record returns nil for the zero value.
func (t *TournamentSettings) record() *relaypb.TournamentSettings {
	if *t == (TournamentSettings{}) {
		return nil
	}
	r := &relaypb.TournamentSettings{
		Replacements: optionalText(t.Replacements), Teams: optionalText(t.Teams), TieBreaks: optionalText(t.TieBreaks),
		Scoring: scoringRecord(t.Scoring), Grouping: optionalText(t.Grouping),
	}
	if t.Unlisted {
		r.Unlisted = new(true)
	}
	if t.Private {
		r.Private = new(true)
	}
	return r
}

func tournamentSettingsFrom(r *relaypb.TournamentSettings) TournamentSettings {
	return TournamentSettings{
		Unlisted: r.GetUnlisted(), Private: r.GetPrivate(), Replacements: r.GetReplacements(), Teams: r.GetTeams(), TieBreaks: r.GetTieBreaks(),
		Scoring: scoringFrom(r.GetScoring(), UsualScoring), Grouping: r.GetGrouping(),
	}
}

// record returns nil for the zero value.
func (r *RoundSettings) record() *relaypb.RoundSettings {
	if len(r.Sources) == 0 && !r.StartsAfterPrevious && !r.Unrated && r.Scoring == nil && r.TeamScoring == nil && !r.Evaluations.Off {
		return nil
	}
	out := &relaypb.RoundSettings{Scoring: scoringRecord(r.Scoring), TeamScoring: scoringRecord(r.TeamScoring)}
	if len(r.Sources) > 0 {
		out.Sources = &relaypb.Sources{List: mapped(r.Sources, sourceRecord)}
	}
	if r.StartsAfterPrevious {
		out.StartsAfterPrevious = new(true)
	}
	if r.Unrated {
		out.Unrated = new(true)
	}
	if r.Evaluations.Off {
		out.Evaluations = new(false)
	}
	return out
}

func roundSettingsFrom(r *relaypb.RoundSettings) RoundSettings {
	out := RoundSettings{
		Sources: mapped(r.GetSources().GetList(), sourceFrom), StartsAfterPrevious: r.GetStartsAfterPrevious(), Unrated: r.GetUnrated(),
		Scoring: scoringFrom(r.GetScoring(), UsualScoring), TeamScoring: scoringFrom(r.GetTeamScoring(), UsualTeamScoring),
	}
	if r != nil && r.Evaluations != nil {
		out.Evaluations.Off = !*r.Evaluations
	}
	return out
}
