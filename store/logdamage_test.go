package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

var damageOptions = LogOptions{SegmentBytes: segmentHeader + 8192, TailBytes: 1}

// damageLog is a log of several segments. Its last batch is in the last segment, is not the first
// there, and is small or of several sectors.
type damageLog struct {
	files    map[string][]byte
	want     content
	batches  []writtenBatch
	needed   []string // segments
	last     string   // of them
	from, to int      // of the last batch
}

// writtenBatch is where a batch lies, and what the log is without it and what
// follows it.
type writtenBatch struct {
	segment  string
	from, to int
	before   content
}

func makeDamageLog(t testing.TB, small bool) damageLog {
	t.Helper()
	d := newSimDisk(rand.New(rand.NewPCG(1, 1)))
	l, err := d.openLog(damageOptions)
	if err != nil {
		t.Fatal(err)
	}
	r, c := rand.New(rand.NewPCG(3, 3)), emptyContent
	var log damageLog
	do := func(op logOp) {
		t.Helper()
		if err := op.do(l); err != nil {
			t.Fatal(err)
		}
		last := l.lastSegment()
		log.batches = append(log.batches, writtenBatch{last.name, int(last.end - batchSize(op.entries)), int(last.end), c})
		c = op.apply(c)
	}
	for range 60 {
		do(logOp{what: "write", hs: hardState(1, 2, c.Last), entries: entries(c.Last+1, c.Last+1+r.Uint64N(8), 1)})
	}
	do(logOp{what: "write", entries: entries(c.Last-30, c.Last-10, 2)})
	do(logOp{what: "compact", index: c.Last - 60})
	for {
		op := logOp{what: "write", hs: hardState(2, 1, c.Last), entries: entries(c.Last+1, c.Last+1, 2)}
		if !small {
			op.entries = entries(c.Last+1, c.Last+9, 2)
		}
		seg := l.lastSegment()
		at, size := seg.end, batchSize(op.entries)
		do(op)
		if l.lastSegment() == seg && l.ready == nil && at > segmentHeader && (size < 300) == small && size < 8*sector {
			break
		}
	}
	log.want, log.files = c, d.files()
	for _, s := range l.segs {
		log.needed = append(log.needed, s.name)
	}
	b := log.batches[len(log.batches)-1]
	log.last, log.from, log.to = b.segment, b.from, b.to
	if len(log.needed) < 3 {
		t.Fatalf("segments %v", log.needed)
	}
	return log
}

// without is what the log may be without the bytes [from, to) of a segment: if
// no batch begins behind them, nothing tells that there was one.
func (l damageLog) without(name string, from, to int) []content {
	may := []content{l.want}
	lost := false
	for _, b := range l.batches {
		if b.segment == name && b.to > from && b.from < to && !lost {
			may, lost = append(may, b.before), true
		}
		if lost && (b.segment != name || b.from >= to) {
			return may[:1]
		}
	}
	return may
}

// with is the log with file name changed.
func (l damageLog) with(name string, data []byte) map[string][]byte {
	files := maps.Clone(l.files)
	files[name] = data
	return files
}

// try opens files, which are damaged, and reports whether that was refused. If
// it was not the content must be one of may, and the log fit to go on with.
func (l damageLog) try(t *testing.T, what string, files map[string][]byte, may ...content) (refused bool) {
	t.Helper()
	d := simDiskOf(files)
	log, err := d.openLog(damageOptions)
	if err != nil {
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "log/00") || !strings.Contains(err.Error(), "restore") {
			t.Fatalf("%s: error %v", what, err)
		}
		return true
	}
	now := oneOf(t, what, logContent(t, log), may)
	op := logOp{what: "write", entries: entries(now.Last, now.Last+20, 9)}
	if err := op.do(log); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	log.Close()
	if log, err = d.openLog(damageOptions); err != nil {
		t.Fatalf("%s, and another write: %v", what, err)
	}
	defer log.Close()
	if d := diff(op.apply(now), logContent(t, log)); d != "" {
		t.Fatalf("%s, and another write (-want +got):\n%s", what, d)
	}
	return false
}

