package web

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// lichessRound is GET /api/broadcast/{tourSlug}/{roundSlug}/{roundId}. The slugs are ignored.
func (s *Server) lichessRound(r *http.Request) (answer, error) {
	out, index, err := s.roundWithGames(r, s.seenBy(r), relay.RoundID(chi.URLParam(r, "roundId")))
	if err != nil {
		return answer{}, err
	}
	return ok(indexed{index, out})
}

// roundWithGames returns a round with its games, its tournament and its group.
func (s *Server) roundWithGames(r *http.Request, read reading, id relay.RoundID) (out lichessRoundWithGames, index uint64, err error) {
	var v view
	var all []view
	var group *lichessGroup
	index = read(func(b relay.Reader) {
		if v = viewIn(b, id); v.round == nil || v.tournament == nil {
			return
		}
		all = tourIn(b, v.tournament).rounds
		group = s.groupIn(r, b, v.tournament.ID)
	})
	if v.round == nil || v.tournament == nil {
		return out, 0, &relay.NotFoundError{What: "round", ID: string(id)}
	}
	games := make([]lichessGame, len(v.games))
	// The times must fit what the client sees.
	now := s.cfg.Now().Add(-lateness(callerOf(r).sight(v.round.Tournament, v.round.ID), v.round))
	for i, g := range v.games {
		games[i] = lichessGameJSON(g, now)
	}
	return lichessRoundWithGames{lichessRoundOf: s.roundOf(r, v, all), Games: games, Group: group}, index, nil
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
func (s *Server) roundOf(r *http.Request, v view, all []view) lichessRoundOf {
	form := lichessFormOf(r)
	may := s.can(r, actRecord, v.tournament.ID, v.round.ID)
	out := lichessRoundOf{Round: form.round(v), Tour: form.tour(v.tournament, all), Study: lichessStudy{Writeable: may}}
	if s.can(r, actOrganise, v.tournament.ID, v.round.ID) && !s.hidesSources(r, v.round) {
		out.Sync = syncOf(v.round)
	}
	return out
}

// syncOf returns where a round's games come from; nil: from pushes.
func syncOf(r *relay.Round) *lichessSync {
	first := firstSource(r)
	if first == nil {
		return nil
	}
	out := &lichessSync{
		Ongoing: true, URL: first.URL, Filter: cmp.Or(first.OnlyRound, first.Round), Slices: first.Slices, Period: first.IntervalSeconds,
	}
	if len(r.Sources) > 1 {
		for _, s := range r.Sources {
			out.URLs = append(out.URLs, s.URL)
		}
	}
	return out
}

// lichessTour is GET /api/broadcast/{tourId}.
func (s *Server) lichessTour(r *http.Request) (answer, error) {
	id := relay.TournamentID(chi.URLParam(r, "tourId"))
	var v tourView
	var group *lichessGroup
	index := s.seenBy(r)(func(b relay.Reader) {
		if t, found := b.Tournament(id); found {
			v, group = tourIn(b, t), s.groupIn(r, b, id)
		}
	})
	if v.tournament == nil {
		return answer{}, &relay.NotFoundError{What: "tournament", ID: string(id)}
	}
	out := lichessFormOf(r).withRounds(v)
	if group != nil {
		out.Group = group
	}
	return ok(indexed{index, out})
}

// lichessAccount is GET /api/account. By it a client learns that its token is no longer valid, and
// logs in again.
func (s *Server) lichessAccount(w http.ResponseWriter, r *http.Request) {
	c, shown := callerOf(r), shownToken(r)
	switch needed := s.access.Needed(); {
	case needed && c.Token == nil:
		s.fail(w, r, unknownCaller(r, c))
		return
	case !needed && shown != "" && s.withoutTokens(r) != nil:
		s.fail(w, r, s.withoutTokens(r))
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"id": lichessUser, "username": lichessUser})
}

// lichessRoundPGN is GET /api/broadcast/round/{roundId}.pgn.
func (s *Server) lichessRoundPGN(w http.ResponseWriter, r *http.Request) {
	v, index, err := s.seenBy(r).round(relay.RoundID(chi.URLParam(r, "roundId")))
	s.lichessPGN(w, r, []view{v}, index, err)
}

// lichessTourPGN is GET /api/broadcast/{tourId}.pgn.
func (s *Server) lichessTourPGN(w http.ResponseWriter, r *http.Request) {
	views, _, index, err := s.seenBy(r).tour(relay.TournamentID(chi.URLParam(r, "tourId")))
	s.lichessPGN(w, r, views, index, err)
}

func (s *Server) lichessPGN(w http.ResponseWriter, r *http.Request, views []view, index uint64, err error) {
	noClocks := false
	if err == nil {
		noClocks, err = withoutClocks(r)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", pgnType)
	w.Header().Set(indexHeader, fmt.Sprint(index))
	out := pgn.NewWriter(w)
	out.NoClocks = noClocks
	for _, v := range views {
		for _, g := range v.games {
			if out.Write(g, pgn.Event{Tournament: v.tournament, Round: v.round, Site: siteURL(r)}) != nil {
				return // the client is gone
			}
		}
	}
}

const pgnType = "application/x-chess-pgn; charset=utf-8"

// withoutClocks reads ?clocks= and ?comments=. Clocks are the only comments.
func withoutClocks(r *http.Request) (bool, error) {
	without := false
	for _, name := range []string{"clocks", "comments"} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		with, err := strconv.ParseBool(text)
		if err != nil {
			return false, badRequest("%s is true or false, not %q", name, text)
		}
		without = without || name == "clocks" && !with
	}
	return without, nil
}

// viewIn returns a round of the boards; it is empty if there is none with the id.
func viewIn(b relay.Reader, id relay.RoundID) (v view) {
	var found bool
	if v.round, found = b.Round(id); !found {
		return v
	}
	v.tournament, _ = b.Tournament(v.round.Tournament)
	for _, gid := range v.round.Games {
		if g, ok := b.Game(gid); ok {
			v.games = append(v.games, g)
		}
	}
	v.deleted = b.DeletedGames(id)
	return v
}

func (read reading) round(id relay.RoundID) (v view, index uint64, err error) {
	index = read(func(b relay.Reader) { v = viewIn(b, id) })
	if v.round == nil {
		return v, 0, &relay.NotFoundError{What: "round", ID: string(id)}
	}
	return v, index, nil
}

func (read reading) tour(id relay.TournamentID) (views []view, t *relay.Tournament, index uint64, err error) {
	index = read(func(b relay.Reader) {
		var found bool
		if t, found = b.Tournament(id); !found {
			return
		}
		for _, rid := range t.Rounds {
			views = append(views, viewIn(b, rid))
		}
	})
	if t == nil {
		return nil, nil, 0, &relay.NotFoundError{What: "tournament", ID: string(id)}
	}
	return views, t, index, nil
}
