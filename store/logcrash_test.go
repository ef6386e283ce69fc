package store

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// logOp is one write to a log.
type logOp struct {
	what        string
	hs          raftpb.HardState
	entries     []raftpb.Entry
	index, term uint64
}

// randomOp is one that a log with the content c takes. Equal r and c give
// equal ones.
func randomOp(r *rand.Rand, c content) logOp {
	term := c.HardState.Term
	if r.IntN(6) == 0 {
		term++
	}
	op := logOp{hs: hardState(term, r.Uint64N(4), c.Last), term: term}
	if r.IntN(3) == 0 {
		op.hs = raftpb.HardState{}
	}
	switch n := r.IntN(20); {
	case n < 10:
		op.what, op.entries = "write", entries(c.Last+1, c.Last+r.Uint64N(6), term)
	case n < 12:
		op.what, op.entries = "write", entries(c.Last+1, c.Last+r.Uint64N(60), term)
	case n < 13:
		op.what, op.hs = "write", hardState(term+1, r.Uint64N(4), c.Last)
	case n < 16:
		from := c.First + r.Uint64N(c.Last-c.First+2)
		op.what, op.entries = "write", entries(from, from+r.Uint64N(8), term)
	case n < 19:
		op.what, op.index = "compact", c.First-1+r.Uint64N(c.Last-c.First+2)
	default:
		op.what, op.index = "reset", c.Last+r.Uint64N(5)
	}
	return op
}

func (op logOp) String() string {
	if len(op.entries) == 0 {
		return fmt.Sprintf("%s %d %d %v", op.what, op.index, op.term, op.hs)
	}
	return fmt.Sprintf("%s [%d, %d] %d %v", op.what, op.entries[0].Index, op.entries[len(op.entries)-1].Index, op.term, op.hs)
}

func (op logOp) do(l *Log) error {
	switch op.what {
	case "write":
		return l.Write(op.hs, op.entries)
	case "compact":
		return l.Compact(op.index)
	default:
		return l.Reset(op.index, op.term, op.hs)
	}
}

// apply is what do does to the content of a log.
func (op logOp) apply(c content) content {
	if op.what != "compact" && !raft.IsEmptyHardState(op.hs) {
		c.HardState = op.hs
	}
	switch {
	case op.what == "reset":
		return content{First: op.index + 1, Last: op.index, Before: op.term, HardState: c.HardState}
	case op.what == "compact" && op.index >= c.First:
		c.Before = c.Entries[op.index-c.First].Term
		c.Entries = c.Entries[op.index+1-c.First:]
		c.First = op.index + 1
	case len(op.entries) > 0:
		keep := op.entries[0].Index - c.First
		c.Entries = append(c.Entries[:keep:keep], op.entries...)
		c.Last = op.entries[len(op.entries)-1].Index
	}
	return c
}

var emptyContent = content{First: 1, HardState: raftpb.HardState{}}

// oneOf fails unless got is one of may, and returns which.
func oneOf(t testing.TB, what string, got content, may []content) content {
	t.Helper()
	for _, c := range may {
		if same(c, got) {
			return c
		}
	}
	t.Fatalf("%s: none of the %d contents that it may have; beside the last (-want +got):\n%s", what, len(may), diff(may[len(may)-1], got))
	return content{}
}

var crashSeeds = flag.Int("crashes", 150, "how many logs TestLogPowerFailure crashes, six times each; make test-long has more")

// TestLogPowerFailure crashes logs on a simulated disk, at any operation. Afterwards everything
// that was acknowledged is there. The rest is there as a whole or not at all. Then it goes on.
func TestLogPowerFailure(t *testing.T) {
	seeds, parts := *crashSeeds, 4
	if testing.Short() {
		seeds = 100
	}
	for part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			var n crashCounts
			for seed := part; seed < seeds; seed += parts {
				crashes(t, uint64(seed), &n)
			}
			if n.lives < seeds/parts*3 || n.whole == 0 || n.absent == 0 || n.inOpen == 0 || n.failedSyncs == 0 {
				t.Errorf("it has not seen everything: %+v", n)
			}
			t.Logf("%+v", n)
		})
	}
}

type crashCounts struct {
	lives, whole, absent int // of the write that was not acknowledged
	inOpen, failedSyncs  int
}

func crashes(t *testing.T, seed uint64, n *crashCounts) {
	r := rand.New(rand.NewPCG(seed, 11))
	d := newSimDisk(r)
	o := LogOptions{SegmentBytes: segmentHeader + int64(4096<<r.IntN(3)), TailBytes: int64(1 + r.IntN(20_000))}
	may := []content{emptyContent}
	for life := range 6 {
		what := fmt.Sprintf("seed %d, life %d", seed, life)
		if r.IntN(4) == 0 {
			d.left = r.IntN(8) // often while it opens
		} else {
			d.left = r.IntN(150)
		}
		l, err := d.openLog(o)
		if err != nil && !errors.Is(err, errCrashed) {
			t.Fatalf("%s: %v", what, err)
		}
		if err != nil {
			n.inOpen++
			d.restart(r.IntN(4) > 0)
			continue
		}
		now := oneOf(t, what, logContent(t, l), may)
		if len(may) > 1 {
			if same(may[0], now) {
				n.absent++
			} else {
				n.whole++
			}
		}
		n.lives++
		may = []content{now}
		for err == nil {
			op := randomOp(r, now)
			if r.IntN(60) == 0 {
				d.failSync = true
			}
			err = op.do(l)
			switch {
			case err == nil:
				now = op.apply(now)
				may = []content{now}
			case errors.Is(err, errSync):
				n.failedSyncs++
				fallthrough
			case errors.Is(err, errCrashed):
				wantErr(t, err, ErrFailed)
				wantErr(t, l.Write(hardState(99, 1, 1), nil), ErrFailed)
				if got := logContent(t, l); op.what == "write" && !same(now, got) {
					t.Fatalf("%s: %s has failed, and readers see:\n%s", what, op, diff(now, got))
				}
				may = append(may, op.apply(now))
			default:
				t.Fatalf("%s: %s: %v", what, op, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		// An fsync that has failed: the process ends, and another one sees what
		// the system still shows. Later the power fails.
		d.restart(!errors.Is(err, errSync) && r.IntN(4) > 0)
	}
}

// TestOneWriteOneSync: an append costs one write and one fsync, and so does a
// compaction.
func TestOneWriteOneSync(t *testing.T) {
	d := newSimDisk(rand.New(rand.NewPCG(1, 1)))
	l, err := d.openLog(LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	next := uint64(1)
	for i := range uint64(80) {
		writes, syncs := d.writes, d.syncs
		if i%10 == 9 {
			err = l.Compact(next - 2)
		} else {
			err = l.Write(hardState(1, 1, i), entries(next, next+i, 1))
			next += i + 1
		}
		if err != nil {
			t.Fatal(err)
		}
		if writes, syncs = d.writes-writes, d.syncs-syncs; writes != 1 || syncs != 1 {
			t.Fatalf("write %d: %d writes and %d syncs", i, writes, syncs)
		}
	}
}
