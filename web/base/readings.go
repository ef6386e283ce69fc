package base

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// A Reading is the boards as one client may see them. It calls f with them, and returns the index
// as of which f saw them.
type Reading func(f func(relay.Reader)) (index uint64)

// Truth is the reading of the boards as they are.
func (s *Server) Truth(f func(relay.Reader)) (index uint64) {
	s.Boards.Read(func(applied uint64, b *relay.State) {
		index = applied
		f(b)
	})
	return index
}

// public is the reading of what everybody may see.
func (s *Server) public(f func(relay.Reader)) (index uint64) {
	s.Boards.Read(func(applied uint64, b *relay.State) {
		p := b.Public(applied)
		f(p)
		index = p.Index()
	})
	return index
}

// PublicIndex returns the newest log index whose effect the public may see. delays reports whether
// a round has a delay; only then may the index differ from what this node has applied.
func (s *Server) PublicIndex() (index uint64, delays bool) {
	s.Boards.Read(func(applied uint64, b *relay.State) {
		index, delays = b.Shown(applied), b.Delays() != nil
	})
	return index, delays
}

// SeenBy returns the reading for the client that sent the request.
func (s *Server) SeenBy(r *http.Request) Reading {
	c := CallerOf(r)
	switch {
	case c.Token == nil:
		return s.public
	case c.Sight("", "") == relay.Truth:
		return s.Truth
	}
	return func(f func(relay.Reader)) (index uint64) {
		s.Boards.Read(func(applied uint64, b *relay.State) {
			p := b.ReaderFor(applied, c.Sight)
			f(p)
			index = p.Index()
		})
		return index
	}
}

// View is what one read sees, all of it as of one log index.
type View struct {
	Tournament *relay.Tournament
	Round      *relay.Round
	Games      []*relay.Game
	Deleted    []*relay.Game // of the round; see relay.Reader.DeletedGames
}

// SiteURL returns this server's URL as the client knows it.
func SiteURL(r *http.Request) string {
	if site, ok := forwardedSite(r); ok {
		return site
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// RoundsOf returns the rounds of a tournament, in its order.
func RoundsOf(b relay.Reader, t *relay.Tournament) []*relay.Round {
	var out []*relay.Round
	for _, id := range t.Rounds {
		if r, ok := b.Round(id); ok {
			out = append(out, r)
		}
	}
	return out
}

// ViewIn returns a round of the boards; it is empty if there is none with the id.
func ViewIn(b relay.Reader, id relay.RoundID) (v View) {
	var found bool
	if v.Round, found = b.Round(id); !found {
		return v
	}
	v.Tournament, _ = b.Tournament(v.Round.Tournament)
	for _, gid := range v.Round.Games {
		if g, ok := b.Game(gid); ok {
			v.Games = append(v.Games, g)
		}
	}
	v.Deleted = b.DeletedGames(id)
	return v
}

// Round returns a round with its games, and the index as of which they were read.
func (read Reading) Round(id relay.RoundID) (v View, index uint64, err error) {
	index = read(func(b relay.Reader) { v = ViewIn(b, id) })
	if v.Round == nil {
		return v, 0, &relay.NotFoundError{What: "round", ID: string(id)}
	}
	return v, index, nil
}

// Tour returns a tournament with all of its rounds, and the index as of which they were read.
func (read Reading) Tour(id relay.TournamentID) (views []View, t *relay.Tournament, index uint64, err error) {
	index = read(func(b relay.Reader) {
		var found bool
		if t, found = b.Tournament(id); !found {
			return
		}
		for _, rid := range t.Rounds {
			views = append(views, ViewIn(b, rid))
		}
	})
	if t == nil {
		return nil, nil, 0, &relay.NotFoundError{What: "tournament", ID: string(id)}
	}
	return views, t, index, nil
}

// OwnerOf reports whether the client has shown that the tournament is in its scope. Such a client
// finds it in lists even if it is unlisted.
func (s *Server) OwnerOf(r *http.Request, t *relay.Tournament) bool {
	if c := CallerOf(r); c.Token != nil {
		return c.Can(See, t.ID, "") || c.Round != "" && slices.Contains(t.Rounds, c.Round)
	}
	shown, ok := bearer(r)
	return ok && !s.Access.Needed() && s.isGrant(shown, s.Now())
}

// Listed returns the tournaments that the client finds in lists, newest first.
func (s *Server) Listed(r *http.Request, b relay.Reader) []*relay.Tournament {
	return slices.DeleteFunc(slices.Clone(b.Tournaments()), func(t *relay.Tournament) bool { return t.Unlisted && !s.OwnerOf(r, t) })
}

// IntParam reads a parameter that is a number, and lowers it to most.
func IntParam(r *http.Request, name string, usual, least, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		return 0, BadRequest("%s must be a number from %d, not %q", name, least, text)
	}
	return min(n, most), nil
}

// WithoutHidden returns t as the reader may see it. Its grouping may name private tournaments, so a
// line is left out if the reader does not find its tournament.
func (s *Server) WithoutHidden(r *http.Request, b relay.Reader, t *relay.Tournament) *relay.Tournament {
	name, lines, ok := strings.Cut(t.Grouping, "\n")
	if !ok || CallerOf(r).Sight("", "") == relay.Truth {
		return t
	}
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		if _, found := b.Tournament(relay.TournamentID(line)); found {
			name += "\n" + line
		}
	}
	shown := *t
	shown.Grouping = name
	return &shown
}
