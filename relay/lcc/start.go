package lcc

import (
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// Standard is the number of the standard position.
const Standard = 518

// StartNumber is the number of the position in Scharnagl's list of the 960: 518 is the standard
// one, which an empty fen means. It is false for any other position, also for one of the 960 with a
// lost castling right or with Black to move.
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
