package relay

import (
	"strings"

	"github.com/chessrelay/chessrelay/relay/rules"
)

// This file has the illegal moves that were played all the same. Such a move is kept as the arbiter
// wrote it, with the position on the board after it, from which the game goes on. The players still
// take turns, so the colour and the number of a move follow from its ply.

// playedFEN returns the FEN of a command's illegal move; empty for a legal one.
func playedFEN(illegal bool, fen string) (string, error) {
	switch {
	case illegal && strings.Trim(fen, " ") == "":
		return "", badFEN("is required for an illegal move: the position on the board after it")
	case !illegal && fen != "":
		return "", badFEN("is only for an illegal move: set illegal, or leave the FEN out")
	}
	return fen, nil
}

// illegalMove returns the illegal move of that text, which led from pos to the position of the FEN.
//
// The FEN is checked like a game's start (fencheck.go), with two exceptions. The side that moved
// may have left its king in check, as in most illegal moves. And the number of the move is the
// game's, whatever the FEN says.
func illegalMove(pos *position, text, fen string) (Move, error) {
	if err := checkIllegalText(text); err != nil {
		return Move{}, err
	}
	b, err := readFEN(fen)
	if err != nil {
		return Move{}, err
	}
	black := pos.Turn() == rules.Black
	if b.black == black {
		moved, next := "White", "Black (b)"
		if black {
			moved, next = "Black", "White (w)"
		}
		return Move{}, badFEN("must have %s to move: it is the position after an illegal move of %s", next, moved)
	}
	if b.halfMoves > maxStartHalfMoves {
		return Move{}, badFEN("the half-move clock must not exceed %d", maxStartHalfMoves)
	}
	b.fullMoves = pos.FullMoves()
	if black {
		b.fullMoves++
	}
	if err := b.check(pos.chess960); err != nil {
		return Move{}, err
	}
	after, err := b.position(pos.chess960, rules.ParseFENAfterIllegal)
	if err != nil {
		return Move{}, err
	}
	if m, err := pos.Find(text); err == nil {
		if legal := pos.afterMove(m); legal.placement() == after.placement() {
			return Move{}, bad("illegal", "%s is legal, and leads to this position: send it without illegal and fen", text)
		}
	}
	m := Move{SAN: text, FEN: after.fen(), Illegal: true}
	if isUCI(text) {
		m.UCI = text
	}
	return m, nil
}

// checkIllegalText refuses a text that cannot stand for a move in a list or a comment.
func checkIllegalText(text string) error {
	if text == "" || strings.ContainsAny(text, " {}[]") {
		return bad("move", "must be one word without brackets, such as Qxh7, not %q", clip(text, 32))
	}
	return checkText("move", text, maxMoveText, false)
}

// placement returns the FEN's field for the pieces.
func (pos *position) placement() string {
	men, _, _ := strings.Cut(pos.fen(), " ")
	return men
}

// isUCI reports whether the text has the form of a move in UCI.
func isUCI(text string) bool {
	square := func(s string) bool { return s[0] >= 'a' && s[0] <= 'h' && s[1] >= '1' && s[1] <= '8' }
	return len(text) >= 4 && square(text) && square(text[2:]) && text[:2] != text[2:4] &&
		(len(text) == 4 || len(text) == maxUCI && strings.IndexByte("nbrq", text[4]) >= 0)
}
