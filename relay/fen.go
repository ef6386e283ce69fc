package relay

import (
	"strconv"
	"strings"
)

// StartFEN is the standard position.
const StartFEN = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"

const (
	maxFEN = 120 // the longest valid one has 92 bytes

	// A game's start is checked more strictly than what can be read, so that the position can still
	// be read MaxPlies later.
	maxStartHalfMoves = 999
	maxStartFullMoves = 9999
	maxHalfMoves      = maxStartHalfMoves + MaxPlies
	maxFullMoves      = maxStartFullMoves + MaxPlies
)

// A fenBoard is a position as a FEN tells it. Squares count from a1 = 0 along the rank to h8 = 63;
// an empty square is 0.
type fenBoard struct {
	squares   [64]byte
	black     bool // to move
	castling  string
	enPassant string // a square or "-"
	halfMoves int
	fullMoves int
}

// check checks that a game can go on from the board, and brings it to the spelling that the state
// keeps: six fields, the castling rights in the order KQkq. The two counters may be missing. Every
// node must judge alike for ever, so the rules are here and not those of a library.
//
// In Chess960 the castling rights may be any that package rules knows, and stay as they are
// written.
func (b *fenBoard) check(chess960 bool) error {
	if err := firstError(b.checkPieces(), b.checkEnPassant()); err != nil || chess960 {
		return err
	}
	return b.checkCastling()
}

// checkNoCheck refuses a position that no legal move leads to.
func (b *fenBoard) checkNoCheck() error {
	if b.attacked(b.king(!b.black), b.black) {
		return badFEN("the side that is not to move is in check")
	}
	return nil
}

func badFEN(format string, args ...any) error { return bad("fen", format, args...) }

func readFEN(fen string) (*fenBoard, error) {
	if len(fen) > maxFEN {
		return nil, badFEN("is too long")
	}
	fields := strings.FieldsFunc(fen, func(r rune) bool { return r == ' ' })
	if len(fields) < 4 || len(fields) > 6 {
		return nil, badFEN("must have 6 fields, not %d", len(fields))
	}
	b := &fenBoard{castling: fields[2], enPassant: fields[3], fullMoves: 1}
	if err := b.readPlacement(fields[0]); err != nil {
		return nil, err
	}
	switch fields[1] {
	case "w":
	case "b":
		b.black = true
	default:
		return nil, badFEN("the side to move must be w or b, not %q", fields[1])
	}
	var ok bool
	if len(fields) > 4 {
		if b.halfMoves, ok = readCounter(fields[4], maxHalfMoves); !ok {
			return nil, badFEN("the half-move clock %q must be from 0 to %d", fields[4], maxHalfMoves)
		}
	}
	if len(fields) > 5 {
		if b.fullMoves, ok = readCounter(fields[5], maxFullMoves); !ok {
			return nil, badFEN("the move number %q must be from 1 to %d", fields[5], maxFullMoves)
		}
		b.fullMoves = max(b.fullMoves, 1) // some programs write 0 for the first move
	}
	return b, nil
}

// readCounter reads plain digits. strconv alone would take signs.
func readCounter(s string, limit int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n <= limit && strings.Trim(s, "0123456789") == ""
}

func (b *fenBoard) readPlacement(s string) error {
	ranks := strings.Split(s, "/")
	if len(ranks) != 8 {
		return badFEN("the board must have 8 ranks, not %d", len(ranks))
	}
	for i, rank := range ranks {
		file, afterDigit := 0, false
		for j := range len(rank) {
			c := rank[j]
			switch {
			case c >= '1' && c <= '8' && !afterDigit:
				file += int(c - '0')
				afterDigit = true
			case strings.IndexByte("PNBRQKpnbrqk", c) >= 0 && file < 8:
				b.squares[(7-i)*8+file] = c
				file++
				afterDigit = false
			default:
				return badFEN("rank %d is not readable: %q", 8-i, rank)
			}
		}
		if file != 8 {
			return badFEN("rank %d has %d squares: %q", 8-i, file, rank)
		}
	}
	return nil
}

// String writes the position as a FEN.
func (b *fenBoard) String() string {
	out := make([]byte, 0, maxFEN)
	for rank := 7; rank >= 0; rank-- {
		empty := byte(0)
		for file := range 8 {
			piece := b.squares[rank*8+file]
			if piece == 0 {
				empty++
				continue
			}
			if empty > 0 {
				out = append(out, '0'+empty)
				empty = 0
			}
			out = append(out, piece)
		}
		if empty > 0 {
			out = append(out, '0'+empty)
		}
		if rank > 0 {
			out = append(out, '/')
		}
	}
	side := " w "
	if b.black {
		side = " b "
	}
	out = append(out, side...)
	out = append(out, b.castling...)
	out = append(out, ' ')
	out = append(out, b.enPassant...)
	out = append(out, ' ')
	out = strconv.AppendInt(out, int64(b.halfMoves), 10)
	out = append(out, ' ')
	out = strconv.AppendInt(out, int64(b.fullMoves), 10)
	return string(out)
}
