package rules

import "strings"

// MaxText is the longest text of a move, in bytes.
const MaxText = 16

// moveText is what the text of a move asks for, whether or not a legal move answers it.
type moveText struct {
	castling  bool
	kingSide  bool // with castling
	role      Role // NoRole: the piece on the named square
	from      set  // the squares from which the piece may come
	to        Square
	promotion Role
}

// readText reads SAN and UCI as people and programs write them. Castling may have zeros, checks may
// be missing or added, and a promotion may be e8Q or e8(Q). There may be an annotation behind, more
// squares than needed, no capture sign, or long algebraic notation. The text alone tells SAN from
// UCI: a move with its whole from-square and no piece means the piece there.
func readText(s string) (moveText, bool) {
	t := moveText{from: ^set(0)}
	if len(s) > MaxText {
		return t, false
	}
	s = trimMoveText(s)
	switch s {
	case "O-O", "o-o", "0-0":
		t.castling, t.kingSide = true, true
		return t, true
	case "O-O-O", "o-o-o", "0-0-0":
		t.castling = true
		return t, true
	}
	s = t.takePromotion(s)
	if len(s) < 2 || !isFile(s[len(s)-2]) || !isRank(s[len(s)-1]) {
		return t, false
	}
	file := s[len(s)-2]
	t.to = Square(s[len(s)-1]-'1')*8 + Square(file-'a')
	s = s[:len(s)-2]

	if s != "" {
		if t.role = roleOf(s[0]); t.role != NoRole {
			s = s[1:]
		}
	}
	if s != "" && strings.IndexByte("x-:", s[len(s)-1]) >= 0 {
		s = s[:len(s)-1]
	}
	hasFile := s != "" && isFile(s[0])
	if hasFile {
		file, s = s[0], s[1:]
		t.from &= fileA << (file - 'a')
	}
	hasRank := s != "" && isRank(s[0])
	if hasRank {
		t.from &= rank1 << (8 * (s[0] - '1'))
		s = s[1:]
	}
	if t.role == NoRole && !(hasFile && hasRank) {
		t.role = Pawn
	}
	// A pawn that captures names its file. Without one it moves straight,
	// so that "d5" is never taken for exd5.
	if t.role == Pawn && !hasFile {
		t.from &= fileA << (file - 'a')
	}
	if t.promotion != NoRole && t.role > Pawn {
		return t, false
	}
	return t, s == ""
}

// trimMoveText removes what does not identify the move.
func trimMoveText(s string) string {
	s = trimMarks(strings.TrimLeft(s, " "))
	s = strings.TrimSuffix(s, "e.p.")
	s = strings.TrimSuffix(s, "ep")
	return trimMarks(s)
}

// trimMarks cuts checks, annotations and spaces off the end.
func trimMarks(s string) string {
	for s != "" && strings.IndexByte("+#!? ", s[len(s)-1]) >= 0 {
		s = s[:len(s)-1]
	}
	return s
}

// takePromotion cuts the promotion off the end.
func (t *moveText) takePromotion(s string) string {
	closed := strings.HasSuffix(s, ")")
	s = strings.TrimSuffix(s, ")")
	if len(s) < 3 {
		return s
	}
	before, last := s[len(s)-2], s[len(s)-1]
	signed := before == '=' || before == '/' || before == '(' && closed
	if !signed && before != '1' && before != '8' {
		return s
	}
	role := roleOf(last &^ 0x20) // UCI has it in lower case
	if role < Knight || role > Queen {
		return s
	}
	t.promotion = role
	s = s[:len(s)-1]
	if signed {
		s = s[:len(s)-1]
	}
	return s
}

// roleOf is the role of a letter of SAN; NoRole for any other byte.
func roleOf(letter byte) Role {
	for r := Pawn; r <= King; r++ {
		if roleLetters[r] == letter {
			return r
		}
	}
	return NoRole
}

func isFile(c byte) bool { return c >= 'a' && c <= 'h' }
func isRank(c byte) bool { return c >= '1' && c <= '8' }
