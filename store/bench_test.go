package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/raft/v3/raftpb"
	"golang.org/x/sys/unix"
)

// BenchmarkLogWrite writes entries of 64 bytes with a HardState, durably, in turns to three places:
// the log, a log of bbolt transactions, and a plain file that was filled before. The plain write
// has the same length and an fdatasync. Disks differ by the minute, so only the ratios of the
// medians count.
//
//	log-µs, bolt-µs, sync-µs   medians
//	log/sync, bolt/log         their ratios
//	log-KB, bolt-KB, sync-KB   written to the disk, per write
func BenchmarkLogWrite(b *testing.B) {
	for _, n := range []uint64{1, 64, 1024} {
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			logs := []struct {
				name   string
				append func(hs raftpb.HardState, ents []raftpb.Entry) error
				took   []time.Duration
				wrote  uint64
			}{
				{name: "log", append: benchLog(b)},
				{name: "sync", append: benchSync(b)},
				{name: "bolt", append: benchBolt(b)},
			}
			written := diskWrites(b, b.TempDir())
			next := uint64(1)
			for b.Loop() {
				ents := smallEntries(next, n)
				next += n
				hs := hardState(1, 1, next-1)
				for i := range logs {
					l := &logs[(i+int(next))%len(logs)]
					wrote, start := written(), time.Now()
					if err := l.append(hs, ents); err != nil {
						b.Fatal(err)
					}
					l.took = append(l.took, time.Since(start))
					l.wrote += written() - wrote
				}
			}
			median := map[string]float64{}
			for _, l := range logs {
				slices.Sort(l.took)
				median[l.name] = float64(l.took[len(l.took)/2].Nanoseconds()) / 1e3
				b.ReportMetric(median[l.name], l.name+"-µs")
				b.ReportMetric(float64(l.wrote)/1024/float64(len(l.took)), l.name+"-KB")
			}
			b.ReportMetric(median["log"]/median["sync"], "log/sync")
			b.ReportMetric(median["bolt"]/median["log"], "bolt/log")
			b.ReportMetric(0, "ns/op") // of all three: says nothing
		})
	}
}

// smallEntries are n entries of 64 bytes.
func smallEntries(first, n uint64) []raftpb.Entry {
	data := bytes.Repeat([]byte("chess"), 13)[:64]
	ents := make([]raftpb.Entry, n)
	for i := range ents {
		ents[i] = raftpb.Entry{Index: first + uint64(i), Term: 1, Type: raftpb.EntryNormal, Data: data}
	}
	return ents
}

// diskWrites counts what the disk that dir is on has been given to write, by
// anybody. It counts nothing where there is no /proc/diskstats. (A process'
// own write_bytes in /proc/self/io are no use: they count the whole of a large
// folio when a byte of it is changed.)
func diskWrites(b *testing.B, dir string) (bytes func() uint64) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		b.Fatal(err)
	}
	mine := []string{strconv.Itoa(int(unix.Major(uint64(st.Dev)))), strconv.Itoa(int(unix.Minor(uint64(st.Dev))))}
	return func() uint64 {
		stats, _ := os.ReadFile("/proc/diskstats")
		for line := range strings.Lines(string(stats)) {
			if f := strings.Fields(line); len(f) > 9 && slices.Equal(f[:2], mine) {
				sectors, _ := strconv.ParseUint(f[9], 10, 64)
				return sectors * 512
			}
		}
		return 0
	}
}

// keep is how many entries stay in a log that is measured.
const keep = 10_000

func benchLog(b *testing.B) func(raftpb.HardState, []raftpb.Entry) error {
	l := mustOpenLog(b, filepath.Join(b.TempDir(), "log"), LogOptions{})
	return func(hs raftpb.HardState, ents []raftpb.Entry) error {
		if last := l.LastIndex(); last+1-l.FirstIndex() > 2*keep {
			if err := l.Compact(last - keep); err != nil {
				return err
			}
		}
		return l.Write(hs, ents)
	}
}

// benchSync writes into a file as a write to the log does.
func benchSync(b *testing.B) func(raftpb.HardState, []raftpb.Entry) error {
	const size = 8 << 20
	f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	buf, at := make([]byte, size), int64(0)
	if _, err := f.WriteAt(buf, 0); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	return func(_ raftpb.HardState, ents []raftpb.Entry) error {
		n := batchSize(ents)
		if at+n > size {
			at = 0
		}
		binary.BigEndian.PutUint64(buf, ents[0].Index)
		if _, err := f.WriteAt(buf[:n], at); err != nil {
			return err
		}
		at += n
		return datasync(f)
	}
}

