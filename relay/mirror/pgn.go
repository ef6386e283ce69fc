package mirror

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// keptTags stay with a game besides the tags that have fields. Other tags change with the moves,
// such as live clocks and openings. Each change would be a line in the game's audit trail.
var keptTags = []string{"Event", "Site", "Date", "Round", "EventDate", "Section", "Stage"}

// FromPGN makes a source game of a PGN game. An error says, for the file's owner, what could not be
// taken. The game then has what could, with Broken set.
func FromPGN(in *pgn.Game) (Game, error) {
	g := Game{
		ID: in.Known(idTag), Event: in.Known("Event"), Round: in.Known("Round"), Board: in.Board(),
		White: in.Player("White"), Black: in.Player("Black"), TimeControl: in.Known("TimeControl"),
		Unnamed: in.Tag("White") == "" || in.Tag("Black") == "", Clock: relay.NoClock(),
	}
	line, err := in.Play()
	g.StartFEN, g.Variant = line.StartFEN, line.Variant
	g.setEnding(in, line, err)
	for _, name := range keptTags {
		if value := in.Known(name); value != "" {
			g.Tags = append(g.Tags, relay.Tag{Name: name, Value: value})
		}
	}
	g.Moves = make([]Move, 0, len(line.Moves))
	for _, m := range line.Moves {
		g.addMove(Move{UCI: m.UCI}, m.Clock)
	}
	g.setLiveClock(in.LiveClock())
	return g, err
}

// setLiveClock takes the clocks that are told without a move. It ignores those about which the
// moves know better. The mover's clock is that of the last move; the other clock can only have run
// down since. Once the game is over, no clock runs.
func (g *Game) setLiveClock(live relay.Clock, at relay.Millis) {
	last, n := relay.NoClock(), len(g.Moves)
	for i := range g.Moves {
		c := g.Moves[i].Clock
		if c.White >= 0 {
			last.White = c.White
		}
		if c.Black >= 0 {
			last.Black = c.Black
		}
	}
	for _, side := range []struct {
		live, last *relay.Millis
		moved      bool // the last move has this side's clock
	}{
		{&live.White, &last.White, n > 0 && g.Moves[n-1].Clock.White >= 0},
		{&live.Black, &last.Black, n > 0 && g.Moves[n-1].Clock.Black >= 0},
	} {
		if *side.last >= 0 && (side.moved || *side.live > *side.last || g.Result != relay.Ongoing) {
			*side.live = relay.NoTime
		}
	}
	g.Clock = live
	if live.Known() {
		g.ClockAt = at
	}
}

// addMove adds a move; left is the mover's time after it.
func (g *Game) addMove(m Move, left relay.Millis) {
	m.Clock = relay.NoClock()
	if whiteBegins(g.StartFEN) == (len(g.Moves)%2 == 0) {
		m.Clock.White = left
	} else {
		m.Clock.Black = left
	}
	g.Moves = append(g.Moves, m)
}

// setEnding sets the result, and the warning if a move could not be played.
func (g *Game) setEnding(in *pgn.Game, line *pgn.Line, err error) {
	g.Broken, g.Warning, g.unread = err != nil, "", nil
	if fault, ok := errors.AsType[*pgn.Error](err); ok {
		g.Warning = "the source could not be read: " + fault.Reason
		g.startUnreadable = fault.Ply == 0
		if fault.Ply > 0 {
			g.unread = in
			const enough = 20
			where := strings.TrimSuffix(fmt.Sprintf("ply %d, %s", fault.Ply, cleanText(fault.Move, enough)), ", ")
			g.Warning = "the source could not be read past " + where + ": " + fault.Reason
		}
	}
	if g.Result, g.Forfeit = line.Result, in.Forfeit; g.Result == relay.Ongoing && in.ResultText != "*" {
		g.Result = "" // no result, or an unknown one
	}
}

// readAfterIllegal reads on after a move that could not be played, if the arbiter has recorded an
// illegal move at that very ply. The source's text for it need not be the arbiter's.
func (g *Game) readAfterIllegal(b *boardGame) {
	for g.unread != nil {
		n, in := len(g.Moves), g.unread
		if n >= len(b.moves) || n >= len(in.Moves) || !b.moves[n].Illegal {
			return
		}
		g.Moves = slices.Clip(g.Moves)
		played := b.MoveAt(relay.Ply(n) + 1)
		g.addMove(Move{UCI: played.SAN, FEN: played.FEN}, in.Moves[n].Clock)
		line, err := in.PlayAfter(n+1, played.FEN, g.Variant)
		for _, m := range line.Moves[:min(len(line.Moves), relay.MaxPlies-n-1)] {
			g.addMove(Move{UCI: m.UCI}, m.Clock)
		}
		g.setEnding(in, line, err)
		g.Broken = g.Broken || in.Truncated
	}
}

// whiteBegins reports whether White is to move; an empty FEN is the standard position.
func whiteBegins(fen string) bool {
	return (&relay.Game{Pairing: &relay.Pairing{StartFEN: fen}}).WhitePlays(1)
}
