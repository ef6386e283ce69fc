package rules

import "encoding/binary"

// Color is a side.
type Color uint8

// The two sides.
const (
	White Color = iota
	Black
)

// Role is what a piece is, without its colour.
type Role uint8

// The roles. NoRole is that of an empty square, and of a move that promotes nothing.
const (
	NoRole Role = iota
	Pawn
	Knight
	Bishop
	Rook
	Queen
	King
)

const roleLetters = " PNBRQK"

// Square counts from a1 = 0 along the rank to h8 = 63.
type Square uint8

func (sq Square) file() byte { return 'a' + byte(sq&7) }
func (sq Square) rank() byte { return '1' + byte(sq>>3&7) }

// String is the name of the square, such as "e4".
func (sq Square) String() string {
	if sq > 63 {
		return "-"
	}
	return string([]byte{sq.file(), sq.rank()})
}

// Position is a board with everything that decides which moves are legal, and the two counters of a
// FEN. It is what a FEN says, and no more. Positions are equal (==) if their FENs are. [ParseFEN]
// makes one, and [Position.Play] makes the next one.
//
// Invariant: each side has one king, no pawn is on the first or last rank, and the side that is not
// to move is not in check. [ParseFENAfterIllegal] may break the last.
type Position struct {
	// planes and black have four bits for each square: the number of the role, its lowest bit
	// first, and whether the piece is black. So a position is smaller than a cache line, and
	// thousands of games stay small.
	planes [3]set
	black  set

	// castling has the files of the rooks that may castle, by side. Each is on the rank of its
	// king, which has not moved and is on its first rank. No two are on the same side of it.
	castling [2]uint8

	halfMoves uint16 // since the last capture or move of a pawn
	fullMoves uint16 // the number of the move, from 1

	enPassant Square // behind a pawn that has just made its double step; otherwise 0
	turn      Color
}

// AppendBinary appends the position in a form of fixed length. Equal positions have equal forms,
// and different ones have different forms.
func (p *Position) AppendBinary(b []byte) []byte {
	for _, s := range [...]set{p.planes[0], p.planes[1], p.planes[2], p.black} {
		b = binary.LittleEndian.AppendUint64(b, uint64(s))
	}
	b = append(b, p.castling[0], p.castling[1], byte(p.enPassant), byte(p.turn))
	b = binary.LittleEndian.AppendUint16(b, p.halfMoves)
	return binary.LittleEndian.AppendUint16(b, p.fullMoves)
}

// Turn is the side to move.
func (p *Position) Turn() Color { return p.turn }

// HalfMoves is the half-move clock: the plies since the last capture or move of a pawn.
func (p *Position) HalfMoves() int { return int(p.halfMoves) }

// FullMoves is the number of the move that is to be played. It grows after each
// move of Black.
func (p *Position) FullMoves() int { return int(p.fullMoves) }

// At returns the piece on the square. The colour of an empty square has no meaning.
func (p *Position) At(sq Square) (Color, Role) {
	if sq > 63 {
		return White, NoRole
	}
	if p.black&bit(sq) != 0 {
		return Black, p.roleAt(bit(sq))
	}
	return White, p.roleAt(bit(sq))
}

// InCheck reports whether the king of the side to move is attacked.
func (p *Position) InCheck() bool { return p.checked(p.turn) }

func (p *Position) checked(side Color) bool {
	king := p.of(King) & p.side(side)
	return king != 0 && p.attacked(king.first(), side, p.occupied(), p.side(side^1))
}

func (p *Position) occupied() set { return p.planes[0] | p.planes[1] | p.planes[2] }

// side has the pieces of one side.
func (p *Position) side(c Color) set { return p.occupied() & (p.black ^ allUnless(uint8(c))) }

func (p *Position) own() set { return p.side(p.turn) }

func (p *Position) enemies() set { return p.side(p.turn ^ 1) }

func (p *Position) ownKing() set { return p.of(King) & p.own() }

// of has the pieces of a role; for NoRole the empty squares.
func (p *Position) of(r Role) set {
	return (p.planes[0] ^ allUnless(uint8(r))) & (p.planes[1] ^ allUnless(uint8(r>>1))) & (p.planes[2] ^ allUnless(uint8(r>>2)))
}

// straight has the pieces that move as a rook does, and diagonal those that move as a bishop does.
func (p *Position) straight() set { return p.planes[2] &^ p.planes[1] }
func (p *Position) diagonal() set { return p.planes[0] & (p.planes[1] | p.planes[2]) }

// allUnless has all squares if the lowest bit of n is 0, and none if it is 1.
func allUnless(n uint8) set { return set(n&1) - 1 }

// roleAt is the role on the only square of s; NoRole if it is empty.
func (p *Position) roleAt(s set) (r Role) {
	if p.planes[0]&s != 0 {
		r = 1
	}
	if p.planes[1]&s != 0 {
		r |= 2
	}
	if p.planes[2]&s != 0 {
		r |= 4
	}
	return r
}

// castlingRooks are the rooks that may castle.
func (p *Position) castlingRooks() set { return set(p.castling[White]) | set(p.castling[Black])<<56 }

// attacked reports whether an enemy attacks the square of a side. The board may differ from the
// position's: occupied says which squares block, and enemies which of its pieces are left.
func (p *Position) attacked(sq Square, side Color, occupied, enemies set) bool {
	sq &= 63
	return enemies&(knightFrom[sq]&p.of(Knight)|
		kingFrom[sq]&p.of(King)|
		pawnTakes[side&1][sq]&p.of(Pawn)) != 0 ||
		rookFrom(sq, occupied)&enemies&p.straight() != 0 ||
		bishopFrom(sq, occupied)&enemies&p.diagonal() != 0
}

// WithoutCounters is the position as a FEN without its two counters has it. Such positions are
// equal if the same moves can be played in them.
func (p *Position) WithoutCounters() Position {
	bare := *p
	bare.halfMoves, bare.fullMoves = 0, 1
	return bare
}
