package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// lichessNewTour is POST /broadcast/new.
func (s *Server) lichessNewTour(r *http.Request) (answer, error) {
	form, err := readForm(r)
	if err != nil {
		return answer{}, err
	}
	if err := checkLichessName(form.Get("name")); err != nil {
		return answer{}, err
	}
	var info infoIn
	for name, to := range map[string]**string{
		"format": &info.Format, "tc": &info.TimeControl, "timeZone": &info.TimeZone, "players": &info.Players, "website": &info.Website,
	} {
		if text := form.Get("info." + name); text != "" {
			*to = &text
		}
	}
	c, err := s.command(r)
	if err != nil {
		return answer{}, err
	}
	o, err := s.create(r, func(id string) *relaypb.Command {
		c.Op = &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{
			Id: id, Name: form.Get("name"), Description: form.Get("markdown"), Location: form.Get("info.location"),
			Info: info.command(),
		}}
		return c
	})
	if err != nil {
		return answer{}, err
	}
	return ok(s.lichessTourWith(r, o.Tournament, nil))
}

// lichessNewRound is POST /broadcast/{tourId}/new.
func (s *Server) lichessNewRound(r *http.Request) (answer, error) {
	form, err := readForm(r)
	if err != nil {
		return answer{}, err
	}
	in, err := readRoundForm(form)
	if err != nil {
		return answer{}, err
	}
	if err := checkLichessName(in.name); err != nil {
		return answer{}, err
	}
	c, err := s.command(r)
	if err != nil {
		return answer{}, err
	}
	tour := chi.URLParam(r, "tourId")
	o, err := s.create(r, func(id string) *relaypb.Command {
		c.Op = &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{
			Id: id, Tournament: tour, Name: in.name, StartsAt: in.startsAt, DelaySeconds: in.delay, Settings: in.settings(),
		}}
		return c
	})
	if err != nil {
		return answer{}, err
	}
	if in.status != "" && in.status != string(o.Round.Status) && !o.Duplicate {
		set := &relaypb.UpdateRound{Round: string(o.Round.ID), Status: &in.status}
		_, err := s.submitOne(r, &relaypb.Command{At: c.At, By: c.By, Request: c.Request, Op: &relaypb.Command_UpdateRound{UpdateRound: set}})
		if err != nil {
			return answer{}, err
		}
	}
	v, _, err := reading(s.truth).round(o.Round.ID)
	if err != nil {
		return answer{}, err
	}
	return ok(s.roundOf(r, v))
}

// lichessEditRound is POST /broadcast/round/{roundId}/edit. What is not said stays as it is.
func (s *Server) lichessEditRound(r *http.Request) (answer, error) {
	form, err := readForm(r)
	if err != nil {
		return answer{}, err
	}
	in, err := readRoundForm(form)
	if err != nil {
		return answer{}, err
	}
	c, err := s.command(r)
	if err != nil {
		return answer{}, err
	}
	op := &relaypb.UpdateRound{Round: chi.URLParam(r, "roundId"), Settings: in.settings()}
	if in.name != "" {
		op.Name = &in.name
	}
	if form.Get("startsAt") != "" {
		op.StartsAt = &in.startsAt
	}
	if form.Get("delay") != "" {
		op.DelaySeconds = &in.delay
	}
	if in.status != "" {
		op.Status = &in.status
	}
	c.Op = &relaypb.Command_UpdateRound{UpdateRound: op}
	if _, err := s.submitOne(r, c); err != nil {
		return answer{}, err
	}
	return ok(done)
}

var done = map[string]any{"ok": true}

// lichessReset is POST /api/broadcast/round/{roundId}/reset: every game goes back to its
// start. The boards stay, and what was played stays in the games' records.
func (s *Server) lichessReset(r *http.Request) (answer, error) {
	ctx, cancel := s.deadline(r)
	defer cancel()
	id := relay.RoundID(chi.URLParam(r, "roundId"))
	turn, leave, err := s.enterPush(id)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	if err := turn.Wait(ctx); err != nil {
		return answer{}, err
	}
	if err := s.cfg.Node.ReadIndex(ctx); err != nil {
		return answer{}, err
	}
	v, _, err := reading(s.truth).round(id)
	if err != nil {
		return answer{}, err
	}
	head, err := s.command(r)
	if err != nil {
		return answer{}, err
	}
	var commands []*relaypb.Command
	for _, g := range v.games {
		if g.Ply() > 0 || g.Over() {
			commands = append(commands, &relaypb.Command{
				At: head.At, By: head.By, Request: head.Request,
				Op: &relaypb.Command_CorrectMoves{CorrectMoves: &relaypb.CorrectMoves{
					Game: string(g.ID), Result: string(relay.Ongoing), Reason: "the round was reset",
				}},
			})
		}
	}
	if v.round.StatusSet != "" {
		commands = append(commands, &relaypb.Command{
			At: head.At, By: head.By, Request: head.Request,
			Op: &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{
				Round: string(id), Status: new(string(relay.RoundNew)), Reason: "the round was reset",
			}},
		})
	}
	outcomes, err := s.submitAll(ctx, commands)
	if err != nil {
		return answer{}, err
	}
	for _, o := range outcomes {
		if o.Err != nil {
			return answer{}, o.Err
		}
	}
	return ok(done)
}

