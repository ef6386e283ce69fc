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

// TestRandomWrites writes random rounds with texts of all signs, and reads each game again as it
// was.
func TestRandomWrites(t *testing.T) {
	for seed := range 200 {
		r := rand.New(rand.NewPCG(uint64(seed), 15))
		var b strings.Builder
		var want []told
		for range 1 + r.IntN(4) {
			g, told := randomWrite(r, len(want)+1)
			want = append(want, told)
			w := NewWriter(&b)
			if err := w.Write(g, Event{Tournament: &relay.Tournament{Name: randomText(r)}, Round: &relay.Round{Name: randomText(r)}}); err != nil {
				t.Fatal(err)
			}
		}
		games, errs := readAll(t, strings.NewReader(b.String()))
		if len(games) != len(want) || errs != nil {
			t.Fatalf("seed %d: %d games of %d, %v\n%s", seed, len(games), len(want), errs, b.String())
		}
		for i, g := range games {
			line, err := g.Play()
			if (err != nil) != strings.Contains(lastComment(g), illegalMark) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			got := told{
				Board: g.Board(), White: g.Player("White"), Black: g.Player("Black"), StartFEN: line.StartFEN,
				TimeControl: g.Tag("TimeControl"), Moves: line.Moves, Result: g.Result, Forfeit: g.Forfeit,
				Tags: []relay.Tag{{Name: "Annotator", Value: g.Tag("Annotator")}, {Name: "Event", Value: g.Tag("Event")}},
			}
			if diff := gocmp.Diff(want[i], got); diff != "" {
				t.Fatalf("seed %d, game %d: %s\n%s", seed, i+1, diff, b.String())
			}
		}
	}
}

func lastComment(g *Game) string {
	if n := len(g.Moves); n > 0 {
		return g.Moves[n-1].Comment
	}
	return g.Comment
}

// randomWrite makes a game, and tells what is to be read of it.
func randomWrite(r *rand.Rand, board int) (*relay.Game, told) {
	results := []relay.Result{relay.Ongoing, relay.WhiteWins, relay.BlackWins, relay.Draw, relay.BothLose, relay.WhiteHalf, relay.BlackHalf}
	player := func() relay.Player {
		return relay.Player{Name: "P" + randomText(r), Title: "GM", Rating: r.IntN(3000), FideID: r.Int64N(9_999_999), Federation: "F" + randomText(r), Team: "T" + randomText(r)}
	}
	p := relay.Pairing{Board: board, White: player(), Black: player(), TimeControl: "C" + randomText(r),
		Tags: []relay.Tag{{Name: "Annotator", Value: "A" + randomText(r)}, {Name: "Event", Value: "E" + randomText(r)}}}
	if r.IntN(3) == 0 {
		p.StartFEN = "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 7 33"
	}
	w := told{Board: board, StartFEN: p.StartFEN, Result: results[r.IntN(len(results))], Moves: []LineMove{}}
	w.Forfeit = w.Result != relay.Ongoing && r.IntN(4) == 0
	w.TimeControl, w.White, w.Black = asRead(p.TimeControl), readPlayer(p.White), readPlayer(p.Black)
	for _, t := range p.Tags {
		w.Tags = append(w.Tags, relay.Tag{Name: t.Name, Value: asRead(t.Value)})
	}
	position, white := chess.StartingPosition(), true
	if p.StartFEN != "" {
		start, err := chess.FEN(p.StartFEN)
		if err != nil {
			panic(err)
		}
		position, white = chess.NewGame(start).Position(), false
	}
	var moves []relay.Move
	for range r.IntN(40) {
		legal := position.ValidMoves()
		if len(legal) == 0 {
			break
		}
		m := legal[r.IntN(len(legal))]
		move := relay.Move{UCI: chess.UCINotation{}.Encode(position, m), Clock: relay.NoClock()}
		left := relay.NoTime
		if r.IntN(3) > 0 {
			left = relay.Millis(r.Int64N(20_000_000))
		}
		if white {
			move.Clock.White = left
		} else {
			move.Clock.Black = left
		}
		w.Moves = append(w.Moves, LineMove{SAN: chess.AlgebraicNotation{}.Encode(position, m), UCI: move.UCI, Clock: left})
		moves = append(moves, move)
		position, white = position.Update(m), !white
	}
	if r.IntN(4) == 0 { // the side to move passes
		fields := strings.Fields(position.String())
		fields[1], fields[3] = map[string]string{"w": "b", "b": "w"}[fields[1]], "-"
		passed := append(moves, relay.Move{SAN: []string{"--", `"`, `\`, ";", "%", "*"}[r.IntN(6)], FEN: strings.Join(fields, " "), Illegal: true, Clock: relay.NoClock()})
		// or the side that passed is in check
		if g, err := relay.NewGame(p, w.Result, passed); err == nil {
			g.Forfeit = w.Forfeit
			return g, w
		}
	}
	g, err := relay.NewGame(p, w.Result, moves)
	if err != nil {
		panic(fmt.Sprint(err, moves))
	}
	g.Forfeit = w.Forfeit
	return g, w
}

// randomText is up to 20 signs, of which many mean something in PGN.
func randomText(r *rand.Rand) string {
	signs := []rune(`"'\[]{}();%$*.-+#/:<>=0123456789 KQRBNOabcdefgh` + "\n\r\t\u00a0\u2028éßЖ象🐎")
	text := make([]rune, r.IntN(20))
	for i := range text {
		text[i] = signs[r.IntN(len(signs))]
	}
	return string(text)
}

// asRead is a text as PGN has it, said in another way than the writer does.
func asRead(s string) string {
	return strings.Join(strings.Fields(strings.NewReplacer(`"`, "'", `\`, "/").Replace(s)), " ")
}

func readPlayer(p relay.Player) relay.Player {
	p.Name, p.Team, p.Federation = asRead(p.Name), asRead(p.Team), asRead(p.Federation)
	return p
}
