package relay

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/notnil/chess"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// A story makes random commands that are mostly in order, over a few games.
type story struct {
	*rand.Rand
	*script
	games []GameID
	asked int
}

// longScript returns n commands of all kinds, some of them refused.
func longScript(tb testing.TB, seed uint64, n int) [][]byte {
	tb.Helper()
	s := story{Rand: rand.New(rand.NewPCG(seed, 1)), script: newScript(tb)}
	s.must(createTournament(testTournament, "req-t"))
	s.must(createRound(testRound, "req-r"))
	for i := range 4 {
		id := GameID(fmt.Sprintf("game%04d", i+1))
		s.must(createGame(string(id), "req-"+string(id), int32(4-i)))
		s.games = append(s.games, id)
	}
	for len(s.log) < n {
		s.do(s.next())
	}
	return s.log
}

func (s *story) request() string {
	s.asked++
	return fmt.Sprintf("request-%d", s.asked)
}

// next makes one command that fits the present state.
func (s *story) next() *relaypb.Command {
	g := s.State.games.get(s.games[s.IntN(len(s.games))]).Game
	c := envelope(s.request())
	c.At += int64(len(s.log)) * 1000
	if gone := s.DeletedSince(0); len(gone) > 0 && s.IntN(6) == 0 {
		c.Op = &relaypb.Command_Restore{Restore: &relaypb.Restore{Id: idOf(gone[s.IntN(len(gone))]), Reason: "by mistake"}}
		return c
	}
	switch n := s.IntN(134); {
	case n >= 130:
		id := []string{string(g.ID), string(g.ID), string(g.Round), testTournament}[s.IntN(4)]
		c.Op = &relaypb.Command_Delete{Delete: &relaypb.Delete{Id: id, Reason: "a test"}}
	case n < 75:
		m := &relaypb.PlayMove{Game: string(g.ID), Ply: int32(g.Ply()) + 1, Move: s.legal(g)}
		switch s.IntN(4) {
		case 0:
			m.WhiteMs = new(int64(s.IntN(10_000_000)))
		case 1:
			m.WhiteMs, m.BlackMs = new(int64(s.IntN(10_000_000))), new(int64(s.IntN(10_000_000)))
		}
		c.Op = &relaypb.Command_PlayMove{PlayMove: m}
	case n < 78:
		m := &relaypb.PlayMove{Game: string(g.ID), Ply: int32(s.IntN(int(g.Ply()) + 3)), Move: []string{"e4", "Nf3", "a7a8q", "x"}[s.IntN(4)]}
		c.Op = &relaypb.Command_PlayMove{PlayMove: m}
	case n >= 124:
		m := &relaypb.PlayMove{Game: string(g.ID), Ply: int32(g.Ply()) + 1, Illegal: true}
		m.Move, m.Fen = s.illegal(g.FEN())
		c.Op = &relaypb.Command_PlayMove{PlayMove: m}
	case n < 86:
		c.Op = &relaypb.Command_TakeBack{TakeBack: &relaypb.TakeBack{
			Game: string(g.ID), ToPly: int32(max(0, int(g.Ply())-s.IntN(4))), Reason: "correction",
		}}
	case n < 94:
		c.Op = &relaypb.Command_SetResult{SetResult: &relaypb.SetResult{
			Game: string(g.ID), Result: []string{"1-0", "0-1", "½-½", "*", "*", "0-0", "-/+", "?"}[s.IntN(8)],
		}}
	case n < 95:
		id := FormatID(s.Uint64())
		c.Op = &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: id, Name: "T " + id}}
	case n < 96:
		id := FormatID(s.Uint64())
		c.Op = &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: id, Tournament: testTournament, Name: "R " + id}}
	case n >= 100 && n < 107:
		c.Op = &relaypb.Command_CorrectMoves{CorrectMoves: s.correction(g)}
	case n >= 107 && n < 111:
		c.Op = &relaypb.Command_UpdateGame{UpdateGame: &relaypb.UpdateGame{
			Game: string(g.ID), White: &relaypb.PlayerUpdate{Rating: new(int32(s.IntN(5000)))},
			Tags: []*relaypb.Tag{{Name: string(rune('A' + s.IntN(12))), Value: []string{"", "x", "y", "\x01"}[s.IntN(4)]}},
		}}
	case n >= 111 && n < 114:
		c.Op = &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{
			Round: string(g.Round), Name: new(fmt.Sprint("Round ", s.IntN(3))),
			Status: new([]string{"new", "started", "finished", "?"}[s.IntN(4)]),
		}}
	case n >= 116:
		op := &relaypb.SetClock{Game: string(g.ID)}
		if s.IntN(4) > 0 {
			op.WhiteMs = new(int64(s.IntN(10_000_000) - 100_000))
		}
		if s.IntN(4) > 0 {
			op.BlackMs = new(int64(s.IntN(10_000_000) - 100_000))
		}
		if s.IntN(3) == 0 {
			op.At = c.At - int64(s.IntN(40_000)) + 2000
		}
		c.Op = &relaypb.Command_SetClock{SetClock: op}
	case n >= 114:
		c.Op = &relaypb.Command_UpdateTournament{UpdateTournament: &relaypb.UpdateTournament{
			Tournament: testTournament, Location: new(fmt.Sprint("Town ", s.IntN(3))),
		}}
	default:
		c = createGame(FormatID(s.Uint64()), c.Request, int32(s.IntN(30)))
	}
	return c
}

