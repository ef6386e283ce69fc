package web

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/relay/standings"
	"github.com/chessrelay/chessrelay/web/base"
	"github.com/go-chi/chi/v5"
)

// The pages of GET /api/tournaments.
const (
	listPage    = 100
	maxListPage = 1000
	// maxListRounds ends a page early if its rounds are more: each may have a long description.
	maxListRounds = 1000
)

// listTournaments is GET /api/tournaments: a page of tournaments, newest first. The next page
// continues after a log index, so tournaments that come or go meanwhile shift nothing.
func (s *Server) listTournaments(r *http.Request) (base.Answer, error) {
	most, err := base.IntParam(r, "limit", listPage, 1, maxListPage)
	if err != nil {
		return base.Answer{}, err
	}
	before, err := base.IntParam(r, "before", math.MaxInt, 1, math.MaxInt)
	if err != nil {
		return base.Answer{}, err
	}
	words, err := newSearch(r.URL.Query().Get("q"))
	if err != nil {
		return base.Answer{}, err
	}
	if len(words) > 0 {
		return s.searchTournaments(r, words, most, uint64(before))
	}
	type entry struct {
		t      *relay.Tournament
		rounds []*relay.Round
	}
	var list []entry
	next, total := uint64(0), 0
	index := s.SeenBy(r)(func(b relay.Reader) {
		for _, t := range s.Listed(r, b) {
			if t.Index >= uint64(before) {
				continue
			}
			if len(list) == most || len(list) > 0 && total+len(t.Rounds) > maxListRounds {
				next = list[len(list)-1].t.Index
				return
			}
			total += len(t.Rounds)
			list = append(list, entry{s.WithoutHidden(r, b, t), s.withoutSources(r, base.RoundsOf(b, t))})
		}
	})
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = tournamentJSON(e.t, e.rounds)
	}
	body := map[string]any{"tournaments": out}
	if next > 0 {
		body["next"] = fmt.Sprintf("/api/tournaments?limit=%d&before=%d", most, next)
	}
	return base.OKAt(index, body)
}

// searchTournaments is listTournaments for those that have all the words.
func (s *Server) searchTournaments(r *http.Request, words search, most int, before uint64) (base.Answer, error) {
	all, index := s.candidates(r, before)
	out, next := []any{}, uint64(0)
	last := uint64(0)
	for _, c := range all {
		if !words.finds(c) {
			continue
		}
		if len(out) == most {
			next = last
			break
		}
		out, last = append(out, tournamentJSON(c.tournament, c.rounds)), c.tournament.Index
	}
	body := map[string]any{"tournaments": out}
	if next > 0 {
		body["next"] = fmt.Sprintf("/api/tournaments?limit=%d&before=%d&q=%s", most, next, url.QueryEscape(r.URL.Query().Get("q")))
	}
	return base.OKAt(index, body)
}

// getTournament is GET /api/tournaments/{tid}.
func (s *Server) getTournament(r *http.Request) (base.Answer, error) {
	id := relay.TournamentID(chi.URLParam(r, "tid"))
	var t *relay.Tournament
	var rs []*relay.Round
	index := s.SeenBy(r)(func(b relay.Reader) {
		var found bool
		if t, found = b.Tournament(id); found {
			t, rs = s.WithoutHidden(r, b, t), s.withoutSources(r, base.RoundsOf(b, t))
		}
	})
	if t == nil {
		return base.Answer{}, &relay.NotFoundError{What: "tournament", ID: string(id)}
	}
	return base.OKAt(index, tournamentJSON(t, rs))
}

// getRound is GET /api/rounds/{rid}.
func (s *Server) getRound(r *http.Request) (base.Answer, error) {
	v, index, err := s.roundView(r)
	if err != nil {
		return base.Answer{}, err
	}
	v.Round = s.withoutSources(r, []*relay.Round{v.Round})[0]
	source := s.sourceState(v.Round)
	a, err := base.OKAt(index, roundJSON(v.Round, v.Games, source))
	a.Passing = source != nil
	return a, err
}

// getGame is GET /api/games/{gid}.
func (s *Server) getGame(r *http.Request) (base.Answer, error) {
	v, index, err := s.gameView(r)
	if err != nil {
		return base.Answer{}, err
	}
	return base.OKAt(index, v.Games[0])
}

// getHistory is GET /api/games/{gid}/history.
func (s *Server) getHistory(r *http.Request) (base.Answer, error) {
	v, index, err := s.gameView(r)
	if err != nil {
		return base.Answer{}, err
	}
	body, err := gameTrail(v.Games[0])
	if err != nil {
		return base.Answer{}, err
	}
	return base.OKAt(index, body)
}

// getRoundHistory is GET /api/rounds/{rid}/history.
func (s *Server) getRoundHistory(r *http.Request) (base.Answer, error) {
	id := relay.RoundID(chi.URLParam(r, "rid"))
	var round sealedRound
	index := s.SeenBy(r)(func(b relay.Reader) { round = s.sealedRound(r, b, id) })
	if round.Round == nil {
		return base.Answer{}, &relay.NotFoundError{What: "round", ID: string(id)}
	}
	body, err := s.roundTrail(&round)
	if err != nil {
		return base.Answer{}, err
	}
	return base.OKAt(index, body)
}

