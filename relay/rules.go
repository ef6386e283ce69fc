package relay

import "github.com/chessrelay/chessrelay/relay/rules"

// Package rules decides whether a move is legal and what the position is after it. fen.go and
// fencheck.go decide what a game may start from. They are stricter than package rules: they take no
// more pieces than a game can lead to and, in standard chess, only its castling rights.

// maxMoveText is the longest text of a move, in bytes.
const maxMoveText = rules.MaxText

// maxUCI is the longest UCI: e7e8q.
const maxUCI = 5

// A position is a board with everything that decides which moves are legal: what a FEN says, and no
// more.
type position struct {
	rules.Position
	undo     rules.Undo // of the legal move that led here, if one did
	chess960 bool       // castling is written as the king taking the rook
}

// afterMove returns the position after a legal move.
func (pos *position) afterMove(m rules.Move) position {
	next := *pos
	next.undo = next.Make(m)
	return next
}

// beforeMove returns the position before the legal move m, which led to pos.
func (pos *position) beforeMove(m rules.Move) position {
	before := position{Position: pos.Position, chess960: pos.chess960}
	before.Unmake(m, pos.undo)
	return before
}

// afterIllegal returns the position after an illegal move in pos. The FEN must come from
// [illegalMove].
func (pos *position) afterIllegal(fen string) position {
	p, _ := rules.ParseFENAfterIllegal(fen)
	return position{Position: p, chess960: pos.chess960}
}

// appendUCI appends a legal move in the variant's UCI.
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

// parsePosition reads a FEN, which must be a playable position of the variant; see
// [fenBoard.check].
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

// position returns the position of a board that was checked.
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

// uci returns the legal move that the text means, in UCI; empty if there is none.
func (pos *position) uci(text string) string {
	m, err := pos.Find(text)
	if err != nil {
		return ""
	}
	return string(pos.appendUCI(nil, m))
}

// fen writes the position. After a double step of a pawn it always has the en passant square, even
// if no pawn can take there, as in the PGN standard (16.1.3.4).
func (pos *position) fen() string { return pos.FEN() }
