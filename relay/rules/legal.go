package rules

// Move is a move of a piece. Castling is the king taking its own rook, since that alone is
// unambiguous in Chess960: e1h1, and not e1g1.
type Move struct {
	From, To  Square
	Promotion Role // what the pawn becomes, from Knight to Queen; otherwise NoRole
}

// Legal reports whether the move can be played.
func (p *Position) Legal(m Move) bool {
	if m.From > 63 || m.To > 63 || p.own()&bit(m.From) == 0 {
		return false
	}
	role := p.roleAt(bit(m.From))
	if role == King && p.own()&bit(m.To) != 0 {
		return m.Promotion == NoRole && p.canCastle(m)
	}
	if promotes(role, m.To) {
		if m.Promotion < Knight || m.Promotion > Queen {
			return false
		}
	} else if m.Promotion != NoRole {
		return false
	}
	return p.targets(m.From, role)&bit(m.To) != 0 && p.leavesKingSafe(m, role)
}

// HasMove reports whether any move is legal. If none is, the position is mate or stalemate.
func (p *Position) HasMove() bool {
	if p.hasPawnMove() {
		return true
	}
	for range p.legalMoves {
		return true
	}
	return false
}

// hasPawnMove reports whether a pawn can step forward, which is true in nearly every position. The
// king must not be in check. A pawn outside the king's lines is not pinned, so no other test is
// needed.
func (p *Position) hasPawnMove() bool {
	king := p.ownKing()
	if king == 0 {
		return false
	}
	free := p.of(Pawn) & p.own() &^ kingLines[king.first()&63]
	step := free << 8
	if p.turn == Black {
		step = free >> 8
	}
	return step&^p.occupied() != 0 && !p.checked(p.turn)
}

// legalMoves yields every legal move once.
func (p *Position) legalMoves(yield func(Move) bool) {
	for own := p.own(); own != 0; own &= own - 1 {
		from := own.first()
		role := p.roleAt(bit(from))
		for targets := p.targets(from, role); targets != 0; targets &= targets - 1 {
			m := Move{From: from, To: targets.first()}
			if !p.leavesKingSafe(m, role) {
				continue
			}
			if !promotes(role, m.To) {
				if !yield(m) {
					return
				}
				continue
			}
			for m.Promotion = Queen; m.Promotion >= Knight; m.Promotion-- {
				if !yield(m) {
					return
				}
			}
		}
	}
	for rooks := p.castlingRooks() & p.own(); rooks != 0; rooks &= rooks - 1 {
		if m := (Move{From: p.ownKing().first(), To: rooks.first()}); p.canCastle(m) && !yield(m) {
			return
		}
	}
}

func promotes(role Role, to Square) bool { return role == Pawn && bit(to)&lastBoth != 0 }

// targets has the squares that a piece of the side to move can reach, whether or not its king is
// safe then. Castling is not among them. Nor is a king, which can be reached only after an illegal
// move.
func (p *Position) targets(from Square, role Role) set {
	from &= 63
	occupied := p.occupied()
	var to set
	switch role {
	case Pawn:
		return p.pawnTargets(from, occupied)
	case Knight:
		to = knightFrom[from]
	case Bishop:
		to = bishopFrom(from, occupied)
	case Rook:
		to = rookFrom(from, occupied)
	case Queen:
		to = rookFrom(from, occupied) | bishopFrom(from, occupied)
	case King:
		to = kingFrom[from]
	}
	return to &^ (p.own() | p.of(King))
}

func (p *Position) pawnTargets(from Square, occupied set) set {
	takes := p.enemies() &^ p.of(King)
	if p.enPassant != 0 {
		takes |= bit(p.enPassant)
	}
	to := pawnTakes[p.turn&1][from&63] & takes
	pawn := bit(from)
	if p.turn == White {
		step := pawn << 8 &^ occupied
		return to | step | step&(rank1<<16)<<8&^occupied
	}
	step := pawn >> 8 &^ occupied
	return to | step | step&(rank8>>16)>>8&^occupied
}

// leavesKingSafe reports whether the king is safe after the move, which goes to one of the piece's
// targets. No piece is moved. The board after the move, as the king sees it, is the squares
// occupied then and the enemies left. So a pin, a double check and the rank that en passant opens
// are one case.
func (p *Position) leavesKingSafe(m Move, role Role) bool {
	from, to := bit(m.From), bit(m.To)
	occupied := p.occupied()&^from | to
	enemies := p.enemies() &^ to
	king := p.ownKing()
	switch {
	case role == King:
		king = to
	case role == Pawn && p.enPassant != 0 && m.To == p.enPassant:
		occupied &^= passedPawn(m.To)
		enemies &^= passedPawn(m.To)
	}
	return king != 0 && !p.attacked(king.first(), p.turn, occupied, enemies)
}

// passedPawn is the pawn that can be taken on the en passant square: on rank 5 for 6, and on 4 for
// 3.
func passedPawn(enPassant Square) set { return bit(enPassant ^ 8) }

// canCastle judges a king of the side to move that takes its own piece. The squares between must be
// free for the king and the rook. The king must not be in check, cross an attacked square or end on
// one. The last test is made again with the rook in its new place, since in Chess960 it may have
// shielded the king.
func (p *Position) canCastle(m Move) bool {
	king, rook := bit(m.From), bit(m.To)
	if p.castlingRooks()&p.own()&rook == 0 {
		return false
	}
	kingTo, rookTo := castlingSquares(m)
	others := p.occupied() &^ (king | rook)
	path := between(m.From, kingTo)
	if (path|between(m.To, rookTo))&others != 0 {
		return false
	}
	for s := path; s != 0; s &= s - 1 {
		if p.attacked(s.first(), p.turn, others|rook, p.enemies()) {
			return false
		}
	}
	return !p.attacked(kingTo, p.turn, others|bit(rookTo), p.enemies())
}

// castlingSquares is where the king and the rook end: as in standard chess, wherever they began.
func castlingSquares(m Move) (king, rook Square) {
	home := m.From &^ 7
	if m.To > m.From {
		return home + 6, home + 5
	}
	return home + 2, home + 3
}
