package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// plainRead reads a text without a memory.
func plainRead(text string) (games []Game) {
	for in := pgn.NewReader(strings.NewReader(text)); ; {
		read, err := in.Next()
		if errors.Is(err, io.EOF) {
			return games
		}
		if err != nil {
			games = append(games, Game{Err: err, Unread: true})
			continue
		}
		g := Game{Tags: read.Tags, Truncated: read.Truncated}
		g.Game, g.Err = mirror.FromPGN(read)
		games = append(games, g)
	}
}

// sameGames compares two readings: errors by their text, and moves by all fields.
func sameGames(t testing.TB, got, want []Game) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d games, want %d", len(got), len(want))
	}
	for i := range got {
		a, b := got[i], want[i]
		if fmt.Sprint(a.Err) != fmt.Sprint(b.Err) {
			t.Fatalf("game %d: %v, want %v", i+1, a.Err, b.Err)
		}
		if a.Err != nil { // mirror keeps the text of it, with its lines
			a.Game, b.Game = mirror.Game{Moves: a.Moves, Warning: a.Warning}, mirror.Game{Moves: b.Moves, Warning: b.Warning}
		}
		a.Err, b.Err, a.Torn, b.Torn, a.place = nil, nil, nil, nil, 0
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("game %d: %+v, want %+v", i+1, a, b)
		}
	}
}

// TestMemory changes a text at random, game by game. A memory must read the same as a plain reader.
// That holds also for unreadable games, for cut texts and for the lines of errors.
func TestMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	moves := strings.Fields("e4 {[%clk_1:00:00]} e5 Nf3 Nc6 Bb5 a6 Ba4 Nf6 O-O Be7")
	random := func(i int) string {
		line := strings.ReplaceAll(strings.Join(moves[:r.IntN(len(moves)+1)], " "), "_", " ")
		tags := fmt.Sprintf("[Event \"E\"]\n[White \"W%d\"]\n[Black \"B\"]\n", i)
		switch r.IntN(12) {
		case 0:
			line += " Qxh8 d4" // which cannot be played
		case 1:
			tags += strings.Repeat("[T \"x\"]\n", 101) // which cannot be read
		case 2:
			tags = "[Event \"E\"]\n\n" + tags[len("[Event \"E\"]\n"):] // an empty line in them
		case 3:
			tags = tags[len("[Event \"E\"]\n"):]
		case 4:
			return "% a line\r\n\r\n" + tags + "\n" + line + "\n\n"
		case 5:
			return tags + "\n" + line + " *\n"
		}
		return tags + "\n" + line + " *\n\n"
	}
	var m Memory
	for range 60 {
		games := make([]string, 1+r.IntN(12))
		for i := range games {
			games[i] = random(i)
		}
		for range 8 {
			text := strings.Join(games, "")
			if r.IntN(3) == 0 {
				text = text[:r.IntN(len(text)+1)]
			}
			got, more := m.Read([]byte(text), 100)
			if more != 0 {
				t.Fatalf("%d more", more)
			}
			sameGames(t, got, plainRead(text))
			for i, g := range got {
				if g.Torn != nil && (!g.Truncated || i < len(got)-1) {
					t.Fatalf("game %d of %d is torn: %+v", i+1, len(got), g)
				}
			}
			i := r.IntN(len(games))
			games[i] = random(i)
		}
	}
}

// TestMemoryReads: a game is read once.
func TestMemoryReads(t *testing.T) {
	var m Memory
	texts := []string{game(1, "A", "1. e4 *"), game(2, "B", "1. d4 *"), game(3, "C", "1. c4 *")}
	first, _ := m.Read([]byte(strings.Join(texts, "")), 10)
	texts[1] = game(2, "B", "1. d4 d5 *")
	again, _ := m.Read([]byte(strings.Join(texts, "")), 10)
	for i, same := range []bool{true, false, true} {
		if (&first[i].Moves[0] == &again[i].Moves[0]) != same {
			t.Errorf("game %d was read again: %v, want %v", i+1, same, !same)
		}
	}
	// A text that ends in a game shows it as torn, though the game came before in the middle of a
	// text.
	open := strings.TrimSuffix(game(4, "D", "1. e4"), "\n")
	if got, _ := m.Read([]byte(open+texts[0]), 10); got[0].Torn != nil || got[1].Torn != nil {
		t.Errorf("torn in the middle: %+v", got)
	}
	for range 2 {
		if got, _ := m.Read([]byte(texts[0]+open), 10); got[1].Torn == nil || len(got[1].Torn.Moves) != 1 {
			t.Errorf("not torn at the end: %+v", got)
		}
	}
}

