package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"golang.org/x/sys/unix"
)

// BenchmarkSync is the floor: a write of 4 KiB and an fdatasync, into a file
// whose blocks have been written before. bbolt does two of them a transaction.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 16<<20)); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	page := make([]byte, 4096)
	for i := 0; b.Loop(); i++ {
		page[0] = byte(i)
		if _, err := f.WriteAt(page, int64(i%4096)*4096); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppend appends entries of 64 bytes with a HardState, durably, and
// compacts now and then as a node does, which is not counted.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []uint64{1, 64} {
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			l := mustOpenLog(b, filepath.Join(b.TempDir(), "log"), LogOptions{})
			data := make([]byte, 64)
			next := uint64(1)
			for b.Loop() {
				ents := make([]*raftpb.Entry, n)
				for i := range ents {
					ents[i] = &raftpb.Entry{Index: new(next), Term: new(uint64(1)), Data: data}
					next++
				}
				if err := l.Append(hardState(1, 1, next-1), ents); err != nil {
					b.Fatal(err)
				}
				if kept := next - l.FirstIndex(); kept > 20_000 {
					b.StopTimer()
					if err := l.Compact(next - 10_000); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(uint64(b.N)*n), "µs/entry")
		})
	}
}

// BenchmarkEntries reads a message of 64 entries, from memory and from disk.
func BenchmarkEntries(b *testing.B) {
	for name, tail := range map[string]int64{"memory": 0, "disk": 1} {
		b.Run(name, func(b *testing.B) {
			l := mustOpenLog(b, filepath.Join(b.TempDir(), "log"), LogOptions{TailBytes: tail})
			if err := l.Append(nil, entries(1, 5000, 1)); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := l.Entries(4000, 4064, 1<<20); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen opens, and so checks, a log of 100,000 entries.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "log")
	l := mustOpenLog(b, path, LogOptions{})
	for i := uint64(1); i < 100_000; i += 1000 {
		if err := l.Append(nil, entries(i, i+999, 1)); err != nil {
			b.Fatal(err)
		}
	}
	l.Close()
	for b.Loop() {
		mustOpenLog(b, path, LogOptions{}).Close()
	}
}
