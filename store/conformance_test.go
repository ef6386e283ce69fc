package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// TestLog holds the log to what raft.MemoryStorage does, step by step, with
// operations at random.
func TestLog(t *testing.T) {
	seeds := uint64(7)
	if *long {
		seeds = 20
	}
	for name, o := range map[string]LogOptions{
		"tail of everything": {},
		"tail of some":       {TailBytes: 4000, SegmentBytes: 64 << 10},
		"tail of one":        {TailBytes: 1, SegmentBytes: 1},
	} {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s, seed=%d", name, seed), func(t *testing.T) {
				t.Parallel()
				p := &logPair{t: t, r: rand.New(rand.NewPCG(seed, 1)), path: filepath.Join(t.TempDir(), "log"), o: o}
				p.run(60)
			})
		}
	}
}

// logPair is a log under test, and the model of it.
type logPair struct {
	t    testing.TB
	r    *rand.Rand
	path string
	o    LogOptions
	log  *Log

	model *raft.MemoryStorage
	hs    raftpb.HardState
	term  uint64
	lent  []lent
}

// lent is a slice that the log has been given or has handed out, and a copy of it.
type lent struct{ got, copied []raftpb.Entry }

func (p *logPair) run(steps int) {
	p.log = mustOpenLog(p.t, p.path, p.o)
	p.model, p.hs, p.term = raft.NewMemoryStorage(), raftpb.HardState{}, 1
	for step := range steps {
		what := p.step()
		p.compare(fmt.Sprintf("step %d, %s", step, what))
	}
	if err := p.log.Close(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *logPair) bounds() (first, last uint64) {
	first, _ = p.model.FirstIndex()
	last, _ = p.model.LastIndex()
	return first, last
}

// step does one operation to both and returns what it was.
func (p *logPair) step() (what string) {
	first, last := p.bounds()
	if p.r.IntN(4) == 0 {
		p.term++
	}
	var hs raftpb.HardState
	if p.r.IntN(2) == 0 {
		hs = hardState(p.term, p.r.Uint64N(4), last)
	}
	switch n := p.r.IntN(20); {
	case n < 9: // append at the end
		ents := entries(last+1, last+p.r.Uint64N(30), p.term)
		p.write(hs, ents)
		return fmt.Sprintf("write of %d", len(ents))
	case n < 13: // conflict, perhaps with a part that is compacted, perhaps shorter
		from := first - min(first-1, p.r.Uint64N(3)) + p.r.Uint64N(last-first+2)
		more := p.r.Uint64N(20)
		if p.r.IntN(6) == 0 { // as many as are a chunk of the tail
			more = p.r.Uint64N(3 * ownChunk)
		}
		ents := entries(from, from+more, p.term)
		p.write(hs, ents)
		return fmt.Sprintf("write of [%d, %d]", from, from+uint64(len(ents))-1)
	case n < 16:
		return p.compact(first, last)
	case n < 17:
		index := p.r.Uint64N(last + 50)
		p.check(p.log.Reset(index, p.term, hs))
		p.model = raft.NewMemoryStorage()
		p.check(p.model.ApplySnapshot(raftpb.Snapshot{
			Metadata: raftpb.SnapshotMetadata{Index: index, Term: p.term, ConfState: raftpb.ConfState{}}}))
		p.saved(hs)
		return fmt.Sprintf("reset to %d", index)
	case n < 18:
		err := p.log.Write(hardState(999, 999, 999), entries(last+2, last+3, p.term))
		wantErr(p.t, err, ErrGap)
		return "write with a gap"
	default:
		p.check(p.log.Close())
		p.log = mustOpenLog(p.t, p.path, p.o)
		return "reopen"
	}
}

func (p *logPair) write(hs raftpb.HardState, ents []raftpb.Entry) {
	all := append(slices.Clip(ents), raftpb.Entry{}) // memory behind ents is not the log's
	p.check(p.log.Write(hs, all[:len(ents)]))
	p.check(p.model.Append(ents))
	p.saved(hs)
	p.lend(all)
}

// lend notes entries that must no longer change.
func (p *logPair) lend(ents []raftpb.Entry) {
	if len(p.lent) > 50 {
		p.lent = p.lent[1:]
	}
	p.lent = append(p.lent, lent{ents, slices.Clone(ents)})
}

func (p *logPair) compact(first, last uint64) string {
	if last < first {
		wantErr(p.t, p.log.Compact(last+1), raft.ErrUnavailable)
		return "compact of nothing"
	}
	index := first - 1 + p.r.Uint64N(last-first+2)
	p.check(p.log.Compact(index))
	if index >= first {
		p.check(p.model.Compact(index))
	}
	return fmt.Sprintf("compact to %d", index)
}

func (p *logPair) saved(hs raftpb.HardState) {
	if !raft.IsEmptyHardState(hs) {
		p.hs = hs
	}
}

func (p *logPair) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// compare asks both everything that can be asked.
func (p *logPair) compare(what string) {
	p.t.Helper()
	first, last := p.bounds()
	if got := p.log.FirstIndex(); got != first {
		p.t.Fatalf("%s: first index %d, want %d", what, got, first)
	}
	if got := p.log.LastIndex(); got != last {
		p.t.Fatalf("%s: last index %d, want %d", what, got, last)
	}
	if got := p.log.HardState(); got != p.hs {
		p.t.Fatalf("%s: hard state %v, want %v", what, got, p.hs)
	}
	for i := first - min(first, 4); i <= last+3; i++ {
		got, err := p.log.Term(i)
		want, wantErr := p.model.Term(i)
		if got != want || err != wantErr {
			p.t.Fatalf("%s: term of %d is %d, %v, want %d, %v", what, i, got, err, want, wantErr)
		}
	}
	p.compareEntries(what, first, last+1, math.MaxUint64)
	for range 10 {
		lo := first - min(first, 2) + p.r.Uint64N(last-first+4)
		hi := lo + p.r.Uint64N(max(last+3, lo+1)-lo)
		p.compareEntries(what, lo, hi, p.maxSize(lo, hi))
	}
	for _, l := range p.lent {
		if !slices.EqualFunc(l.got, l.copied, sameEntry) {
			p.t.Fatalf("%s: a slice given or handed out before has changed", what)
		}
	}
}

// maxSize is a limit, often one that some entries fit exactly, or all but a byte.
func (p *logPair) maxSize(lo, hi uint64) uint64 {
	if p.r.IntN(4) == 0 {
		return []uint64{0, 1, math.MaxUint64}[p.r.IntN(3)]
	}
	var size uint64
	first, last := p.bounds()
	for i := lo; i < hi && i >= first && i <= last && p.r.IntN(10) > 0; i++ {
		e, err := p.model.Entries(i, i+1, 0)
		p.check(err)
		size += uint64(e[0].Size())
	}
	return size + p.r.Uint64N(3) - min(1, size)
}

func (p *logPair) compareEntries(what string, lo, hi, maxSize uint64) {
	p.t.Helper()
	got, err := p.log.Entries(lo, hi, maxSize)
	var want []raftpb.Entry
	wantErr := error(raft.ErrUnavailable)
	first, last := p.bounds()
	if lo < first || hi <= last+1 { // the model panics otherwise
		want, wantErr = p.model.Entries(lo, hi, maxSize)
	}
	if err != wantErr || len(got) != len(want) {
		p.t.Fatalf("%s: entries [%d, %d) of %d bytes: got %d, %v, want %d, %v",
			what, lo, hi, maxSize, len(got), err, len(want), wantErr)
	}
	for i := range got {
		if !sameEntry(got[i], want[i]) {
			p.t.Fatalf("%s: entry %d is %v, want %v", what, lo+uint64(i), got[i], want[i])
		}
	}
	if len(got) > 0 {
		p.lend(got)
		_ = append(got, raftpb.Entry{}) // ours: it must not reach the log
	}
}
