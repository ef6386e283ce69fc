package pgn

import (
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// An opinion is a sign between the moves, or behind one, that says what somebody thinks of it: !?,
// ±, +-, =/∞, $14, N for a novelty. Opinions are read over.

// opinions are those that may be glued to a move. A sign that begins with another one stands before
// it.
var opinions = []string{
	"+/-", "-/+", "+/=", "=/+", "+=", "=+", "+-", "-+", "=/∞", "∞/=", "=∞", "∞=", "=", ",", ".", "…",
	"!", "?", "‼", "⁇", "⁈", "⁉", "±", "∓", "⩲", "⩱", "∞", "⯹", "⟳", "↻", "⇄", "⇆", "⇔", "→", "↑", "↗", "⇑", "⊕", "⨁", "⊗", "○", "◯", "●", "□", "■",
	"∆", "Δ", "△", "⌓", "⊞", "⟫", "⟪", "»", "«", "⊥", "⟂", "⇗", "⇖", "☉", "⊙", "⨀", "✕", "†", "‡", "#-",
	"TN", "RR",
}

// looseWords are those that stand alone between the moves.
var looseWords = map[string]bool{"ep": true, "e.p.": true, "RR": true, "TN": true, "ch": true, "dbl": true, "dis": true, "mate": true}

// withoutOpinions cuts the opinions off the end of a move. A sign of check or mate stays.
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

// isNovelty reports whether an N behind the move stands for a novelty. Behind a pawn's move to the
// last rank it is a knight: e8N, e8=N.
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

// isSymbol reports whether a result that [endsGame] knows is made of signs alone, such as +/-. Those
// are opinions, too.
func isSymbol(token string) bool { return strings.Trim(dashes.Replace(token), "+-/:=") == "" }

// endsWithSymbol decides whether a sign behind the last move of a game is its result. It is if the tags
// agree with it, or say nothing: a forfeit with one move is met, but one with many is somebody's
// opinion.
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
