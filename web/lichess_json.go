package web

import (
	"cmp"
	"html"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// This file makes the JSON of tournaments, rounds and games, by the schemas that lichess publishes.
// A field whose value a schema does not allow, such as the result 0-0, is left out: clients are
// generated from the schemas.

type lichessTour struct {
	ID             relay.TournamentID `json:"id"`
	Name           string             `json:"name"`
	Slug           string             `json:"slug"`
	Info           lichessInfo        `json:"info"`
	CreatedAt      relay.Millis       `json:"createdAt"`
	Dates          []relay.Millis     `json:"dates,omitempty"` // of the first round and, if there are more, of the last
	Description    string             `json:"description,omitempty"`
	TeamTable      bool               `json:"teamTable,omitempty"`
	URL            string             `json:"url"`
	CommunityOwner lichessOwner       `json:"communityOwner"`
}

type lichessOwner struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type lichessInfo struct {
	Format   string `json:"format,omitempty"`
	TC       string `json:"tc,omitempty"`
	FideTC   string `json:"fideTC,omitempty"`
	TimeZone string `json:"timeZone,omitempty"`
	Location string `json:"location,omitempty"`
	Players  string `json:"players,omitempty"`
	Website  string `json:"website,omitempty"`
}

type lichessRound struct {
	ID                  relay.RoundID   `json:"id"`
	Name                string          `json:"name"`
	Slug                string          `json:"slug"`
	CreatedAt           relay.Millis    `json:"createdAt"`
	Rated               bool            `json:"rated"`
	Ongoing             bool            `json:"ongoing,omitempty"`
	StartsAt            relay.Millis    `json:"startsAt,omitempty"`
	StartsAfterPrevious bool            `json:"startsAfterPrevious,omitempty"`
	Finished            bool            `json:"finished,omitempty"`
	FinishedAt          relay.Millis    `json:"finishedAt,omitempty"`
	URL                 string          `json:"url"`
	Delay               int             `json:"delay,omitempty"`
	CustomScoring       *lichessScoring `json:"customScoring,omitempty"`
	TeamCustomScoring   *lichessPoints  `json:"teamCustomScoring,omitempty"` // lichess takes it, but does not show it
}

type lichessScoring struct {
	White lichessPoints `json:"white"`
	Black lichessPoints `json:"black"`
}

type lichessPoints struct {
	Win  float64 `json:"win"`
	Draw float64 `json:"draw"`
}

type lichessStudy struct {
	Writeable bool            `json:"writeable"`
	Features  lichessFeatures `json:"features"`
}

// lichessFeatures are features of lichess's own pages; this server has none of them.
type lichessFeatures struct {
	Chat     bool `json:"chat"`
	Computer bool `json:"computer"`
	Explorer bool `json:"explorer"`
}

// lichessSync is where a round's games come from, unless they are pushed.
type lichessSync struct {
	Ongoing bool     `json:"ongoing"`
	URL     string   `json:"url"`
	URLs    []string `json:"urls,omitempty"`   // if there are several
	Filter  int      `json:"filter,omitempty"` // the number of the round there
	Slices  string   `json:"slices,omitempty"`
	Period  int      `json:"period,omitempty"` // seconds between two polls
}

type lichessGame struct {
	ID        relay.GameID     `json:"id"`
	Name      string           `json:"name"`
	FEN       string           `json:"fen,omitempty"` // absent at the start position
	Players   [2]lichessPlayer `json:"players"`
	LastMove  string           `json:"lastMove,omitempty"`  // UCI
	Check     string           `json:"check,omitempty"`     // + or #
	ThinkTime *int64           `json:"thinkTime,omitempty"` // seconds since the last move
	Status    string           `json:"status,omitempty"`
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

// noPhotos is an empty object: there are no photos here, but the schema wants the field.
type noPhotos struct{}

// lichessRoundOf is a round with its tournament.
type lichessRoundOf struct {
	Round lichessRound `json:"round"`
	Tour  lichessTour  `json:"tour"`
	Study lichessStudy `json:"study"`
	Sync  *lichessSync `json:"sync,omitempty"` // only for a client that may change it, as on lichess's pages
}

// lichessRoundWithGames is the answer to GET /api/broadcast/-/-/{roundId}, and to an edit.
type lichessRoundWithGames struct {
	lichessRoundOf
	OK           bool          `json:"ok,omitempty"` // of an edit, for clients that check nothing else
	Games        []lichessGame `json:"games"`
	Group        *lichessGroup `json:"group,omitempty"`
	IsSubscribed bool          `json:"isSubscribed"`
	Photos       noPhotos      `json:"photos"`
}

// lichessTourOf is a tournament with its rounds. Its group is a name in lists, and a [lichessGroup]
// elsewhere.
type lichessTourOf struct {
	Tour         lichessTour    `json:"tour"`
	Group        any            `json:"group,omitempty"`
	Rounds       []lichessRound `json:"rounds"`
	DefaultRound relay.RoundID  `json:"defaultRoundId,omitempty"`
	Photos       noPhotos       `json:"photos"`
}

// lichessLast is a tournament with the round to show.
type lichessLast struct {
	Tour  lichessTour   `json:"tour"`
	Group string        `json:"group,omitempty"`
	Round *lichessRound `json:"round,omitempty"`
}

// lichessForm is how to write an answer.
type lichessForm struct {
	site string // the beginning of its URLs
	html bool   // descriptions are HTML
}

func lichessFormOf(r *http.Request) lichessForm {
	as := r.URL.Query().Get("html")
	return lichessForm{siteURL(r), as == "1" || as == "true"}
}

// tour writes a tournament. The rounds are read only for the dates and the teams.
func (f lichessForm) tour(t *relay.Tournament, rounds []view) lichessTour {
	const short, long = 80, 120 // characters that the schema allows
	out := lichessTour{
		ID: t.ID, Name: t.Name, Slug: slug(t.Name), Info: lichessInfo{
			Format: cut(t.Format, short), TC: t.TimeControl, FideTC: fideTC(t.TimeControl), TimeZone: t.TimeZone,
			Location: cut(t.Location, short), Players: cut(t.Players, long), Website: t.Website,
		},
		CreatedAt: t.CreatedAt, Dates: dates(rounds), Description: t.Description, TeamTable: t.Teams != "",
		URL:            f.site + "/broadcast/" + slug(t.Name) + "/" + string(t.ID),
		CommunityOwner: lichessOwner{lichessUser, lichessUser},
	}
	if f.html && t.Description != "" {
		out.Description = paragraphs(t.Description)
	}
	for _, v := range rounds {
		out.TeamTable = out.TeamTable || len(v.games) > 0 && v.games[0].White.Team != "" && v.games[0].Black.Team != ""
	}
	return out
}

// cut returns at most that many characters of a text.
func cut(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return strings.TrimSpace(string(r[:most-1])) + "…"
	}
	return text
}

// paragraphs returns a text as HTML. Its Markdown stays as written.
func paragraphs(text string) string {
	var b strings.Builder
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			b.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(p), "\n", "<br>\n") + "</p>\n")
		}
	}
	return b.String()
}

