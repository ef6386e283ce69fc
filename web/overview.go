package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/base"
)

// The most entries of each part of GET /api/overview.
const (
	maxLiveRounds  = 50
	maxSoonRounds  = 20
	maxOldEvents   = 20
	maxQuery       = 100    // bytes of a search
	maxSearchGames = 50_000 // whose players a search looks at; the names of events are looked at in any case
)

// overviewRound is a round that goes on or comes.
type overviewRound struct {
	Tournament     relay.TournamentID `json:"tournament"`
	TournamentName string             `json:"tournamentName"`
	Location       string             `json:"location,omitempty"`
	Round          shownRound         `json:"round"`
	Boards         int                `json:"boards"`
	Playing        int                `json:"playing"`
	LastMoveAt     relay.Millis       `json:"lastMoveAt,omitempty"`
	// Board is the one with the best players among those that play.
	Board *boardJSON `json:"board,omitempty"`
}

// overviewEvent is a tournament in which nothing goes on or comes.
type overviewEvent struct {
	ID       relay.TournamentID `json:"id"`
	Name     string             `json:"name"`
	Location string             `json:"location,omitempty"`
	Rounds   int                `json:"rounds"`
	// Last is its last round.
	Last relay.RoundID `json:"last,omitempty"`
	At   relay.Millis  `json:"at"` // when that began, or was created
}

// getOverview is GET /api/overview: what goes on now, what comes, and what is over. It does not
// depend on the time of day, so that all readers share one answer.
func (s *Server) getOverview(r *http.Request) (base.Answer, error) {
	live, soon, old := []overviewRound{}, []overviewRound{}, []overviewEvent{}
	index := s.SeenBy(r)(func(b relay.Reader) {
		for _, t := range s.Listed(r, b) {
			rounds := s.withoutSources(r, base.RoundsOf(b, t))
			open := false
			for i, round := range rounds {
				switch {
				case round.Status == relay.RoundStarted && len(live) < maxLiveRounds:
					live = append(live, liveRound(b, t, round))
					open = true
				case round.Status == relay.RoundNew && (round.StartsAt > 0 || i == 0):
					open = true
					if round.StartsAt > 0 && len(soon) < 10*maxSoonRounds {
						soon = append(soon, overviewOf(t, round))
					}
				}
			}
			if !open && len(old) < maxOldEvents {
				old = append(old, eventOf(t, rounds))
			}
		}
	})
	slices.SortStableFunc(live, func(a, b overviewRound) int { return cmp.Compare(b.LastMoveAt, a.LastMoveAt) })
	slices.SortStableFunc(soon, func(a, b overviewRound) int { return cmp.Compare(a.Round.StartsAt, b.Round.StartsAt) })
	soon = soon[:min(len(soon), maxSoonRounds)]
	return base.OKAt(index, map[string]any{"live": live, "soon": soon, "finished": old})
}

func overviewOf(t *relay.Tournament, r *relay.Round) overviewRound {
	return overviewRound{
		Tournament: t.ID, TournamentName: t.Name, Location: t.Location, Round: shownRound{r, base.FirstSource(r)}, Boards: len(r.Games),
	}
}

func liveRound(b relay.Reader, t *relay.Tournament, r *relay.Round) overviewRound {
	out := overviewOf(t, r)
	var lead *relay.Game
	for _, id := range r.Games {
		g, ok := b.Game(id)
		if !ok {
			continue
		}
		out.LastMoveAt = max(out.LastMoveAt, g.ClockTime())
		if g.Result == relay.Ongoing {
			out.Playing++
		}
		if lead == nil || leads(g, lead) {
			lead = g
		}
	}
	if lead != nil {
		out.Board = new(boardOf(lead))
	}
	return out
}

// leads reports whether a game is shown rather than another one: it goes on, and its players are
// better.
func leads(g, than *relay.Game) bool {
	if on, other := g.Result == relay.Ongoing, than.Result == relay.Ongoing; on != other {
		return on
	}
	return g.White.Rating+g.Black.Rating > than.White.Rating+than.Black.Rating
}

func eventOf(t *relay.Tournament, rounds []*relay.Round) overviewEvent {
	out := overviewEvent{ID: t.ID, Name: t.Name, Location: t.Location, Rounds: len(rounds), At: t.CreatedAt}
	if n := len(rounds); n > 0 {
		out.Last, out.At = rounds[n-1].ID, cmp.Or(rounds[n-1].StartsAt, rounds[n-1].CreatedAt)
	}
	return out
}

// A search has the words that a tournament must have, in its own texts or in the names of its
// players.
type search []string

// newSearch reads the words of a query.
func newSearch(query string) (search, error) {
	if len(query) > maxQuery {
		return nil, base.BadRequest("q is longer than %d bytes", maxQuery)
	}
	return strings.Fields(plain(query)), nil
}

// plain returns text without case, accents and marks.
func plain(text string) string {
	ascii := true
	for i := range len(text) {
		ascii = ascii && text[i] < utf8.RuneSelf
	}
	if ascii {
		return strings.ToLower(text)
	}
	var out strings.Builder
	for _, c := range norm.NFKD.String(text) {
		if !unicode.Is(unicode.M, c) {
			out.WriteRune(unicode.ToLower(c))
		}
	}
	return out.String()
}

// A candidate is a tournament and the games whose players a search looks at. Its values are
// immutable, so a search needs no lock.
type candidate struct {
	tournament *relay.Tournament
	rounds     []*relay.Round
	games      []*relay.Game
}

// candidates returns the tournaments older than before that the client finds in lists, newest
// first. Beyond maxSearchGames no players are looked at.
func (s *Server) candidates(r *http.Request, before uint64) (list []candidate, index uint64) {
	games := 0
	index = s.SeenBy(r)(func(b relay.Reader) {
		for _, t := range s.Listed(r, b) {
			if t.Index >= before {
				continue
			}
			c := candidate{tournament: s.WithoutHidden(r, b, t), rounds: s.withoutSources(r, base.RoundsOf(b, t))}
			for _, round := range c.rounds {
				if games += len(round.Games); games > maxSearchGames {
					break
				}
				c.games = append(c.games, base.GamesOf(b, round)...)
			}
			list = append(list, c)
		}
	})
	return list, index
}

// finds reports whether the tournament has all the words.
func (words search) finds(c candidate) bool {
	left := slices.Clone(words)
	take := func(texts ...string) (done bool) {
		text := plain(strings.Join(texts, " "))
		left = slices.DeleteFunc(left, func(w string) bool { return strings.Contains(text, w) })
		return len(left) == 0
	}
	t := c.tournament
	if take(t.Name, t.Location, t.Description, t.Players, t.Format, year(t.CreatedAt)) {
		return true
	}
	for _, r := range c.rounds {
		if r.StartsAt > 0 && take(year(r.StartsAt)) {
			return true
		}
	}
	return slices.ContainsFunc(c.games, func(g *relay.Game) bool { return take(g.White.Name, g.Black.Name) })
}

func year(at relay.Millis) string { return time.UnixMilli(int64(at)).UTC().Format("2006") }
