package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/chessrelay/chessrelay/relay"
)

// NewTournament is what a tournament is created from. Name is required.
type NewTournament struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Location    string `json:"location,omitempty"`
}

// Tournament is one row of the list of tournaments.
type Tournament struct {
	ID     relay.TournamentID `json:"id"`
	Name   string             `json:"name"`
	Rounds []Round            `json:"rounds"`
}

// Round is a round. Games is filled by [Client.Round] only.
type Round struct {
	ID    relay.RoundID `json:"id"`
	Name  string        `json:"name"`
	Index uint64        `json:"index"` // the log index of its creation
	Delay int           `json:"delay"` // seconds that the public sees it late
	Games []Game        `json:"games"`
}

// NewGame is what a game is created from. Board is its number, from 1. An empty FEN is the usual
// start position.
type NewGame struct {
	Board       int          `json:"board"`
	White       relay.Player `json:"white"`
	Black       relay.Player `json:"black"`
	FEN         string       `json:"fen,omitempty"`
	Variant     string       `json:"variant,omitempty"`
	TimeControl string       `json:"timeControl,omitempty"`
	// Tags are further PGN tags, such as Date and Opening.
	Tags map[string]string `json:"tags,omitempty"`
}

// Game is a game as it stands. Moves is filled by [Client.Game] only.
type Game struct {
	ID     relay.GameID  `json:"id"`
	Round  relay.RoundID `json:"round"`
	Board  int           `json:"board"`
	White  relay.Player  `json:"white"`
	Black  relay.Player  `json:"black"`
	FEN    string        `json:"fen"`
	Ply    relay.Ply     `json:"ply"`
	Moves  []Move        `json:"moves"`
	Result relay.Result  `json:"result"`
}

// Move is a move of a game.
type Move struct {
	Ply   relay.Ply   `json:"ply"`
	SAN   string      `json:"san"`
	UCI   string      `json:"uci"`
	Clock relay.Clock `json:"clock"` // after the move
}

// NewMove is a move to submit: the half-move's number from 1, and the move in SAN or UCI.
type NewMove struct {
	Ply   relay.Ply    `json:"ply"`
	Move  string       `json:"move"`
	Clock *relay.Clock `json:"clock,omitempty"`
}

// Accepted is the answer to a move: it is on the disks of a majority.
type Accepted struct {
	Index     uint64    `json:"index"` // its log index
	Term      uint64    `json:"term"`
	Ply       relay.Ply `json:"ply"`
	SAN       string    `json:"san"`
	UCI       string    `json:"uci"`
	FEN       string    `json:"fen"`
	Duplicate bool      `json:"duplicate"` // the game had this move already
}

// linearizable asks for a state that is no older than the question.
const linearizable = "?consistency=linearizable"

// CreateTournament creates a tournament.
func (c *Client) CreateTournament(ctx context.Context, t NewTournament) (relay.TournamentID, error) {
	var made struct {
		ID relay.TournamentID `json:"id"`
	}
	err := c.Do(ctx, http.MethodPost, "/api/tournaments", t, &made)
	return made.ID, err
}

// Tournaments lists the public tournaments, and those that the token covers.
func (c *Client) Tournaments(ctx context.Context) ([]Tournament, error) {
	var s struct {
		Tournaments []Tournament `json:"tournaments"`
	}
	err := c.Do(ctx, http.MethodGet, "/api/tournaments", nil, &s)
	return s.Tournaments, err
}

// CreateRound adds a round to a tournament.
func (c *Client) CreateRound(ctx context.Context, t relay.TournamentID, name string) (relay.RoundID, error) {
	var made struct {
		ID relay.RoundID `json:"id"`
	}
	err := c.Do(ctx, http.MethodPost, Path("/api/tournaments", string(t), "rounds"), map[string]string{"name": name}, &made)
	return made.ID, err
}

// Round reads a round and its games. The answer is no older than the question, whichever node
// answers.
func (c *Client) Round(ctx context.Context, r relay.RoundID) (Round, error) {
	var s Round
	err := c.Do(ctx, http.MethodGet, Path("/api/rounds", string(r))+linearizable, nil, &s)
	return s, err
}

// CreateGame opens a board of a round. It is refused with the code "board_taken" if there is one.
func (c *Client) CreateGame(ctx context.Context, r relay.RoundID, g NewGame) (relay.GameID, error) {
	var made struct {
		ID relay.GameID `json:"id"`
	}
	err := c.Do(ctx, http.MethodPost, Path("/api/rounds", string(r), "games"), g, &made)
	return made.ID, err
}

// Game reads a game with its moves. The answer is no older than the question.
func (c *Client) Game(ctx context.Context, g relay.GameID) (Game, error) {
	var s Game
	err := c.Do(ctx, http.MethodGet, Path("/api/games", string(g))+linearizable, nil, &s)
	return s, err
}

// PlayMove submits a move. It returns once a majority has it. A move that the game has already is a
// success with Duplicate set.
func (c *Client) PlayMove(ctx context.Context, g relay.GameID, m NewMove) (Accepted, error) {
	var a Accepted
	err := c.Do(ctx, http.MethodPost, Path("/api/games", string(g), "moves"), m, &a)
	return a, err
}

// SetResult sets the result of a game.
func (c *Client) SetResult(ctx context.Context, g relay.GameID, result relay.Result) error {
	return c.Do(ctx, http.MethodPost, Path("/api/games", string(g), "result"), map[string]relay.Result{"result": result}, nil)
}

// Path appends segments to prefix, each escaped for a URL.
func Path(prefix string, segments ...string) string {
	for _, s := range segments {
		prefix += "/" + url.PathEscape(s)
	}
	return prefix
}
