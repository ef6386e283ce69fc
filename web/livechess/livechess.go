package livechess

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/lcc"
)

// Server makes the documents.
type Server struct {
	// ClusterID is part of each tournament's UUID.
	ClusterID func() string
	// Read calls f with the boards as the client may see them.
	Read func(r *http.Request, f func(relay.Reader))
	// Polled makes a handler from a function that returns a document, or an error that wraps
	// [relay.ErrNotFound].
	Polled func(document func(*http.Request) (any, error)) http.HandlerFunc
}

// Routes adds the routes below /get/{uuid}.
func (s *Server) Routes(r chi.Router) {
	r.Get("/tournament.json", s.Polled(s.tournament))
	r.Get("/round-{n}/index.json", s.Polled(s.index))
	r.Get("/round-{n}/game-{m}.json", s.Polled(s.game))
}

// tournament is GET /get/{uuid}/tournament.json.
func (s *Server) tournament(r *http.Request) (any, error) {
	var t *relay.Tournament
	var rounds [][]*relay.Game
	err := s.find(r, func(b relay.Reader, found *relay.Tournament) {
		t = found
		for _, id := range t.Rounds {
			_, games := roundIn(b, id)
			rounds = append(rounds, games)
		}
	})
	if err != nil {
		return nil, err
	}
	return lcc.NewTournament(s.ClusterID(), t, rounds), nil
}

// index is GET /get/{uuid}/round-{n}/index.json.
func (s *Server) index(r *http.Request) (any, error) {
	round, games, err := s.round(r)
	if err != nil {
		return nil, err
	}
	return lcc.NewIndex(round, games), nil
}

// game is GET /get/{uuid}/round-{n}/game-{m}.json. A board without a game is served as a game
// without moves, even beyond the last board. On a 404, three of four downloaders give up the whole
// tournament.
func (s *Server) game(r *http.Request) (any, error) {
	_, games, err := s.round(r)
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

// round finds the round by its place in the tournament, from 1.
func (s *Server) round(r *http.Request) (round *relay.Round, games []*relay.Game, err error) {
	err = s.find(r, func(b relay.Reader, t *relay.Tournament) {
		n, err := strconv.Atoi(chi.URLParam(r, "n"))
		if err == nil && 1 <= n && n <= len(t.Rounds) {
			round, games = roundIn(b, t.Rounds[n-1])
		}
	})
	if err == nil && round == nil {
		err = notFound("there is no round %s", chi.URLParam(r, "n"))
	}
	return round, games, err
}

// roundIn returns a round with its games; nil if the client sees no such round.
func roundIn(b relay.Reader, id relay.RoundID) (round *relay.Round, games []*relay.Game) {
	round, ok := b.Round(id)
	if !ok {
		return nil, nil
	}
	for _, id := range round.Games {
		if g, ok := b.Game(id); ok {
			games = append(games, g)
		}
	}
	return round, games
}

// find calls f with the boards and the tournament that the path names, by its UUID or its id.
func (s *Server) find(r *http.Request, f func(relay.Reader, *relay.Tournament)) error {
	uuid := chi.URLParam(r, "uuid")
	id, found := lcc.TournamentID(s.ClusterID(), uuid)
	if found {
		s.Read(r, func(b relay.Reader) {
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

// notFoundError is a [relay.ErrNotFound] about a part of a path that is no id.
type notFoundError string

func notFound(format string, a ...any) error { return notFoundError(fmt.Sprintf(format, a...)) }

func (e notFoundError) Error() string { return string(e) }

// Unwrap makes errors.Is(err, relay.ErrNotFound) hold.
func (notFoundError) Unwrap() error { return relay.ErrNotFound }
