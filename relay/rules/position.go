package rules

// A Color is a side.
type Color uint8

// The two sides.
const (
	White Color = iota
	Black
)

// A Role is what a piece is, without its colour.
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

// A Square counts from a1 = 0 along the rank to h8 = 63.
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

// A Position is a board with everything that decides which moves are legal, and the
// two counters that a FEN has: what a FEN says, and no more. Positions are equal
// (==) if their FENs are. [ParseFEN] makes one, and [Position.Play] another one of it.
//
// Invariant: each side has one king, no pawn is on the first or last rank, and the
// side that is not to move is not in check, unless [ParseFENAfterIllegal] has read it so.
type Position struct {
	roles  [King + 1]set // by Role; the first one stays empty
	colors [2]set

	// The rooks that may castle: each on the rank of its king, which has not
	// moved, and no two on the same side of it.
	castling set

	enPassant Square // behind a pawn that has just made its double step, or 0
	turn      Color

	halfMoves uint32 // since the last capture or move of a pawn
	fullMoves uint32 // the number of the move, from 1
}

// Turn is the side to move.
func (p *Position) Turn() Color { return p.turn }

// HalfMoves is the half-move clock: the plies since the last capture or move of a pawn.
func (p *Position) HalfMoves() int { return int(p.halfMoves) }

// FullMoves is the number of the move that is to be played. It grows after each
// move of Black.
func (p *Position) FullMoves() int { return int(p.fullMoves) }

// At returns what stands on the square. The colour of an empty square means nothing.
func (p *Position) At(sq Square) (Color, Role) {
	if sq > 63 {
		return White, NoRole
	}
	if p.colors[Black]&bit(sq) != 0 {
		return Black, p.roleAt(bit(sq))
	}
	return White, p.roleAt(bit(sq))
}

// InCheck reports whether the king of the side to move is attacked.
func (p *Position) InCheck() bool { return p.checked(p.turn) }

func (p *Position) checked(side Color) bool {
	king := p.roles[King] & p.colors[side]
	return king != 0 && p.attacked(king.first(), side, p.occupied(), p.colors[side^1])
}

func (p *Position) occupied() set { return p.colors[White] | p.colors[Black] }

func (p *Position) own() set { return p.colors[p.turn&1] }

func (p *Position) enemies() set { return p.colors[p.turn&1^1] }

func (p *Position) ownKing() set { return p.roles[King] & p.own() }

// roleAt is the role on the only square of s.
func (p *Position) roleAt(s set) Role {
	for r := Pawn; r <= King; r++ {
		if p.roles[r]&s != 0 {
			return r
		}
	}
	return NoRole
}

// attacked reports whether one of the enemies attacks the square of a side. The
// board may be another one than the position's: occupied and enemies say which
// of its pieces are still there, and where they block.
func (p *Position) attacked(sq Square, side Color, occupied, enemies set) bool {
	sq &= 63
	return enemies&(knightFrom[sq]&p.roles[Knight]|
		kingFrom[sq]&p.roles[King]|
		pawnTakes[side&1][sq]&p.roles[Pawn]) != 0 ||
		rookFrom(sq, occupied)&enemies&(p.roles[Rook]|p.roles[Queen]) != 0 ||
		bishopFrom(sq, occupied)&enemies&(p.roles[Bishop]|p.roles[Queen]) != 0
}