// TestMemoryLimit: a text with too many games gives the first ones, and the number of the others.
func TestMemoryLimit(t *testing.T) {
	var m Memory
	for _, text := range []string{
		strings.Repeat(game(1, "A", "1. e4 *"), 25),
		strings.Repeat("[White \"A\"]\n\n1. e4 *\n", 25), // one piece
	} {
		for limit, want := range map[int]int{10: 15, 24: 1, 25: 0, 100: 0} {
			if games, more := m.Read([]byte(text), limit); len(games) != min(25, limit) || more != want {
				t.Errorf("limit %d: %d games and %d more", limit, len(games), more)
			}
		}
	}
	if games, more := m.Read([]byte(strings.Repeat("[White \"A\"]\n*\n", 2500)), 1000); len(games) != 1000 || more != 1500 {
		t.Errorf("one piece: %d games and %d more", len(games), more)
	}
	// The quadratic case: each tag may belong to the game before, up to the limit of its tags.
	var tags strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&tags, "[T%d \"\"]\n\n", i)
	}
	if games, _ := m.Read([]byte(tags.String()), 1000); len(games) == 0 {
		t.Error("tags alone are no game")
	}
}

// TestMemoryForgets: a memory stays within its bounds, and keeps what came last.
func TestMemoryForgets(t *testing.T) {
	m := Memory{bytes: 1 << 20}
	text := func(from int) []byte {
		var b strings.Builder
		for i := range 50 {
			b.WriteString(game(i+1, fmt.Sprint("W", from+i), strings.Repeat("1. Nf3 Nf6 2. Ng1 Ng8 ", 20)+"*"))
		}
		return []byte(b.String())
	}
	for from := 0; from < 1000; from += 50 {
		m.Read(text(from), 50)
		if m.size > m.bytes || m.order.Len() != len(m.pieces) {
			t.Fatalf("%d bytes, %d and %d pieces", m.size, m.order.Len(), len(m.pieces))
		}
	}
	if len(m.pieces) > 500 || len(m.pieces) < 50 {
		t.Errorf("%d pieces", len(m.pieces))
	}
	a, _ := m.Read(text(950), 50)
	b, _ := m.Read(text(950), 50)
	if &a[0].Moves[0] != &b[0].Moves[0] {
		t.Error("the newest piece was forgotten")
	}
}

// TestMemoryShared reads from many goroutines.
func TestMemoryShared(t *testing.T) {
	var m Memory
	text := []byte(strings.Repeat(game(1, "A", "1. e4 *"), 5) + game(2, "B", "1. d4 *"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if games, _ := m.Read(text, 10); len(games) != 6 || games[5].White.Name != "B" {
					t.Errorf("%+v", games)
				}
			}
		})
	}
	wg.Wait()
}

// bigRound is a PGN of 1,000 boards and about 4 MB. more is how many plies 50 of the games have
// more.
func bigRound(more int) []byte {
	line := "e4 e5 Nf3 Nc6 Bb5 a6 Ba4 Nf6 O-O Be7 Re1 b5 Bb3 d6 c3 O-O h3 Nb8" + strings.Repeat(" Nh2 Nfd7 Nf3 Nf6", 15+(more+3)/4)
	moves := strings.Fields(line)
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "[Event \"Sample Open 2026\"]\n[Site \"Town\"]\n[Date \"2026.11.23\"]\n[Round \"5.%d\"]\n[White \"White, Player %d\"]\n[Black \"Black, Player %d\"]\n"+
			"[Result \"*\"]\n[WhiteElo \"2400\"]\n[BlackElo \"2300\"]\n[WhiteFideId \"%d\"]\n[BlackFideId \"%d\"]\n[TimeControl \"5400+30\"]\n\n", i+1, i, i, 100000+i, 200000+i)
		n := 78
		if i%20 == 0 {
			n += more
		}
		for k, san := range moves[:n] {
			if k%2 == 0 {
				fmt.Fprintf(&b, "%d. ", k/2+1)
			}
			fmt.Fprintf(&b, "%s {[%%eval 0.23] [%%clk 1:%02d:%02d]} {[%%emt 0:00:%02d]} ", san, (59-k/2+6000)%60, i%60, k%60)
		}
		b.WriteString("*\n\n")
	}
	return []byte(b.String())
}

