package lichess

import (
	"net/http"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// A grouping is tournaments that are shown together, such as the sections of an open. One of them
// has it in its settings; it counts for all that it names. Its id is that of the first tournament.
type grouping struct {
	name  string
	tours []relay.TournamentID
}

func (g *grouping) id() relay.TournamentID { return g.tours[0] }

// parseGrouping reads [relay.TournamentSettings.Grouping]: a name, and a line for each id.
func parseGrouping(t *relay.Tournament) *grouping {
	lines := strings.FieldsFunc(t.Grouping, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) == 0 {
		return nil
	}
	g := &grouping{name: strings.TrimSpace(lines[0])}
	for _, line := range lines[1:] {
		if id := relay.TournamentID(strings.TrimSpace(line)); id != "" && !slices.Contains(g.tours, id) {
			g.tours = append(g.tours, id)
		}
	}
	if !slices.Contains(g.tours, t.ID) {
		g.tours = append(g.tours, t.ID)
	}
	return g
}

// groupings returns the grouping of each tournament. If several name a tournament, its own counts,
// otherwise the newest.
//
// An unlisted tournament is in no grouping, unless the client finds it in lists.
func (s *Server) groupings(r *http.Request, b relay.Reader) map[relay.TournamentID]*grouping {
	out := groupings(b)
	hidden := func(id relay.TournamentID) bool {
		t, ok := b.Tournament(id)
		return ok && t.Unlisted && !s.OwnerOf(r, t)
	}
	for id, g := range out {
		shown := *g
		if shown.tours = slices.DeleteFunc(slices.Clone(g.tours), hidden); hidden(id) || len(shown.tours) < min(2, len(g.tours)) {
			delete(out, id)
			continue
		}
		out[id] = &shown
	}
	return out
}

// groupings returns all groupings, by tournament.
func groupings(b relay.Reader) map[relay.TournamentID]*grouping {
	out := map[relay.TournamentID]*grouping{}
	own := map[relay.TournamentID]bool{}
	for _, t := range b.Tournaments() {
		g := parseGrouping(t)
		if g == nil {
			continue
		}
		own[t.ID], out[t.ID] = true, g
		for _, id := range g.tours {
			if out[id] == nil && !own[id] {
				out[id] = g
			}
		}
	}
	return out
}

// groupJSON is a group as lichess shows it.
type groupJSON struct {
	ID    relay.TournamentID `json:"id"`
	Slug  string             `json:"slug"`
	Name  string             `json:"name"`
	Tours []groupTourJSON    `json:"tours"`
}

type groupTourJSON struct {
	ID     relay.TournamentID `json:"id"`
	Name   string             `json:"name"`   // without the beginning that is the group's name
	Active bool               `json:"active"` // a round is to come, or is being played
	Live   bool               `json:"live"`   // a round is being played
}

// groupIn returns the group of a tournament; nil: it has none.
func (s *Server) groupIn(r *http.Request, b relay.Reader, id relay.TournamentID) *groupJSON {
	g := s.groupings(r, b)[id]
	if g == nil {
		return nil
	}
	out := &groupJSON{ID: g.id(), Slug: slug(g.name), Name: g.name, Tours: []groupTourJSON{}}
	for _, id := range g.tours {
		t, ok := b.Tournament(id)
		if !ok {
			continue
		}
		one := groupTourJSON{ID: id, Name: t.Name}
		if rest, ok := strings.CutPrefix(t.Name, g.name); ok && strings.TrimLeft(rest, " |:,-–—") != "" {
			one.Name = strings.TrimLeft(rest, " |:,-–—")
		}
		for _, rid := range t.Rounds {
			if r, ok := b.Round(rid); ok {
				one.Active = one.Active || r.Status != relay.RoundFinished
				one.Live = one.Live || r.Status == relay.RoundStarted
			}
		}
		out.Tours = append(out.Tours, one)
	}
	return out
}
