package replay

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// defaultPace is how long a ply takes if the file does not say.
	defaultPace = 10 * time.Second
	// maxThought bounds one ply. A wrong clock must not stop a board's replay.
	maxThought = 45 * time.Minute
	// maxIncrement is the largest gain of a clock over one move that counts as an increment. A
	// larger one is the time added at a time control.
	maxIncrement = time.Minute

	unknownClock = time.Duration(-1)
)

// clockedGame holds what a game's pace is computed from.
type clockedGame struct {
	// start is each side's clock before its first move, or unknownClock.
	start [2]time.Duration
	// increment is what a side gains for each move. Zero: the file does not say, so it is guessed.
	increment time.Duration
	// after is the mover's clock after each ply, or unknownClock.
	after []time.Duration
	// first is the side that plays the first ply: 0 white, 1 black.
	first int
}

// playedAt returns when each ply was played, counted from the start of the game.
func (g clockedGame) playedAt() []time.Duration {
	at := g.thoughts()
	for i := 1; i < len(at); i++ {
		at[i] += at[i-1]
	}
	return at
}

// thoughts returns how long the mover thought about each ply: the clock before, plus the increment,
// minus the clock after. Where clocks are missing between two known ones, the time between them is
// divided evenly. Before the first and after the last known clock a ply takes defaultPace.
func (g clockedGame) thoughts() []time.Duration {
	increment := g.increment
	if increment == 0 {
		increment = g.guessIncrement()
	}
	thoughts := make([]time.Duration, len(g.after))
	for i := range thoughts {
		thoughts[i] = defaultPace
	}
	for side := range 2 {
		before, last := g.start[side], g.firstPly(side)-2
		for i := g.firstPly(side); i < len(g.after); i += 2 {
			after := g.after[i]
			if after == unknownClock {
				continue
			}
			if before != unknownClock {
				moves := time.Duration(i-last) / 2
				each := (before + moves*increment - after) / moves
				for j := last + 2; j <= i; j += 2 {
					thoughts[j] = min(max(each, 0), maxThought)
				}
			}
			before, last = after, i
		}
	}
	return thoughts
}

// firstPly is the index of a side's first ply.
func (g clockedGame) firstPly(side int) int { return side ^ g.first }

// guessIncrement returns the smallest customary increment that explains the clocks' gains; 0 if
// they never gained.
func (g clockedGame) guessIncrement() time.Duration {
	var growth time.Duration
	for side := range 2 {
		before := g.start[side]
		for i := g.firstPly(side); i < len(g.after); i += 2 {
			after := g.after[i]
			if before != unknownClock && after != unknownClock && after-before <= maxIncrement {
				growth = max(growth, after-before)
			}
			before = after
		}
	}
	for _, seconds := range []time.Duration{0, 1, 2, 3, 5, 10, 15, 20, 30, 40, 50, 60} {
		if growth <= seconds*time.Second {
			return seconds * time.Second
		}
	}
	return maxIncrement
}

// incrementPatterns match "900+10", "40/5400+30:1800+30", "90'+30”" and "15 min/game + 10
// sec/move". A number of minutes after a plus ("90'/40+30'+30”") is no increment.
var incrementPatterns = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(\d+)\s*(?:''|"|″|”|s\b|secs?\b|seconds?\b)`),
	regexp.MustCompile(`\+\s*(\d+)\s*(?:$|[:,;/])`),
}

// parseIncrement reads the increment from a TimeControl tag; 0 if there is none.
func parseIncrement(timeControl string) time.Duration {
	for _, p := range incrementPatterns {
		if m := p.FindStringSubmatch(strings.TrimSpace(timeControl)); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil && time.Duration(n)*time.Second <= maxIncrement {
				return time.Duration(n) * time.Second
			}
		}
	}
	return 0
}
