package lichess

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/relay/standings"
	"github.com/chessrelay/chessrelay/web/base"
	"github.com/chessrelay/chessrelay/web/pull"
	"google.golang.org/protobuf/proto"
)

// This file reads what lichess's clients send about tournaments and rounds: a form, or the same as
// JSON. Unknown fields are ignored, since lichess has many more. A known field that cannot be done
// is refused. Otherwise the client would wait for what never happens.

// tourForm is what the client says about a tournament; nil fields were left out.
type tourForm struct {
	name, description, location *string
	info                        base.InfoIn
	settings                    *relaypb.TournamentSettings
}

func readTourForm(r *http.Request, create bool) (in tourForm, err error) {
	f, err := readForm(r)
	if err != nil {
		return in, err
	}
	if in.name, err = f.name(create); err != nil {
		return in, err
	}
	in.description, in.location = f.text("markdown"), f.text("info.location")
	in.info = base.InfoIn{
		Format: f.text("info.format"), TimeControl: f.text("info.tc"), TimeZone: f.text("info.timeZone"),
		Players: f.text("info.players"), Website: f.text("info.website"),
	}
	in.settings = &relaypb.TournamentSettings{Teams: f.text("teams")}
	for _, read := range []func(form, *relaypb.TournamentSettings) error{readVisibility, readReplacements, readTieBreaks, readGrouping} {
		if err := read(f, in.settings); err != nil {
			return in, err
		}
	}
	if proto.Size(in.settings) == 0 {
		in.settings = nil
	}
	return in, nil
}

func (f form) name(required bool) (*string, error) {
	name := f.text("name")
	if name == nil && !required {
		return nil, nil
	}
	if n := len([]rune(orZero(name))); n < 3 || n > 80 {
		return nil, base.BadRequest("name is required and must have from 3 to 80 characters, not %d", n)
	}
	return name, nil
}

func readVisibility(f form, to *relaypb.TournamentSettings) error {
	switch visibility := f.text("visibility"); orZero(visibility) {
	case "public", "unlisted", "private":
		to.Unlisted, to.Private = new(*visibility == "unlisted"), new(*visibility == "private")
	case "":
	default:
		return base.BadRequest("visibility must be public, unlisted or private, not %q", *visibility)
	}
	return nil
}

// readReplacements reads which players get other names. The field is lichess's "players";
// "replacements" is ours.
func readReplacements(f form, to *relaypb.TournamentSettings) error {
	text := f.text("replacements")
	if text == nil {
		text = f.text("players")
	}
	to.Replacements = text
	return base.TournamentSettingsIn{Replacements: to.Replacements, Teams: to.Teams}.Check()
}

// readTieBreaks reads lichess's codes: FIDE's, with a dash before what is cut, as in BH-C1.
func readTieBreaks(f form, to *relaypb.TournamentSettings) error {
	codes, asked := f.list("tiebreaks")
	if !asked {
		return nil
	}
	list, err := standings.ParseTieBreaks(strings.Join(codes, ","))
	if err != nil {
		return base.BadRequest("tiebreaks: %v", err)
	}
	to.TieBreaks = new(standings.FormatTieBreaks(list))
	return nil
}

var anID = regexp.MustCompile(`^[A-Za-z0-9]{8}$`)

// readGrouping reads a name, and a line for each tournament: its id, or an address that ends with
// it.
func readGrouping(f form, to *relaypb.TournamentSettings) error {
	name, tours := f.text("grouping.info.name"), f.text("grouping.info.tours")
	if name == nil && tours == nil {
		return nil
	}
	lines := []string{strings.TrimSpace(orZero(name))}
	for line := range strings.Lines(orZero(tours)) {
		id := strings.TrimRight(strings.TrimSpace(line), "/")
		if id = id[strings.LastIndexByte(id, '/')+1:]; id == "" {
			continue
		}
		if !anID.MatchString(id) {
			return base.BadRequest("grouping.info.tours must have a tournament's id in each line: %q is not one", id)
		}
		lines = append(lines, id)
	}
	if lines[0] == "" && len(lines) > 1 {
		return base.BadRequest("grouping.info.name is required: the common name of the tournaments")
	}
	to.Grouping = new(strings.TrimSpace(strings.Join(lines, "\n")))
	return nil
}

// roundForm is what the client says about a round; nil fields were left out.
type roundForm struct {
	name     *string
	startsAt *int64
	delay    *int32
	status   *string // new, started or finished
	sync     syncForm
	settings *relaypb.RoundSettings // without the sources
}

func readRoundForm(r *http.Request, create bool) (in roundForm, err error) {
	f, err := readForm(r)
	if err != nil {
		return in, err
	}
	if in.name, err = f.name(create); err != nil {
		return in, err
	}
	if in.startsAt, err = f.number("startsAt", 0, 1<<53); err != nil {
		return in, err
	}
	delay, err := f.number("delay", 0, relay.MaxDelay)
	if err != nil {
		return in, err
	}
	in.delay = whenSaid(delay, func(n int64) int32 { return int32(n) })
	switch status := f.text("status"); orZero(status) {
	case "new", "started", "finished":
		in.status = status
	case "":
	default:
		return in, base.BadRequest("status must be new, started or finished, not %q", *status)
	}
	if in.settings, err = readRoundSettings(f); err == nil {
		in.sync, err = readSync(f)
	}
	return in, err
}

