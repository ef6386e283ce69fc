package lichess

import (
	"cmp"
	"html"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/base"
)

// This file makes the JSON of tournaments, rounds and games, by the schemas that lichess publishes.
// A field whose value a schema does not allow, such as the result 0-0, is left out: clients are
// generated from the schemas.

type tourJSON struct {
	ID             relay.TournamentID `json:"id"`
	Name           string             `json:"name"`
	Slug           string             `json:"slug"`
	Info           infoJSON           `json:"info"`
	CreatedAt      relay.Millis       `json:"createdAt"`
	Dates          []relay.Millis     `json:"dates,omitempty"` // of the first round and, if there are more, of the last
	Description    string             `json:"description,omitempty"`
	TeamTable      bool               `json:"teamTable,omitempty"`
	URL            string             `json:"url"`
	CommunityOwner ownerJSON          `json:"communityOwner"`
}

type ownerJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type infoJSON struct {
	Format   string `json:"format,omitempty"`
	TC       string `json:"tc,omitempty"`
	FideTC   string `json:"fideTC,omitempty"`
	TimeZone string `json:"timeZone,omitempty"`
	Location string `json:"location,omitempty"`
	Players  string `json:"players,omitempty"`
	Website  string `json:"website,omitempty"`
}

type roundJSON struct {
	ID                  relay.RoundID `json:"id"`
	Name                string        `json:"name"`
	Slug                string        `json:"slug"`
	CreatedAt           relay.Millis  `json:"createdAt"`
	Rated               bool          `json:"rated"`
	Ongoing             bool          `json:"ongoing,omitempty"`
	StartsAt            relay.Millis  `json:"startsAt,omitempty"`
	StartsAfterPrevious bool          `json:"startsAfterPrevious,omitempty"`
	Finished            bool          `json:"finished,omitempty"`
	FinishedAt          relay.Millis  `json:"finishedAt,omitempty"`
	URL                 string        `json:"url"`
	Delay               int           `json:"delay,omitempty"`
	CustomScoring       *scoringJSON  `json:"customScoring,omitempty"`
	TeamCustomScoring   *pointsJSON   `json:"teamCustomScoring,omitempty"` // lichess takes it, but does not show it
}

type scoringJSON struct {
	White pointsJSON `json:"white"`
	Black pointsJSON `json:"black"`
}

type pointsJSON struct {
	Win  float64 `json:"win"`
	Draw float64 `json:"draw"`
}

type studyJSON struct {
	Writeable bool         `json:"writeable"`
	Features  featuresJSON `json:"features"`
}

// featuresJSON are features of lichess's own pages; this server has none of them.
type featuresJSON struct {
	Chat     bool `json:"chat"`
	Computer bool `json:"computer"`
	Explorer bool `json:"explorer"`
}

// syncJSON is where a round's games come from, unless they are pushed.
type syncJSON struct {
	Ongoing bool     `json:"ongoing"`
	URL     string   `json:"url"`
	URLs    []string `json:"urls,omitempty"`   // if there are several
	Filter  int      `json:"filter,omitempty"` // the number of the round there
	Slices  string   `json:"slices,omitempty"`
	Period  int      `json:"period,omitempty"` // seconds between two polls
}

type gameJSON struct {
	ID        relay.GameID  `json:"id"`
	Name      string        `json:"name"`
	FEN       string        `json:"fen,omitempty"` // absent at the start position
	Players   [2]playerJSON `json:"players"`
	LastMove  string        `json:"lastMove,omitempty"`  // UCI
	Check     string        `json:"check,omitempty"`     // + or #
	ThinkTime *int64        `json:"thinkTime,omitempty"` // seconds since the last move
	Status    string        `json:"status,omitempty"`
}

