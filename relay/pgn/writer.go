package pgn

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// Writer writes games one after the other, each followed by two empty lines, where readers split.
type Writer struct {
	// NoClocks leaves out the [%clk] comments. It may be changed between games.
	NoClocks bool
	// Evaluations, if set, returns an engine's evaluation of each position that it knows, from
	// the start position on: that at i is after ply i. They are written as [%eval] comments.
	Evaluations func(*relay.Game) []*relay.Evaluation

	w io.Writer
}

// NewWriter returns a writer to w. It writes each game at once.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Event is where a game was played. Its fields may be nil or empty.
type Event struct {
	Tournament *relay.Tournament
	Round      *relay.Round
	// Site is the address of this server, such as "https://chess.example". The links in the tags
	// begin with it. Without it there are none.
	Site string
}

// Write writes the game.
func (w *Writer) Write(g *relay.Game, e Event) error {
	_, err := w.w.Write(w.append(nil, g, e))
	return err
}

// Format returns what Write writes.
func (w *Writer) Format(g *relay.Game, e Event) string { return string(w.append(nil, g, e)) }

func (w *Writer) append(b []byte, g *relay.Game, e Event) []byte {
	moves := g.Moves()
	b = slices.Grow(b, 1024+32*len(moves))
	for _, t := range tags(g, moves, e) {
		b = append(b, '[')
		b = append(b, t.Name...)
		b = append(b, ` "`...)
		b = appendValue(b, t.Value)
		b = append(b, "\"]\n"...)
	}
	b = append(b, '\n')
	var evaluations []*relay.Evaluation
	if w.Evaluations != nil {
		evaluations = w.Evaluations(g)
	}
	b = w.moves(b, g, moves, evaluations)
	b = append(b, ' ')
	b = append(b, terminator(g.Result)...)
	return append(b, "\n\n\n"...)
}

// terminator is the text behind the moves. Other programs know four of them, and take any other for
// castling ("0-0") or a broken move. The tag Result has the other ones.
func terminator(r relay.Result) relay.Result {
	switch r {
	case relay.WhiteWins, relay.BlackWins, relay.Draw:
		return r
	}
	return relay.Ongoing
}

// moves writes 1. e4 { [%clk 1:01:27] } e5 { … } 2. Nf3. Like lichess, it numbers a move of Black
// only if it is the first. The moves end before the first illegal one; see comment.
func (w *Writer) moves(b []byte, g *relay.Game, moves []relay.Move, evaluations []*relay.Evaluation) []byte {
	number := startNumber(g)
	if len(moves) > 0 && moves[0].Illegal {
		return w.comment(b, g, moves, 0, nil)
	}
	for i := range moves {
		m := &moves[i]
		if m.Illegal {
			break
		}
		white := g.WhitePlays(m.Ply)
		if i > 0 {
			b = append(b, ' ')
			if white {
				number++
			}
		}
		switch {
		case white:
			b = strconv.AppendInt(b, int64(number), 10)
			b = append(b, ". "...)
		case i == 0:
			b = strconv.AppendInt(b, int64(number), 10)
			b = append(b, "... "...)
		}
		b = append(b, m.SAN...)
		var evaluation *relay.Evaluation
		if i+1 < len(evaluations) {
			evaluation = evaluations[i+1]
		}
		b = w.comment(b, g, moves, i+1, evaluation)
	}
	return b
}

// comment writes everything after the first n moves as one comment, if there is anything. It has
// the evaluation, the mover's clock, and the rest of the game if the next move is illegal. Readers
// such as chess.js stop at a second comment, and pgn-viewer forgets the clock of the first.
func (w *Writer) comment(b []byte, g *relay.Game, moves []relay.Move, n int, evaluation *relay.Evaluation) []byte {
	left := relay.NoTime
	if n > 0 && !w.NoClocks {
		left = clockOf(g, &moves[n-1])
	}
	illegal := n < len(moves) && moves[n].Illegal
	if left == relay.NoTime && !illegal && evaluation == nil {
		return b
	}
	if n > 0 {
		b = append(b, ' ')
	}
	b = append(b, "{ "...)
	if evaluation != nil {
		b = append(b, "[%eval "...)
		b = append(b, evaluation.String()...)
		b = append(b, "] "...)
	}
	if left != relay.NoTime {
		b = append(b, "[%clk "...)
		b = appendClock(b, left)
		b = append(b, "] "...)
	}
	if illegal {
		b = appendIllegal(b, g, moves, n)
		b = append(b, ' ')
	}
	return append(b, '}')
}

// clockOf is the mover's time left, if it came with the move. A clock that was carried over from
// the move before says nothing about this move.
func clockOf(g *relay.Game, m *relay.Move) relay.Millis {
	left, side := m.Clock.Black, relay.BlackSide
	if g.WhitePlays(m.Ply) {
		left, side = m.Clock.White, relay.WhiteSide
	}
	if m.Carried&side != 0 {
		return relay.NoTime
	}
	return left
}

// illegalMark begins the text that has the rest of a game after an illegal move.
const illegalMark = "Illegal move was played: "

