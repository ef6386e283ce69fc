package replay

import (
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/relay"
)

// A Game is one game of a file.
type Game struct {
	// Immutable after Read.
	client.NewGame        // Board is 0 until it is known
	number         int    // its place in the file, from 1
	saysBoard      int    // the board's number in the file; 0 if it has none
	event          string // of the tags
	site           string
	round          string
	moves          []string // SAN
	clocks         clockedGame
	at             []time.Duration // when each ply was played, from the start of the game
	result         relay.Result
	broken         error // why the file has no more of the game, if this is not its end

	// Immutable after Prepare.
	id       relay.GameID // empty if the server refused the game
	standing client.Game  // the board's state when we attached
}

func (g *Game) players() string { return g.White.Name + " – " + g.Black.Name }

// clock returns what both clocks show after ply i+1, or nil if that is not known.
func (g *Game) clock(i int) *relay.Clock {
	sides := [2]relay.Millis{relay.NoTime, relay.NoTime}
	for side := range sides {
		// The side's own last ply up to i, if any.
		last := i - (i-g.clocks.firstPly(side))&1
		shown := g.clocks.start[side]
		if last >= g.clocks.firstPly(side) {
			shown = g.clocks.after[last]
		}
		if shown != unknownClock {
			sides[side] = relay.Millis(shown.Milliseconds())
		}
	}
	c := relay.Clock{White: sides[0], Black: sides[1]}
	if !c.Known() {
		return nil
	}
	return &c
}
