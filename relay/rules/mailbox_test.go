package rules_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay/rules"
)

// mailbox is the slowest implementation of Chess960's rules. It shares nothing with the package: 64
// letters, every move tried on a copy, and a search for the king.
type mailbox struct {
	at     [64]byte
	black  bool
	rooks  [64]bool // that may castle
	ep     int      // or -1
	number [2]int
}

// newMailbox reads a FEN that is known to be good.
func newMailbox(fen string) mailbox {
	m := mailbox{ep: -1}
	fields := strings.Fields(fen)
	sq := 56
	for _, c := range fields[0] {
		switch {
		case c == '/':
			sq -= 16
		case c < '9':
			sq += int(c - '0')
		default:
			m.at[sq] = byte(c)
			sq++
		}
	}
	m.black = fields[1] == "b"
	for _, c := range fields[2] {
		home, rook, lower := 0, byte('R'), c
		if c >= 'a' {
			home, rook, lower = 56, 'r', c-'a'+'A'
		}
		switch {
		case c == '-':
		case lower == 'K' || lower == 'Q':
			for i := range 8 {
				f := i // the first rook from the left
				if lower == 'K' {
					f = 7 - i
				}
				if m.at[home+f] == rook {
					m.rooks[home+f] = true
					break
				}
			}
		default:
			m.rooks[home+int(lower-'A')] = true
		}
	}
	if fields[3] != "-" {
		m.ep = int(fields[3][1]-'1')*8 + int(fields[3][0]-'a')
	}
	if _, err := fmt.Sscan(fields[4]+" "+fields[5], &m.number[0], &m.number[1]); err != nil {
		panic(err)
	}
	return m
}

func (m *mailbox) mine(c byte) bool { return c != 0 && (c >= 'a') == m.black }

var jumps = map[byte][][2]int{
	'n': {{1, 2}, {2, 1}, {2, -1}, {1, -2}, {-1, -2}, {-2, -1}, {-2, 1}, {-1, 2}},
	'r': {{1, 0}, {-1, 0}, {0, 1}, {0, -1}},
	'b': {{1, 1}, {-1, 1}, {1, -1}, {-1, -1}},
	'q': {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}},
}

func to(sq, df, dr int) (int, bool) {
	f, r := sq%8+df, sq/8+dr
	return r*8 + f, f >= 0 && f < 8 && r >= 0 && r < 8
}

// moves lists the moves without castling, legal or not.
func (m *mailbox) moves() (out []rules.Move) {
	add := func(from, sq int, promotions ...rules.Role) {
		for _, r := range append(promotions, rules.NoRole)[:max(1, len(promotions))] {
			out = append(out, rules.Move{From: rules.Square(from), To: rules.Square(sq), Promotion: r})
		}
	}
	for from, c := range m.at {
		if !m.mine(c) {
			continue
		}
		switch kind := c | 0x20; kind {
		case 'p':
			up, first := 1, 1
			if m.black {
				up, first = -1, 6
			}
			var promotions []rules.Role
			if r := from/8 + up; r == 0 || r == 7 {
				promotions = []rules.Role{rules.Queen, rules.Rook, rules.Bishop, rules.Knight}
			}
			if sq, ok := to(from, 0, up); ok && m.at[sq] == 0 {
				add(from, sq, promotions...)
				if sq, _ := to(from, 0, 2*up); from/8 == first && m.at[sq] == 0 {
					add(from, sq)
				}
			}
			for _, df := range []int{-1, 1} {
				if sq, ok := to(from, df, up); ok && (m.at[sq] != 0 && !m.mine(m.at[sq]) || sq == m.ep) {
					add(from, sq, promotions...)
				}
			}
		default:
			steps, far := jumps[kind], 8
			if kind == 'k' {
				steps = jumps['q']
			}
			if kind == 'k' || kind == 'n' {
				far = 1
			}
			for _, s := range steps {
				for i := 1; i <= far; i++ {
					sq, ok := to(from, s[0]*i, s[1]*i)
					if !ok || m.mine(m.at[sq]) {
						break
					}
					add(from, sq)
					if m.at[sq] != 0 {
						break
					}
				}
			}
		}
	}
	return out
}

// attacks reports whether the side to move could take on the square, if a piece stood there.
func (m *mailbox) attacks(sq int) bool {
	n := *m
	n.at[sq], n.ep = 'p', -1
	if m.black {
		n.at[sq] = 'P'
	}
	return slices.ContainsFunc(n.moves(), func(mv rules.Move) bool { return int(mv.To) == sq })
}

func (m *mailbox) king() int {
	if m.black {
		return slices.Index(m.at[:], 'k')
	}
	return slices.Index(m.at[:], 'K')
}

// legal lists the legal moves.
func (m *mailbox) legal() (out []rules.Move) {
	for _, mv := range m.moves() {
		n := m.play(mv)
		n.black = m.black
		king := n.king()
		n.black = !m.black
		if !n.attacks(king) {
			out = append(out, mv)
		}
	}
	king := m.king()
	for rook, may := range m.rooks {
		if may && m.mine(m.at[rook]) && m.castles(king, rook) {
			out = append(out, rules.Move{From: rules.Square(king), To: rules.Square(rook)})
		}
	}
	return out
}

