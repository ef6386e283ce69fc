package mirror

import (
	"io"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/internal/samples"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// FuzzPush pushes any text after another one. Nothing may panic. A game that is taken must be taken
// whole, so the same text pushed again asks for nothing. No board may lose its number.
func FuzzPush(f *testing.F) {
	f.Add("", "")
	f.Add(game("A-B", "1. e4 e5 *")+game("C-D Board=4", "1-0"), game("C-D", "1. d4 {[%clk 0:01:00]} *")+game("A-B GameId=x", "1. e4 c5 0-1"))
	f.Add(game("A-B", "1. e4 e5 *")+game("A-B", "1. e4 e5 *"), game("?-?", "1. e4")+"[FEN \"x\"]\n\n*")
	for _, more := range []string{"", "3. Bc3 *", "3. Bc3 Nf6 4. O-O Ke5", "3. Lc3 Sf6", "-- 3. Bb5"} {
		const begin = "1. e4 e5 2. Nf3 Nc6 "
		f.Add(game("A-B", begin+"*"), game("A-B", begin+more))
	}
	for _, name := range []string{"edge-empty-line-in-tags", "edge-tags-and-moves-on-one-line", "edge-utf8-bom", "live-clocks-tenths"} {
		text := samples.Read(f, name+".pgn")
		f.Add(text, text[:len(text)/2])
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if len(first)+len(second) > 1<<16 {
			return
		}
		w := newWorld(t)
		if len(first)%2 == 1 {
			w.shorten()
		}
		boards := map[relay.GameID]int{}
		for i, text := range []string{first, second, second} {
			if i == 1 && len(second)%2 == 0 && len(w.games()) > 0 {
				w.pass(w.games()[0])
			}
			games := readAny(text)
			refused := map[relay.GameID]bool{}
			for _, c := range w.diff(games) {
				for _, command := range c.Commands {
					if out := w.apply(command); out.Err != nil {
						refused[c.Game] = true
					}
				}
			}
			for i, c := range w.diff(games) {
				if len(c.Commands) > 0 && !refused[c.Game] {
					t.Fatalf("game %d is asked for again: %v", i, c.Commands)
				}
			}
			for _, g := range w.games() {
				if was, ok := boards[g.ID]; ok && was != g.Board {
					t.Fatalf("game %s was board %d and is %d", g.ID, was, g.Board)
				}
				boards[g.ID] = g.Board
			}
		}
	})
}

func readAny(text string) []Game {
	var games []Game
	in := pgn.NewReader(strings.NewReader(text))
	for len(games) < 100 {
		g, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			continue
		}
		game, _ := FromPGN(g)
		games = append(games, game)
	}
	return games
}
