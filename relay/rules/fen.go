package rules

import (
	"fmt"
	"math/bits"
	"strings"
)

// StartFEN is the standard position.
const StartFEN = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"

const (
	maxFEN     = 120    // bytes; the longest useful FEN has 92
	maxCounter = 30_000 // beyond any game
)

// ParseFEN reads a position from which a game can go on: see the invariant of [Position]. It reads
// castling rights as in X-FEN and Shredder-FEN, and each must have its king and its rook. The two
// counters may be missing.
func ParseFEN(fen string) (Position, error) {
	p, err := parseFEN(fen)
	if err == nil && p.checked(p.turn^1) {
		err = fmt.Errorf("has the side that is not to move in check")
	}
	if err != nil {
		return Position{}, fmt.Errorf("the FEN %w", err)
	}
	return p, nil
}

// ParseFENAfterIllegal is [ParseFEN] for a position after an illegal move, which may have left its
// own king in check. That king cannot be taken. Moves after the next one follow the usual rules.
func ParseFENAfterIllegal(fen string) (Position, error) {
	p, err := parseFEN(fen)
	if err != nil {
		return Position{}, fmt.Errorf("the FEN %w", err)
	}
	return p, nil
}

func parseFEN(fen string) (p Position, err error) {
	if len(fen) > maxFEN {
		return p, fmt.Errorf("is too long")
	}
	fields := strings.FieldsFunc(fen, func(r rune) bool { return r == ' ' })
	if len(fields) < 4 || len(fields) > 6 {
		return p, fmt.Errorf("must have 6 fields, not %d", len(fields))
	}
	if err := p.readPlacement(fields[0]); err != nil {
		return p, err
	}
	switch fields[1] {
	case "w":
	case "b":
		p.turn = Black
	default:
		return p, fmt.Errorf("has %q for the side to move", fields[1])
	}
	p.fullMoves = 1
	var ok bool
	if len(fields) > 4 {
		if p.halfMoves, ok = readCounter(fields[4]); !ok {
			return p, fmt.Errorf("has %q for the half-move clock", fields[4])
		}
	}
	if len(fields) > 5 {
		if p.fullMoves, ok = readCounter(fields[5]); !ok {
			return p, fmt.Errorf("has %q for the move number", fields[5])
		}
		p.fullMoves = max(p.fullMoves, 1) // some programs write 0 for the first move
	}
	for _, side := range []Color{White, Black} {
		if n := bits.OnesCount64(uint64(p.of(King) & p.side(side))); n != 1 {
			return p, fmt.Errorf("has %d kings of one side", n)
		}
	}
	if p.of(Pawn)&lastBoth != 0 {
		return p, fmt.Errorf("has a pawn on the first or the last rank")
	}
	if err := p.readCastling(fields[2]); err != nil {
		return p, err
	}
	return p, p.readEnPassant(fields[3])
}

// readCounter reads plain digits, up to the limit.
func readCounter(s string) (n uint16, ok bool) {
	for i := range len(s) {
		digit := uint16(s[i] - '0')
		if digit > 9 || n > (maxCounter-digit)/10 {
			return 0, false
		}
		n = n*10 + digit
	}
	return n, s != ""
}

func (p *Position) readPlacement(s string) error {
	rank, file, afterDigit := 7, 0, false
	for i := range len(s) {
		c := s[i]
		role := roleOf(c &^ 0x20)
		switch {
		case c == '/' && file == 8 && rank > 0:
			rank, file, afterDigit = rank-1, 0, false
		case c >= '1' && c <= '8' && !afterDigit && file+int(c-'0') <= 8:
			file += int(c - '0')
			afterDigit = true
		case role != NoRole && file < 8:
			sq := bit(Square(rank*8 + file))
			p.put(role, Color(c>>5&1), sq) // lower case is Black
			file++
			afterDigit = false
		default:
			return fmt.Errorf("has a board that is not readable at byte %d", i+1)
		}
	}
	if rank != 0 || file != 8 {
		return fmt.Errorf("has a board of fewer than 64 squares")
	}
	return nil
}

// readCastling reads the rights: K and Q for the outermost rook on that side of the king, or the
// letter of the rook's file; in lower case for Black.
func (p *Position) readCastling(s string) error {
	if s == "-" {
		return nil
	}
	for i := range len(s) {
		side := Color(s[i] >> 5 & 1)
		home, king := homeRank(side), p.of(King)&p.side(side)
		rooks := p.of(Rook) & p.side(side) & home
		var rook set
		switch c := s[i] &^ 0x20; {
		case s[i] < 'A':
		case c == 'K':
			rook = highest(rooks & king.above())
		case c == 'Q':
			rook = lowest(rooks & king.below())
		case c >= 'A' && c <= 'H':
			rook = rooks & (fileA << (c - 'A'))
		}
		if king&home == 0 || rook == 0 {
			return fmt.Errorf("has the castling right %q without its king and rook", s[i])
		}
		if rooks&p.castlingRooks()&sameSide(king, rook) != 0 {
			return fmt.Errorf("has the castling rights %q, which name a side twice", s)
		}
		p.castling[side] |= 1 << (rook.first() & 7)
	}
	return nil
}

func homeRank(side Color) set { return rank1 << (56 * (side & 1)) }

// sameSide has the squares on the rook's side of the king.
func sameSide(king, rook set) set {
	if rook > king {
		return king.above()
	}
	return king.below()
}

func lowest(s set) set { return s & -s }

func highest(s set) set {
	if s == 0 {
		return 0
	}
	return 1 << (63 - bits.LeadingZeros64(uint64(s)))
}

// readEnPassant refuses a square that no pawn can just have passed.
func (p *Position) readEnPassant(s string) error {
	if s == "-" {
		return nil
	}
	rank, came := byte('6'), func(s set) set { return s << 8 }
	if p.turn == Black {
		rank, came = '3', func(s set) set { return s >> 8 }
	}
	if len(s) != 2 || !isFile(s[0]) || s[1] != rank {
		return fmt.Errorf("has an en passant square %q that is not on rank %c", s, rank)
	}
	sq := Square(rank-'1')*8 + Square(s[0]-'a')
	if p.occupied()&(bit(sq)|came(bit(sq))) != 0 || p.of(Pawn)&p.enemies()&passedPawn(sq) == 0 {
		return fmt.Errorf("has an en passant square %s that no pawn can just have passed", s)
	}
	p.enPassant = sq
	return nil
}
