package relay

import "github.com/chessrelay/chessrelay/relay/rules"

// Package rules decides whether a move is legal and what the position is after it. What a game may start from is
// decided by fen.go and fencheck.go, which are stricter than package rules: they take
// no more pieces than a game can lead to and, in standard chess, its castling rights only.

// maxMoveText is the longest text of a move, in bytes.
const maxMoveText = rules.MaxText

// maxUCI is the longest UCI: e7e8q.
const maxUCI = 5

// A position is a board with everything that decides which moves are legal. It
// is what a FEN says, and no more.
type position struct {
	rules.Position
	undo     rules.Undo // of the legal move that led here, if one did
	chess960 bool       // its castling is written as the king taking the rook
}

// afterMove is the position after a legal move.
func (pos *position) afterMove(m rules.Move) position {
	next := *pos
	next.undo = next.Make(m)
	return next
}

// beforeMove is the position before the legal move m, which led to pos.
func (pos *position) beforeMove(m rules.Move) position {
	before := position{Position: pos.Position, chess960: pos.chess960}
	before.Unmake(m, pos.undo)
	return before
}

// afterIllegal is what stands on the board after an illegal move in pos, of which [illegalMove] has made the FEN.
func (pos *position) afterIllegal(fen string) position {
	p, _ := rules.ParseFENAfterIllegal(fen)
	return position{Position: p, chess960: pos.chess960}
}

// appendUCI appends the legal move in the UCI of the variant.
func (pos *position) appendUCI(dst []byte, m rules.Move) []byte {
	if pos.chess960 {
		return rules.AppendUCI960(dst, m)
	}
	return pos.AppendUCI(dst, m)
}

// standardPosition is that of [StartFEN].
var standardPosition = func() position {
	pos, err := parsePosition(StartFEN, "")
	if err != nil {
		panic(err)
	}
	return pos
}()

// parsePosition reads a FEN that must be a playable position of the variant (see [fenBoard.check]).
func parsePosition(fen, variant string) (position, error) {
	chess960 := variant == Chess960
	b, err := readFEN(fen)
	if err == nil {
		err = firstError(b.check(chess960), b.checkNoCheck())
	}
	if err != nil {
		return position{}, err
	}
	return b.position(chess960, rules.ParseFEN)
}

// position is that of a board that was found to be one.
func (b *fenBoard) position(chess960 bool, parse func(string) (rules.Position, error)) (position, error) {
	p, err := parse(b.String())
	if err != nil && chess960 {
		return position{}, badFEN("has castling rights that are not readable, or without their king and rook")
	}
	if err != nil {
		return position{}, badFEN("is not readable") // it was just found to be
	}
	return position{Position: p, chess960: chess960}, nil
}

// uci returns the legal move that the text means in UCI, or an empty string.
func (pos *position) uci(text string) string {
	m, err := pos.Find(text)
	if err != nil {
		return ""
	}
	return string(pos.appendUCI(nil, m))
}

// fen writes the position. The square behind a pawn that has just made its
// double step always stands in it, whether or not a pawn can take it, as the
// PGN standard (16.1.3.4) has it.
func (pos *position) fen() string { return pos.FEN() }
