package rules

// Play returns the position after the move; false if the move is illegal. p stays as it was.
func (p *Position) Play(m Move) (after Position, ok bool) {
	if !p.Legal(m) {
		return *p, false
	}
	return p.After(m), true
}

// After is the position after a legal move, such as one that [Position.Find] has found. After an
// illegal move it has no meaning.
func (p *Position) After(m Move) Position {
	next := *p
	next.Make(m)
	return next
}

// Undo is what a position does not tell about the one before it.
type Undo struct {
	halfMoves uint16
	castling  [2]uint8
	enPassant Square
	taken     Role // the captured piece; King for castling
}

// Make turns p into what [Position.After] returns, and returns what [Position.Unmake] needs.
func (p *Position) Make(m Move) Undo {
	from, to := bit(m.From), bit(m.To)
	role := p.roleAt(from)
	own, enemies := p.own(), p.enemies()
	undo := Undo{p.halfMoves, p.castling, p.enPassant, p.roleAt(enemies & to)}
	p.enPassant = 0
	p.halfMoves++
	if role == Pawn || enemies&to != 0 {
		p.halfMoves = 0
	}
	// A rook that moves or is taken loses its right, and a king that moves
	// those of both rooks.
	lost := from | to
	if role == King {
		lost |= own
	}
	p.castling[White] &^= uint8(lost)
	p.castling[Black] &^= uint8(lost >> 56)
	p.remove(from | to)
	switch {
	case role == King && own&to != 0:
		undo.taken = King
		king, rook := castlingSquares(m)
		p.put(King, p.turn, bit(king))
		p.put(Rook, p.turn, bit(rook))
	case role == Pawn && m.Promotion != NoRole:
		p.put(m.Promotion, p.turn, to)
	case role == Pawn && undo.enPassant != 0 && m.To == undo.enPassant:
		p.remove(passedPawn(m.To))
		p.put(Pawn, p.turn, to)
	case role == Pawn && m.From^m.To == 16:
		p.enPassant = (m.From + m.To) / 2
		p.put(Pawn, p.turn, to)
	default:
		p.put(role, p.turn, to)
	}
	if p.turn == Black {
		p.fullMoves++
	}
	p.turn ^= 1
	return undo
}

// Unmake turns p into what it was before the legal move.
func (p *Position) Unmake(m Move, undo Undo) {
	p.turn ^= 1
	if p.turn == Black {
		p.fullMoves--
	}
	p.halfMoves, p.castling, p.enPassant = undo.halfMoves, undo.castling, undo.enPassant
	from, to := bit(m.From), bit(m.To)
	if undo.taken == King {
		king, rook := castlingSquares(m)
		p.remove(bit(king) | bit(rook))
		p.put(King, p.turn, from)
		p.put(Rook, p.turn, to)
		return
	}
	role := p.roleAt(to)
	if m.Promotion != NoRole {
		role = Pawn
	}
	p.remove(to)
	p.put(role, p.turn, from)
	switch {
	case undo.taken != NoRole:
		p.put(undo.taken, p.turn^1, to)
	case role == Pawn && undo.enPassant != 0 && m.To == undo.enPassant:
		p.put(Pawn, p.turn^1, passedPawn(m.To))
	}
}

func (p *Position) remove(s set) {
	for i := range p.planes {
		p.planes[i] &^= s
	}
	p.black &^= s
}

// put puts a piece of a side on empty squares.
func (p *Position) put(role Role, c Color, s set) {
	if role > King {
		return
	}
	p.planes[0] |= s &^ allUnless(uint8(role))
	p.planes[1] |= s &^ allUnless(uint8(role>>1))
	p.planes[2] |= s &^ allUnless(uint8(role>>2))
	p.black |= s &^ allUnless(uint8(c))
}
