package base

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/standings"
)

// MaxTableGames is the most games that a table is made of: an Olympiad has 4,000. The table of so
// many takes up to 60 ms, and 6 MB on the line.
const MaxTableGames = 10_000

// TableInput is what the tables of a tournament are made of, as one client may see it.
type TableInput struct {
	Tournament *relay.Tournament
	Rounds     []standings.Round
	Index      uint64 // the log index as of which it was read
}

// ReadTable reads what the tables of the tournament are made of. It fails if there is no such
// tournament, or if it has too many games.
func (s *Server) ReadTable(r *http.Request, id relay.TournamentID) (TableInput, error) {
	var in TableInput
	games := 0
	in.Index = s.SeenBy(r)(func(b relay.Reader) {
		in.Tournament, _ = b.Tournament(id)
		if in.Tournament == nil {
			return
		}
		for _, round := range RoundsOf(b, in.Tournament) {
			if games += len(round.Games); games > MaxTableGames {
				return
			}
			in.Rounds = append(in.Rounds, standings.Round{Round: round, Games: GamesOf(b, round)})
		}
	})
	switch {
	case in.Tournament == nil:
		return in, &relay.NotFoundError{What: "tournament", ID: string(id)}
	case games > MaxTableGames:
		return in, &Error{
			Status: http.StatusUnprocessableEntity, Code: "limit_reached",
			Message: fmt.Sprintf("the tournament has more than %d games, which are too many for a table", MaxTableGames),
		}
	}
	return in, nil
}

// Compute makes the tables, by the tournament's own tie-breaks and points.
func (in *TableInput) Compute() *standings.Table {
	return standings.Compute(in.Rounds, standings.OptionsOf(in.Tournament))
}

// tieBreaks is a list of tie-breaks as a client submits it. Unknown ones are refused, and the
// others kept in one spelling.
type tieBreaks string

// UnmarshalJSON implements json.Unmarshaler.
func (t *tieBreaks) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return BadRequest("tieBreaks must be a string, such as %q", standings.FormatTieBreaks(standings.DefaultTieBreaks))
	}
	codes, err := standings.ParseTieBreaks(text)
	if err != nil {
		return BadRequest("tieBreaks: %v", err)
	}
	*t = tieBreaks(standings.FormatTieBreaks(codes))
	return nil
}

// Version names what a table is made of: the index of the last entry that may have changed it, and
// a hash of each round's. The last entry alone is not enough: the public sees rounds with a delay
// later, each as of another index.
func (in *TableInput) Version() string {
	h := fnv.New64a()
	last := max(in.Tournament.Index, updatedAt(in.Tournament.Updates))
	for _, r := range in.Rounds {
		at := changedAt(r)
		last = max(last, at)
		fmt.Fprint(h, at, " ", len(r.Games), " ") // deleting a game leaves the index as it is
	}
	return fmt.Sprintf("%d-%x", last, h.Sum64())
}

// changedAt returns the index of the last entry that may have changed the round's part of the
// table. Creations, updates and results may; moves do not.
func changedAt(r standings.Round) uint64 {
	at := max(r.Index, updatedAt(r.Updates))
	for _, g := range r.Games {
		at = max(at, g.CreatedAtIx)
		if n := len(g.Changes); n > 0 {
			at = max(at, g.Changes[n-1].Index)
		}
	}
	return at
}

func updatedAt(updates []relay.Update) uint64 {
	if n := len(updates); n > 0 {
		return updates[n-1].Index
	}
	return 0
}

// GamesOf returns the games of a round, by board number.
func GamesOf(b relay.Reader, r *relay.Round) []*relay.Game {
	out := make([]*relay.Game, 0, len(r.Games))
	for _, id := range r.Games {
		if g, ok := b.Game(id); ok {
			out = append(out, g)
		}
	}
	return out
}
