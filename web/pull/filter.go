package pull

import (
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// filter returns the source's games that the round takes, with their board numbers. OnlyRound comes
// first. Slices counts the places of the games that are left, and gives the order.
func (t *target) filter(games []Game) []Game {
	if t.OnlyRound > 0 {
		kept := make([]Game, 0, len(games))
		for _, g := range games {
			if roundNumber(g.Round) == t.OnlyRound {
				g.place = len(kept) + 1
				kept = append(kept, g)
			}
		}
		games = kept
	}
	slices, err := relay.ParseSlices(t.Slices)
	if err == nil && len(slices) > 0 {
		games = atPlaces(games, slices)
	}
	if t.BoardOffset == 0 {
		return games
	}
	numbered := false
	for _, g := range games {
		numbered = numbered || g.Board > 0
	}
	out := make([]Game, len(games))
	for i, g := range games {
		if g.Board > 0 {
			g.Board += t.BoardOffset
		} else if !numbered {
			g.Board = t.BoardOffset + i + 1
		}
		out[i] = g
	}
	return out
}

// atPlaces returns the games at the places, each once.
func atPlaces(games []Game, slices []relay.Slice) []Game {
	at := make(map[int]int, len(games)) // index by place
	last := 0
	for i, g := range games {
		at[g.place] = i
		last = max(last, g.place)
	}
	out := make([]Game, 0, len(games))
	taken := make([]bool, len(games))
	for _, s := range slices {
		for place := s.First; place <= min(s.Last, last); place++ {
			if i, ok := at[place]; ok && !taken[i] {
				taken[i] = true
				out = append(out, games[i])
			}
		}
	}
	return out
}

// roundNumber is the first number in a Round tag: 5 of "5.12", of "5" and of "Round 5"; 0 if there
// is none.
func roundNumber(text string) (n int) {
	start := strings.IndexAny(text, "0123456789")
	if start < 0 {
		return 0
	}
	for _, c := range text[start:] {
		if c < '0' || c > '9' || n > relay.MaxRounds {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
}
