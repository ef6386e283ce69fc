package rules

import "errors"

var (
	// ErrText is returned when a text is neither SAN nor UCI.
	ErrText = errors.New("neither SAN nor UCI")

	// ErrIllegal is returned when no legal move answers the text.
	ErrIllegal = errors.New("not legal in the position")

	// ErrPromotion is returned when the text does not say what the pawn becomes.
	ErrPromotion = errors.New("the piece that the pawn becomes is not named")
)

// AmbiguousError is returned when a text could be either of two legal moves.
type AmbiguousError struct{ First, Second Move }

func (e *AmbiguousError) Error() string { return "more than one move could be meant" }

// Find returns the one legal move that a text means, in SAN or UCI. Castling may be O-O or the king
// taking its rook (e1h1). It may also be the king's two squares as in standard UCI (e1g1), if that
// is not one step. "Kg1" is always a step of the king, and never castling.
func (p *Position) Find(text string) (Move, error) {
	t, ok := readText(text)
	if !ok {
		return Move{}, ErrText
	}
	if t.role == NoRole && !t.castling {
		p.resolveUCI(&t)
	}
	if t.castling {
		if m, ok := p.findCastling(t.kingSide); ok {
			return m, nil
		}
		return Move{}, ErrIllegal
	}
	var found Move
	err := ErrIllegal
	for pieces := p.of(t.role) & p.own() & t.from; pieces != 0; pieces &= pieces - 1 {
		m := Move{pieces.first(), t.to, t.promotion}
		if p.targets(m.From, t.role)&bit(m.To) == 0 || !p.leavesKingSafe(m, t.role) {
			continue
		}
		switch promotes := promotes(t.role, m.To); {
		case promotes && m.Promotion == NoRole:
			return Move{}, ErrPromotion
		case !promotes && m.Promotion != NoRole:
			continue
		case err == nil:
			return Move{}, &AmbiguousError{found, m}
		}
		found, err = m, nil
	}
	return found, err
}

// resolveUCI fills in the piece on the first square of a move in UCI.
func (p *Position) resolveUCI(t *moveText) {
	from := t.from & p.own()
	t.role = p.roleAt(from)
	if t.role != King || t.promotion != NoRole {
		return
	}
	sq := from.first()
	jump := t.to>>3 == sq>>3 && (t.to&7 == 6 && t.to > sq+1 || t.to&7 == 2 && t.to+1 < sq) && bit(sq)&homeRank(p.turn) != 0
	if jump || bit(t.to)&p.castlingRooks()&p.own() != 0 {
		t.castling, t.kingSide = true, t.to > sq
	}
}

// findCastling is the castling to one side, if it is legal.
func (p *Position) findCastling(kingSide bool) (Move, bool) {
	king := p.ownKing()
	side := king.below()
	if kingSide {
		side = king.above()
	}
	rook := p.castlingRooks() & p.own() & side
	m := Move{From: king.first(), To: rook.first()}
	return m, rook != 0 && p.canCastle(m)
}

// AppendSAN appends the legal move in SAN to dst, as the PGN standard writes it. It has no more of
// the from-square than needed, and + or # for check or mate. For an illegal move the text has no
// meaning.
func (p *Position) AppendSAN(dst []byte, m Move) []byte {
	m.From, m.To = m.From&63, m.To&63
	role := p.roleAt(bit(m.From))
	castles := role == King && p.own()&bit(m.To) != 0
	captures := p.enemies()&bit(m.To) != 0
	switch {
	case castles && m.To > m.From:
		dst = append(dst, "O-O"...)
	case castles:
		dst = append(dst, "O-O-O"...)
	case role == Pawn:
		if m.From&7 != m.To&7 {
			dst = append(dst, m.From.file())
			captures = true // en passant, if the square is empty
		}
	default:
		dst = append(dst, roleLetters[role])
		dst = p.appendDisambiguation(dst, m, role)
	}
	if !castles {
		if captures {
			dst = append(dst, 'x')
		}
		dst = append(dst, m.To.file(), m.To.rank())
	}
	if m.Promotion > NoRole && m.Promotion <= King {
		dst = append(dst, '=', roleLetters[m.Promotion])
	}
	next := p.After(m)
	switch {
	case !next.InCheck():
		return dst
	case next.HasMove():
		return append(dst, '+')
	}
	return append(dst, '#')
}

// appendDisambiguation appends what tells the piece from others of its kind that could go there.
// That is the file if it is enough, otherwise the rank, otherwise both. A pinned piece could not
// go, and does not count.
func (p *Position) appendDisambiguation(dst []byte, m Move, role Role) []byte {
	var another, sameFile, sameRank bool
	for others := p.of(role) & p.own() &^ bit(m.From); others != 0; others &= others - 1 {
		o := Move{From: others.first(), To: m.To}
		if p.targets(o.From, role)&bit(o.To) == 0 || !p.leavesKingSafe(o, role) {
			continue
		}
		another = true
		sameFile = sameFile || o.From&7 == m.From&7
		sameRank = sameRank || o.From>>3 == m.From>>3
	}
	if sameRank || another && !sameFile {
		dst = append(dst, m.From.file())
	}
	if sameFile {
		dst = append(dst, m.From.rank())
	}
	return dst
}

// AppendUCI appends the legal move in the UCI of standard chess to dst. Castling is two steps of
// the king: e1g1.
func (p *Position) AppendUCI(dst []byte, m Move) []byte {
	if p.ownKing()&bit(m.From) != 0 && p.own()&bit(m.To) != 0 {
		m.To, _ = castlingSquares(m)
	}
	return AppendUCI960(dst, m)
}

// AppendUCI960 appends the move in the UCI of Chess960 to dst. Castling is the king taking its
// rook: e1h1. Every other move is the same in both.
func AppendUCI960(dst []byte, m Move) []byte {
	dst = append(dst, m.From.file(), m.From.rank(), m.To.file(), m.To.rank())
	if m.Promotion > NoRole && m.Promotion <= King {
		dst = append(dst, roleLetters[m.Promotion]|0x20)
	}
	return dst
}