// benchBolt keeps a log in bbolt, for comparison: an entry by its index, and the
// HardState, in one transaction.
func benchBolt(b *testing.B) func(raftpb.HardState, []raftpb.Entry) error {
	db, err := bolt.Open(filepath.Join(b.TempDir(), "bolt"), 0o600, boltOptions())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.AllocSize = growStep
	key := func(i uint64) []byte { return binary.BigEndian.AppendUint64(nil, i) }
	first := uint64(1)
	return func(hs raftpb.HardState, ents []raftpb.Entry) error {
		return db.Update(func(tx *bolt.Tx) error {
			entries, err := tx.CreateBucketIfNotExists(bucketRecords)
			if err != nil {
				return err
			}
			state, err := tx.CreateBucketIfNotExists(bucketState)
			if err != nil {
				return err
			}
			entries.FillPercent = 1
			for _, e := range ents {
				value, err := e.Marshal()
				if err != nil {
					return err
				}
				if err := entries.Put(key(e.Index), value); err != nil {
					return err
				}
			}
			if last := ents[len(ents)-1].Index; last-first > 2*keep {
				for ; first < last-keep; first++ {
					if err := entries.Delete(key(first)); err != nil {
						return err
					}
				}
			}
			value, err := hs.Marshal()
			if err != nil {
				return err
			}
			return state.Put(keyState, value)
		})
	}
}

// BenchmarkEncode is a write to the log without the disk.
func BenchmarkEncode(b *testing.B) {
	ents, buf := smallEntries(1, 64), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		buf = encodeBatch(buf[:0], 1, 4096, batch{state: logState{hs: hardState(1, 1, 1)}}, ents)
	}
}

// BenchmarkEntries reads a message of 64 entries, from memory and from disk.
func BenchmarkEntries(b *testing.B) {
	for name, tail := range map[string]int64{"memory": 0, "disk": 1} {
		b.Run(name, func(b *testing.B) {
			l := mustOpenLog(b, filepath.Join(b.TempDir(), "log"), LogOptions{TailBytes: tail})
			if err := l.Write(raftpb.HardState{}, entries(1, 5000, 1)); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Entries(4000, 4064, 1<<20); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen opens, and so checks, logs of small entries, each of which was
// an append of its own; a few large ones would be quicker.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []uint64{100_000, 1_000_000} {
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "log")
			dir, err := openFolder(path)
			if err != nil {
				b.Fatal(err)
			}
			l, err := openLog(unsyncedFolder{dir}, path, LogOptions{}, func(f func()) { go f() })
			if err != nil {
				b.Fatal(err)
			}
			for i := range n {
				if err := l.Write(raftpb.HardState{}, smallEntries(i+1, 1)); err != nil {
					b.Fatal(err)
				}
			}
			l.Close()
			b.ReportAllocs()
			for b.Loop() {
				mustOpenLog(b, path, LogOptions{}).Close()
			}
		})
	}
}

// unsyncedFolder leaves out the fsyncs.
type unsyncedFolder struct{ folder }

func (f unsyncedFolder) create(name string) (file, error) {
	in, err := f.folder.create(name)
	return unsyncedFile{in}, err
}

func (f unsyncedFolder) open(name string) (file, error) {
	in, err := f.folder.open(name)
	return unsyncedFile{in}, err
}

type unsyncedFile struct{ file }

func (f unsyncedFile) write(pages []byte, at int64) error {
	_, err := f.file.(*osFile).WriteAt(pages, at)
	return err
}

// BenchmarkMakeSegment makes a new segment, and one of an old file.
func BenchmarkMakeSegment(b *testing.B) {
	for _, again := range []bool{false, true} {
		b.Run(fmt.Sprintf("again=%v", again), func(b *testing.B) {
			dir, err := openFolder(filepath.Join(b.TempDir(), "log"))
			if err != nil {
				b.Fatal(err)
			}
			defer dir.Close()
			var old *segment
			for i := uint64(1); b.Loop(); i++ {
				s, err := makeSegment(dir, old, i, defaultSegmentBytes)
				if err != nil {
					b.Fatal(err)
				}
				if again {
					old = s
				} else if err := s.f.Close(); err != nil {
					b.Fatal(err)
				} else if err := dir.remove(s.name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
