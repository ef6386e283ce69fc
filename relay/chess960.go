package relay

import (
	"strings"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// Chess960 is the [Pairing.Variant] of a game whose pieces of the first rank begin in another
// order. In UCI its castling is the king taking its rook (e1h1), and its FEN has the rights as in
// X-FEN.
const Chess960 = "Chess960"

// startFEN returns the FEN that a command wants a game to start from. The command has it, or the
// number of a start position of Chess960.
func startFEN(op *relaypb.CreateGame, variant string) (string, error) {
	if op.StartPosition == nil {
		if variant == Chess960 && strings.Trim(op.Fen, " ") == "" {
			return "", badFEN("is required in Chess960, or the number of a start position (0 to 959)")
		}
		return op.Fen, nil
	}
	switch n := *op.StartPosition; {
	case variant != Chess960:
		return "", bad("startPosition", "is for Chess960 only")
	case op.Fen != "":
		return "", bad("startPosition", "and fen cannot both be given")
	case n < 0 || n > 959:
		return "", bad("startPosition", "must be from 0 to 959, not %d", n)
	default:
		return StartFEN960(int(n)), nil
	}
}

// StartFEN960 is the start position n, 0 <= n < 960, in Scharnagl's order. The standard one is 518.
func StartFEN960(n int) string {
	var rank [8]byte
	// place puts a piece on the free square of that number.
	place := func(piece byte, free int) {
		for i := range rank {
			if rank[i] != 0 {
				continue
			}
			if free == 0 {
				rank[i] = piece
				return
			}
			free--
		}
	}
	rank[n%4*2+1] = 'B'
	n /= 4
	rank[n%4*2] = 'B'
	n /= 4
	place('Q', n%6)
	n /= 6
	// The two knights are on two of the five free squares. n counts the pairs by the first, then
	// the second.
	first, second := 0, n
	for second >= 4-first {
		second -= 4 - first
		first++
	}
	place('N', first)
	place('N', first+second)
	for _, piece := range []byte("RKR") {
		place(piece, 0)
	}
	white := string(rank[:])
	return strings.ToLower(white) + "/pppppppp/8/8/8/8/PPPPPPPP/" + white + " w KQkq - 0 1"
}
