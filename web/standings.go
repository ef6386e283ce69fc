package web

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/standings"
	"github.com/go-chi/chi/v5"
)

// maxTableGames is the most games that a table is made of: an Olympiad has 4,000. The table of so
// many takes up to 60 ms, and 6 MB on the line.
const maxTableGames = 10_000

// getStandings is GET /api/tournaments/{tid}/standings. A client that has the current table gets a
// 304 without a table being made.
func (s *Server) getStandings(w http.ResponseWriter, r *http.Request) {
	in, err := s.readTable(r, relay.TournamentID(chi.URLParam(r, "tid")))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	t := in.tournament
	tag := fmt.Sprintf(`"%s-%s"`, s.origin.ClusterID(), in.version())
	h := w.Header()
	h.Set(indexHeader, fmt.Sprint(in.index))
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache") // to be revalidated with the tag
	if hasTag(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Tournament relay.TournamentID `json:"tournament"`
		Name       string             `json:"name"`
		*standings.Table
	}{t.ID, t.Name, in.compute()})
}

// tableInput is what the tables of a tournament are made of, as one client may see it.
type tableInput struct {
	tournament *relay.Tournament
	rounds     []standings.Round
	index      uint64 // the log index as of which it was read
}

// readTable reads what the tables of the tournament are made of. It fails if there is no such
// tournament, or if it has too many games.
func (s *Server) readTable(r *http.Request, id relay.TournamentID) (tableInput, error) {
	var in tableInput
	games := 0
	in.index = s.seenBy(r)(func(b relay.Reader) {
		in.tournament, _ = b.Tournament(id)
		if in.tournament == nil {
			return
		}
		for _, round := range rounds(b, in.tournament) {
			if games += len(round.Games); games > maxTableGames {
				return
			}
			in.rounds = append(in.rounds, standings.Round{Round: round, Games: gamesOf(b, round)})
		}
	})
	switch {
	case in.tournament == nil:
		return in, &relay.NotFoundError{What: "tournament", ID: string(id)}
	case games > maxTableGames:
		return in, &apiError{
			Status: http.StatusUnprocessableEntity, Code: "limit_reached",
			Message: fmt.Sprintf("the tournament has more than %d games, and no table is made of so many", maxTableGames),
		}
	}
	return in, nil
}

// compute makes the tables, by the tournament's own tie-breaks and points.
func (in *tableInput) compute() *standings.Table {
	return standings.Compute(in.rounds, standings.OptionsOf(in.tournament))
}

// tieBreaks is a list of tie-breaks as a client submits it. Unknown ones are refused, and the
// others kept in one spelling.
type tieBreaks string

func (t *tieBreaks) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return badRequest("tieBreaks must be a string, such as %q", standings.FormatTieBreaks(standings.DefaultTieBreaks))
	}
	codes, err := standings.ParseTieBreaks(text)
	if err != nil {
		return badRequest("tieBreaks: %v", err)
	}
	*t = tieBreaks(standings.FormatTieBreaks(codes))
	return nil
}

// version names what a table is made of: the index of the last entry that may have changed it, and
// a hash of each round's. The last entry alone is not enough: the public sees rounds with a delay
// later, each as of another index.
func (in *tableInput) version() string {
	h := fnv.New64a()
	last := max(in.tournament.Index, updatedAt(in.tournament.Updates))
	for _, r := range in.rounds {
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

// hasTag reports whether the client has what the tag names (RFC 9110, 13.1.2).
func hasTag(r *http.Request, tag string) bool {
	for have := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if have = strings.TrimSpace(have); have == "*" || strings.TrimPrefix(have, "W/") == tag {
			return true
		}
	}
	return false
}

// gamesOf returns the games of a round, by board number.
func gamesOf(b relay.Reader, r *relay.Round) []*relay.Game {
	out := make([]*relay.Game, 0, len(r.Games))
	for _, id := range r.Games {
		if g, ok := b.Game(id); ok {
			out = append(out, g)
		}
	}
	return out
}
