package lcc

import (
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// Standard is the number of the standard position.
const Standard = 518

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
	for n := range 960 {
		if strings.HasPrefix(relay.StartFEN960(n), fields[0]+" ") {
			return n, true
		}
	}
	return 0, false
}