func TestDamagedLog(t *testing.T) {
	for _, small := range []bool{true, false} {
		t.Run(fmt.Sprintf("small=%v", small), func(t *testing.T) {
			t.Parallel()
			l := makeDamageLog(t, small)
			t.Run("bits", l.testBits)
			if small {
				t.Run("cuts", l.testCuts)
			}
			t.Run("sectors", l.testSectors)
			t.Run("files", l.testFiles)
		})
	}
}

// testBits flips bits. One in a batch is always noticed, in the last one as well.
func (l damageLog) testBits(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	refused, intact := 0, 0
	flip := func(name string, at, bit int) bool {
		data := bytes.Clone(l.files[name])
		data[at] ^= 1 << bit
		if l.try(t, fmt.Sprintf("bit %d of byte %d of %s flipped", bit, at, name), l.with(name, data), l.want) {
			refused++
			return true
		}
		intact++
		return false
	}
	for at := l.from; at < l.to; at++ {
		middle := at-l.from > 300 && l.to-at > 64 // with the payloads of a big batch
		if middle && at%someOf(7, 1) > 0 {
			continue
		}
		if !flip(l.last, at, r.IntN(8)) {
			t.Errorf("a bit of byte %d of the last batch was flipped, and not noticed", at-l.from)
		}
	}
	for _, name := range l.needed {
		for bit := range segmentFields * 8 {
			if !flip(name, bit/8, bit%8) {
				t.Errorf("bit %d of the header was flipped, and not noticed", bit)
			}
		}
		for range someOf(80, 300) {
			flip(name, r.IntN(len(l.files[name])), r.IntN(8))
		}
	}
	t.Logf("%d refused, %d without harm", refused, intact)
}

// testCuts cuts the segments short: the last one at each length at which its last batch is cut,
// with -long at all lengths, and the others at some.
func (l damageLog) testCuts(t *testing.T) {
	for name, data := range l.files {
		for n := range len(data) {
			every := 89
			if name == l.last {
				every = someOf(11, 1)
			}
			inLast := name == l.last && n >= l.from && n <= l.to
			if !inLast && n%sector > 1 && n%every > 0 {
				continue
			}
			refused := l.try(t, fmt.Sprintf("%s cut to %d bytes", name, n), l.with(name, data[:n]), l.want)
			if !refused && slices.Contains(l.needed, name) {
				t.Fatalf("%s cut to %d bytes was not noticed", name, n)
			}
		}
		if !l.try(t, name+" is longer", l.with(name, append(bytes.Clone(data), 0)), l.want) && slices.Contains(l.needed, name) {
			t.Errorf("%s is longer, and that was not noticed", name)
		}
	}
}

// testSectors has sectors that are empty, hold something else, or what belongs
// to another place. All that cannot be noticed are the sectors that were written
// last, if they are as they were before: that is what a crash leaves.
func (l damageLog) testSectors(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, unit := range []int{sector, 4096} {
		for _, name := range l.needed {
			data := l.files[name]
			for at := 0; at < len(data); at += unit {
				what := fmt.Sprintf("%d bytes at %d of %s", unit, at, name)
				zeroed := bytes.Clone(data)
				clear(zeroed[at : at+unit])
				may := l.without(name, at, at+unit)
				l.try(t, "no "+what, l.with(name, zeroed), may...)
				filled := bytes.Clone(data)
				for i := at; i < at+unit; i++ {
					filled[i] = byte(r.Uint32())
				}
				l.try(t, "other "+what, l.with(name, filled), l.want)
				from := l.needed[r.IntN(len(l.needed))]
				misplaced := bytes.Clone(data)
				copy(misplaced[at:at+unit], l.files[from][r.IntN(len(l.files[from])/unit)*unit:])
				l.try(t, "misplaced "+what, l.with(name, misplaced), may...)
			}
		}
	}
}

