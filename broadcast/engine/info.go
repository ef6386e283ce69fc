package engine

import (
	"slices"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// parseInfo reads a line such as
//
//	info depth 12 seldepth 17 multipv 1 score cp 31 nodes 48262 nps 804366 time 60 pv e2e4 e7e5
//
// of an engine that searches p. It returns nil for a line that has no evaluation: one of another
// kind, a bound, or one that cannot be.
func parseInfo(line string, p relay.Position) *relay.Evaluation {
	words := strings.Fields(line)
	if len(words) == 0 || words[0] != "info" {
		return nil
	}
	e := &relay.Evaluation{}
	scored, broken := false, false
	for i := 1; i < len(words); i++ {
		next := func() int {
			if i++; i >= len(words) {
				broken = true
				return 0
			}
			n, err := strconv.Atoi(words[i])
			broken = broken || err != nil
			return n
		}
		switch words[i] {
		case "string", "lowerbound", "upperbound":
			return nil
		case "depth":
			e.Depth = next()
		case "multipv":
			if next() != 1 {
				return nil
			}
		case "cp":
			e.CP, scored = next(), true
		case "mate":
			e.Mate = next()
			scored = e.Mate != 0
		case "pv":
			e.PV = p.Line(words[i+1:], relay.MaxPV)
			i = len(words)
		}
	}
	if broken || !scored || len(e.PV) == 0 || !sane(e) {
		return nil
	}
	if p.BlackToMove() {
		e.CP, e.Mate = -e.CP, -e.Mate
	}
	e.PV = slices.Clip(e.PV)
	return e
}
