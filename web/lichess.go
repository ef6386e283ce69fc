package web

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
)

// The files lichess_*.go speak the interface of lichess's broadcasts, as clients of it
// use it, over the same boards and the same submissions as the API of our own:
//
//	lichess.go         the routes, and the JSON of tournaments, rounds and games
//	lichess_read.go    what is read once
//	lichess_stream.go  the stream of PGN
//	lichess_write.go   creations and settings
//	lichess_push.go    the whole state of a round as PGN
//	lichess_oauth.go   logging in

// lichessUser is the name of the one account that there is: every node has the same.
const lichessUser = "chessrelay"

func (s *Server) lichessRoutes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(s.anyOrigin, vary, s.consistency)
		r.With(s.askMember).Get("/api/broadcast/{tourSlug}/{roundSlug}/{roundId}", s.handle(s.lichessRound))
		r.Get("/api/broadcast/{tourId}", s.handle(s.lichessTour))
		r.Get("/api/broadcast/by/{user}", s.handle(s.lichessByUser))
		r.Get("/api/broadcast/round/{roundId}.pgn", s.lichessRoundPGN)
		r.Get("/api/broadcast/{tourId}.pgn", s.lichessTourPGN)
		r.Get("/api/stream/broadcast/round/{roundId}.pgn", s.streamPGN)
		r.With(s.askMember).Get("/api/account", s.lichessAccount)
		r.With(s.askMember, s.authorize).Get("/api/broadcast/my-rounds", s.lichessMyRounds)
	})
	r.Group(func(r chi.Router) {
		r.With(s.onlyWindows, s.memberGrants).Get("/oauth", s.oauthPage)
		r.With(s.sameOrigin, s.memberGrants).Post("/oauth", s.oauthGrant)
		r.With(s.anyOrigin, s.memberGrants).Post("/api/token", s.oauthToken)
		r.With(s.anyOrigin).Delete("/api/token", s.oauthRevoke)
	})
	r.Group(func(r chi.Router) {
		r.Use(s.anyOrigin, s.forwardedIndex, s.mayWrite, s.forward)
		r.Post("/broadcast/new", s.handle(s.lichessNewTour))
		r.Post("/broadcast/{tourId}/new", s.handle(s.lichessNewRound))
		r.Post("/broadcast/round/{roundId}/edit", s.handle(s.lichessEditRound))
		r.Post("/api/broadcast/round/{roundId}/reset", s.handle(s.lichessReset))
		r.Post("/api/broadcast/round/{roundId}/push", s.push)
	})
}

// anyOrigin lets pages of any site use what lichess lets them use. They are no danger, since a
// browser adds nothing by itself that we go by: the token comes in a header.
func (s *Server) anyOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		next.ServeHTTP(w, r)
	})
}

// preflight answers what a browser asks before a page of another site may use lichess's interface.
func preflight(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" || !isLichess(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	})
}