// testFiles loses files, takes one for another, and has one of another log.
func (l damageLog) testFiles(t *testing.T) {
	other := makeDamageLog(t, true)
	for i, name := range l.needed {
		files := maps.Clone(l.files)
		delete(files, name)
		if i < len(l.needed)-1 && !l.try(t, "no "+name, files) {
			t.Errorf("without %s it opens", name)
		}
		next := l.needed[(i+1)%len(l.needed)]
		if !l.try(t, name+" is "+next, l.with(name, l.files[next])) {
			t.Errorf("with %s in the place of %s it opens", next, name)
		}
		l.try(t, name+" is of another log", l.with(name, other.files[name]), l.want, other.want)
		l.try(t, name+" is empty", l.with(name, nil), l.want)
		l.try(t, name+" is something else", l.with(name, bytes.Repeat([]byte("not a log, "), 1000)), l.want)
	}
	files := maps.Clone(l.files)
	files["notes.txt"], files[".DS_Store"] = []byte("mine"), nil
	if l.try(t, "other files beside it", files, l.want) {
		t.Error("refused for files that are none of its own")
	}
}

// TestTornWrite has the last batch in each form that a power failure can leave.
func TestTornWrite(t *testing.T) {
	for _, small := range []bool{true, false} {
		l := makeDamageLog(t, small)
		data := l.files[l.last]
		first, end := l.from/sector, (l.to+sector-1)/sector
		for lost := range 1 << (end - first) {
			torn := bytes.Clone(data)
			for s := first; s < end; s++ {
				if lost&(1<<(s-first)) != 0 {
					clear(torn[max(s*sector, l.from):min((s+1)*sector, l.to)])
				}
			}
			want := l.batches[len(l.batches)-1].before
			if lost == 0 {
				want = l.want
			}
			if l.try(t, fmt.Sprintf("sectors %b lost", lost), l.with(l.last, torn), want) {
				t.Errorf("of the last batch the sectors %b are lost, and the log is refused", lost)
			}
		}
	}
}

func TestForeignLogs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	mustOpenBoards(t, path).Close()
	_, err := OpenLog(path, LogOptions{})
	if err == nil || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "is a file") || !strings.Contains(err.Error(), path) {
		t.Errorf("a file in the place of the log: %v", err)
	}
	path = filepath.Join(t.TempDir(), "log")
	mustOpenLog(t, path, LogOptions{}).Close()
	file := filepath.Join(path, segmentName(1))
	data := readFile(t, file)
	data[len(segmentMagic)]++
	binary.BigEndian.PutUint32(data[segmentFields-4:], checksum(nil, data[:segmentFields-4]))
	writeFile(t, file, data)
	_, err = OpenLog(path, LogOptions{})
	if err == nil || !strings.Contains(err.Error(), "version 2") || !strings.Contains(err.Error(), file) {
		t.Errorf("the log of a later version: %v", err)
	}
}

