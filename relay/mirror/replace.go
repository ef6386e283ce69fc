package mirror

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// Limits of the texts of [ParseReplacements]. A whole text has at most [relay.MaxReplacements]
// bytes.
const (
	maxLines    = 2000 // without comments and empty lines
	maxLine     = 500  // bytes
	maxLineName = 6    // words of a name that any two of its words can find
	minFideID   = 5    // digits
	maxRating   = 4    // digits
	minRating   = 3
)

// Replacements says how a tournament shows the players of its sources. It holds two parsed texts of
// the tournament's settings. It is immutable; nil replaces nothing.
//
// # Lines of replacements
//
// A line names a player as the source does, and then the replacement:
//
//	Wrong Name = Right Name / 12345 / IM / 2410
//	1503014 = Carlsen, Magnus / GM / 2830
//
// The part before the first "=" is the source's name or FIDE id of the player. The parts after it
// are separated by slashes, in any order. 5 to 12 digits are a FIDE id, 3 or 4 are a rating. A
// title of FIDE or of a federation is the title, and anything else is the name. A part that is
// empty, "-" or "0" keeps the source's value.
//
// Lichess's present and former forms mean the same. They may have no "=": then the first part is
// the player. A semicolon may separate the parts:
//
//	Magnus Carlsen / 1503014
//	YouGotLittUp / / / 1890 / Louis Litt
//	Magnus Carlsen = 1503014 / GM
//	YouGotLittUp; Louis Litt; 1890
//
// # Lines of teams
//
// A line puts a player into a team, by FIDE id or name:
//
//	Team Cats; 3408230
//	Team Dogs; Scooby Doo
//
// The name may be the source's or the replacement's.
//
// # Which player a line is about
//
// The FIDE id decides if a line has it. Otherwise the name does, in any form ([relay.NameKey]).
// Otherwise a name of at least three words also matches some of these words, but at least two, as
// on lichess. Such a match counts only if no other line has those words, and if no other player of
// the same games has the whole name.
//
// Empty lines, and lines that begin with "#" or "//", are ignored.
type Replacements struct {
	players index[replacement]
	teams   index[string]
}

// replacement is what a line shows instead; an empty field keeps the source's value.
type replacement struct {
	name, title string
	rating      int
	fideID      int64
}

// LineError is returned for a line that cannot be read.
type LineError struct {
	Field  string // replacements or teams, as the API names the setting
	Line   int    // from 1
	Reason string
}

func (e *LineError) Error() string { return fmt.Sprintf("%s, line %d: %s", e.Field, e.Line, e.Reason) }

// ParseReplacements reads a tournament's replacements and its team list. The error is a
// [*LineError] for the first line that cannot be read. The result is usable even then: it has all
// other lines, since an error in one line must not undo the others on the boards.
func ParseReplacements(replacements, teams string) (*Replacements, error) {
	r := new(Replacements)
	err := eachLine("replacements", replacements, func(at int, line string) error {
		player, shown, err := parseReplacement(line)
		if err != nil {
			return err
		}
		return r.players.add(at, player, shown)
	})
	if teamsErr := eachLine("teams", teams, func(at int, line string) error {
		player, team, err := parseTeam(line)
		if err != nil {
			return err
		}
		return r.teams.add(at, player, team)
	}); err == nil {
		err = teamsErr
	}
	r.players.addShortNames()
	r.teams.addShortNames()
	return r, err
}

// eachLine calls parse for each line that is neither empty nor a comment, and returns the first
// error.
func eachLine(field, text string, parse func(number int, line string) error) (first error) {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\ufeff", "").Replace(text)
	number, meaningful := 0, 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "//") {
			continue
		}
		var err error
		meaningful++
		switch {
		case meaningful > maxLines:
			err = fmt.Errorf("is one too many: at most %d lines count", maxLines)
		case len(line) > maxLine:
			err = fmt.Errorf("must have at most %d bytes, not %d", maxLine, len(line))
		default:
			err = parse(number, line)
		}
		if err != nil && first == nil {
			first = &LineError{field, number, err.Error()}
		}
		if meaningful > maxLines {
			break
		}
	}
	return first
}