func isLichess(path string) bool {
	for _, p := range []string{"/api/broadcast/", "/api/stream/", "/broadcast/", "/api/account", "/api/token"} {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

type lichessTour struct {
	ID          relay.TournamentID `json:"id"`
	Name        string             `json:"name"`
	Slug        string             `json:"slug"`
	Info        lichessInfo        `json:"info"`
	Description string             `json:"description,omitempty"`
	CreatedAt   relay.Millis       `json:"createdAt"`
	URL         string             `json:"url"`
}

type lichessInfo struct {
	Format   string `json:"format,omitempty"`
	TC       string `json:"tc,omitempty"`
	TimeZone string `json:"timeZone,omitempty"`
	Location string `json:"location,omitempty"`
	Players  string `json:"players,omitempty"`
	Website  string `json:"website,omitempty"`
}

type lichessRound struct {
	ID         relay.RoundID `json:"id"`
	Name       string        `json:"name"`
	Slug       string        `json:"slug"`
	CreatedAt  relay.Millis  `json:"createdAt"`
	Ongoing    bool          `json:"ongoing,omitempty"`
	StartsAt   relay.Millis  `json:"startsAt,omitempty"`
	Finished   bool          `json:"finished,omitempty"`
	FinishedAt relay.Millis  `json:"finishedAt,omitempty"`
	URL        string        `json:"url"`
	Delay      int           `json:"delay,omitempty"`
}

type lichessStudy struct {
	Writeable bool `json:"writeable"`
}

// lichessSync is where a round's games come from, if not from pushes.
type lichessSync struct {
	Ongoing bool   `json:"ongoing"`
	URL     string `json:"url"`
	Filter  int    `json:"filter,omitempty"` // the number of the round there
	Period  int    `json:"period,omitempty"` // seconds between two polls
}

type lichessGame struct {
	ID        relay.GameID     `json:"id"`
	Name      string           `json:"name"`
	FEN       string           `json:"fen,omitempty"` // absent at the start position
	Players   [2]lichessPlayer `json:"players"`
	LastMove  string           `json:"lastMove,omitempty"`  // UCI
	Check     string           `json:"check,omitempty"`     // + or #
	ThinkTime *int64           `json:"thinkTime,omitempty"` // seconds since the last move
	Status    string           `json:"status"`
}

type lichessPlayer struct {
	Name   string `json:"name"`
	Title  string `json:"title,omitempty"`
	Rating int    `json:"rating,omitempty"`
	FideID int64  `json:"fideId,omitempty"`
	Fed    string `json:"fed,omitempty"`
	Team   string `json:"team,omitempty"`
	Clock  *int64 `json:"clock,omitempty"` // hundredths of a second
}

func tourJSON(site string, t *relay.Tournament) lichessTour {
	out := lichessTour{
		ID: t.ID, Name: t.Name, Slug: slug(t.Name), Info: lichessInfo{
			Format: t.Format, TC: t.TimeControl, TimeZone: t.TimeZone, Location: t.Location, Players: t.Players, Website: t.Website,
		},
		Description: t.Description, CreatedAt: t.CreatedAt, URL: site + "/",
	}
	if n := len(t.Rounds); n > 0 {
		out.URL = site + "/round/" + string(t.Rounds[n-1])
	}
	return out
}

func lichessRoundJSON(site string, r *relay.Round, games []*relay.Game) lichessRound {
	out := lichessRound{
		ID: r.ID, Name: r.Name, Slug: slug(r.Name), CreatedAt: r.CreatedAt, StartsAt: r.StartsAt,
		URL: site + "/round/" + string(r.ID), Delay: r.Delay,
	}
	out.Ongoing, out.Finished = r.Status == relay.RoundStarted, r.Status == relay.RoundFinished
	for _, g := range games {
		for _, c := range g.Changes {
			if out.Finished && c.Result != "" {
				out.FinishedAt = max(out.FinishedAt, c.At)
			}
		}
	}
	return out
}

func lichessGameJSON(g *relay.Game, now time.Time) lichessGame {
	clock := g.Clock()
	out := lichessGame{
		ID: g.ID, Name: g.White.Name + " - " + g.Black.Name,
		Players: [2]lichessPlayer{lichessPlayerJSON(g.White, clock.White), lichessPlayerJSON(g.Black, clock.Black)},
		Status:  strings.ReplaceAll(string(g.Result), "1/2", "½"),
	}
	if fen := g.FEN(); fen != relay.StartFEN {
		out.FEN = fen
	}
	if m, ok := g.LastMove(); ok {
		out.LastMove = m.UCI
		if last := m.SAN[len(m.SAN)-1:]; last == "+" || last == "#" {
			out.Check = last
		}
		if !g.Over() {
			out.ThinkTime = new(max(0, (now.UnixMilli()-int64(m.At))/1000))
		}
	}
	return out
}

func lichessPlayerJSON(p relay.Player, clock relay.Millis) lichessPlayer {
	out := lichessPlayer{
		Name: p.Name, Title: p.Title, Rating: p.Rating, FideID: p.FideID, Fed: p.Federation, Team: p.Team,
	}
	if clock >= 0 {
		out.Clock = new(int64(clock / 10))
	}
	return out
}

// slug is the name as a part of a URL.
func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9')
	})
	return cmp.Or(strings.Join(words, "-"), "-")
}
