package lichess

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/base"
)

// This file makes the lists of tournaments. An unlisted tournament is in none of them, unless the
// client shows that it is in its scope.

const (
	byUserPage = 20 // tournaments of one page
	topPage    = 24
	// maxPage is the last page that a client can ask for; there may be more tournaments.
	maxPage = 1 << 20
	// maxOfficial is the most tournaments of GET /api/broadcast.
	maxOfficial = 100
	// maxActive is how many active tournaments the first page has.
	maxActive = 100
	// maxMyRounds is how many rounds my-rounds lists, unless the client wants fewer.
	maxMyRounds = 1000
)

// userNames are all the users. Everything belongs to the first one; the app looks for official
// broadcasts at the other.
var userNames = []string{user, "broadcaster"}

func userName(name string) (string, error) {
	for _, n := range userNames {
		if strings.EqualFold(n, name) {
			return n, nil
		}
	}
	return "", base.NotFound("there is no user %q here: the only one is %s", name, user)
}

// getUser is GET /api/user/{username}.
func (s *Server) getUser(r *http.Request) (base.Answer, error) {
	name, err := userName(chi.URLParam(r, "username"))
	if err != nil {
		return base.Answer{}, err
	}
	return base.OK(map[string]any{"id": name, "username": name, "url": base.SiteURL(r) + "/broadcast/by/" + name})
}

// tourView is a tournament with all of its rounds, and the name of its group.
type tourView struct {
	tournament *relay.Tournament
	rounds     []base.View
	group      string
}

// tourIn returns a tournament with its rounds and their games.
func tourIn(b relay.Reader, t *relay.Tournament) tourView {
	v := roundsIn(b, t)
	v.load(b)
	return v
}

// roundsIn returns a tournament with its rounds, but without the games, which are many.
func roundsIn(b relay.Reader, t *relay.Tournament) tourView {
	v := tourView{tournament: t}
	for _, round := range base.RoundsOf(b, t) {
		v.rounds = append(v.rounds, base.View{Tournament: t, Round: round})
	}
	return v
}

func (v *tourView) load(b relay.Reader) {
	for i, r := range v.rounds {
		v.rounds[i] = base.ViewIn(b, r.Round.ID)
	}
}

func (v tourView) live() bool {
	return slices.ContainsFunc(v.rounds, func(r base.View) bool { return r.Round.Status == relay.RoundStarted })
}

// active reports whether a round is to come or being played, or there is none yet.
func (v tourView) active() bool {
	return len(v.rounds) == 0 || slices.ContainsFunc(v.rounds, func(r base.View) bool { return r.Round.Status != relay.RoundFinished })
}

// shownRound returns the index of the round to show: the one being played, or the next one, or the
// last. -1: there is none.
func (v tourView) shownRound() int {
	for _, fits := range []func(relay.RoundStatus) bool{
		func(s relay.RoundStatus) bool { return s == relay.RoundStarted },
		func(s relay.RoundStatus) bool { return s != relay.RoundFinished },
	} {
		if i := slices.IndexFunc(v.rounds, func(r base.View) bool { return fits(r.Round.Status) }); i >= 0 {
			return i
		}
	}
	return len(v.rounds) - 1
}

// last returns the tournament with the round to show.
func (f shape) last(v tourView) lastJSON {
	out := lastJSON{Tour: f.tour(v.tournament, v.rounds), Group: v.group}
	if i := v.shownRound(); i >= 0 {
		out.Round = new(f.round(v.rounds[i]))
	}
	return out
}

// withRounds returns the tournament with all of its rounds.
func (f shape) withRounds(v tourView) tourOfJSON {
	out := tourOfJSON{Tour: f.tour(v.tournament, v.rounds), Rounds: make([]roundJSON, len(v.rounds))}
	for i, r := range v.rounds {
		out.Rounds[i] = f.round(r)
	}
	if i := v.shownRound(); i >= 0 {
		out.DefaultRound = v.rounds[i].Round.ID
	}
	if v.group != "" {
		out.Group = v.group
	}
	return out
}

