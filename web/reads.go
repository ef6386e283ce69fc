package web

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/relay/standings"
	"github.com/go-chi/chi/v5"
)

// A reading is the boards as one client may see them. It calls f with them, and returns the index
// as of which f saw them.
type reading func(f func(relay.Reader)) (index uint64)

// truth is the reading of the boards as they are.
func (s *Server) truth(f func(relay.Reader)) (index uint64) {
	s.cfg.Boards.Read(func(applied uint64, b *relay.State) {
		index = applied
		f(b)
	})
	return index
}

// public is the reading of what everybody may see.
func (s *Server) public(f func(relay.Reader)) (index uint64) {
	s.cfg.Boards.Read(func(applied uint64, b *relay.State) {
		p := b.Public(applied)
		f(p)
		index = p.Index()
	})
	return index
}

// publicIndex returns the newest log index whose effect the public may see. delays reports whether
// a round has a delay; only then may the index differ from what this node has applied.
func (s *Server) publicIndex() (index uint64, delays bool) {
	s.cfg.Boards.Read(func(applied uint64, b *relay.State) {
		index, delays = b.Shown(applied), b.Delays() != nil
	})
	return index, delays
}

// seenBy returns the reading for the client that sent the request.
func (s *Server) seenBy(r *http.Request) reading {
	c := callerOf(r)
	switch {
	case c.Token == nil:
		return s.public
	case c.sight("", "") == relay.Truth:
		return s.truth
	}
	return func(f func(relay.Reader)) (index uint64) {
		s.cfg.Boards.Read(func(applied uint64, b *relay.State) {
			p := b.ReaderFor(applied, c.sight)
			f(p)
			index = p.Index()
		})
		return index
	}
}

// view is what one read sees, all of it as of one log index.
type view struct {
	tournament *relay.Tournament
	round      *relay.Round
	games      []*relay.Game
	deleted    []*relay.Game // of the round; see relay.Reader.DeletedGames
}

// The pages of GET /api/tournaments.
const (
	listPage    = 100
	maxListPage = 1000
	// maxListRounds ends a page early if its rounds are more: each may have a long description.
	maxListRounds = 1000
)

