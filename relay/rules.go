package relay

import "github.com/chessrelay/chessrelay/relay/rules"

// This file is the only one that knows package rules, which decides whether a move
// is legal and what the position is after it. What a game may start from is
// decided by fen.go and fencheck.go, which are stricter than package rules: they take
// standard chess only, and no more pieces than a game can lead to.

// maxMoveText is the longest text of a move, in bytes.
const maxMoveText = rules.MaxText

// maxUCI is the longest UCI: e7e8q.
const maxUCI = 5

// A position is a board with everything that decides which moves are legal. It
// is what a FEN says, and no more.
type position struct{ rules.Position }

// standardPosition is that of [StartFEN].
var standardPosition = func() position {
	pos, err := parsePosition(StartFEN)
	if err != nil {
		panic(err)
	}
	return pos
}()

// parsePosition reads a FEN that must be a playable position (see [normalizeFEN]).
func parsePosition(fen string) (position, error) {
	normal, err := normalizeFEN(fen)
	if err != nil {
		return position{}, err
	}
	p, err := rules.ParseFEN(normal)
	if err != nil {
		return position{}, badFEN("is not readable") // it was just found to be
	}
	return position{p}, nil
}

// uci returns the legal move that the text means in UCI, or an empty string.
func (pos *position) uci(text string) string {
	m, err := pos.Find(text)
	if err != nil {
		return ""
	}
	return string(pos.AppendUCI(nil, m))
}

// fen writes the position. The square behind a pawn that has just made its
// double step always stands in it, whether or not a pawn can take it, as the
// PGN standard (16.1.3.4) has it.
func (pos *position) fen() string { return pos.FEN() }
