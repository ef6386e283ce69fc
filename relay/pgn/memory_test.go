package pgn

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

// A repeated is a text that comes many times, and is nowhere in memory as a whole.
type repeated struct {
	text  string
	times int
	in    strings.Reader
}

func (r *repeated) Read(b []byte) (int, error) {
	for r.in.Len() == 0 {
		if r.times == 0 {
			return 0, io.EOF
		}
		r.times--
		r.in.Reset(r.text)
	}
	return r.in.Read(b)
}

const longGames = 3000 // as a whole tournament has; of 850 bytes, which makes 2.5 MB

var longGame = pushedGame(36)

// TestConstantMemory reads 3,000 games, of which one in ten cannot be read, and looks what of
// them is still held on the way.
func TestConstantMemory(t *testing.T) {
	bad := "[White \"A\"]\n\n" + strings.Repeat("[T \"x\"]\n", 101) + "\n1. e4 *\n\n"
	r := NewReader(&repeated{text: strings.Repeat(longGame, 9) + bad, times: longGames / 10})
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var first uint64
	games, broken := 0, 0
	for {
		g, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			broken++
		} else if _, err := g.Play(); err != nil || g.Number != games+broken+1 {
			t.Fatalf("game %d: %v", g.Number, err)
		} else {
			games++
		}
		if n := games + broken; n == 100 {
			first = held()
		} else if n%500 == 0 {
			if now := held(); now > first+100<<10 {
				t.Fatalf("after %d games %d bytes are held, and %d after 100", n, now, first)
			}
		}
	}
	if games != longGames/10*9 || broken != longGames/10 {
		t.Errorf("%d games, and %d that cannot be read", games, broken)
	}
}

// BenchmarkRead reads and plays 3,000 games, 2.5 MB. A game's memory is given back before the next
// one.
func BenchmarkRead(b *testing.B) {
	b.SetBytes(int64(len(longGame) * longGames))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for r := NewReader(&repeated{text: longGame, times: longGames}); ; n++ {
			g, err := r.Next()
			if err == io.EOF {
				break
			}
			if _, err := g.Play(); err != nil {
				b.Fatal(err)
			}
		}
		if n != longGames {
			b.Fatal(n)
		}
	}
}