// listTournaments is GET /api/tournaments: a page of tournaments, newest first. The next page
// continues after a log index, so tournaments that come or go meanwhile shift nothing.
func (s *Server) listTournaments(r *http.Request) (answer, error) {
	most, err := number(r, "limit", listPage, 1, maxListPage)
	if err != nil {
		return answer{}, err
	}
	before, err := number(r, "before", math.MaxInt, 1, math.MaxInt)
	if err != nil {
		return answer{}, err
	}
	type entry struct {
		t      *relay.Tournament
		rounds []*relay.Round
	}
	var list []entry
	next, total := uint64(0), 0
	index := s.seenBy(r)(func(b relay.Reader) {
		for _, t := range s.listed(r, b) {
			if t.Index >= uint64(before) {
				continue
			}
			if len(list) == most || len(list) > 0 && total+len(t.Rounds) > maxListRounds {
				next = list[len(list)-1].t.Index
				return
			}
			total += len(t.Rounds)
			list = append(list, entry{s.withoutHidden(r, b, t), s.withoutSources(r, rounds(b, t))})
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
	return ok(indexed{index, body})
}

// getTournament is GET /api/tournaments/{tid}.
func (s *Server) getTournament(r *http.Request) (answer, error) {
	id := relay.TournamentID(chi.URLParam(r, "tid"))
	var t *relay.Tournament
	var rs []*relay.Round
	index := s.seenBy(r)(func(b relay.Reader) {
		var found bool
		if t, found = b.Tournament(id); found {
			t, rs = s.withoutHidden(r, b, t), s.withoutSources(r, rounds(b, t))
		}
	})
	if t == nil {
		return answer{}, &relay.NotFoundError{What: "tournament", ID: string(id)}
	}
	return ok(indexed{index, tournamentJSON(t, rs)})
}

// getRound is GET /api/rounds/{rid}.
func (s *Server) getRound(r *http.Request) (answer, error) {
	v, index, err := s.roundView(r)
	if err != nil {
		return answer{}, err
	}
	v.round = s.withoutSources(r, []*relay.Round{v.round})[0]
	source := s.sourceState(v.round)
	return answer{http.StatusOK, indexed{index, roundJSON(v.round, v.games, source)}, source != nil}, nil
}

// getGame is GET /api/games/{gid}.
func (s *Server) getGame(r *http.Request) (answer, error) {
	v, index, err := s.gameView(r)
	if err != nil {
		return answer{}, err
	}
	return ok(indexed{index, v.games[0]})
}

// getHistory is GET /api/games/{gid}/history.
func (s *Server) getHistory(r *http.Request) (answer, error) {
	v, index, err := s.gameView(r)
	if err != nil {
		return answer{}, err
	}
	body, err := gameTrail(v.games[0])
	if err != nil {
		return answer{}, err
	}
	return ok(indexed{index, body})
}

// getRoundHistory is GET /api/rounds/{rid}/history.
func (s *Server) getRoundHistory(r *http.Request) (answer, error) {
	id := relay.RoundID(chi.URLParam(r, "rid"))
	var round sealedRound
	index := s.seenBy(r)(func(b relay.Reader) { round = s.sealedRound(r, b, id) })
	if round.Round == nil {
		return answer{}, &relay.NotFoundError{What: "round", ID: string(id)}
	}
	body, err := s.roundTrail(&round)
	if err != nil {
		return answer{}, err
	}
	return ok(indexed{index, body})
}

// getTournamentHistory is GET /api/tournaments/{tid}/history.
func (s *Server) getTournamentHistory(r *http.Request) (answer, error) {
	id := relay.TournamentID(chi.URLParam(r, "tid"))
	var t *relay.Tournament
	var rounds []sealedRound
	index := s.seenBy(r)(func(b relay.Reader) {
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
		return answer{}, &relay.NotFoundError{What: "tournament", ID: string(id)}
	}
	body, err := s.tournamentTrail(t, rounds)
	if err != nil {
		return answer{}, err
	}
	return ok(indexed{index, body})
}

// sealedRound returns a round with its games; its Round is nil if the client sees no such round.
func (s *Server) sealedRound(q *http.Request, b relay.Reader, id relay.RoundID) sealedRound {
	r, found := b.Round(id)
	if !found {
		return sealedRound{}
	}
	return sealedRound{r, s.withoutSourceUpdates(q, r), gamesOf(b, r)}
}

func (s *Server) roundView(r *http.Request) (view, uint64, error) {
	return s.seenBy(r).round(relay.RoundID(chi.URLParam(r, "rid")))
}

func (s *Server) gameView(r *http.Request) (view, uint64, error) {
	id := relay.GameID(chi.URLParam(r, "gid"))
	var v view
	index := s.seenBy(r)(func(b relay.Reader) {
		g, found := b.Game(id)
		if !found {
			return
		}
		v.games = []*relay.Game{g}
		v.round, _ = b.Round(g.Round)
		if v.round != nil {
			v.tournament, _ = b.Tournament(v.round.Tournament)
		}
	})
	if v.games == nil {
		return v, 0, &relay.NotFoundError{What: "game", ID: string(id)}
	}
	return v, index, nil
}

// roundPGN is GET /api/rounds/{rid}.pgn.
func (s *Server) roundPGN(w http.ResponseWriter, r *http.Request) { s.pgn(w, r, s.roundView) }

// gamePGN is GET /api/games/{gid}.pgn.
func (s *Server) gamePGN(w http.ResponseWriter, r *http.Request) { s.pgn(w, r, s.gameView) }

func (s *Server) pgn(w http.ResponseWriter, r *http.Request, get func(*http.Request) (view, uint64, error)) {
	v, index, err := get(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-chess-pgn; charset=utf-8")
	w.Header().Set(indexHeader, fmt.Sprint(index))
	out := pgn.NewWriter(w)
	for _, g := range v.games {
		if err := out.Write(g, pgn.Event{Tournament: v.tournament, Round: v.round, Site: siteURL(r)}); err != nil {
			return // the client is gone
		}
	}
}

// siteURL returns this server's URL as the client knows it.
func siteURL(r *http.Request) string {
	if site, ok := forwardedSite(r); ok {
		return site
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

func rounds(b relay.Reader, t *relay.Tournament) []*relay.Round {
	var out []*relay.Round
	for _, id := range t.Rounds {
		if r, ok := b.Round(id); ok {
			out = append(out, r)
		}
	}
	return out
}

// indexed is a body that was true at a log index. The index goes into a header.
type indexed struct {
	index uint64
	body  any
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
		out[i] = shownRound{r, firstSource(r)}
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
	}{shownRound{r, firstSource(r)}, state, boards, standings.Matches(games)}
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
