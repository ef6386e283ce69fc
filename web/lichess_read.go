package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// lichessRound is GET /api/broadcast/{tourSlug}/{roundSlug}/{roundId}. The slugs say nothing.
func (s *Server) lichessRound(r *http.Request) (answer, error) {
	v, index, err := s.seenBy(r).round(relay.RoundID(chi.URLParam(r, "roundId")))
	if err != nil {
		return answer{}, err
	}
	games := make([]lichessGame, len(v.games))
	now := s.cfg.Now()
	if !s.insider(r) { // then it is the time of what is shown
		now = now.Add(-time.Duration(v.round.Delay) * time.Second)
	}
	for i, g := range v.games {
		games[i] = lichessGameJSON(g, now)
	}
	return ok(indexed{index, struct {
		lichessRoundOf
		Games []lichessGame `json:"games"`
	}{s.roundOf(r, v), games}})
}

// lichessRoundOf is a round with what it belongs to.
type lichessRoundOf struct {
	Round lichessRound `json:"round"`
	Tour  lichessTour  `json:"tour"`
	Study lichessStudy `json:"study"`
	Sync  *lichessSync `json:"sync,omitempty"` // for whom may change it, as lichess's pages have it
}

func (s *Server) roundOf(r *http.Request, v view) lichessRoundOf {
	site := siteURL(r)
	_, may := s.authorized(r)
	out := lichessRoundOf{Round: lichessRoundJSON(site, v.round, v.games), Tour: tourJSON(site, v.tournament), Study: lichessStudy{may}}
	if source := firstSource(v.round); may && source != nil {
		out.Sync = &lichessSync{Ongoing: true, URL: source.URL, Filter: source.Round, Period: source.IntervalSeconds}
	}
	return out
}

// lichessTour is GET /api/broadcast/{tourId}.
func (s *Server) lichessTour(r *http.Request) (answer, error) {
	views, t, index, err := s.seenBy(r).tour(relay.TournamentID(chi.URLParam(r, "tourId")))
	if err != nil {
		return answer{}, err
	}
	return ok(indexed{index, s.lichessTourWith(r, t, views)})
}

// lichessTourOf is a tournament with its rounds.
type lichessTourOf struct {
	Tour         lichessTour    `json:"tour"`
	Rounds       []lichessRound `json:"rounds"`
	DefaultRound relay.RoundID  `json:"defaultRoundId,omitempty"`
}

func (s *Server) lichessTourWith(r *http.Request, t *relay.Tournament, views []view) lichessTourOf {
	site := siteURL(r)
	out := lichessTourOf{Tour: tourJSON(site, t), Rounds: make([]lichessRound, len(views))}
	for i, v := range views {
		out.Rounds[i] = lichessRoundJSON(site, v.round, v.games)
	}
	// The one to show: that which is being played, or the first to come, or the last.
	for _, fits := range []func(lichessRound) bool{
		func(r lichessRound) bool { return r.Ongoing },
		func(r lichessRound) bool { return !r.Finished },
	} {
		for _, round := range out.Rounds {
			if out.DefaultRound == "" && fits(round) {
				out.DefaultRound = round.ID
			}
		}
	}
	if n := len(out.Rounds); n > 0 && out.DefaultRound == "" {
		out.DefaultRound = out.Rounds[n-1].ID
	}
	return out
}

// byUserPage is how many tournaments a page has.
const byUserPage = 20

// lichessByUser is GET /api/broadcast/by/{user}: all tournaments, newest first, in pages.
func (s *Server) lichessByUser(r *http.Request) (answer, error) {
	if user := chi.URLParam(r, "user"); !strings.EqualFold(user, lichessUser) {
		return answer{}, notFound("there is no user %q here: the only one is %s", user, lichessUser)
	}
	page := 1
	if text := r.URL.Query().Get("page"); text != "" {
		var err error
		if page, err = strconv.Atoi(text); err != nil || page < 1 || page > 1<<20 {
			return answer{}, badRequest("page is a number from 1, not %q", text)
		}
	}
	type entry struct {
		Tour  lichessTour   `json:"tour"`
		Round *lichessRound `json:"round,omitempty"`
	}
	var tours []*relay.Tournament
	var last []view
	total := 0
	index := s.seenBy(r)(func(b relay.Reader) {
		all := b.Tournaments()
		total = len(all)
		from := min((page-1)*byUserPage, total)
		tours = all[from:min(from+byUserPage, total)]
		for _, t := range tours {
			var v view
			if n := len(t.Rounds); n > 0 {
				v = viewIn(b, t.Rounds[n-1])
			}
			last = append(last, v)
		}
	})
	site := siteURL(r)
	entries := make([]entry, len(tours))
	for i, t := range tours {
		entries[i].Tour = tourJSON(site, t)
		if v := last[i]; v.round != nil {
			entries[i].Round = new(lichessRoundJSON(site, v.round, v.games))
		}
	}
	pages := max(1, (total+byUserPage-1)/byUserPage)
	out := map[string]any{
		"currentPage": page, "maxPerPage": byUserPage, "currentPageResults": entries,
		"nbResults": total, "nbPages": pages, "previousPage": nil, "nextPage": nil,
	}
	if page > 1 {
		out["previousPage"] = page - 1
	}
	if page < pages {
		out["nextPage"] = page + 1
	}
	return ok(indexed{index, out})
}

// lichessAccount is GET /api/account. A client learns here that its token no longer holds, and logs in again.
func (s *Server) lichessAccount(w http.ResponseWriter, r *http.Request) {
	if token, ok := s.authorized(r); !ok && (s.cfg.Token != "" || token != "") {
		s.unauthorized(w, r, token)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"id": lichessUser, "username": lichessUser})
}

// maxMyRounds is how many rounds my-rounds lists, unless told fewer.
const maxMyRounds = 1000

// lichessMyRounds is GET /api/broadcast/my-rounds: every round, the newest first, one a line.
func (s *Server) lichessMyRounds(w http.ResponseWriter, r *http.Request) {
	most := maxMyRounds
	if text := r.URL.Query().Get("nb"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			s.fail(w, r, badRequest("nb is how many rounds, from 1, not %q", text))
			return
		}
		most = min(most, n)
	}
	var views []view
	index := s.seenBy(r)(func(b relay.Reader) {
		for _, t := range b.Tournaments() {
			for i := len(t.Rounds) - 1; i >= 0 && len(views) < most; i-- {
				views = append(views, viewIn(b, t.Rounds[i]))
			}
		}
	})
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	w.Header().Set(indexHeader, fmt.Sprint(index))
	out := json.NewEncoder(w)
	for _, v := range views {
		if out.Encode(s.roundOf(r, v)) != nil {
			return // the client is gone
		}
	}
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

// withoutClocks reads ?clocks= and ?comments=. Clocks are all the comments there are.
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

// viewIn is a round of the boards; it is empty if there is none with the id.
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