// BenchmarkRead reads a round of 1,000 boards, without a memory, and with 50 changed boards each
// time.
func BenchmarkRead(b *testing.B) {
	text := bigRound(0)
	for _, g := range plainRead(string(text)) {
		if g.Err != nil {
			b.Fatal(g.Err)
		}
	}
	b.Run("first", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			var m Memory
			m.Read(text, 1000)
		}
	})
	b.Run("again", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		texts := [][]byte{text, bigRound(1)}
		for i := 0; b.Loop(); i++ {
			b.StopTimer()
			var m Memory
			m.Read(texts[i%2], 1000)
			b.StartTimer()
			m.Read(texts[(i+1)%2], 1000)
		}
	})
}

// BenchmarkPoll polls a round of 1,000 boards, for the first time, and then with a new move on 50
// boards. There is no log here, so the first poll costs less than on a node. diff is mirror's part.
func BenchmarkPoll(b *testing.B) {
	start := func() (*testRound, *poller) {
		r := newTestRound(b, relay.Source{Kind: relay.SourcePGN, URL: "http://example.org/x.pgn"})
		return r, newPoller(b, r, "")
	}
	show := func(s *poller, body []byte) {
		t := &pgnSource{memory: &s.memory}
		s.source = readerFunc(func() ([]Game, []string) { return t.games(body) })
		s.pollOnce(b.Context())
	}
	first := bigRound(0)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			r, s := start()
			show(s, first)
			if r.boardCount() != 1000 {
				b.Fatal(s.currentStatus())
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		r, s := start()
		show(s, first)
		was := r.applied()
		n := 0
		for b.Loop() {
			b.StopTimer()
			n++
			body := bigRound(n)
			b.StartTimer()
			show(s, body)
		}
		if got := r.applied() - was; got != uint64(50*n) {
			b.Fatalf("%d entries of %d polls; %+v", got, n, s.currentStatus())
		}
	})
	b.Run("diff", func(b *testing.B) {
		_, s := start()
		show(s, first)
		games, view := s.state.games, s.view()
		for b.Loop() {
			mirror.Diff(view, games)
		}
	})
}

// readerFunc is a reader of games that are there already.
type readerFunc func() ([]Game, []string)

func (f readerFunc) read(context.Context, *fetcher, *budget) ([]Game, []string, bool, error) {
	games, problems := f()
	return games, problems, true, nil
}

// TestMemoryBoundsMoves: of a text with too many moves, the games behind the limit are counted.
func TestMemoryBoundsMoves(t *testing.T) {
	var moves strings.Builder
	for ply := range 1160 {
		if ply%2 == 0 {
			fmt.Fprintf(&moves, "%d. ", ply/2+1)
		}
		moves.WriteString([]string{"Nf3 ", "Nf6 ", "Ng1 ", "Ng8 "}[ply%4])
	}
	const whole = (MaxPlies + 1159) / 1160
	for _, text := range []string{
		strings.Repeat("[Event \"Open\"]\n[White \"A\"]\n[Black \"B\"]\n[Result \"*\"]\n\n"+moves.String()+"*\n\n", whole+20),
		strings.Repeat("[White \"A\"]\n\n"+moves.String()+"*\n", whole+20), // one piece
	} {
		var m Memory
		games, more := m.Read([]byte(text), 1000)
		if len(games) != whole || more != 20 || len(games[whole-1].Moves) != 1160 {
			t.Errorf("%d games are read and %d are not, of %d", len(games), more, whole+20)
		}
	}
}