// TestLogFiles: what the log leaves on disk is bounded, readable by its owner only,
// and a big batch has a segment of its own, which goes again.
func TestLogFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	o := LogOptions{SegmentBytes: 64 << 10}
	l := mustOpenLog(t, path, o)
	next := uint64(1)
	for range 300 {
		big := next%7 == 0
		ents := entries(next, next+20, 1)
		if big {
			ents[3].Data = bytes.Repeat([]byte("big"), 100_000)
		}
		if err := l.Write(raftpb.HardState{}, ents); err != nil {
			t.Fatal(err)
		}
		next += 21
		if err := l.Compact(next - 10); err != nil {
			t.Fatal(err)
		}
	}
	got, err := l.Entries(next-5, next, 1<<20)
	if err != nil || len(got) != 5 || !sameEntry(got[0], entry(next-5, 1)) {
		t.Errorf("entries: %v, %v", got, err)
	}
	l.Close()
	files, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
	}
	if size > 6*o.SegmentBytes {
		t.Errorf("%d bytes in %v for a log of ten entries", size, files)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// reseal makes the checksums of a segment right, batch by batch, so that a
// fuzzer gets behind them.
func reseal(data []byte) []byte {
	be := binary.BigEndian
	if len(data) < segmentHeader+minBatch {
		return data
	}
	copy(data, segmentMagic)
	data[len(segmentMagic)] = segmentVersion
	be.PutUint64(data[8:], 1)
	be.PutUint64(data[16:], uint64(len(data)))
	salt := checksum(nil, data[:segmentFields-4])
	be.PutUint32(data[segmentFields-4:], salt)
	clear(data[segmentFields:segmentHeader])
	for at := segmentHeader; at+minBatch <= len(data); {
		length := int(be.Uint32(data[at+4:]))
		if length < minBatch || length%batchAlign != 0 || at+length > len(data) {
			break
		}
		be.PutUint32(data[at:], sum(salt, int64(at), data[at+4:at+batchHeader]))
		for pos, n := at+batchHeader, 0; n < int(be.Uint32(data[at+64:])) && pos+recordHeader <= at+length; n++ {
			size := int(recordLength(data[pos:]))
			if pos+size > at+length {
				break
			}
			be.PutUint32(data[pos:], sum(salt, int64(pos), data[pos+4:pos+size]))
			pos += size
		}
		at += length
	}
	return data
}

// FuzzSegment gives the log any segment at all, as it is or with its checksums
// made right. It is refused, or opens and then works.
func FuzzSegment(f *testing.F) {
	d := newSimDisk(rand.New(rand.NewPCG(1, 1)))
	l, err := d.openLog(LogOptions{SegmentBytes: segmentHeader + 4096})
	if err != nil {
		f.Fatal(err)
	}
	few := func(first, n, term uint64) []raftpb.Entry {
		ents := smallEntries(first, n)
		for i := range ents {
			ents[i].Data, ents[i].Term = ents[i].Data[:5], term
		}
		return ents
	}
	if err := errors.Join(l.Write(hardState(1, 1, 1), few(1, 3, 1)), l.Write(raftpb.HardState{}, few(2, 4, 2)), l.Compact(3),
		l.Reset(40, 3, raftpb.HardState{}), l.Write(hardState(3, 1, 1), few(41, 2, 3))); err != nil {
		f.Fatal(err)
	}
	data := d.files()[segmentName(1)]
	batches := data[segmentHeader:l.lastSegment().end]
	f.Add(batches, false)
	f.Add(batches, true)
	f.Add([]byte{}, false)
	f.Add(batches[:200], true)
	f.Add(bytes.Repeat([]byte{0xff}, 500), true)
	f.Fuzz(func(t *testing.T, batches []byte, right bool) {
		segment := append(bytes.Clone(data[:segmentHeader]), batches...)
		if right {
			segment = reseal(segment)
		} else if len(segment) < len(data) {
			segment = append(segment, make([]byte, len(data)-len(segment))...)
		}
		d := simDiskOf(map[string][]byte{segmentName(1): segment})
		l, err := d.openLog(LogOptions{TailBytes: 100, SegmentBytes: 1})
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		c := logContent(t, l)
		if c.Last == 1<<64-1 {
			return // no index can follow it
		}
		op := logOp{what: "write", hs: hardState(1, 1, 1), entries: entries(c.Last+1, c.Last+1, 1)}
		if err := op.do(l); err != nil {
			t.Fatal(err)
		}
		l.Close()
		if l, err = d.openLog(LogOptions{TailBytes: 100, SegmentBytes: 1}); err != nil {
			t.Fatal(err)
		}
		if d := diff(op.apply(c), logContent(t, l)); d != "" {
			t.Fatal(d)
		}
		l.Close()
	})
}
