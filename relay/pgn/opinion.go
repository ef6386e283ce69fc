package pgn

import (
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// An opinion is a symbol between the moves or behind one, with somebody's judgement: !?, ±, +-,
// =/∞, $14, N for a novelty. The reader skips opinions.

// opinions are the symbols that may stand directly behind a move. A symbol that begins with another
// one comes before it.
var opinions = []string{
	"+/-", "-/+", "+/=", "=/+", "+=", "=+", "+-", "-+", "=/∞", "∞/=", "=∞", "∞=", "=", ",", ".", "…",
	"!", "?", "‼", "⁇", "⁈", "⁉", "±", "∓", "⩲", "⩱", "∞", "⯹", "⟳", "↻", "⇄", "⇆", "⇔", "→", "↑", "↗", "⇑", "⊕", "⨁", "⊗", "○", "◯", "●", "□", "■",
	"∆", "Δ", "△", "⌓", "⊞", "⟫", "⟪", "»", "«", "⊥", "⟂", "⇗", "⇖", "☉", "⊙", "⨀", "✕", "†", "‡", "#-",
	"TN", "RR",
}

// looseWords may stand alone between the moves.
var looseWords = map[string]bool{"ep": true, "e.p.": true, "RR": true, "TN": true, "ch": true, "dbl": true, "dis": true, "mate": true}

// withoutOpinions removes the opinions behind a move. The signs of check and mate stay.
func withoutOpinions(move string) string {
	for {
		n := len(move) - 1
		if n < 0 || move[n] >= '1' && move[n] <= '8' || move[n] == 'O' || strings.HasSuffix(move, "e.p.") {
			return move
		}
		shorter := move
		if move[n] == 'N' && isNovelty(move[:n]) {
			shorter = move[:n]
		} else {
			shorter = withoutOpinion(move)
		}
		if shorter == move {
			return move
		}
		move = shorter
	}
}

func withoutOpinion(move string) string {
	for _, o := range opinions {
		if s, found := strings.CutSuffix(move, o); found {
			return s
		}
	}
	return move
}

// isNovelty reports whether an N behind the move means a novelty. Behind a pawn's move to the last
// rank it is a knight: e8N, e8=N.
func isNovelty(move string) bool {
	base := strings.TrimRight(move, "=+#")
	if base == "" {
		return false
	}
	switch last := base[len(base)-1]; {
	case last == '1' || last == '8':
		return base[0] >= 'A' && base[0] <= 'Z'
	case last >= '2' && last <= '7' || last == 'O':
		return true
	}
	return withoutOpinion(move) != move
}

// isSymbol reports whether a result of [endsGame] is made of symbols alone, such as +/-. These are
// opinions, too.
func isSymbol(token string) bool { return strings.Trim(dashes.Replace(token), "+-/:=") == "" }

// endsWithSymbol reports whether a symbol behind the last move is the game's result. It is if the
// tags agree or say nothing. A forfeit with at most one move is common; with many moves the symbol
// is an opinion.
func (g *Game) endsWithSymbol(symbol string) bool {
	const most = 2
	if len(g.Moves) == 0 {
		return true
	}
	tag := g.Known("Result")
	if tag == "" {
		return true
	}
	told, forfeit, err := relay.ParseScore(tag)
	result, _, _ := relay.ParseScore(symbol)
	return err == nil && told == result && (forfeit || len(g.Moves) < most)
}
