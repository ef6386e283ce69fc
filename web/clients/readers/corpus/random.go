package main

import (
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/rules"
)

// random are games of legal moves, the same ones each time: from the usual position, from those of
// Chess960, and from positions in the middle of such games.
func random() (games []game) {
	r := rand.New(rand.NewPCG(13, 6))
	results := []relay.Result{relay.Ongoing, relay.WhiteWins, relay.BlackWins, relay.Draw, relay.BothLose, relay.WhiteHalf, relay.BlackHalf}
	for i := range 90 {
		p := relay.Pairing{White: relay.Player{Name: fmt.Sprintf("White %d", i)}, Black: relay.Player{Name: fmt.Sprintf("Black %d", i)}}
		fen := rules.StartFEN
		if i%3 == 2 {
			p.Variant, fen = relay.Chess960, relay.StartFEN960(r.IntN(960))
		}
		if i%3 == 1 {
			_, fen = play(r, fen, 1+r.IntN(60))
		}
		if p.Variant != "" || fen != rules.StartFEN {
			p.StartFEN = fen
		}
		list, _ := play(r, fen, r.IntN(140))
		games = append(games, game{name: fmt.Sprintf("random game %d", i), pairing: p, moves: list, result: results[r.IntN(len(results))]})
	}
	return games
}

// play plays n random moves, or fewer if the game ends, and returns the position after them.
func play(r *rand.Rand, fen string, n int) (list []relay.Move, after string) {
	pos, err := rules.ParseFEN(fen)
	if err != nil {
		log.Fatal(err)
	}
	for range n {
		legal := legalMoves(&pos)
		if len(legal) == 0 {
			break
		}
		m := legal[r.IntN(len(legal))]
		c := relay.NoClock()
		if r.IntN(4) > 0 {
			c = relay.Clock{White: relay.Millis(r.IntN(72_000)) * 100, Black: relay.Millis(r.IntN(7200)) * 1000}
		}
		list = append(list, relay.Move{UCI: string(rules.AppendUCI960(nil, m)), Clock: c})
		pos = pos.After(m)
	}
	return list, pos.FEN()
}

// legalMoves are those of the position. Rare moves stand there several times: castling,
// promotion and en passant.
func legalMoves(pos *rules.Position) (legal []rules.Move) {
	for from := range rules.Square(64) {
		color, role := pos.At(from)
		if role == rules.NoRole || color != pos.Turn() {
			continue
		}
		for to := range rules.Square(64) {
			weight := 1
			target, taken := pos.At(to)
			castles := role == rules.King && taken == rules.Rook && target == color
			if castles || role == rules.Pawn && taken == rules.NoRole && from%8 != to%8 {
				weight = 20
			}
			for _, promotion := range []rules.Role{rules.NoRole, rules.Knight, rules.Bishop, rules.Rook, rules.Queen} {
				m := rules.Move{From: from, To: to, Promotion: promotion}
				if !pos.Legal(m) {
					continue
				}
				if promotion != rules.NoRole {
					weight = 20
				}
				for range weight {
					legal = append(legal, m)
				}
			}
		}
	}
	return legal
}