type playerJSON struct {
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

// roundOfJSON is a round with its tournament.
type roundOfJSON struct {
	Round roundJSON `json:"round"`
	Tour  tourJSON  `json:"tour"`
	Study studyJSON `json:"study"`
	Sync  *syncJSON `json:"sync,omitempty"` // only for a client that may change it, as on lichess's pages
}

// roundWithGamesJSON is the answer to GET /api/broadcast/-/-/{roundId}, and to an edit.
type roundWithGamesJSON struct {
	roundOfJSON
	OK           bool       `json:"ok,omitempty"` // of an edit, for clients that check nothing else
	Games        []gameJSON `json:"games"`
	Group        *groupJSON `json:"group,omitempty"`
	IsSubscribed bool       `json:"isSubscribed"`
	Photos       noPhotos   `json:"photos"`
}

// tourOfJSON is a tournament with its rounds. Its group is a name in lists, and a [groupJSON]
// elsewhere.
type tourOfJSON struct {
	Tour         tourJSON      `json:"tour"`
	Group        any           `json:"group,omitempty"`
	Rounds       []roundJSON   `json:"rounds"`
	DefaultRound relay.RoundID `json:"defaultRoundId,omitempty"`
	Photos       noPhotos      `json:"photos"`
}

// lastJSON is a tournament with the round to show.
type lastJSON struct {
	Tour  tourJSON   `json:"tour"`
	Group string     `json:"group,omitempty"`
	Round *roundJSON `json:"round,omitempty"`
}

// shape is how to write an answer.
type shape struct {
	site string // the beginning of its URLs
	html bool   // descriptions are HTML
}

func shapeOf(r *http.Request) shape {
	as := r.URL.Query().Get("html")
	return shape{base.SiteURL(r), as == "1" || as == "true"}
}

// tour writes a tournament. The rounds are read only for the dates and the teams.
func (f shape) tour(t *relay.Tournament, rounds []base.View) tourJSON {
	const short, long = 80, 120 // characters that the schema allows
	out := tourJSON{
		ID: t.ID, Name: t.Name, Slug: slug(t.Name), Info: infoJSON{
			Format: cut(t.Format, short), TC: t.TimeControl, FideTC: fideTC(t.TimeControl), TimeZone: t.TimeZone,
			Location: cut(t.Location, short), Players: cut(t.Players, long), Website: t.Website,
		},
		CreatedAt: t.CreatedAt, Dates: dates(rounds), Description: t.Description, TeamTable: t.Teams != "",
		URL:            f.site + "/broadcast/" + slug(t.Name) + "/" + string(t.ID),
		CommunityOwner: ownerJSON{user, user},
	}
	if f.html && t.Description != "" {
		out.Description = paragraphs(t.Description)
	}
	for _, v := range rounds {
		out.TeamTable = out.TeamTable || len(v.Games) > 0 && v.Games[0].White.Team != "" && v.Games[0].Black.Team != ""
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
func dates(rounds []base.View) []relay.Millis {
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
func beginsAt(v base.View) relay.Millis {
	if v.Round.StartsAt > 0 {
		return v.Round.StartsAt
	}
	for _, g := range v.Games {
		if g.Ply() > 0 {
			return g.MoveAt(1).At
		}
	}
	return 0
}

func (f shape) round(v base.View) roundJSON {
	r := v.Round
	tour := "-"
	if v.Tournament != nil {
		tour = slug(v.Tournament.Name)
	}
	out := roundJSON{
		ID: r.ID, Name: r.Name, Slug: slug(r.Name), CreatedAt: r.CreatedAt, Rated: !r.Unrated,
		Ongoing: r.Status == relay.RoundStarted, Finished: r.Status == relay.RoundFinished,
		StartsAt: r.StartsAt, StartsAfterPrevious: r.StartsAfterPrevious, FinishedAt: finishedAt(r, v.Games),
		URL: f.site + "/broadcast/" + tour + "/" + slug(r.Name) + "/" + string(r.ID), Delay: r.Delay,
	}
	if s := r.Scoring; s != nil && inRange(s.White) && inRange(s.Black) {
		out.CustomScoring = &scoringJSON{pointsOf(s.White), pointsOf(s.Black)}
	}
	if s := r.TeamScoring; s != nil && inRange(s.White) {
		out.TeamCustomScoring = new(pointsOf(s.White))
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

func pointsOf(p relay.Points) pointsJSON {
	return pointsJSON{float64(p.Win) / 100, float64(p.Draw) / 100}
}

func gameOf(g *relay.Game, now time.Time) gameJSON {
	clock := g.Clock()
	out := gameJSON{
		ID: g.ID, Name: g.White.Name + " - " + g.Black.Name,
		Players: [2]playerJSON{playerOf(g.White, clock.White), playerOf(g.Black, clock.Black)},
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

// titles are the titles that the schema knows.
var titles = []string{"GM", "WGM", "IM", "WIM", "FM", "WFM", "NM", "CM", "WCM", "WNM", "LM", "BOT"}

func titleOf(title string) string {
	if title = strings.ToUpper(title); slices.Contains(titles, title) {
		return title
	}
	return ""
}

func playerOf(p relay.Player, clock relay.Millis) playerJSON {
	out := playerJSON{
		Name: p.Name, Title: titleOf(p.Title), Rating: p.Rating, FideID: p.FideID, Fed: p.Federation, Team: p.Team,
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
