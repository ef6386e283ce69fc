package rules

import "strconv"

// FEN is the position as [Position.AppendFEN] writes it.
func (p *Position) FEN() string { return string(p.AppendFEN(make([]byte, 0, maxFEN))) }

// AppendFEN appends the position as a FEN to dst. After a double step, it always has the square
// behind the pawn, whether or not a pawn can take there (PGN standard, 16.1.3.4). Castling rights
// are those of X-FEN, which are KQkq in standard chess.
func (p *Position) AppendFEN(dst []byte) []byte { return p.appendFEN(dst, false) }

// AppendShredderFEN is [Position.AppendFEN] with the rooks' files as castling rights, such as HAha.
func (p *Position) AppendShredderFEN(dst []byte) []byte { return p.appendFEN(dst, true) }

func (p *Position) appendFEN(dst []byte, files bool) []byte {
	dst = p.appendPlacement(dst)
	if p.turn == White {
		dst = append(dst, " w "...)
	} else {
		dst = append(dst, " b "...)
	}
	if p.castling == [2]uint8{} {
		dst = append(dst, '-')
	}
	for _, side := range []Color{White, Black} {
		king := p.of(King) & p.side(side)
		rooks := p.of(Rook) & p.side(side) & homeRank(side)
		right := rooks & king.above()
		dst = appendRight(dst, 'K', right&p.castlingRooks(), highest(right), side, files)
		left := rooks & king.below()
		dst = appendRight(dst, 'Q', left&p.castlingRooks(), lowest(left), side, files)
	}
	dst = append(dst, ' ')
	if p.enPassant == 0 {
		dst = append(dst, '-')
	} else {
		dst = append(dst, p.enPassant.file(), p.enPassant.rank())
	}
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, uint64(p.halfMoves), 10)
	dst = append(dst, ' ')
	return strconv.AppendUint(dst, uint64(p.fullMoves), 10)
}

func (p *Position) appendPlacement(dst []byte) []byte {
	var squares [64]byte
	for s := p.occupied(); s != 0; s &= s - 1 {
		letter := roleLetters[p.roleAt(lowest(s))]
		if p.black&lowest(s) != 0 {
			letter |= 0x20
		}
		squares[s.first()] = letter
	}
	empty := byte(0)
	for i := range squares {
		sq := i ^ 56 // from a8 along the rank, and down to h1
		piece := squares[sq]
		if piece == 0 {
			empty++
		}
		if empty > 0 && (piece != 0 || sq&7 == 7) {
			dst = append(dst, '0'+empty)
			empty = 0
		}
		if piece != 0 {
			dst = append(dst, piece)
		}
		if sq&7 == 7 && sq > 7 {
			dst = append(dst, '/')
		}
	}
	return dst
}

// appendRight writes a castling right, if a rook has it: K or Q for the outermost rook, unless
// files is set, and otherwise the rook's file.
func appendRight(dst []byte, letter byte, rook, outermost set, side Color, files bool) []byte {
	if rook == 0 {
		return dst
	}
	if files || rook != outermost {
		letter = 'A' + byte(rook.first()&7)
	}
	if side == Black {
		letter |= 0x20
	}
	return append(dst, letter)
}