// getTournamentHistory is GET /api/tournaments/{tid}/history.
func (s *Server) getTournamentHistory(r *http.Request) (base.Answer, error) {
	id := relay.TournamentID(chi.URLParam(r, "tid"))
	var t *relay.Tournament
	var rounds []sealedRound
	index := s.SeenBy(r)(func(b relay.Reader) {
		if t, _ = b.Tournament(id); t == nil {
			return
		}
		for _, round := range t.Rounds {
			if sealed := s.sealedRound(r, b, round); sealed.Round != nil {
				rounds = append(rounds, sealed)
			}
		}
	})
	if t == nil {
		return base.Answer{}, &relay.NotFoundError{What: "tournament", ID: string(id)}
	}
	body, err := s.tournamentTrail(t, rounds)
	if err != nil {
		return base.Answer{}, err
	}
	return base.OKAt(index, body)
}

// sealedRound returns a round with its games; its Round is nil if the client sees no such round.
func (s *Server) sealedRound(q *http.Request, b relay.Reader, id relay.RoundID) sealedRound {
	r, found := b.Round(id)
	if !found {
		return sealedRound{}
	}
	return sealedRound{r, s.withoutSourceUpdates(q, r), base.GamesOf(b, r)}
}

func (s *Server) roundView(r *http.Request) (base.View, uint64, error) {
	return s.SeenBy(r).Round(relay.RoundID(chi.URLParam(r, "rid")))
}

func (s *Server) gameView(r *http.Request) (base.View, uint64, error) {
	id := relay.GameID(chi.URLParam(r, "gid"))
	var v base.View
	index := s.SeenBy(r)(func(b relay.Reader) {
		g, found := b.Game(id)
		if !found {
			return
		}
		v.Games = []*relay.Game{g}
		v.Round, _ = b.Round(g.Round)
		if v.Round != nil {
			v.Tournament, _ = b.Tournament(v.Round.Tournament)
		}
	})
	if v.Games == nil {
		return v, 0, &relay.NotFoundError{What: "game", ID: string(id)}
	}
	return v, index, nil
}

// roundPGN is GET /api/rounds/{rid}.pgn.
func (s *Server) roundPGN(w http.ResponseWriter, r *http.Request) { s.pgn(w, r, s.roundView) }

// gamePGN is GET /api/games/{gid}.pgn.
func (s *Server) gamePGN(w http.ResponseWriter, r *http.Request) { s.pgn(w, r, s.gameView) }

func (s *Server) pgn(w http.ResponseWriter, r *http.Request, get func(*http.Request) (base.View, uint64, error)) {
	v, index, err := get(r)
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	evaluations, ok := s.pgnEvaluations(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "application/x-chess-pgn; charset=utf-8")
	w.Header().Set(base.IndexHeader, fmt.Sprint(index))
	out := pgn.NewWriter(w)
	out.Evaluations = evaluations
	for _, g := range v.Games {
		if err := out.Write(g, pgn.Event{Tournament: v.Tournament, Round: v.Round, Site: base.SiteURL(r)}); err != nil {
			return // the client is gone
		}
	}
}

// fields is a JSON object, or the fields that [merge] adds to one.
type fields map[string]any

// merge encodes v and adds the fields of more.
func merge(v any, more fields) any {
	b, err := json.Marshal(v)
	if err != nil {
		return v
	}
	out := map[string]json.RawMessage{}
	if json.Unmarshal(b, &out) != nil {
		return v
	}
	for k, m := range more {
		if out[k], err = json.Marshal(m); err != nil {
			return v
		}
	}
	return out
}

func tournamentJSON(t *relay.Tournament, rs []*relay.Round) any {
	return struct {
		*relay.Tournament
		Rounds []shownRound `json:"rounds"`
	}{t, shownRounds(rs)}
}

// shownRound is a round as the API shows it, with its first source in a field of its own.
type shownRound struct {
	*relay.Round
	Source *relay.Source `json:"source,omitempty"`
}

// shownRounds never returns nil, so that JSON has a list.
func shownRounds(rs []*relay.Round) []shownRound {
	out := make([]shownRound, len(rs))
	for i, r := range rs {
		out[i] = shownRound{r, base.FirstSource(r)}
	}
	return out
}

// boardJSON is a game without its moves, as in the list of a round.
type boardJSON struct {
	ID relay.GameID `json:"id"`
	relay.Standing
	relay.Sourced
	Index uint64 `json:"index"`
}

func boardOf(g *relay.Game) boardJSON {
	return boardJSON{g.ID, g.Standing(), g.Sourced(), g.Index}
}

func roundJSON(r *relay.Round, games []*relay.Game, state *sourceState) any {
	boards := make([]boardJSON, len(games))
	for i, g := range games {
		boards[i] = boardOf(g)
	}
	return struct {
		shownRound
		SourceState *sourceState      `json:"sourceState,omitempty"`
		Games       []boardJSON       `json:"games"`
		Matches     []standings.Match `json:"matches,omitempty"`
	}{shownRound{r, base.FirstSource(r)}, state, boards, standings.Matches(games)}
}

// withOutcome adds where in the log a change is, and whether it was there before.
func withOutcome(o relay.Outcome, v any) any {
	more := fields{"index": o.Index, "term": o.Term}
	if o.Duplicate {
		more["duplicate"] = true
	}
	return merge(v, more)
}

// moveJSON answers a submitted move.
func moveJSON(o relay.Outcome) any {
	m := o.Move()
	return struct {
		Index     uint64       `json:"index"`
		Term      uint64       `json:"term"`
		Game      relay.GameID `json:"game"`
		Ply       relay.Ply    `json:"ply"`
		SAN       string       `json:"san"`
		UCI       string       `json:"uci"`
		FEN       string       `json:"fen"`
		Clock     relay.Clock  `json:"clock"`
		Illegal   bool         `json:"illegal,omitempty"`
		Duplicate bool         `json:"duplicate,omitempty"`
	}{o.Index, o.Term, o.Game.ID, m.Ply, m.SAN, m.UCI, m.FEN, m.Clock, m.Illegal, o.Duplicate}
}
