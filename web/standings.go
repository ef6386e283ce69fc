package web

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/standings"
	"github.com/go-chi/chi/v5"
)

// maxTableGames bounds what a table is made of: an Olympiad has 4,000 games. The
// table of so many takes up to 60 ms, and 6 MB on the line.
const maxTableGames = 10_000

// getStandings is GET /api/tournaments/{tid}/standings. Who has the table as it is gets a 304, and
// no table is made for that.
func (s *Server) getStandings(w http.ResponseWriter, r *http.Request) {
	id := relay.TournamentID(chi.URLParam(r, "tid"))
	var t *relay.Tournament
	var rs []standings.Round
	games := 0
	index := s.seenBy(r)(func(b relay.Reader) {
		t, _ = b.Tournament(id)
		if t == nil {
			return
		}
		for _, round := range rounds(b, t) {
			if games += len(round.Games); games > maxTableGames {
				return
			}
			rs = append(rs, standings.Round{Round: round, Games: gamesOf(b, round)})
		}
	})
	if t == nil {
		s.fail(w, r, &relay.NotFoundError{What: "tournament", ID: string(id)})
		return
	}
	if games > maxTableGames {
		s.fail(w, r, &apiError{
			Status: http.StatusUnprocessableEntity, Code: "limit_reached",
			Message: fmt.Sprintf("the tournament has more than %d games, and no table is made of so many", maxTableGames),
		})
		return
	}
	tag := fmt.Sprintf(`"%s-%s"`, s.origin.ClusterID(), version(t, rs))
	h := w.Header()
	h.Set(indexHeader, fmt.Sprint(index))
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache") // to be asked for again, with the tag
	if hasTag(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Tournament relay.TournamentID `json:"tournament"`
		Name       string             `json:"name"`
		*standings.Table
	}{t.ID, t.Name, standings.Compute(rs)})
}

// version names what a table is made of: the index of the last entry that may have changed it, and a hash of those of each
// round, since of rounds with a delay the public sees less than others see, and each as of another index.
func version(t *relay.Tournament, rs []standings.Round) string {
	h := fnv.New64a()
	last := max(t.Index, updatedAt(t.Updates))
	for _, r := range rs {
		at := changedAt(r)
		last = max(last, at)
		fmt.Fprint(h, at, " ")
	}
	return fmt.Sprintf("%d-%x", last, h.Sum64())
}

// changedAt is the index of the last entry that may have changed the round's part of the table: one that created
// or updated something, set a result or took one back. Moves do not.
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

// hasTag reports whether the client has what bears the tag (RFC 9110, 13.1.2).
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
