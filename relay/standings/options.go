package standings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// Options are a tournament's regulations for its tables. The zero value is what most tournaments
// use.
type Options struct {
	// TieBreaks are applied in this order; empty: [DefaultTieBreaks]. See [ParseTieBreaks].
	TieBreaks []Code
	// Scoring is what a game gives its players; nil: 1, ½ and 0. A round may have its own.
	Scoring *relay.Scoring
	// RoundRobin says that the pairings were fixed beforehand. Then a forfeit is a game like others
	// for the tie-breaks (C.07, 15.2), and a free round is none.
	RoundRobin bool
}

// OptionsOf returns the options in the tournament's settings. Unreadable tie-breaks, which the API
// refuses, count as not chosen. The pairings are fixed if the format says so, such as "10-player
// double round-robin".
func OptionsOf(t *relay.Tournament) Options {
	codes, _ := ParseTieBreaks(t.TieBreaks)
	return Options{TieBreaks: codes, Scoring: t.Scoring, RoundRobin: isRoundRobin(t.Format)}
}

// isRoundRobin looks for the words for it in several languages.
func isRoundRobin(format string) bool {
	format = strings.NewReplacer("-", " ", "_", " ").Replace(strings.ToLower(format))
	for _, words := range []string{"round robin", "roundrobin", "all play all", "berger", "rundenturnier", "todos contra todos", "girone all'italiana", "toutes rondes"} {
		if strings.Contains(format, words) {
			return true
		}
	}
	return false
}

// DefaultTieBreaks are the players' tie-breaks, if the tournament does not choose its own.
var DefaultTieBreaks = []Code{DE, BHC1, BH, SB, WIN, ARO}

// defaultTeamTieBreaks are the teams'. The first is the score by which the table is ranked.
var defaultTeamTieBreaks = []Code{MP, GP, EMGSB, EMMSB}

// The limits of a list of tie-breaks.
const (
	MaxTieBreaks     = 12
	maxTieBreaksText = 200 // bytes
)

// ParseTieBreaks reads a list of codes such as "DE, BHC1, BH". Case does not matter. A modifier may
// follow a dash or a slash, as in "BH-C1" and "BH/C1". An empty text is an empty list, which stands
// for [DefaultTieBreaks]. Only the direct encounter may occur more than once.
func ParseTieBreaks(text string) ([]Code, error) {
	if len(text) > maxTieBreaksText {
		return nil, fmt.Errorf("the list of tie-breaks must have at most %d characters", maxTieBreaksText)
	}
	var out []Code
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) }) {
		code := Code(strings.ToUpper(strings.NewReplacer("-", "", "/", "").Replace(word)))
		if _, known := rules[code]; !known {
			return nil, fmt.Errorf("there is no tie-break %q; the codes are %s", word, allCodes())
		}
		if code != DE && slices.Contains(out, code) {
			return nil, fmt.Errorf("the tie-break %s is listed twice", code)
		}
		out = append(out, code)
	}
	if len(out) > MaxTieBreaks {
		return nil, fmt.Errorf("there are %d tie-breaks, and at most %d are allowed", len(out), MaxTieBreaks)
	}
	return out, nil
}

// FormatTieBreaks writes a list as [ParseTieBreaks] reads it.
func FormatTieBreaks(codes []Code) string {
	words := make([]string, len(codes))
	for i, c := range codes {
		words[i] = string(c)
	}
	return strings.Join(words, ",")
}

func allCodes() string { return strings.ReplaceAll(FormatTieBreaks(Codes()), ",", ", ") }

// players are the tie-breaks of the players' table: those of the list that are not for teams alone.
func (o *Options) players() []Code {
	out := o.filter(func(b *tieBreakRule) bool { return b.player != nil || b.code == DE })
	if len(out) == 0 {
		return DefaultTieBreaks
	}
	return out
}

// teams are the tie-breaks of the teams' table, after the score by which it is ranked. A list
// without codes for teams alone is meant for the players, so teams keep the default ones.
func (o *Options) teams() []Code {
	forTeams := func(c Code) bool { return rules[c].player == nil && c != DE }
	if !slices.ContainsFunc(o.TieBreaks, forTeams) {
		return defaultTeamTieBreaks
	}
	out := o.filter(func(b *tieBreakRule) bool { return b.team != nil || b.code == DE })
	primary := slices.IndexFunc(out, func(c Code) bool { return c == MP || c == GP })
	if primary < 0 {
		return append([]Code{MP}, out...)
	}
	first := out[primary]
	return append([]Code{first}, slices.Delete(out, primary, primary+1)...)
}

func (o *Options) filter(keep func(*tieBreakRule) bool) []Code {
	var out []Code
	for _, c := range o.TieBreaks {
		if b, known := rules[c]; known && keep(b) {
			out = append(out, c)
		}
	}
	return out
}

// scoring is what games of the round give.
func (o *Options) scoring(r *Round) relay.Scoring {
	switch {
	case r.Scoring != nil:
		return *r.Scoring
	case o.Scoring != nil:
		return *o.Scoring
	}
	return relay.UsualScoring
}

// match is what matches of the round give.
func match(r *Round) relay.Points {
	if r.TeamScoring != nil {
		return r.TeamScoring.White
	}
	return relay.UsualTeamScoring.White
}
