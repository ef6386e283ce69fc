package relay

import (
	"slices"
	"strings"
)

// RepairFEN reads the FEN of a source, less strictly than one that a caller sends. The result can
// be the start of a game. It fills in missing fields. It drops castling rights and an en passant
// square that cannot be, and counters that are no numbers. It never guesses where a piece stands:
// without a king the FEN is an [ErrBadCommand].
//
// variant is what the source says. The returned variant may be [Chess960] all the same, if the
// castling rights can mean nothing else. That needs both sides' rights, or moves that castle
// (castles). Otherwise rights of pieces that are not at home are a slip. If the field is missing,
// the start of a game and a game with castling get all possible rights.
//
// An empty FEN is the standard position.
func RepairFEN(text, variant string, castles bool) (fen, asVariant string, err error) {
	fields := strings.Fields(strings.NewReplacer("_", " ", "–", "-", "—", "-", "−", "-").Replace(text))
	if len(text) > 4*maxFEN {
		return "", variant, badFEN("the text is too long")
	}
	if len(fields) == 0 || strings.EqualFold(fields[0], "startpos") {
		return StartFEN, variant, nil
	}
	b := &fenBoard{enPassant: "-", fullMoves: 1}
	if err := b.readPlacement(plainPlacement(fields[0])); err != nil {
		return "", variant, err
	}
	rights := b.readLoosely(fields[1:])
	if rights == "" && (castles || b.isStart()) {
		rights = "KQkq" // as far as they can be
	}
	for _, black := range []bool{false, true} {
		if b.count(colored('K', black)) == 1 {
			continue
		}
		return "", variant, b.checkPieces() // says which king
	}
	b.castling, variant = b.repairCastling(rights, variant, castles)
	if b.checkEnPassant() != nil {
		b.enPassant = "-"
	}
	pos, err := parsePosition(b.String(), variant)
	if err != nil {
		return "", variant, err
	}
	return pos.fen(), variant, nil
}

// plainPlacement removes what programs write besides the pieces: a mark for promoted pawns, an
// empty pocket, a slash at the end, and empty squares that are counted one by one.
func plainPlacement(s string) string {
	s = strings.TrimSuffix(strings.TrimSuffix(strings.ReplaceAll(s, "~", ""), "[]"), "/")
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		c, n := s[i], len(out)
		if c >= '1' && c <= '8' && n > 0 && out[n-1] >= '1' && out[n-1] <= '8' && out[n-1]+c-'0' <= '8' {
			out[n-1] += c - '0'
			continue
		}
		out = append(out, c)
	}
	return string(out)
}

// readLoosely reads the fields behind the board, each recognised by its form. It returns the
// castling rights.
func (b *fenBoard) readLoosely(fields []string) (rights string) {
	isSide := func(s string) bool { return slices.Contains([]string{"w", "b", "white", "black"}, strings.ToLower(s)) }
	isSquare := func(s string) bool {
		return len(s) == 2 && s[0]|0x20 >= 'a' && s[0]|0x20 <= 'h' && s[1] >= '1' && s[1] <= '8'
	}
	isRights := func(s string) bool { return s == "-" || !isSquare(s) && strings.Trim(s, "KQkqABCDEFGHabcdefgh-") == "" }
	isCounter := func(s string) bool { _, ok := readCounter(s, 1<<30); return ok }
	next := func(is func(string) bool, later ...func(string) bool) string {
		if len(fields) == 0 {
			return ""
		}
		s := fields[0]
		if !is(s) && slices.ContainsFunc(later, func(is func(string) bool) bool { return is(s) }) {
			return "" // this field is missing
		}
		fields = fields[1:]
		return s
	}
	isPassant := func(s string) bool { return s == "-" || isSquare(s) }
	side := next(isSide, isRights, isPassant, isCounter)
	b.black = isSide(side) && side[0]|0x20 == 'b'
	// Without a side to move, it is not the one that could take the king.
	if white, black := b.king(false), b.king(true); !isSide(side) && white >= 0 && black >= 0 {
		b.black = b.attacked(black, false) && !b.attacked(white, true)
	}
	rights = next(isRights, isPassant, isCounter)
	b.enPassant = strings.ToLower(next(isPassant, isCounter))
	if n, ok := readCounter(next(isCounter), maxStartHalfMoves); ok {
		b.halfMoves = n
	}
	if n, ok := readCounter(next(isCounter), maxStartFullMoves); ok {
		b.fullMoves = max(n, 1)
	}
	return rights
}

// isStart reports whether no piece has moved, in standard chess or in Chess960.
func (b *fenBoard) isStart() bool {
	for file := range 8 {
		white := b.squares[file]
		if white < 'A' || white > 'Z' || b.squares[56+file] != white|0x20 || b.squares[8+file] != 'P' || b.squares[48+file] != 'p' {
			return false
		}
	}
	return true
}

// A right is one letter of a FEN's castling rights whose king and rook are there.
type right struct {
	letter byte
	black  bool
	king   int // the square
	rook   int
	home   bool // both stand where they do in standard chess
}

// rightOf finds the king and the rook of a letter, in X-FEN and Shredder-FEN.
func (b *fenBoard) rightOf(letter byte) (r right, ok bool) {
	r = right{letter: letter, black: letter >= 'a'}
	first := 0
	if r.black {
		first = 56
	}
	r.king = b.king(r.black)
	if r.king < first || r.king > first+7 {
		return r, false
	}
	isRook := func(sq int) bool { return b.squares[sq] == colored('R', r.black) }
	switch c := letter &^ 0x20; c {
	case 'K':
		for r.rook = first + 7; r.rook > r.king && !isRook(r.rook); r.rook-- {
		}
	case 'Q':
		for r.rook = first; r.rook < r.king && !isRook(r.rook); r.rook++ {
		}
	case 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H':
		r.rook = first + int(c-'A')
	default:
		return r, false
	}
	r.home = r.king == first+4 && (r.rook == first || r.rook == first+7)
	return r, isRook(r.rook)
}

// repairCastling keeps the castling rights that are possible.
func (b *fenBoard) repairCastling(letters, variant string, castles bool) (rights, asVariant string) {
	var found []right
	slip := false // what is written is impossible
	for i := range len(letters) {
		if letters[i] == '-' {
			continue
		}
		r, ok := b.rightOf(letters[i])
		if !ok {
			slip = true
			continue
		}
		twice := slices.ContainsFunc(found, func(o right) bool { return o.black == r.black && o.rook > o.king == (r.rook > r.king) })
		if !twice {
			found = append(found, r)
		}
		slip = slip || twice
	}
	if variant != Chess960 && b.means960(found, slip, castles) {
		variant = Chess960
	}
	if variant != Chess960 {
		found = slices.DeleteFunc(found, func(r right) bool { return !r.home })
	}
	for _, r := range found {
		rights += string(r.letter)
	}
	if rights == "" {
		rights = "-"
	}
	return rights, variant
}

// means960 reports whether the rights are those of Chess960, where both kings begin on the same
// file.
func (b *fenBoard) means960(found []right, slip, castles bool) bool {
	away, kingFiles := false, map[bool]int{} // the king's file
	for _, r := range found {
		away = away || !r.home
		kingFiles[r.black] = r.king % 8
	}
	if !away || slip {
		return false
	}
	if len(kingFiles) == 2 {
		return kingFiles[false] == kingFiles[true]
	}
	return castles
}