// idOf returns the id of a deleted thing.
func idOf(d Deleted) string {
	switch {
	case d.Tournament != nil:
		return string(d.Tournament.ID)
	case d.Round != nil:
		return string(d.Round.ID)
	}
	return string(d.Game.ID)
}

// correction goes back some plies and on with the same moves or others, sometimes with an illegal
// one.
func (s *story) correction(g *Game) *relaypb.CorrectMoves {
	to := max(0, int(g.Ply())-s.IntN(20))
	op := &relaypb.CorrectMoves{
		Game: string(g.ID), ToPly: int32(to), Reason: "the score sheet",
		Result: []string{"", "", "", "*", "1-0", "1/2-0", "?"}[s.IntN(7)],
	}
	as := s.IntN(20) // so many moves as before
	pos := *g.position(Ply(to))
	for ply := Ply(to) + 1; s.IntN(12) > 0 || ply <= Ply(to+as) && ply <= g.Ply(); ply++ {
		m := &relaypb.CorrectedMove{}
		if ply <= g.Ply() && int(ply) <= to+as {
			stands := g.MoveAt(ply)
			if m.Move, m.Illegal = stands.SAN, stands.Illegal; m.Illegal {
				m.Fen = stands.FEN
			}
		} else if s.IntN(15) == 0 {
			m.Illegal = true
			m.Move, m.Fen = s.illegal(pos.fen())
		} else if m.Move = s.legalIn(pos.fen()); m.Move == "0000" && s.IntN(2) == 0 {
			break
		}
		if s.IntN(8) == 0 {
			m.WhiteMs = new(int64(s.IntN(1000)))
		}
		op.Moves = append(op.Moves, m)
		if m.Illegal {
			made, err := illegalMove(&pos, m.Move, m.Fen)
			if err != nil {
				break
			}
			pos = pos.afterIllegal(made.FEN)
			continue
		}
		played, err := pos.Find(m.Move)
		if err != nil {
			break
		}
		pos = pos.afterMove(played)
	}
	return op
}

// illegal makes an illegal move: a piece of the side to move goes anywhere. Some are refused. It
// drops all castling rights.
func (s *story) illegal(fen string) (text, after string) {
	b, err := readFEN(fen)
	if err != nil {
		s.Fatal(err)
	}
	for {
		from, to := s.IntN(64), s.IntN(64)
		piece, taken := b.squares[from], b.squares[to]
		if piece == 0 || b.black != (piece >= 'a') || taken == 'K' || taken == 'k' || from == to {
			continue
		}
		b.squares[from], b.squares[to] = 0, piece
		b.black, b.castling, b.enPassant = !b.black, "-", "-"
		b.fullMoves = s.IntN(50)
		square := func(sq int) string { return string([]byte{'a' + byte(sq%8), '1' + byte(sq/8)}) }
		return []string{square(from) + square(to), "Dx" + square(to), "--"}[s.IntN(3)], b.String()
	}
}

