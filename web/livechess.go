package web

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/lcc"
)

// liveChess serves every tournament in DGT LiveChess Cloud's format, see package lcc. Its readers
// poll. So each answer may be cached for a second, and has an ETag that is the same on every node.
func (s *Server) liveChess(r chi.Router) {
	r.Use(crossOriginReads, vary)
	r.Get("/tournament.json", s.polled(s.liveChessTournament))
	r.Get("/round-{n}/index.json", s.polled(s.liveChessIndex))
	r.Get("/round-{n}/game-{m}.json", s.polled(s.liveChessGame))
}

// polled makes a handler from a function whose answer clients poll.
func (s *Server) polled(f func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		doc, err := f(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		body, err := json.Marshal(doc)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		sum := sha256.Sum256(body)
		etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		w.Header().Set("ETag", etag)
		if s.seesAny(r) {
			w.Header().Set("Cache-Control", "private, max-age=1")
		} else {
			w.Header().Set("Cache-Control", "public, max-age=1")
		}
		if noneMatch(r, etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
}

// noneMatch reports whether the client has what the ETag names (RFC 9110, 13.1.2).
func noneMatch(r *http.Request, etag string) bool {
	for _, have := range strings.Split(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if have = strings.TrimPrefix(strings.TrimSpace(have), "W/"); have == etag || have == "*" {
			return true
		}
	}
	return false
}

// liveChessTournament is GET /get/{uuid}/tournament.json.
func (s *Server) liveChessTournament(r *http.Request) (any, error) {
	var t *relay.Tournament
	var rounds [][]*relay.Game
	err := s.readTournament(r, func(b relay.Reader, found *relay.Tournament) {
		t = found
		for _, id := range t.Rounds {
			rounds = append(rounds, viewIn(b, id).games)
		}
	})
	if err != nil {
		return nil, err
	}
	return lcc.NewTournament(s.origin.ClusterID(), t, rounds), nil
}

// liveChessIndex is GET /get/{uuid}/round-{n}/index.json.
func (s *Server) liveChessIndex(r *http.Request) (any, error) {
	round, games, err := s.liveChessRound(r)
	if err != nil {
		return nil, err
	}
	return lcc.NewIndex(round, games), nil
}

// liveChessGame is GET /get/{uuid}/round-{n}/game-{m}.json. A board without a game is served as a
// game without moves, even beyond the last board. On a 404, three of four downloaders give up the
// whole tournament.
func (s *Server) liveChessGame(r *http.Request) (any, error) {
	_, games, err := s.liveChessRound(r)
	if err != nil {
		return nil, err
	}
	text := chi.URLParam(r, "m")
	board, err := strconv.Atoi(text)
	if err != nil || board < 1 || board > relay.MaxBoard || strconv.Itoa(board) != text {
		return nil, notFound("there is no board %s", text)
	}
	for _, g := range games {
		if g.Board == board {
			return lcc.NewGame(g), nil
		}
	}
	return lcc.NoGame(), nil
}

// liveChessRound finds the round by its place in the tournament, from 1.
func (s *Server) liveChessRound(r *http.Request) (round *relay.Round, games []*relay.Game, err error) {
	err = s.readTournament(r, func(b relay.Reader, t *relay.Tournament) {
		n, err := strconv.Atoi(chi.URLParam(r, "n"))
		if err != nil || n < 1 || n > len(t.Rounds) {
			return
		}
		v := viewIn(b, t.Rounds[n-1])
		round, games = v.round, v.games
	})
	if err == nil && round == nil {
		err = notFound("there is no round %s", chi.URLParam(r, "n"))
	}
	return round, games, err
}

// readTournament calls f with the boards and the tournament that the path names, by its UUID or its
// id.
func (s *Server) readTournament(r *http.Request, f func(relay.Reader, *relay.Tournament)) error {
	uuid := chi.URLParam(r, "uuid")
	id, found := lcc.TournamentID(s.origin.ClusterID(), uuid)
	if found {
		s.seenBy(r)(func(b relay.Reader) {
			var t *relay.Tournament
			if t, found = b.Tournament(id); found {
				f(b, t)
			}
		})
	}
	if !found {
		return &relay.NotFoundError{What: "tournament", ID: cmp.Or(string(id), uuid)}
	}
	return nil
}