// parseReplacement reads a line of replacements.
func parseReplacement(line string) (player string, shown replacement, err error) {
	player, rest, found := strings.Cut(line, "=")
	sep := "/"
	switch {
	case !found && strings.Contains(line, "/"):
		player, rest, _ = strings.Cut(line, "/")
	case !found:
		player, rest, found = strings.Cut(line, ";")
		sep = ";"
		if !found {
			return "", shown, fmt.Errorf("%s names a player without a replacement: write %q",
				quote(line), "Wrong Name = Right Name / FIDE id / title / rating")
		}
	case strings.Contains(rest, "="):
		return "", shown, errors.New("has two equals signs")
	case !strings.Contains(rest, "/"):
		sep = ";"
	}
	for part := range strings.SplitSeq(rest, sep) {
		if err := shown.addPart(strings.TrimSpace(part)); err != nil {
			return "", shown, err
		}
	}
	if shown == (replacement{}) {
		return "", shown, fmt.Errorf("says nothing of %s: a name, a FIDE id, a title or a rating is needed", quote(strings.TrimSpace(player)))
	}
	return strings.TrimSpace(player), shown, nil
}

// addPart takes in one part of a line.
func (p *replacement) addPart(part string) error {
	part = strings.Join(strings.Fields(part), " ")
	title := strings.ToUpper(part)
	twice := func(what string, is, also any) error {
		return fmt.Errorf("has two %ss, %v and %v", what, is, also)
	}
	switch {
	case part == "", part == "-", part == "0":
	case titles[title]:
		if p.title != "" {
			return twice("title", p.title, title)
		}
		p.title = title
	case isDigits(part):
		n, err := strconv.ParseInt(part, 10, 64)
		switch {
		case err != nil || n > relay.MaxFideID || len(part) < minRating || n == 0:
			return fmt.Errorf("%s is neither a rating (%d or %d digits) nor a FIDE id (%d to 12)", quote(part), minRating, maxRating, minFideID)
		case len(part) >= minFideID && p.fideID != 0:
			return twice("FIDE id", p.fideID, part)
		case len(part) >= minFideID:
			p.fideID = n
		case n > relay.MaxRating:
			return fmt.Errorf("the rating %d is above %d", n, relay.MaxRating)
		case p.rating != 0:
			return twice("rating", p.rating, part)
		default:
			p.rating = int(n)
		}
	case cleanText(part, relay.MaxName) != part:
		return fmt.Errorf("the name %s has invisible characters, or more than %d bytes", quote(part), relay.MaxName)
	case relay.TeamKey(part) == "":
		return fmt.Errorf("%s is neither a name, a FIDE id, a title nor a rating", quote(part))
	case p.name != "":
		return twice("name", quote(p.name), quote(part))
	default:
		p.name = part
	}
	return nil
}

// titles are those of FIDE, over the board and online, and those of federations that broadcasts
// show.
var titles = map[string]bool{
	"GM": true, "IM": true, "FM": true, "CM": true, "NM": true,
	"WGM": true, "WIM": true, "WFM": true, "WCM": true, "WNM": true,
	"AGM": true, "AIM": true, "AFM": true, "ACM": true,
}

// parseTeam reads a line of a team list. The team is the part before the last semicolon.
func parseTeam(line string) (player, team string, err error) {
	i := strings.LastIndexByte(line, ';')
	if i < 0 {
		return "", "", fmt.Errorf("%s has no semicolon: write %q", quote(line), "Team; Name or FIDE id")
	}
	player, team = strings.TrimSpace(line[i+1:]), strings.Join(strings.Fields(line[:i]), " ")
	switch {
	case relay.TeamKey(team) == "":
		return "", "", fmt.Errorf("%s names no team", quote(line))
	case cleanText(team, relay.MaxName) != team:
		return "", "", fmt.Errorf("the team %s has invisible characters, or more than %d bytes", quote(team), relay.MaxName)
	}
	return player, team, nil
}

// Apply returns the games with their players replaced. It does not change its argument. Each game
// keeps the source's names, since these identify it: an edited line must not make another game of
// it.
func (r *Replacements) Apply(games []Game) []Game {
	if r == nil || len(r.players.lines) == 0 && len(r.teams.lines) == 0 {
		return games
	}
	out := append([]Game(nil), games...)
	players := make([]*relay.Player, 0, 2*len(out))
	for i := range out {
		g := &out[i]
		g.namesInSource = &[2]string{g.White.Name, g.Black.Name}
		players = append(players, &g.White, &g.Black)
	}
	teams := r.teams.find(players)
	for i, entry := range r.players.find(players) {
		if entry != nil {
			entry.value.apply(players[i])
		}
	}
	for i, entry := range r.teams.find(players) {
		if entry == nil {
			entry = teams[i]
		}
		if entry != nil {
			players[i].Team = entry.value
		}
	}
	return out
}

