package relay

import "strings"

const maxMoveText = 16

// A moveText is what a move's text asks for, before it is known whether any
// legal move answers it.
type moveText struct {
	castle   string // "O-O", "O-O-O", or empty
	piece    byte   // one of PNBRQK, or 0: whatever stands on the square named
	fromFile byte   // 'a'..'h', or 0 if not said
	fromRank byte   // '1'..'8', or 0 if not said
	to       string
	promo    byte // one of QRBN, or 0
}

// parseMoveText reads SAN and UCI as they are met in the wild: castling with
// zeros, checks left out or added, e8Q and e8(Q), an annotation behind, more
// squares named than is needed, the capture sign left out, long algebraic
// notation. The text alone tells SAN from UCI: a move that names its whole from-square
// and no piece means whatever stands there.
func parseMoveText(s string) (moveText, bool) {
	var m moveText
	if len(s) > maxMoveText {
		return m, false
	}
	s = cleanMoveText(s)
	switch s {
	case "O-O", "o-o", "0-0":
		m.castle = "O-O"
		return m, true
	case "O-O-O", "o-o-o", "0-0-0":
		m.castle = "O-O-O"
		return m, true
	}
	s = m.takePromotion(s)
	if len(s) < 2 || !isSquare(s[len(s)-2:]) {
		return m, false
	}
	m.to, s = s[len(s)-2:], s[:len(s)-2]

	if s != "" && strings.IndexByte("KQRBNP", s[0]) >= 0 {
		m.piece, s = s[0], s[1:]
	}
	if s != "" && strings.IndexByte("x-:", s[len(s)-1]) >= 0 {
		s = s[:len(s)-1]
	}
	if s != "" && s[0] >= 'a' && s[0] <= 'h' {
		m.fromFile, s = s[0], s[1:]
	}
	if s != "" && s[0] >= '1' && s[0] <= '8' {
		m.fromRank, s = s[0], s[1:]
	}
	if m.piece == 0 && (m.fromFile == 0 || m.fromRank == 0) {
		m.piece = 'P'
	}
	// A pawn that captures names its file. Without one it moves straight,
	// so that "d5" is never taken for exd5.
	if m.piece == 'P' && m.fromFile == 0 {
		m.fromFile = m.to[0]
	}
	if m.promo != 0 && m.piece != 0 && m.piece != 'P' {
		return m, false
	}
	return m, s == ""
}

// cleanMoveText removes what says nothing about which move it is.
func cleanMoveText(s string) string {
	s = strings.Trim(s, " ")
	s = strings.TrimRight(s, "+#!? ")
	s = strings.TrimSuffix(s, "e.p.")
	s = strings.TrimSuffix(s, "ep")
	return strings.TrimRight(s, "+#!? ")
}

// takePromotion cuts the piece promoted to off the end.
func (m *moveText) takePromotion(s string) string {
	closed := strings.HasSuffix(s, ")")
	s = strings.TrimSuffix(s, ")")
	if len(s) < 3 {
		return s
	}
	before, last := s[len(s)-2], s[len(s)-1]
	i := strings.IndexByte("QRBNqrbn", last)
	signed := before == '=' || before == '/' || before == '(' && closed
	if i < 0 || !signed && before != '1' && before != '8' {
		return s
	}
	m.promo = "QRBN"[i%4]
	s = s[:len(s)-1]
	if signed {
		s = s[:len(s)-1]
	}
	return s
}

func isSquare(s string) bool {
	return len(s) == 2 && s[0] >= 'a' && s[0] <= 'h' && s[1] >= '1' && s[1] <= '8'
}