func (m *mailbox) castles(king, rook int) bool {
	kingTo, rookTo := king/8*8+2, king/8*8+3
	if rook > king {
		kingTo, rookTo = king/8*8+6, king/8*8+5
	}
	n := *m // without the two
	n.at[king], n.at[rook], n.black = 0, 0, !m.black
	for sq := min(king, kingTo, rook, rookTo); sq <= max(king, kingTo, rook, rookTo); sq++ {
		ofKing := sq >= min(king, kingTo) && sq <= max(king, kingTo)
		ofRook := sq >= min(rook, rookTo) && sq <= max(rook, rookTo)
		if (ofKing || ofRook) && n.at[sq] != 0 {
			return false
		}
		n := n
		n.at[rook] = m.at[rook] // it stands there until the king has come by
		if ofKing && n.attacks(sq) {
			return false
		}
	}
	n.at[rookTo] = m.at[rook]
	return !n.attacks(kingTo)
}

func (m *mailbox) play(mv rules.Move) mailbox {
	n, from, sq := *m, int(mv.From), int(mv.To)
	c := m.at[from]
	n.number[0]++
	if c|0x20 == 'p' || m.at[sq] != 0 && !m.mine(m.at[sq]) {
		n.number[0] = 0
	}
	n.at[from], n.ep, n.black = 0, -1, !m.black
	n.rooks[from], n.rooks[sq] = false, false
	switch {
	case c|0x20 == 'k' && m.mine(m.at[sq]):
		rook := m.at[sq]
		n.at[sq] = 0
		if sq > from {
			n.at[from/8*8+6], n.at[from/8*8+5] = c, rook
		} else {
			n.at[from/8*8+2], n.at[from/8*8+3] = c, rook
		}
	case mv.Promotion != rules.NoRole:
		n.at[sq] = " pnbrqk"[mv.Promotion]&^0x20 | c&0x20
	default:
		n.at[sq] = c
		if c|0x20 == 'p' && sq == m.ep {
			n.at[from/8*8+sq%8] = 0
		}
		if c|0x20 == 'p' && (sq-from == 16 || from-sq == 16) {
			n.ep = (from + sq) / 2
		}
	}
	if c|0x20 == 'k' {
		for f := range 8 {
			n.rooks[from/8*8+f] = false
		}
	}
	if m.black {
		n.number[1]++
	}
	return n
}

// compare holds the position against this one: the legal moves, and its FEN.
func (m *mailbox) compare(tb testing.TB, p *rules.Position) []rules.Move {
	tb.Helper()
	if again := newMailbox(string(p.AppendShredderFEN(nil))); again != *m {
		tb.Fatalf("%s: the slow board has %+v", p.FEN(), m)
	}
	want := m.legal()
	ours := slices.Collect(p.LegalMoves)
	order := func(a, b rules.Move) int {
		return (int(a.From)-int(b.From))<<16 + (int(a.To)-int(b.To))<<8 + int(a.Promotion) - int(b.Promotion)
	}
	slices.SortFunc(want, order)
	slices.SortFunc(ours, order)
	if !slices.Equal(ours, want) {
		tb.Fatalf("%s: the moves are %v, want %v", p.AppendShredderFEN(nil), ours, want)
	}
	return want
}

// start960 draws a start position, and often removes pieces from the home ranks, so that kings and
// rooks attack each other.
func start960(r *rand.Rand) string {
	var rank [8]byte
	empty := func(n int) int { // the n-th empty square
		for f := range rank {
			if rank[f] == 0 {
				if n == 0 {
					return f
				}
				n--
			}
		}
		return -1
	}
	rank[r.IntN(4)*2], rank[r.IntN(4)*2+1] = 'b', 'b'
	rank[empty(r.IntN(6))] = 'q'
	rank[empty(r.IntN(5))] = 'n'
	rank[empty(r.IntN(4))] = 'n'
	for _, c := range []byte("rkr") { // the king stands between them
		rank[empty(0)] = c
	}
	back := string(rank[:])
	var files string
	for f, c := range rank {
		if c == 'r' {
			files += string(rune('a' + f))
		}
	}
	thin := func(s string) string {
		return strings.Map(func(c rune) rune {
			if !strings.ContainsRune("rRkK", c) && r.IntN(2) == 0 {
				return '1'
			}
			return c
		}, s)
	}
	white, black, pawns, pawnsW := strings.ToUpper(back), back, "pppppppp", "PPPPPPPP"
	if r.IntN(3) > 0 {
		white, black, pawns, pawnsW = thin(white), thin(black), thin(pawns), thin(pawnsW)
	}
	fen := black + "/" + pawns + "/8/8/8/8/" + pawnsW + "/" + white
	for n := 8; n > 1; n-- {
		fen = strings.ReplaceAll(fen, strings.Repeat("1", n), fmt.Sprint(n))
	}
	return fen + " w " + strings.ToUpper(files) + files + " - 0 1"
}

// TestRandom960 compares random games of Chess960 with the slow board. It also requires a number of
// castlings.
func TestRandom960(t *testing.T) {
	t.Parallel()
	games := 80
	if *long {
		games = 250
	}
	castled := 0
	for seed := range uint64(games) {
		r := rand.New(rand.NewPCG(seed, 1))
		fen := start960(r)
		p, err := rules.ParseFEN(fen)
		if err != nil {
			continue // a king stands in check already
		}
		slow := newMailbox(fen)
		for range 60 {
			moves := slow.compare(t, &p)
			if len(moves) == 0 {
				break
			}
			checkTexts(t, &p)
			m := moves[r.IntN(len(moves))]
			for _, c := range moves {
				if slow.mine(slow.at[c.To]) && r.IntN(3) == 0 {
					m = c
					castled++
					break
				}
			}
			slow = slow.play(m)
			p, _ = p.Play(m)
		}
	}
	if castled < games/2 {
		t.Errorf("only %d castlings in %d games", castled, games)
	}
}