// sourceNames are the source's names of the players, whatever replaces them.
func (g *Game) sourceNames() (white, black string) {
	if g.namesInSource != nil {
		return g.namesInSource[0], g.namesInSource[1]
	}
	return g.White.Name, g.Black.Name
}

func (p *replacement) apply(to *relay.Player) {
	if p.name != "" {
		to.Name = p.name
	}
	if p.title != "" {
		to.Title = p.title
	}
	if p.rating != 0 {
		to.Rating = p.rating
	}
	if p.fideID != 0 {
		to.FideID = p.fideID
	}
}

// index finds the line that is about a player.
type index[T comparable] struct {
	lines []*entry[T]
	ids   map[int64]*entry[T]
	names map[string]*entry[T] // by relay.NameKey
	// shortNames are some words of longer names. A nil entry: several lines have them.
	shortNames map[string]*entry[T]
}

type entry[T comparable] struct {
	line    int
	nameKey string // empty for a line with a FIDE id
	value   T
}

// add adds a line for a player, given by name or FIDE id. The same line twice counts once.
func (x *index[T]) add(line int, player string, value T) error {
	e := &entry[T]{line: line, value: value}
	var existing *entry[T]
	if isDigits(player) {
		id, err := strconv.ParseInt(player, 10, 64)
		if err != nil || id > relay.MaxFideID || len(player) < minFideID || id == 0 {
			return fmt.Errorf("%s is not a FIDE id, which has %d to 12 digits", quote(player), minFideID)
		}
		if existing = x.ids[id]; existing == nil {
			x.ids = setKey(x.ids, id, e)
		}
	} else {
		if e.nameKey = relay.NameKey(player); e.nameKey == "" {
			return fmt.Errorf("%s does not name a player", quote(player))
		}
		if existing = x.names[e.nameKey]; existing == nil {
			x.names = setKey(x.names, e.nameKey, e)
		}
	}
	if existing != nil && existing.value != value {
		return fmt.Errorf("%s is on line %d already, with something else", quote(player), existing.line)
	}
	if existing == nil {
		x.lines = append(x.lines, e)
	}
	return nil
}

// addShortNames adds the shorter forms of the names, once all lines are known.
func (x *index[T]) addShortNames() {
	for _, e := range x.lines {
		words := strings.Fields(e.nameKey)
		if len(words) < 3 || len(words) > maxLineName {
			continue
		}
		for set := 1; set < 1<<len(words)-1; set++ {
			var some []string
			for i, w := range words {
				if set&(1<<i) != 0 {
					some = append(some, w)
				}
			}
			key := strings.Join(some, " ")
			if len(some) < 2 || x.names[key] != nil {
				continue
			}
			if other, there := x.shortNames[key]; there && other != e {
				x.shortNames[key] = nil
				continue
			}
			x.shortNames = setKey(x.shortNames, key, e)
		}
	}
}

// find returns the entry for each player, or nil.
func (x *index[T]) find(players []*relay.Player) []*entry[T] {
	out := make([]*entry[T], len(players))
	if len(x.lines) == 0 {
		return out
	}
	named := map[*entry[T]]bool{} // by the whole name
	keys := make([]string, len(players))
	for i, p := range players {
		if out[i] = x.ids[p.FideID]; out[i] != nil || len(x.names) == 0 {
			continue
		}
		keys[i] = relay.NameKey(p.Name)
		if out[i] = x.names[keys[i]]; out[i] != nil {
			named[out[i]] = true
		}
	}
	for i := range players {
		if line := x.shortNames[keys[i]]; out[i] == nil && line != nil && !named[line] {
			out[i] = line
		}
	}
	return out
}

// setKey sets a key of a map that may be nil.
func setKey[K comparable, V any](m map[K]V, key K, value V) map[K]V {
	if m == nil {
		m = make(map[K]V)
	}
	m[key] = value
	return m
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// quote is s for an error message, clipped.
func quote(s string) string {
	const enough = 60
	if len(s) > enough {
		s = strings.ToValidUTF8(s[:enough], "") + "…"
	}
	return strconv.Quote(s)
}