// fideTC returns FIDE's category of a time control: by the time for sixty moves, as FIDE measures
// it. Empty: not known.
func fideTC(text string) string {
	controls, ok := relay.ParseTimeControl(text)
	if !ok {
		switch word := strings.ToLower(text); {
		case strings.Contains(word, "blitz") != strings.Contains(word, "rapid"):
			if strings.Contains(word, "blitz") {
				return "blitz"
			}
			return "rapid"
		case strings.Contains(word, "classical"), strings.Contains(word, "standard"):
			return "standard"
		}
		return ""
	}
	var total relay.Millis
	for _, c := range controls {
		total += c.Time
	}
	total += 60 * max(controls[0].Increment, controls[0].Delay)
	switch minutes := total / 60_000; {
	case minutes <= 10:
		return "blitz"
	case minutes < 60:
		return "rapid"
	}
	return "standard"
}

// dates returns when the first and the last round begin.
func dates(rounds []view) []relay.Millis {
	var out []relay.Millis
	for _, v := range rounds {
		if at := beginsAt(v); at > 0 {
			out = append(out, at)
		}
	}
	if len(out) == 0 {
		return nil
	}
	first, last := slices.Min(out), slices.Max(out)
	if first == last {
		return []relay.Millis{first}
	}
	return []relay.Millis{first, last}
}

