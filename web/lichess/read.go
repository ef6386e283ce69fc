package lichess

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/web/base"
)

// getRound is GET /api/broadcast/{tourSlug}/{roundSlug}/{roundId}. The slugs are ignored.
func (s *Server) getRound(r *http.Request) (base.Answer, error) {
	out, index, err := s.roundWithGames(r, s.SeenBy(r), relay.RoundID(chi.URLParam(r, "roundId")))
	if err != nil {
		return base.Answer{}, err
	}
	return base.OKAt(index, out)
}

// roundWithGames returns a round with its games, its tournament and its group.
func (s *Server) roundWithGames(r *http.Request, read base.Reading, id relay.RoundID) (out roundWithGamesJSON, index uint64, err error) {
	var v base.View
	var all []base.View
	var group *groupJSON
	index = read(func(b relay.Reader) {
		if v = base.ViewIn(b, id); v.Round == nil || v.Tournament == nil {
			return
		}
		all = tourIn(b, v.Tournament).rounds
		group = s.groupIn(r, b, v.Tournament.ID)
	})
	if v.Round == nil || v.Tournament == nil {
		return out, 0, &relay.NotFoundError{What: "round", ID: string(id)}
	}
	games := make([]gameJSON, len(v.Games))
	// The times must fit what the client sees.
	now := s.Now().Add(-lateness(base.CallerOf(r).Sight(v.Round.Tournament, v.Round.ID), v.Round))
	for i, g := range v.Games {
		games[i] = gameOf(g, now)
	}
	return roundWithGamesJSON{roundOfJSON: s.roundOf(r, v, all), Games: games, Group: group}, index, nil
}

// lateness returns how late a client with this sight sees the round.
func lateness(sight relay.Sight, round *relay.Round) time.Duration {
	seconds := round.Delay
	switch sight {
	case relay.Truth:
		seconds = 0
	case relay.Public:
	default:
		seconds = min(seconds, int(sight))
	}
	return time.Duration(seconds) * time.Second
}

// roundOf returns a round with its tournament; all are the tournament's rounds.
func (s *Server) roundOf(r *http.Request, v base.View, all []base.View) roundOfJSON {
	form := shapeOf(r)
	may := s.Can(r, base.Record, v.Tournament.ID, v.Round.ID)
	out := roundOfJSON{Round: form.round(v), Tour: form.tour(v.Tournament, all), Study: studyJSON{Writeable: may}}
	if s.Can(r, base.Organise, v.Tournament.ID, v.Round.ID) && !s.HidesSources(r, v.Round) {
		out.Sync = syncOf(v.Round)
	}
	return out
}

// syncOf returns where a round's games come from; nil: from pushes.
func syncOf(r *relay.Round) *syncJSON {
	first := base.FirstSource(r)
	if first == nil {
		return nil
	}
	out := &syncJSON{
		Ongoing: true, URL: first.URL, Filter: cmp.Or(first.OnlyRound, first.Round), Slices: first.Slices, Period: first.IntervalSeconds,
	}
	if len(r.Sources) > 1 {
		for _, s := range r.Sources {
			out.URLs = append(out.URLs, s.URL)
		}
	}
	return out
}

// getTour is GET /api/broadcast/{tourId}.
func (s *Server) getTour(r *http.Request) (base.Answer, error) {
	id := relay.TournamentID(chi.URLParam(r, "tourId"))
	var v tourView
	var group *groupJSON
	index := s.SeenBy(r)(func(b relay.Reader) {
		if t, found := b.Tournament(id); found {
			v, group = tourIn(b, t), s.groupIn(r, b, id)
		}
	})
	if v.tournament == nil {
		return base.Answer{}, &relay.NotFoundError{What: "tournament", ID: string(id)}
	}
	out := shapeOf(r).withRounds(v)
	if group != nil {
		out.Group = group
	}
	return base.OKAt(index, out)
}

// getAccount is GET /api/account. By it a client learns that its token is no longer valid, and
// logs in again.
func (s *Server) getAccount(w http.ResponseWriter, r *http.Request) {
	c, shown := base.CallerOf(r), base.ShownToken(r)
	switch needed := s.Access.Needed(); {
	case needed && c.Token == nil:
		s.Fail(w, r, base.UnknownCaller(r, c))
		return
	case !needed && shown != "" && s.WithoutTokens(r) != nil:
		s.Fail(w, r, s.WithoutTokens(r))
		return
	}
	base.WriteJSON(w, http.StatusOK, map[string]any{"id": user, "username": user})
}

// getRoundPGN is GET /api/broadcast/round/{roundId}.pgn.
func (s *Server) getRoundPGN(w http.ResponseWriter, r *http.Request) {
	v, index, err := s.SeenBy(r).Round(relay.RoundID(chi.URLParam(r, "roundId")))
	s.writePGN(w, r, []base.View{v}, index, err)
}

// getTourPGN is GET /api/broadcast/{tourId}.pgn.
func (s *Server) getTourPGN(w http.ResponseWriter, r *http.Request) {
	views, _, index, err := s.SeenBy(r).Tour(relay.TournamentID(chi.URLParam(r, "tourId")))
	s.writePGN(w, r, views, index, err)
}

func (s *Server) writePGN(w http.ResponseWriter, r *http.Request, views []base.View, index uint64, err error) {
	var opts pgnOptions
	if err == nil {
		opts, err = s.pgnOptions(r)
	}
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", pgnType)
	w.Header().Set(base.IndexHeader, fmt.Sprint(index))
	out := pgn.NewWriter(w)
	out.NoClocks, out.Evaluations = opts.noClocks, opts.evaluations
	for _, v := range views {
		for _, g := range v.Games {
			if out.Write(g, pgn.Event{Tournament: v.Tournament, Round: v.Round, Site: base.SiteURL(r)}) != nil {
				return // the client is gone
			}
		}
	}
}

const pgnType = "application/x-chess-pgn; charset=utf-8"

// pgnOptions are what a client wants in its PGN.
type pgnOptions struct {
	noClocks    bool
	evaluations func(*relay.Game) []*relay.Evaluation // nil: none
}

func (s *Server) pgnOptions(r *http.Request) (o pgnOptions, err error) {
	if o.noClocks, err = withoutClocks(r); err == nil {
		o.evaluations, err = s.PGNEvaluations(r)
	}
	return o, err
}

// withoutClocks reads ?clocks= and ?comments=. Clocks are the usual comments.
func withoutClocks(r *http.Request) (bool, error) {
	without := false
	for _, name := range []string{"clocks", "comments"} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		with, err := strconv.ParseBool(text)
		if err != nil {
			return false, base.BadRequest("%s must be true or false, not %q", name, text)
		}
		without = without || name == "clocks" && !with
	}
	return without, nil
}
