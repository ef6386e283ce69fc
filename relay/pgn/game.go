package pgn

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"

	"github.com/chessrelay/chessrelay/relay"
)

// Game is one game as the text has it.
type Game struct {
	Number int   // in the text, from 1; unreadable games count too
	Line   int   // of its first character, counted from 1
	Tags   []Tag // all, in the order of the text

	Comment string // before the first move
	Moves   []Move // of the main line

	// Result is the result behind the moves. If that is "*" or missing, it is the tag's. It is
	// [relay.Ongoing] for unknown results.
	Result relay.Result
	// Forfeit says that the game was not played, as a result such as +/- does.
	Forfeit bool
	// ResultText is the text that Result was read from; empty if there is none.
	ResultText string
	// Truncated says that the moves do not end with a result, as in a file that is still being
	// written. The reader leaves out a tag in which the text ends, so White or Black may be
	// missing. See [WithoutTorn].
	Truncated bool
	// Cut says that the whole text ends in or right behind the last move, which may be half a move.
	Cut bool
}

// Tag is a pair such as [White "Carlsen, Magnus"].
type Tag struct{ Name, Value string }

// Move is one ply of the main line.
type Move struct {
	SAN string // as it was written, without annotations such as "!?"
	// Clock is the mover's time left; [relay.NoTime] if the text does not say. See [ParseClock] for
	// its forms. If any clock of the game has hours, minutes and seconds, then two numbers are
	// minutes and seconds.
	Clock   relay.Millis
	Comment string // all comments behind the move, with their commands such as [%clk 1:30:00]
	Line    int
}

// Tag returns the value of the first tag of that name; empty if there is none. Case does not count,
// since programs disagree about it.
func (g *Game) Tag(name string) string {
	for _, t := range g.Tags {
		if strings.EqualFold(t.Name, name) {
			return t.Value
		}
	}
	return ""
}

// Known is Tag, but empty for "?", "-", "????.??.??" and other forms of "unknown".
func (g *Game) Known(name string) string {
	v := g.Tag(name)
	if strings.Trim(v, "?-. ") == "" {
		return ""
	}
	return v
}

// Board is the board's number, from the tag Board, or from a Round such as "5.12"; otherwise 0.
func (g *Game) Board() int {
	if n, err := strconv.Atoi(g.Tag("Board")); err == nil && n > 0 {
		return n
	}
	parts := strings.Split(g.Tag("Round"), ".")
	if len(parts) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(parts[len(parts)-1])
	return max(n, 0)
}

// Players names the players, such as "Carlsen, M – Caruana, F", to tell a person which game it is.
// Long names are cut. It is empty if neither is known.
func (g *Game) Players() string {
	white, black := g.Known("White"), g.Known("Black")
	if white == "" && black == "" {
		return ""
	}
	return clip(cmp.Or(white, "?")) + " – " + clip(cmp.Or(black, "?"))
}

func clip(name string) string {
	const enough = 80
	if len(name) <= enough {
		return name
	}
	return strings.ToValidUTF8(name[:enough], "") + "…"
}

// Round is the tag Round without the board: "5" of "5.12". It is empty if unknown.
func (g *Game) Round() string {
	round, _, _ := strings.Cut(g.Known("Round"), ".")
	return round
}

// Player returns the player of that colour's tags.
func (g *Game) Player(color string) relay.Player {
	rating, _ := strconv.Atoi(g.Known(color + "Elo"))
	fideID, _ := strconv.ParseInt(g.Known(color+"FideId"), 10, 64)
	return relay.Player{
		Name: g.Known(color), Title: g.Known(color + "Title"), Rating: max(rating, 0),
		FideID: max(fideID, 0), Federation: g.Known(color + "Fed"), Team: g.Known(color + "Team"),
	}
}

// Command returns the argument of the last command of that name in the comment, such as "0.23" for
// eval in [%eval 0.23].
func (m *Move) Command(name string) (string, bool) {
	return command(m.Comment, name)
}

func command(comment, name string) (value string, found bool) {
	for rest := comment; ; {
		_, after, ok := strings.Cut(rest, "[%"+name)
		if !ok {
			return value, found
		}
		arg, next, ok := strings.Cut(after, "]")
		if !ok {
			return value, found
		}
		if arg == "" || strings.TrimLeft(arg, " ") != arg { // or it is a longer name
			value, found = strings.TrimSpace(arg), true
		}
		rest = next
	}
}

// forfeit in the tag Termination marks a game that was not played, if the result does not say so.
const forfeit = "forfeit"

// notPlayedWords are the lower-case words of a Termination that say so.
var notPlayedWords = map[string]bool{
	forfeit: true, "forfeits": true, "forfeited": true, "forfeiture": true, "unplayed": true, "notplayed": true, "default": true, "defaulted": true,
	"walkover": true, "wo": true, "noshow": true, "bye": true, "absent": true, "absence": true,
	"kampflos": true, "forfait": true, "incomparecencia": true, "kontumace": true, "kontumačně": true, "walkower": true, "reglementair": true,
}

// wasNotPlayed reads a Termination. A "time forfeit", as the standard has it, is a played game.
func wasNotPlayed(termination string) bool {
	words := strings.FieldsFunc(strings.ToLower(strings.NewReplacer(".", "", "'", "").Replace(termination)), func(r rune) bool {
		return !unicode.IsLetter(r)
	})
	found := false
	for i, word := range words {
		if word == "time" || word == "flag" || word == "clock" {
			return false
		}
		found = found || notPlayedWords[word] || i > 0 && notPlayedWords[words[i-1]+word]
	}
	return found
}

// finish decides what can be decided only at the end of the game.
func (g *Game) finish(token string) {
	g.Truncated = token == ""
	tag := g.Tag("Result")
	// "0-0" is castling, unless the tags say that both have lost.
	if n := len(g.Moves); n > 0 && dashes.Replace(tag) == "0-0" && g.Moves[n-1].SAN == "0-0" {
		g.Moves = g.Moves[:n-1]
		token, g.Truncated = tag, false
	}
	if (token == "" || token == "*") && tag != "" {
		token = tag
	}
	g.ResultText = token
	var err error
	if g.Result, g.Forfeit, err = relay.ParseScore(token); err != nil {
		g.Result = relay.Ongoing
	}
	if g.Result != relay.Ongoing && wasNotPlayed(g.Tag("Termination")) {
		g.Forfeit = true
	}
	g.readClocks()
}

// readClocks reads the moves' clocks. If some have hours, minutes and seconds, then 5:30 is five
// and a half minutes.
func (g *Game) readClocks() {
	noHours := false
	for _, m := range g.Moves {
		v, _ := m.Command("clk")
		noHours = noHours || writesHours(v)
	}
	for i := range g.Moves {
		m := &g.Moves[i]
		m.Clock = relay.NoTime
		if v, ok := m.Command("clk"); ok {
			if t, ok := parseClock(v, noHours); ok {
				m.Clock = t
			}
		}
	}
}
