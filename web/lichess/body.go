package lichess

import (
	"cmp"
	"fmt"

	"github.com/chessrelay/chessrelay/relay/mirror"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/web/base"
	"github.com/chessrelay/chessrelay/web/pull"
)

const (
	// maxPushGames is how many games of a push are taken. A thousand games of forty moves each,
	// with clocks, are 4 MB.
	maxPushGames = 1000
	// maxPushAnswers bounds the answers, and so what the games beyond the limit cost.
	maxPushAnswers = 2 * maxPushGames
)

var tooManyMoves = fmt.Sprintf("this game is not recorded: the games before it have %d moves or more; push the round in parts", pull.MaxPlies)

var tooManyGames = fmt.Sprintf("this game is not recorded: the push has more than %d games", maxPushGames)

// pushedGame is the answer about one game: what the boards have, and what is wrong with it.
type pushedGame struct {
	Tags  map[string]string `json:"tags"`
	Moves *int              `json:"moves,omitempty"`
	Error string            `json:"error,omitempty"`
	// Locked are the fields in which the push differs from what a person has set. They stay.
	Locked []string `json:"locked,omitempty"`
	Board  int      `json:"board,omitempty"` // of the round, that has the game
}

// A pushing is one push: the games that could be read, and an answer for each game of the push.
type pushing struct {
	games   []mirror.Game
	of      []int // of games: the index of its answer
	answers []pushedGame
	refused []error // of games: why the boards refused each in the last try; nil: nothing was tried

	warnings []string // about the push as a whole
}

// readPush reads the games of a push. A game that cannot be read does not keep the others out, nor
// do games beyond the limit: the broadcaster app ignores an error for the whole push. Games that
// memory has read before are not read again.
func readPush(memory *pull.Memory, body []byte, contentType string) (*pushing, error) {
	if err := pgn.Sniff(body, contentType); err != nil {
		return nil, base.BadRequest("Cannot parse moves: %v", err)
	}
	p := &pushing{}
	games, more := memory.Read(pgn.Decode(body, pgn.Charset(contentType)), maxPushAnswers)
	plies := 0
	for _, g := range games {
		p.add(g)
		plies += len(g.Moves)
	}
	why := tooManyGames
	if plies >= pull.MaxPlies {
		why = tooManyMoves
	}
	for range min(more, maxPushAnswers-len(p.answers)) {
		p.answers = append(p.answers, pushedGame{Tags: map[string]string{}, Error: why})
	}
	if len(p.games) == 0 {
		why = "there is no game in the body"
		if len(p.answers) > 0 {
			why = p.answers[0].Error
		}
		return nil, base.BadRequest("Cannot parse moves: %s", why)
	}
	return p, nil
}

// add takes one game that was read.
func (p *pushing) add(g pull.Game) {
	a := pushedGame{Tags: make(map[string]string, len(g.Tags))}
	for _, t := range g.Tags {
		a.Tags[t.Name] = t.Value
	}
	if g.Err != nil {
		a.Error = g.Err.Error()
	}
	switch {
	case g.Unread:
	case len(p.games) == maxPushGames:
		a.Error = tooManyGames
	case len(g.Tags) == 0 && len(g.Moves) == 0: // any text can be read as a game
		a.Error = cmp.Or(a.Error, "there is neither a tag nor a legal move")
	default:
		p.of = append(p.of, len(p.answers))
		p.games = append(p.games, g.Game)
	}
	p.answers = append(p.answers, a)
}
