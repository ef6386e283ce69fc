package lcc

import "strings"

// Standard is the number of the standard position.
const Standard = 518

// knights are the places of the two knights among the five squares that the bishops and the queen leave.
var knights = [10][2]int{{0, 1}, {0, 2}, {0, 3}, {0, 4}, {1, 2}, {1, 3}, {1, 4}, {2, 3}, {2, 4}, {3, 4}}

// StartNumber is the number of the position among the 960 of Fischer's chess, as Scharnagl counts them: 518 is the
// standard one, which an empty fen means. It is false for any other position, also one of the 960 with a castling
// right lost or Black to move.
func StartNumber(fen string) (int, bool) {
	if fen == "" {
		return Standard, true
	}
	fields := strings.Fields(fen)
	if len(fields) < 4 || fields[1] != "w" || len(fields[2]) != 4 || fields[3] != "-" {
		return 0, false
	}
	rank, middle, ok := strings.Cut(strings.ToUpper(fields[0]), "/")
	if !ok || len(rank) != 8 {
		return 0, false
	}
	for n := range 960 {
		if startRank(n) == rank {
			return n, middle == "PPPPPPPP/8/8/8/8/PPPPPPPP/"+rank && fields[0] == placement(rank)
		}
	}
	return 0, false
}

// StartFEN is the position with the number, 0 <= number < 960.
func StartFEN(number int) string { return placement(startRank(number)) + " w KQkq - 0 1" }

func placement(rank string) string {
	return strings.ToLower(rank) + "/pppppppp/8/8/8/8/PPPPPPPP/" + rank
}

// startRank is White's first rank.
func startRank(number int) string {
	var rank [8]byte
	rank[number%4*2+1] = 'B' // on a light square
	number /= 4
	rank[number%4*2] = 'B'
	number /= 4
	put := func(piece byte, nth int) { // on the nth square that is empty
		for i := range rank {
			if rank[i] != 0 {
				continue
			}
			if nth == 0 {
				rank[i] = piece
				return
			}
			nth--
		}
	}
	put('Q', number%6)
	pair := knights[number/6]
	put('N', pair[1])
	put('N', pair[0])
	for _, piece := range []byte("RKR") {
		put(piece, 0)
	}
	return string(rank[:])
}