func readRoundSettings(f form) (*relaypb.RoundSettings, error) {
	rated, err := f.boolean("rated")
	if err != nil {
		return nil, err
	}
	after, err := f.boolean("startsAfterPrevious")
	if err != nil {
		return nil, err
	}
	out := &relaypb.RoundSettings{Unrated: whenSaid(rated, func(b bool) bool { return !b }), StartsAfterPrevious: after}
	white, askedWhite, err := f.points("customScoring.white")
	if err != nil {
		return nil, err
	}
	black, askedBlack, err := f.points("customScoring.black")
	if err != nil {
		return nil, err
	}
	if askedWhite || askedBlack || f.Has("customScoring") {
		out.Scoring = &relaypb.Scoring{WhiteWin: white[0], WhiteDraw: white[1], BlackWin: black[0], BlackDraw: black[1]}
	}
	team, asked, err := f.points("teamCustomScoring")
	if err != nil {
		return nil, err
	}
	if asked || f.Has("teamCustomScoring") {
		out.TeamScoring = &relaypb.Scoring{WhiteWin: team[0], WhiteDraw: team[1]}
	}
	return out, nil
}

// syncForm is what the client says about where a round's games come from.
type syncForm struct {
	field     string // the field with the addresses; empty: the client says nothing about them
	urls      []string
	onlyRound *int64
	slices    *string
	period    *int64
}

func readSync(f form) (in syncForm, err error) {
	if in.onlyRound, err = f.number("onlyRound", 1, relay.MaxRounds); err != nil {
		return in, err
	}
	if in.period, err = f.number("period", 1, relay.MaxInterval); err != nil {
		return in, err
	}
	if in.slices = f.text("slices"); in.slices != nil {
		if _, err := relay.ParseSlices(*in.slices); err != nil {
			return in, base.BadRequest("%s", strings.TrimPrefix(err.Error(), "source."))
		}
	}
	switch source := f.Get("syncSource"); {
	case source == "push":
		in.field = "syncSource"
		return in, nil
	case source == "url", source == "" && f.Get("syncUrl") != "":
		in.field = "syncUrl"
	case source == "urls", source == "" && f.Get("syncUrls") != "":
		in.field = "syncUrls"
	case source == "" && f.Get("syncIds")+f.Get("syncUsers") == "":
		return in, nil
	case source == "":
		return in, base.BadRequest("games of lichess's own cannot be fetched: give syncUrl or syncUrls, or push them")
	default:
		return in, base.BadRequest("syncSource must be push, url or urls here, not %q", source)
	}
	for line := range strings.Lines(f.Get(in.field)) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(in.urls, line) {
			in.urls = append(in.urls, line)
		}
	}
	switch n := len(in.urls); {
	case n == 0:
		return in, base.BadRequest("%s is required: the address of a PGN or of a LiveChess Cloud's tournament", in.field)
	case n > relay.MaxRoundSources:
		return in, base.BadRequest("%s has %d addresses, and a round has at most %d sources: give one that shows all of its games", in.field, n, relay.MaxRoundSources)
	case n > 1 && orZero(in.slices) != "":
		return in, base.BadRequest("slices: several addresses cannot be sliced together; give one address, or the sources by PATCH /api/rounds/{rid}")
	}
	return in, nil
}

// sources returns the new sources of a round that has these now; nil: they stay.
func (in syncForm) sources(now []relay.Source) (*relaypb.Sources, error) {
	if in.field == "" {
		if in.onlyRound == nil && in.slices == nil && in.period == nil || len(now) == 0 {
			return nil, nil
		}
		out := slices.Clone(now)
		for i := range out {
			in.narrow(&out[i])
		}
		return base.SourcesCommand(out)
	}
	out := make([]relay.Source, len(in.urls))
	for i, at := range in.urls {
		out[i].URL = at
		if err := pull.Check(&out[i]); err != nil {
			return nil, base.BadRequest("%s: %v", in.field, err)
		}
		in.narrow(&out[i])
	}
	list, err := base.SourcesCommand(out)
	if bad, ok := errors.AsType[*base.Error](err); ok {
		return nil, base.BadRequest("%s: %s", in.field, strings.TrimPrefix(bad.Message, "source.url: "))
	}
	return list, err
}

// narrow sets which games are taken. A LiveChess Cloud is asked for that round only; of a PGN, the
// games of other rounds are left out.
func (in syncForm) narrow(s *relay.Source) {
	if in.onlyRound != nil && s.Kind == relay.SourceLCC {
		s.Round = int(*in.onlyRound)
	} else if in.onlyRound != nil {
		s.OnlyRound = int(*in.onlyRound)
	}
	if in.slices != nil {
		s.Slices = *in.slices
	}
	if in.period != nil {
		s.IntervalSeconds = int(*in.period)
	}
}

// command returns nil if the client says nothing. now are the sources that the round has.
func (in roundForm) command(now []relay.Source) (*relaypb.RoundSettings, error) {
	var err error
	if in.settings.Sources, err = in.sync.sources(now); err != nil {
		return nil, err
	}
	if proto.Size(in.settings) == 0 {
		return nil, nil
	}
	return in.settings, nil
}