// appendIllegal writes the moves from the illegal one at index i on. Other programs cannot play it,
// so the text belongs into a comment:
//
//	Illegal move was played: 3. Bc3; position FEN; then 3... Nf6 4. O-O
func appendIllegal(b []byte, g *relay.Game, moves []relay.Move, i int) []byte {
	b = append(b, illegalMark...)
	first := g.WhitePlays(1)
	for n := i; n < len(moves); n++ {
		m := &moves[n]
		halves := n
		if !first {
			halves++
		}
		white := g.WhitePlays(m.Ply)
		if white || n <= i+1 || moves[n-1].Illegal {
			b = strconv.AppendInt(b, int64(startNumber(g)+halves/2), 10)
			b = append(b, map[bool]string{true: ". ", false: "... "}[white]...)
		}
		b = append(b, commentEscapes.Replace(m.SAN)...)
		switch {
		case m.Illegal && n > i:
			b = append(b, " (illegal), position "...)
			b = append(b, m.FEN...)
		case m.Illegal:
			b = append(b, "; position "...)
			b = append(b, m.FEN...)
		}
		switch {
		case n == len(moves)-1:
		case n == i:
			b = append(b, "; then "...)
		case m.Illegal:
			b = append(b, ", then "...)
		default:
			b = append(b, ' ')
		}
	}
	return b
}

// startNumber is the move number of the first ply.
func startNumber(g *relay.Game) int {
	fields := strings.Fields(g.FENAt(0))
	n, err := strconv.Atoi(fields[len(fields)-1])
	if err != nil {
		return 1
	}
	return n
}

// tags are those of lichess's broadcasts, in their order. The seven of the standard's roster are
// always there, the others if something is known. A tag that the game has, such as Event, replaces
// ours in its place. Other tags come before the links, which are always ours.
func tags(g *relay.Game, moves []relay.Move, e Event) []Tag {
	var out []Tag
	// In lower case.
	placed := map[string]bool{"broadcastname": true, "broadcasturl": true, "gameurl": true}
	add := func(name, value string) {
		placed[strings.ToLower(name)] = true
		if !relay.OwnTag(name) {
			value = firstNonEmpty(valueOf(name, givenTag(g, name)), value)
		}
		if value != "" {
			out = append(out, Tag{name, value})
		}
	}
	event, location, roundURL, started := "?", "", "", g.CreatedAt
	if e.Tournament != nil {
		event, location = firstNonEmpty(e.Tournament.Name, event), e.Tournament.Location
	}
	if e.Round != nil && e.Round.StartsAt > 0 {
		started = e.Round.StartsAt
	}
	if e.Site != "" {
		roundURL = e.Site + "/round/" + string(g.Round)
	}
	at := time.UnixMilli(int64(started)).UTC()
	add("Event", event)
	add("Site", firstNonEmpty(location, roundURL, "?"))
	add("Date", at.Format("2006.01.02"))
	placed["round"] = true
	out = append(out, Tag{"Round", roundNumber(g, e) + "." + strconv.Itoa(g.Board)})
	add("White", firstNonEmpty(g.White.Name, "?"))
	add("Black", firstNonEmpty(g.Black.Name, "?"))
	add("Result", string(g.Result))
	for _, side := range []struct {
		color string
		p     relay.Player
	}{{"White", g.White}, {"Black", g.Black}} {
		add(side.color+"Elo", number(int64(side.p.Rating)))
		add(side.color+"Title", side.p.Title)
		add(side.color+"Team", side.p.Team)
		add(side.color+"FideId", number(side.p.FideID))
	}
	add("TimeControl", g.TimeControl)
	add("Variant", firstNonEmpty(g.Variant, "Standard"))
	eco, name := openingOf(g, moves)
	add("ECO", eco)
	add("Opening", name)
	fen := g.StartFEN
	if g.Variant == relay.Chess960 { // otherwise a reader cannot know the position
		fen = firstNonEmpty(fen, relay.StartFEN)
	}
	if fen != "" {
		add("FEN", fen)
		add("SetUp", "1")
	}
	add("UTCDate", at.Format("2006.01.02"))
	add("UTCTime", at.Format("15:04:05"))
	add("WhiteFed", g.White.Federation)
	add("BlackFed", g.Black.Federation)
	if g.Forfeit {
		placed["termination"] = true
		out = append(out, Tag{"Termination", forfeit})
	}
	placed["warning"] = true // left out: it is for the arbiter, see relay.WarningTag
	for _, t := range g.Tags {
		if value := valueOf(t.Name, t.Value); value != "" && !placed[strings.ToLower(t.Name)] && isTagName(t.Name) {
			placed[strings.ToLower(t.Name)] = true
			out = append(out, Tag{t.Name, value})
		}
	}
	if e.Tournament != nil {
		out = append(out, Tag{"BroadcastName", e.Tournament.Name})
	}
	if roundURL != "" {
		out = append(out, Tag{"BroadcastURL", roundURL}, Tag{"GameURL", roundURL + "/" + strconv.Itoa(g.Board)})
	}
	return out
}

// givenTag is the value of a game's tag, in any spelling of its name.
func givenTag(g *relay.Game, name string) string {
	for _, t := range g.Tags {
		if strings.EqualFold(t.Name, name) {
			return t.Value
		}
	}
	return ""
}

// roundNumber is the game's tag without the board, or the number at the end of the round's name
// ("Round 11"), or its place in the tournament.
func roundNumber(g *relay.Game, e Event) string {
	if n, _, _ := strings.Cut(givenTag(g, "Round"), "."); n != "" {
		return n
	}
	if e.Round == nil {
		return "?"
	}
	name := e.Round.Name
	if n := name[len(strings.TrimRight(name, "0123456789")):]; n != "" {
		return n
	}
	if e.Tournament != nil {
		for i, id := range e.Tournament.Rounds {
			if id == g.Round {
				return strconv.Itoa(i + 1)
			}
		}
	}
	return "?"
}

func number(n int64) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// firstNonEmpty returns the first value that is not empty.
func firstNonEmpty(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