// sorted sorts the tournaments: live ones first, then active ones, then the others. Within each
// part the newest is first.
func sorted(tours []tourView) {
	rank := func(v tourView) int {
		switch {
		case v.live():
			return 0
		case v.active():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(tours, func(a, b tourView) int { return rank(a) - rank(b) })
}

// list finds the tournaments for which keep is true, and sorts them. It loads the games only of
// those that pick returns.
func (s *Server) list(r *http.Request, keep func(*relay.Tournament) bool, pick func([]tourView) []tourView) (picked []tourView, index uint64) {
	index = s.SeenBy(r)(func(b relay.Reader) {
		var tours []tourView
		for _, t := range s.Listed(r, b) {
			if keep(t) {
				tours = append(tours, roundsIn(b, t))
			}
		}
		sorted(tours)
		groups := s.groupings(r, b)
		picked = pick(tours)
		for i := range picked {
			picked[i].load(b)
			if g := groups[picked[i].tournament.ID]; g != nil {
				picked[i].group = g.name
			}
		}
	})
	return picked, index
}

func everyTournament(*relay.Tournament) bool { return true }

// getOfficial is GET /api/broadcast: the tournaments with their rounds, one on each line.
func (s *Server) getOfficial(w http.ResponseWriter, r *http.Request) {
	most, err := base.IntParam(r, "nb", 20, 1, maxOfficial)
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	live, err := boolean(r, "live")
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	tours, index := s.list(r, everyTournament, func(tours []tourView) []tourView {
		if live {
			tours = slices.DeleteFunc(tours, func(v tourView) bool { return !v.live() })
		}
		return tours[:min(most, len(tours))]
	})
	form := shapeOf(r)
	s.ndjson(w, index, func(send func(any) bool) {
		for _, v := range tours {
			if !send(form.withRounds(v)) {
				return
			}
		}
	})
}

// ndjson answers with one JSON value on each line. send returns false once the client is gone.
func (s *Server) ndjson(w http.ResponseWriter, index uint64, write func(send func(any) bool)) {
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	w.Header().Set(base.IndexHeader, fmt.Sprint(index))
	out := json.NewEncoder(w)
	write(func(v any) bool { return out.Encode(v) == nil })
}

// getTop is GET /api/broadcast/top: the active tournaments, and the others in pages.
func (s *Server) getTop(r *http.Request) (base.Answer, error) {
	page, err := base.IntParam(r, "page", 1, 1, maxPage)
	if err != nil {
		return base.Answer{}, err
	}
	active, past := 0, 0 // how many active ones are shown, and how many others there are
	tours, index := s.list(r, everyTournament, func(tours []tourView) []tourView {
		n := slices.IndexFunc(tours, func(v tourView) bool { return !v.active() })
		if n < 0 {
			n = len(tours)
		}
		past = len(tours) - n
		if page == 1 {
			active = min(n, maxActive)
		}
		return slices.Concat(tours[:active], pageOf(tours[n:], page, topPage))
	})
	shown := mapTo(tours, shapeOf(r).last)
	return base.OKAt(index, map[string]any{
		"active": shown[:active], "upcoming": []any{}, "past": paging{past, page, topPage}.body(shown[active:]),
	})
}

// getSearch is GET /api/broadcast/search: the tournaments whose text has all the words.
func (s *Server) getSearch(r *http.Request) (base.Answer, error) {
	page, err := base.IntParam(r, "page", 1, 1, maxPage)
	if err != nil {
		return base.Answer{}, err
	}
	words := strings.Fields(strings.ToLower(r.URL.Query().Get("q")))
	if len(words) > 20 {
		return base.Answer{}, base.BadRequest("q has more than 20 words")
	}
	found := 0
	tours, index := s.list(r, func(t *relay.Tournament) bool {
		text := strings.ToLower(strings.Join([]string{t.Name, t.Location, t.Players, t.Format, t.Description}, "\n"))
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	}, func(tours []tourView) []tourView {
		found = len(tours)
		return pageOf(tours, page, byUserPage)
	})
	return base.OKAt(index, paging{found, page, byUserPage}.body(mapTo(tours, shapeOf(r).last)))
}

// getByUser is GET /api/broadcast/by/{user}: all tournaments, newest first, in pages.
func (s *Server) getByUser(r *http.Request) (base.Answer, error) {
	if _, err := userName(chi.URLParam(r, "user")); err != nil {
		return base.Answer{}, err
	}
	page, err := base.IntParam(r, "page", 1, 1, maxPage)
	if err != nil {
		return base.Answer{}, err
	}
	var all []*relay.Tournament
	var shown []tourView
	index := s.SeenBy(r)(func(b relay.Reader) {
		all = s.Listed(r, b)
		groups := s.groupings(r, b)
		for _, t := range pageOf(all, page, byUserPage) {
			v := tourIn(b, t)
			if g := groups[t.ID]; g != nil {
				v.group = g.name
			}
			shown = append(shown, v)
		}
	})
	out := paging{len(all), page, byUserPage}.body(mapTo(shown, shapeOf(r).last))
	out["nbResults"] = len(all)
	out["nbPages"] = max(1, (len(all)+byUserPage-1)/byUserPage)
	return base.OKAt(index, out)
}

// paging is a page's number, its size, and how many results all pages have.
type paging struct{ total, page, size int }

func (p paging) body(results any) map[string]any {
	out := map[string]any{
		"currentPage": p.page, "maxPerPage": p.size, "currentPageResults": results, "previousPage": nil, "nextPage": nil,
	}
	if p.page > 1 {
		out["previousPage"] = p.page - 1
	}
	if p.page*p.size < p.total {
		out["nextPage"] = p.page + 1
	}
	return out
}

func pageOf[T any](list []T, page, size int) []T {
	from := min((page-1)*size, len(list))
	return list[from:min(from+size, len(list))]
}

// mapTo never returns nil, so that JSON has a list.
func mapTo[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}

func boolean(r *http.Request, name string) (bool, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return false, base.BadRequest("%s must be true or false, not %q", name, text)
	}
	return b, nil
}

// getMyRounds is GET /api/broadcast/my-rounds: every round, newest first, one on each line.
func (s *Server) getMyRounds(w http.ResponseWriter, r *http.Request) {
	most, err := base.IntParam(r, "nb", maxMyRounds, 1, maxMyRounds)
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	var views []base.View
	tours := map[relay.TournamentID][]base.View{}
	index := s.SeenBy(r)(func(b relay.Reader) {
		for _, t := range s.Listed(r, b) {
			if len(views) == most {
				return
			}
			all := tourIn(b, t).rounds
			tours[t.ID] = all
			for i := len(all) - 1; i >= 0 && len(views) < most; i-- {
				if c := base.CallerOf(r); c.Token == nil || c.Can(base.See, t.ID, all[i].Round.ID) {
					views = append(views, all[i])
				}
			}
		}
	})
	s.ndjson(w, index, func(send func(any) bool) {
		for _, v := range views {
			if !send(s.roundOf(r, v, tours[v.Tournament.ID])) {
				return
			}
		}
	})
}