// beginsAt returns when a round begins, or began; 0: not known.
func beginsAt(v view) relay.Millis {
	if v.round.StartsAt > 0 {
		return v.round.StartsAt
	}
	for _, g := range v.games {
		if g.Ply() > 0 {
			return g.MoveAt(1).At
		}
	}
	return 0
}

func (f lichessForm) round(v view) lichessRound {
	r := v.round
	tour := "-"
	if v.tournament != nil {
		tour = slug(v.tournament.Name)
	}
	out := lichessRound{
		ID: r.ID, Name: r.Name, Slug: slug(r.Name), CreatedAt: r.CreatedAt, Rated: !r.Unrated,
		Ongoing: r.Status == relay.RoundStarted, Finished: r.Status == relay.RoundFinished,
		StartsAt: r.StartsAt, StartsAfterPrevious: r.StartsAfterPrevious, FinishedAt: finishedAt(r, v.games),
		URL: f.site + "/broadcast/" + tour + "/" + slug(r.Name) + "/" + string(r.ID), Delay: r.Delay,
	}
	if s := r.Scoring; s != nil && inRange(s.White) && inRange(s.Black) {
		out.CustomScoring = &lichessScoring{lichessPointsOf(s.White), lichessPointsOf(s.Black)}
	}
	if s := r.TeamScoring; s != nil && inRange(s.White) {
		out.TeamCustomScoring = new(lichessPointsOf(s.White))
	}
	return out
}

// finishedAt returns when the last result came, or when somebody finished the round by hand; 0: it
// is not finished.
func finishedAt(r *relay.Round, games []*relay.Game) (at relay.Millis) {
	if r.Status != relay.RoundFinished {
		return 0
	}
	if r.StatusSet == relay.RoundFinished {
		for _, u := range r.Updates {
			if u.Index == r.StatusSetAt {
				return u.At
			}
		}
	}
	for _, g := range games {
		for _, c := range g.Changes {
			if c.Result != "" {
				at = max(at, c.At)
			}
		}
	}
	return cmp.Or(at, r.CreatedAt)
}

// maxLichessPoints is the most that the schema lets a result be worth.
const maxLichessPoints = 10_00

func inRange(p relay.Points) bool { return p.Win <= maxLichessPoints && p.Draw <= maxLichessPoints }

func lichessPointsOf(p relay.Points) lichessPoints {
	return lichessPoints{float64(p.Win) / 100, float64(p.Draw) / 100}
}

func lichessGameJSON(g *relay.Game, now time.Time) lichessGame {
	clock := g.Clock()
	out := lichessGame{
		ID: g.ID, Name: g.White.Name + " - " + g.Black.Name,
		Players: [2]lichessPlayer{lichessPlayerJSON(g.White, clock.White), lichessPlayerJSON(g.Black, clock.Black)},
	}
	switch g.Result {
	case relay.Ongoing, relay.WhiteWins, relay.BlackWins:
		out.Status = string(g.Result)
	case relay.Draw:
		out.Status = "½-½"
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

// lichessTitles are the titles that the schema knows.
var lichessTitles = []string{"GM", "WGM", "IM", "WIM", "FM", "WFM", "NM", "CM", "WCM", "WNM", "LM", "BOT"}

func lichessTitle(title string) string {
	if title = strings.ToUpper(title); slices.Contains(lichessTitles, title) {
		return title
	}
	return ""
}

func lichessPlayerJSON(p relay.Player, clock relay.Millis) lichessPlayer {
	out := lichessPlayer{
		Name: p.Name, Title: lichessTitle(p.Title), Rating: p.Rating, FideID: p.FideID, Fed: p.Federation, Team: p.Team,
	}
	if clock >= 0 {
		out.Clock = new(int64(clock / 10))
	}
	return out
}

// slug returns the name as a part of a URL.
func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9')
	})
	return cmp.Or(strings.Join(words, "-"), "-")
}
