package rules

// Play returns the position after the move, or false if the move is not legal.
// p stays as it was.
func (p *Position) Play(m Move) (after Position, ok bool) {
	if !p.Legal(m) {
		return *p, false
	}
	return p.After(m), true
}

// After is the position after a move that is known to be legal, such as one that [Position.Find] has found. Of
// another one it makes what means nothing.
func (p *Position) After(m Move) Position {
	next := *p
	from, to := bit(m.From), bit(m.To)
	role := p.roleAt(from)
	next.enPassant = 0
	next.halfMoves++
	if role == Pawn || p.enemies()&to != 0 {
		next.halfMoves = 0
	}
	// A rook that moves or is taken loses its right, and a king that moves
	// those of both rooks.
	lost := from | to
	if role == King {
		lost |= p.own()
	}
	next.castling[White] &^= uint8(lost)
	next.castling[Black] &^= uint8(lost >> 56)
	next.remove(from | to)
	switch {
	case role == King && p.own()&to != 0:
		king, rook := castled(m)
		next.put(King, p.turn, bit(king))
		next.put(Rook, p.turn, bit(rook))
	case role == Pawn && m.Promotion != NoRole:
		next.put(m.Promotion, p.turn, to)
	case role == Pawn && p.enPassant != 0 && m.To == p.enPassant:
		next.remove(passed(m.To))
		next.put(Pawn, p.turn, to)
	case role == Pawn && m.From^m.To == 16:
		next.enPassant = (m.From + m.To) / 2
		next.put(Pawn, p.turn, to)
	default:
		next.put(role, p.turn, to)
	}
	if p.turn == Black {
		next.fullMoves++
	}
	next.turn ^= 1
	return next
}

func (p *Position) remove(s set) {
	for i := range p.planes {
		p.planes[i] &^= s
	}
	p.black &^= s
}

// put sets a piece of a side on empty squares.
func (p *Position) put(role Role, c Color, s set) {
	if role > King {
		return
	}
	p.planes[0] |= s &^ unless(uint8(role))
	p.planes[1] |= s &^ unless(uint8(role>>1))
	p.planes[2] |= s &^ unless(uint8(role>>2))
	p.black |= s &^ unless(uint8(c))
}
