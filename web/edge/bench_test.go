package edge

import (
	"fmt"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
)

// noBoards discards entries.
type noBoards struct{ tail *Tail }

func (m noBoards) Apply(batch []consensus.Command) { m.tail.Append(batch) }
func (m noBoards) Restore(applied uint64, load func(func(string, []byte) error) error) error {
	defer m.tail.Reset(applied)
	return load(func(string, []byte) error { return nil })
}

// BenchmarkLogServer has edges follow one node as fast as they can. It reports the time of one
// entry for all of them together.
func BenchmarkLogServer(b *testing.B) {
	for _, edges := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("edges=%d", edges), func(b *testing.B) {
			v := newVenue(b, "v", 0)
			var all []*LogClient
			for i := range edges {
				tail := NewTail(1000, 1<<20)
				f, err := OpenLogClient(b.Context(), LogClientConfig{Name: fmt.Sprint(i), Upstreams: []string{v.http.URL}, Machine: noBoards{tail}, Tail: tail})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { f.Close() })
				all = append(all, f)
			}
			batch := make([]consensus.Command, 64)
			for i := range batch {
				batch[i].Data = make([]byte, 60)
			}
			at := uint64(0)
			reach := func(index uint64) {
				for _, f := range all {
					for f.Applied() < index {
						<-time.After(50 * time.Microsecond)
					}
				}
			}
			b.ResetTimer()
			for n := 0; n < b.N; n += len(batch) {
				for i := range batch {
					at++
					batch[i].Index = at
				}
				v.tail.Append(batch)
				if at > 20_000 {
					reach(at - 20_000) // within the tail
				}
			}
			reach(at)
		})
	}
}
