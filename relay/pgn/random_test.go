package pgn

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/notnil/chess"

	"github.com/chessrelay/chessrelay/relay"
)

// A written is a game of legal moves in a text with much around them, and what is to be read of it.
type written struct {
	text   string
	tags   []Tag
	moves  []Move // without comments and lines
	result relay.Result
	open   bool // there is no result, so what follows without tags belongs to it
}

// randomGame makes a game of up to n plies. Its name makes it known.
func randomGame(r *rand.Rand, name string, n int) written {
	w := written{tags: []Tag{{"Event", "E"}, {"Round", "1.1"}, {"White", name}, {"Black", "B"}}, result: relay.Ongoing}
	var b strings.Builder
	for _, t := range w.tags {
		fmt.Fprintf(&b, "[%s %q]\n", t.Name, t.Value)
	}
	b.WriteByte('\n')
	pos := chess.StartingPosition()
	around := []string{
		"", "", "", " $6", "!?", " {a (comment) [Event \"x\"]}", " ; 1. a4\n", " (1. a4 {)} (1... a5) *)", "\n% 1. a4\n", " {[%eval #-3]}", " ...", " {\n\nwrapped\n}",
	}
	for i := range n {
		legal := pos.ValidMoves()
		if len(legal) == 0 {
			break
		}
		m := legal[r.IntN(len(legal))]
		if i%2 == 0 {
			fmt.Fprintf(&b, "%d.%s", i/2+1, []string{"", " ", "\n"}[r.IntN(3)])
		}
		move := Move{SAN: chess.AlgebraicNotation{}.Encode(pos, m), Clock: relay.NoTime}
		b.WriteString(move.SAN + around[r.IntN(len(around))])
		if r.IntN(2) == 0 {
			move.Clock = relay.Millis(r.IntN(100_000)) * 100
			fmt.Fprintf(&b, []string{" {[%%clk %s]}", " { [%%clk\n%s] } {[%%emt 0:00:01]}", "{good [%%clk %s]}"}[r.IntN(3)], FormatClock(move.Clock))
		}
		b.WriteString([]string{" ", "\n", "  "}[r.IntN(3)])
		w.moves = append(w.moves, move)
		pos = pos.Update(m)
	}
	ends := []struct {
		text   string
		result relay.Result
	}{{"*", relay.Ongoing}, {"", relay.Ongoing}, {"1-0", relay.WhiteWins}, {"0–1", relay.BlackWins}, {"½-½", relay.Draw}}
	end := ends[r.IntN(len(ends))]
	w.result, w.open = end.result, end.text == ""
	b.WriteString(end.text)
	w.text = b.String()
	if r.IntN(3) == 0 {
		w.text = strings.ReplaceAll(w.text, "\n", "\r\n")
	}
	return w
}

// check compares what was read of the game.
func (w *written) check(g *Game) error {
	moves := make([]Move, 0, len(g.Moves))
	for _, m := range g.Moves {
		moves = append(moves, Move{SAN: m.SAN, Clock: m.Clock})
	}
	if diff := gocmp.Diff(w.tags, g.Tags); diff != "" {
		return fmt.Errorf("tags: %s", diff)
	}
	if len(moves)+len(w.moves) > 0 && !gocmp.Equal(w.moves, moves) {
		return fmt.Errorf("moves: %s", gocmp.Diff(w.moves, moves))
	}
	if g.Result != w.result {
		return fmt.Errorf("the result is %s, want %s", g.Result, w.result)
	}
	_, err := g.Play()
	return err
}

// TestRandomDamage reads random games, whole and then with one of them damaged. Some of its text is
// cut out, written twice or replaced by rubbish, or the whole text ends in it. The others must be
// read as they are.
func TestRandomDamage(t *testing.T) {
	rounds := 600
	if testing.Short() {
		rounds = 150
	}
	var games []written
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		if seed%10 == 0 { // to make games takes long, to damage them does not
			games = games[:0]
			for i := range 2 + r.IntN(4) {
				games = append(games, randomGame(r, fmt.Sprintf("P%d", i), r.IntN(60)))
			}
			all, errs := readAll(t, strings.NewReader(join(games)))
			if len(all) != len(games) || errs != nil {
				t.Fatalf("seed %d: %d games of %d, %v", seed, len(all), len(games), errs)
			}
			for i := range games {
				if err := games[i].check(all[i]); err != nil {
					t.Fatalf("seed %d, game %d: %v", seed, i+1, err)
				}
			}
		}
		bad := r.IntN(len(games))
		good, ends := games[bad].text, false
		games[bad].text, ends = damage(r, good)
		text := join(games)
		if ends {
			text = join(games[:bad+1])
		}
		got, _ := readAll(t, strings.NewReader(text))
		for i := range bad {
			if len(got) <= i {
				t.Fatalf("seed %d: game %d is lost:\n%s", seed, i+1, text)
			}
			if w := &games[i]; w.open {
				got[i].Moves, got[i].Result = got[i].Moves[:min(len(got[i].Moves), len(w.moves))], w.result
			}
			if err := games[i].check(got[i]); err != nil {
				t.Fatalf("seed %d: game %d, before the damage: %v\n%s", seed, i+1, err, text)
			}
		}
		for i := bad + 1; i < len(games) && !ends; i++ {
			from := len(got) - len(games) + i
			if from < 0 {
				t.Fatalf("seed %d: game %d is lost:\n%s", seed, i+1, text)
			}
			if err := games[i].check(got[from]); err != nil {
				t.Fatalf("seed %d: game %d, behind the damage: %v\n%s", seed, i+1, err, text)
			}
		}
		for _, g := range got {
			_, _ = g.Play() // it must not panic
		}
		games[bad].text = good
	}
}

func join(games []written) string {
	var b strings.Builder
	for _, g := range games {
		b.WriteString(g.text + "\n\n")
	}
	return b.String()
}

// damage returns the text with something done to it, and whether it is to end there.
func damage(r *rand.Rand, text string) (_ string, ends bool) {
	from := r.IntN(len(text) + 1)
	to := from + r.IntN(len(text)-from+1)
	if r.IntN(2) == 0 {
		to = min(to, from+r.IntN(8))
	}
	switch r.IntN(4) {
	case 0:
		return text[:from], true
	case 1:
		return text[:from] + text[to:], false
	case 2:
		return text[:to] + text[from:], false
	}
	const signs = "{}()[];%\"\\$*.-+#=0123456789KQRBNOabcdefgh \t\n\r\x00\xff\xbd½[%clk"
	rubbish := make([]byte, r.IntN(20))
	for i := range rubbish {
		rubbish[i] = signs[r.IntN(len(signs))]
	}
	return text[:from] + string(rubbish) + text[to:], false
}
