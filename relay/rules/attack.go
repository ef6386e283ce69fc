package rules

import "math/bits"

// set is a set of squares, one bit each: a1 is the lowest, h8 the highest.
type set uint64

const (
	rank1    set = 0xff
	rank8    set = rank1 << 56
	lastBoth     = rank1 | rank8
	fileA    set = 0x0101010101010101
)

func bit(sq Square) set { return 1 << (sq & 63) }

// first is the lowest square of a set that is not empty.
func (s set) first() Square { return Square(bits.TrailingZeros64(uint64(s)) & 63) }

// above has the squares after the only one of s.
func (s set) above() set { return ^(s | (s - 1)) }

// below has the squares before the only one of s.
func (s set) below() set { return s - 1 }

// The directions of rays. The first four lead to higher squares.
const (
	north = iota
	east
	northEast
	northWest
	south
	west
	southWest
	southEast
	directions
)

// Where a piece could go on an empty board.
var (
	rays       [directions][64]set
	knightFrom [64]set
	kingFrom   [64]set
	// the squares from which a piece can shield the king: those of a queen's moves
	kingLines [64]set
	pawnTakes [2][64]set // by the colour of the pawn
)

func init() {
	type step struct{ file, rank int }
	from := func(sq int, steps ...step) (out set) {
		for _, s := range steps {
			if file, rank := sq%8+s.file, sq/8+s.rank; file >= 0 && file < 8 && rank >= 0 && rank < 8 {
				out |= bit(Square(rank*8 + file))
			}
		}
		return out
	}
	along := [directions]step{
		north: {0, 1}, east: {1, 0}, northEast: {1, 1}, northWest: {-1, 1},
		south: {0, -1}, west: {-1, 0}, southWest: {-1, -1}, southEast: {1, -1},
	}
	for sq := range 64 {
		knightFrom[sq] = from(sq, step{1, 2}, step{2, 1}, step{2, -1}, step{1, -2},
			step{-1, -2}, step{-2, -1}, step{-2, 1}, step{-1, 2})
		kingFrom[sq] = from(sq, along[:]...)
		pawnTakes[White][sq] = from(sq, step{-1, 1}, step{1, 1})
		pawnTakes[Black][sq] = from(sq, step{-1, -1}, step{1, -1})
		for d, s := range along {
			for i := 1; i < 8; i++ {
				rays[d][sq] |= from(sq, step{s.file * i, s.rank * i})
			}
			kingLines[sq] |= rays[d][sq]
		}
	}
}

// ray has the squares seen from sq in a direction, up to and including the first occupied one.
func ray(d int, sq Square, occupied set) set {
	r := rays[d][sq&63]
	blockers := uint64(r & occupied)
	switch {
	case blockers == 0:
		return r
	case d < south:
		return r &^ rays[d][bits.TrailingZeros64(blockers)&63]
	}
	return r &^ rays[d][(63-bits.LeadingZeros64(blockers))&63]
}

func rookFrom(sq Square, occupied set) set {
	return ray(north, sq, occupied) | ray(east, sq, occupied) | ray(south, sq, occupied) | ray(west, sq, occupied)
}

func bishopFrom(sq Square, occupied set) set {
	return ray(northEast, sq, occupied) | ray(northWest, sq, occupied) |
		ray(southWest, sq, occupied) | ray(southEast, sq, occupied)
}

// between has the squares of a rank from a to b, both included.
func between(a, b Square) set {
	a, b = min(a, b), max(a, b)
	return (bit(b)<<1 - 1) &^ (bit(a) - 1)
}
