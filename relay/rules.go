package relay

import (
	"strings"

	"github.com/notnil/chess"
)

// This file is the only one that knows the chess library. It is used for three
// things: which moves are legal, the position after one, and how SAN
// disambiguates. What is read from outside (FEN, the text of a move) is read
// by fen.go and san.go, since the library accepts boards without kings there and
// matches SAN by writing every legal move in every spelling.

// A position is a board with everything that decides which moves are legal. It
// is what a FEN says, and no more.
//
// The library keeps the legal moves inside the position once it has computed
// them, so a position may be used by one goroutine only: the one that applies.
type position struct {
	p         *chess.Position
	fullMoves int // the library tells the move number in its FEN only
}

// A played is a legal move, and what comes of it.
type played struct {
	san, uci string
	fen      string
	after    position
}

// parsePosition reads a FEN that must be a playable position (see [normalizeFEN]).
func parsePosition(fen string) (position, error) {
	normal, err := normalizeFEN(fen)
	if err != nil {
		return position{}, err
	}
	p := new(chess.Position)
	// This way in also finds out whether the king is in check. A position
	// that does not know it would let the king castle out of it.
	if err := p.UnmarshalText([]byte(normal)); err != nil {
		return position{}, badFEN("is not readable")
	}
	n, _ := readCounter(normal[strings.LastIndexByte(normal, ' ')+1:], maxFullMoves)
	return position{p, n}, nil
}

// play finds the legal move that the text means. The reason is empty if there
// is exactly one.
func (pos position) play(text string) (_ played, reason string) {
	m, reason := pos.find(text)
	if reason != "" {
		return played{}, reason
	}
	after := position{pos.p.Update(m), pos.fullMoves}
	if pos.p.Turn() == chess.Black {
		after.fullMoves++
	}
	return played{
		san:   chess.AlgebraicNotation{}.Encode(pos.p, m),
		uci:   m.String(),
		fen:   after.fen(),
		after: after,
	}, ""
}

// uci returns the legal move that the text means in UCI, or an empty string.
func (pos position) uci(text string) string {
	if m, reason := pos.find(text); reason == "" {
		return m.String()
	}
	return ""
}

func (pos position) find(text string) (*chess.Move, string) {
	want, ok := parseMoveText(text)
	if !ok {
		return nil, "it is neither SAN (such as Nf3) nor UCI (such as g1f3)"
	}
	pos.kingTakesRook(&want)
	var found *chess.Move
	needsPromotion := false
	legal := pos.p.ValidMoves()
	for _, m := range legal {
		if !pos.matches(m, &want) {
			continue
		}
		if m.Promo() != promotion(want.promo) {
			needsPromotion = needsPromotion || want.promo == 0
			continue
		}
		if found != nil {
			san := chess.AlgebraicNotation{}
			return nil, "it could be " + san.Encode(pos.p, found) + " or " + san.Encode(pos.p, m)
		}
		found = m
	}
	switch {
	case found != nil:
		return found, ""
	case needsPromotion:
		return nil, "it must name the piece that the pawn becomes (such as e8=Q)"
	case len(legal) == 0:
		return nil, "the position has no legal move: it is mate or stalemate"
	}
	return nil, "it is not legal in the position " + pos.fen()
}

func (pos position) matches(m *chess.Move, want *moveText) bool {
	if want.castle != "" {
		return m.HasTag(chess.KingSideCastle) && want.castle == "O-O" ||
			m.HasTag(chess.QueenSideCastle) && want.castle == "O-O-O"
	}
	if m.S2().String() != want.to {
		return false
	}
	from := m.S1().String()
	if want.fromFile != 0 && want.fromFile != from[0] || want.fromRank != 0 && want.fromRank != from[1] {
		return false
	}
	if want.piece == 0 {
		return true
	}
	// "Kg1" is a step of the king, and never castling.
	castles := m.HasTag(chess.KingSideCastle) || m.HasTag(chess.QueenSideCastle)
	return pieceLetter(pos.p.Board().Piece(m.S1()))&^0x20 == want.piece && !castles
}

// kingTakesRook turns castling as some programs write it in UCI, the king onto
// its own rook, into castling.
func (pos position) kingTakesRook(want *moveText) {
	if want.piece != 0 || want.castle != "" {
		return
	}
	home, king, square := "1", chess.WhiteKing, chess.E1
	if pos.p.Turn() == chess.Black {
		home, king, square = "8", chess.BlackKing, chess.E8
	}
	if want.fromFile != 'e' || want.fromRank != home[0] || pos.p.Board().Piece(square) != king {
		return
	}
	switch want.to {
	case "h" + home:
		want.castle = "O-O"
	case "a" + home:
		want.castle = "O-O-O"
	}
}

func promotion(letter byte) chess.PieceType {
	switch letter {
	case 'Q':
		return chess.Queen
	case 'R':
		return chess.Rook
	case 'B':
		return chess.Bishop
	case 'N':
		return chess.Knight
	}
	return chess.NoPieceType
}

var pieceLetters = [...]byte{
	chess.WhiteKing: 'K', chess.WhiteQueen: 'Q', chess.WhiteRook: 'R',
	chess.WhiteBishop: 'B', chess.WhiteKnight: 'N', chess.WhitePawn: 'P',
	chess.BlackKing: 'k', chess.BlackQueen: 'q', chess.BlackRook: 'r',
	chess.BlackBishop: 'b', chess.BlackKnight: 'n', chess.BlackPawn: 'p',
}

func pieceLetter(p chess.Piece) byte { return pieceLetters[p] }

// fen writes the position. The square behind a pawn that has just made its
// double step always stands in it, whether or not a pawn can take it, as the
// PGN standard (16.1.3.4) has it.
func (pos position) fen() string {
	b := fenBoard{
		black:     pos.p.Turn() == chess.Black,
		castling:  pos.p.CastleRights().String(),
		enPassant: "-",
		halfMoves: pos.p.HalfMoveClock(),
		fullMoves: pos.fullMoves,
	}
	board := pos.p.Board()
	for sq := range b.squares {
		b.squares[sq] = pieceLetter(board.Piece(chess.Square(sq)))
	}
	if ep := pos.p.EnPassantSquare(); ep != chess.NoSquare {
		b.enPassant = ep.String()
	}
	return b.String()
}