// roundForm is what lichess's clients say of a round.
type roundForm struct {
	name     string
	startsAt int64
	delay    int32
	status   string           // new, started, finished, or empty
	source   *relaypb.Sources // nil: nothing was said of one; empty: none any more
}

// settings is nil if nothing is said.
func (in roundForm) settings() *relaypb.RoundSettings {
	if in.source == nil {
		return nil
	}
	return &relaypb.RoundSettings{Sources: in.source}
}

func readRoundForm(form url.Values) (in roundForm, err error) {
	in.name = form.Get("name")
	if in.name != "" {
		if err := checkLichessName(in.name); err != nil {
			return in, err
		}
	}
	for _, f := range []struct {
		name string
		most int64
		to   func(int64)
	}{
		{"startsAt", 1 << 53, func(n int64) { in.startsAt = n }},
		{"delay", relay.MaxDelay, func(n int64) { in.delay = int32(n) }},
	} {
		if text := form.Get(f.name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 || n > f.most {
				return in, badRequest("%s is a whole number from 0 to %d, not %q", f.name, f.most, text)
			}
			f.to(n)
		}
	}
	switch in.status = form.Get("status"); in.status {
	case "", "new", "started", "finished":
	default:
		return in, badRequest("status is new, started or finished, not %q", in.status)
	}
	in.source, err = readSyncForm(form)
	return in, err
}

// readSyncForm reads where the games come from; nil if nothing is said of it. What cannot be done is refused, and not passed
// over: a client that is told yes would wait for moves that nobody fetches, or get other games than it asked for.
func readSyncForm(form url.Values) (*relaypb.Sources, error) {
	text, field := form.Get("syncUrl"), "syncUrl"
	switch source := form.Get("syncSource"); {
	case source == "push":
		return new(relaypb.Sources), nil
	case source == "urls", source == "" && text == "":
		text, field = form.Get("syncUrls"), "syncUrls"
		if source == "" && text == "" {
			return nil, nil
		}
	case source != "" && source != "url":
		return nil, badRequest("syncSource is push, url or urls here, not %q", source)
	}
	var urls []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(urls, line) {
			urls = append(urls, line)
		}
	}
	switch {
	case len(urls) == 0:
		return nil, badRequest("%s is required: the address of a PGN or of a LiveChess Cloud's tournament", field)
	case len(urls) > 1:
		return nil, badRequest("%s has %d addresses, and a round has one source here: give one that shows all of its games", field, len(urls))
	case form.Get("slices") != "":
		return nil, badRequest("slices: a source is taken over whole here")
	}
	s := relay.Source{URL: urls[0]}
	for name, to := range map[string]*int{"period": &s.IntervalSeconds, "onlyRound": &s.Round} {
		if text := form.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return nil, badRequest("%s is a whole number from 1, not %q", name, text)
			}
			*to = n
		}
	}
	out, err := sourcesCommand([]relay.Source{s})
	if bad, ok := errors.AsType[*apiError](err); ok {
		return nil, badRequest("%s: %s", field, strings.TrimPrefix(bad.Message, "source.url: "))
	}
	if err == nil && out.List[0].Kind == string(relay.SourcePGN) && s.Round != 0 {
		return nil, badRequest("onlyRound: a PGN is taken over whole here; only a LiveChess Cloud's tournament is asked for one of its rounds")
	}
	return out, err
}

func checkLichessName(name string) error {
	if n := len([]rune(name)); n < 3 || n > 80 {
		return badRequest("name is required, from 3 to 80 characters, and has %d", n)
	}
	return nil
}

// maxFields bounds the fields of a form.
const maxFields = 200

// readForm reads a form or a JSON object, by its Content-Type. The fields of an object
// in the object are named as in a form: info.format. Unlike in the API of our own, fields that are not
// known are passed over, since lichess has many more.
func readForm(r *http.Request) (url.Values, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bodyError(err)
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" {
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return nil, badRequest("the body is not a form: %v", err)
		}
		return form, nil
	}
	var in map[string]any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&in); err != nil {
		return nil, bodyError(err)
	}
	form := url.Values{}
	if err := flatten(form, "", in, 0); err != nil {
		return nil, err
	}
	return form, nil
}

func flatten(form url.Values, prefix string, in map[string]any, depth int) error {
	if depth > 3 {
		return badRequest("%s goes too deep", strings.TrimSuffix(prefix, "."))
	}
	for name, v := range in {
		switch v := v.(type) {
		case map[string]any:
			if err := flatten(form, prefix+name+".", v, depth+1); err != nil {
				return err
			}
		case nil, []any:
		default:
			form.Set(prefix+name, fmt.Sprint(v))
		}
		if len(form) > maxFields {
			return badRequest("the body has more than %d fields", maxFields)
		}
	}
	return nil
}