// legal picks a random legal move of the game, in SAN or UCI, as the library sees it.
func (s *story) legal(g *Game) string { return s.legalIn(g.FEN()) }

func (s *story) legalIn(fen string) string {
	p := new(chess.Position)
	if err := p.UnmarshalText([]byte(fen)); err != nil {
		s.Fatal(err)
	}
	moves := p.ValidMoves()
	if len(moves) == 0 {
		return "0000"
	}
	m := moves[s.IntN(len(moves))]
	if s.IntN(2) == 0 {
		return m.String()
	}
	return chess.AlgebraicNotation{}.Encode(p, m)
}

// TestDuplicatesChangeNothing: a submitter may retry as long as it likes. The log has second copies
// of commands, anywhere after the first ones. The boards must end as if the copies were not there.
func TestDuplicatesChangeNothing(t *testing.T) {
	for seed := range uint64(someOf(4, 12)) {
		r := rand.New(rand.NewPCG(seed, 2))
		once, twice := newScript(t), newScript(t)
		var done [][]byte // commands that have changed something
		copies := 0
		for _, c := range longScript(t, 100+seed, 400) {
			out := once.bytes(c)
			twice.bytes(c)
			if out.Err == nil && !out.Duplicate {
				done = append(done, c)
			}
			for len(done) > 0 && r.IntN(2) == 0 {
				// Mostly a recent one, sometimes one from long ago.
				i := len(done) - 1 - r.IntN(min(len(done), 10))
				if r.IntN(4) == 0 {
					i = r.IntN(len(done))
				}
				before := twice.Hash()
				out := twice.bytes(done[i])
				if out.Err != nil || !out.Duplicate || len(out.AppendEvents(nil)) > 0 || twice.Hash() != before {
					t.Fatalf("seed %d: a second copy: %+v", seed, out)
				}
				copies++
			}
		}
		sameBoards(t, once.State, twice.State)
		if copies < 100 {
			t.Fatalf("only %d copies", copies)
		}
	}
}

// sameBoards compares all but the indexes, which the copies move.
func sameBoards(t *testing.T, a, b *State) {
	t.Helper()
	if a.games.n != b.games.n || len(a.rounds) != len(b.rounds) || len(a.tournaments) != len(b.tournaments) {
		t.Fatal("there are more of them")
	}
	for x := range a.games.all {
		id := x.ID
		y := b.games.get(id)
		if y == nil || x.hidden != y.hidden || x.FEN() != y.FEN() || x.Result != y.Result || x.Ply() != y.Ply() || x.Clock() != y.Clock() || x.ClockTime() != y.ClockTime() || x.ClockAt(0) != y.ClockAt(0) || len(x.Changes) != len(y.Changes) {
			t.Fatalf("game %s: %+v and %+v", id, x, y)
		}
		for i, m := range x.Moves() {
			if y.Moves()[i].UCI != m.UCI || y.Moves()[i].At != m.At || y.Moves()[i].Clock != m.Clock || y.Moves()[i].Carried != m.Carried {
				t.Fatalf("game %s, ply %d: %+v and %+v", id, i+1, m, y.Moves()[i])
			}
		}
	}
}

// TestPublishedVersionsNeverChange keeps every version of every game, and checks at the end that
// none has changed.
func TestPublishedVersionsNeverChange(t *testing.T) {
	s := newScript(t)
	type kept struct {
		g    *Game
		json string
	}
	var all []kept
	for _, c := range longScript(t, 3, 500) {
		if out := s.bytes(c); out.Game != nil {
			data, err := out.Game.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, kept{out.Game, string(data)})
		}
	}
	for _, k := range all {
		if now, _ := k.g.MarshalJSON(); string(now) != k.json {
			t.Fatalf("the version\n%s\nis now\n%s", k.json, now)
		}
	}
}
