package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
)

// OpenLog opens the log in the directory at path, and creates it if there is none. It reads all
// segments in use, and checks every record and that none is missing. A lost acknowledged entry must
// be noticed before this node takes part again, and not when a follower asks for it. A torn write
// is taken back.
func OpenLog(path string, o LogOptions) (*Log, error) {
	dir, err := openFolder(path)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l, err := openLog(dir, path, o, func(f func()) { go f() })
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return l, nil
}

// openLog opens the log in dir, which is closed with the log. spawn runs its argument beside the
// writer.
func openLog(dir folder, path string, o LogOptions, spawn func(func())) (*Log, error) {
	o = o.withDefaults()
	l := &Log{dir: dir, path: path, size: o.SegmentBytes, spawn: spawn, tail: tail{limit: uint64(max(0, o.TailBytes))}}
	err := l.open()
	if err == nil {
		err = l.loadPage()
	}
	if err == nil {
		err = l.loadTail()
	}
	if err != nil {
		return nil, errors.Join(err, l.closeSegments())
	}
	return l, nil
}

// open finds the segments, reads them, and makes what it found durable.
func (l *Log) open() error {
	numbers, temps, err := listSegments(l.dir)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	for _, name := range temps {
		if err := l.dir.remove(name); err != nil {
			return fmt.Errorf("open log: %w", err)
		}
	}
	if len(numbers) == 0 {
		s, err := makeSegment(l.dir, nil, 1, l.size)
		if err != nil {
			return fmt.Errorf("create log %s: %w", l.path, err)
		}
		l.segs = []*segment{s}
		l.state = logState{hs: raftpb.HardState{}}
		return nil
	}
	// The run of segments that ends with the newest is the log. Segments before a gap were no
	// longer needed and not removed yet.
	run := len(numbers) - 1
	for run > 0 && numbers[run-1] == numbers[run]-1 {
		run--
	}
	r := replay{l: l}
	for _, n := range numbers[run:] {
		s, err := openSegment(l.dir, segmentName(n))
		if err != nil {
			return err
		}
		l.segs = append(l.segs, s)
		if err := r.segment(s); err != nil {
			return err
		}
	}
	if err := r.finish(); err != nil {
		return err
	}
	if err := r.settle(); err != nil {
		return fmt.Errorf("repair log %s: %w", l.path, err)
	}
	for _, n := range numbers[:run] {
		if err := l.dir.remove(segmentName(n)); err != nil {
			return fmt.Errorf("open log: %w", err)
		}
	}
	return l.release()
}

// replay follows the batches of a log from the oldest segment to the newest.
type replay struct {
	l    *Log
	data []byte // of one segment at a time

	begun bool // a batch was seen
	// The last batch seen, as it is in the file, and where.
	last    []byte
	lastSeg *segment
	lastAt  int
	// How many of the newest segments are empty.
	empty int
	// The bad place at the end of tornSeg, which must be the last segment in use.
	torn    *badPlace
	tornSeg *segment
	tornEnd int64 // of its content that is not zero
}

func (r *replay) damaged(s *segment, format string, args ...any) error {
	return damaged(r.l.dir.path(s.name), format, args...)
}

// where says what was expected at offset at.
func (r *replay) where(at int) string {
	if !r.begun {
		return fmt.Sprintf("byte %d, where the first batch begins", at)
	}
	return fmt.Sprintf("byte %d, where batch %d begins (the log so far ends with entry %d)", at, r.l.lastBatch+1, r.l.state.last)
}

// segment reads one segment.
func (r *replay) segment(s *segment) error {
	if int64(cap(r.data)) < s.size {
		r.data = make([]byte, s.size)
	}
	data := r.data[:s.size]
	if _, err := s.f.ReadAt(data, 0); err != nil {
		return fmt.Errorf("read %s: %w", r.l.dir.path(s.name), err)
	}
	if allZero(data[segmentHeader:]) {
		r.empty++
		return nil
	}
	r.empty = 0
	if r.torn != nil {
		return r.damaged(r.tornSeg, "at %s: %s; segment %d after it is in use, so the write had been complete", r.where(r.torn.start), r.torn.what, s.number)
	}
	at := segmentHeader
	for at < len(data) {
		h, bad := checkBatch(data, s.salt, at)
		if bad != nil && allZero(data[at:]) {
			break
		}
		if bad != nil {
			why := tornBatch(data, s.salt, r.l.lastBatch, bad)
			if why != "" {
				return r.damaged(s, "at %s: %s; %s", r.where(at), bad.what, why)
			}
			r.torn, r.tornSeg = bad, s
			for r.tornEnd = s.size; data[r.tornEnd-1] == 0; r.tornEnd-- {
			}
			break
		}
		if err := r.batch(s, data[at:at+h.length], at, h); err != nil {
			return r.damaged(s, "at %s: %v", r.where(at), err)
		}
		at += h.length
	}
	s.end = int64(at)
	return nil
}

// batch takes the sound batch b of s.
func (r *replay) batch(s *segment, b []byte, at int, h batch) error {
	l, be := r.l, binary.BigEndian
	switch {
	case h.number != l.lastBatch+1 && (r.begun || s.number == 1):
		return fmt.Errorf("it is batch %d", h.number)
	case h.state.compacted > h.state.last:
		return fmt.Errorf("it is compacted to %d and ends at %d", h.state.compacted, h.state.last)
	case h.reset && (h.count > 0 || h.state.compacted != h.state.last):
		return fmt.Errorf("it starts the log again at %d, and holds %d entries", h.state.compacted, h.count)
	case r.begun && !h.reset && h.state.compacted < l.state.compacted:
		return fmt.Errorf("it is compacted to %d, but the log was compacted to %d before", h.state.compacted, l.state.compacted)
	}
	last := l.state.last
	if h.reset {
		l.truncate(0)
		last = h.state.last
	}
	pos := batchHeader
	for i := range h.count {
		rec := b[pos:]
		index := be.Uint64(rec[8:])
		if i == 0 {
			if index == 0 || r.begun && index > last+1 || index <= h.state.compacted {
				return fmt.Errorf("its entries begin with %d", index)
			}
			l.truncate(index)
		} else if index != last+1 {
			return fmt.Errorf("entry %d follows entry %d", index, last)
		}
		last = index
		s.add(index, int64(at+pos))
		l.terms.add(index, be.Uint64(rec[16:]))
		pos += int(recordLength(rec))
	}
	if last != h.state.last && (r.begun || h.count > 0) {
		return fmt.Errorf("its last entry is %d, and should be %d", last, h.state.last)
	}
	l.state, l.lastBatch, r.begun = h.state, h.number, true
	r.last, r.lastSeg, r.lastAt = append(r.last[:0], b...), s, at
	return nil
}

// finish checks that what was read is a whole log.
func (r *replay) finish() error {
	l := r.l
	if !r.begun {
		if first := l.segs[0]; first.number != 1 {
			return r.damaged(first, "the segments before it are missing, and it is empty")
		}
		l.state = logState{hs: raftpb.HardState{}}
		return nil
	}
	l.state.hs = openHardState(r.last)
	if l.state.last == l.state.compacted {
		return nil
	}
	for _, s := range l.segs {
		if len(s.offs) == 0 {
			continue
		}
		if s.first > l.state.compacted+1 {
			return r.damaged(l.segs[0], "entries [%d, %d) are missing: the segment before it is gone", l.state.compacted+1, s.first)
		}
		l.terms.drop(l.state.compacted + 1)
		return nil
	}
	return r.damaged(l.segs[0], "entries [%d, %d] are missing: the segment before it is gone", l.state.compacted+1, l.state.last)
}

// settle makes durable what was found. The last batch may not be durable: its process may have been
// killed before its fsync, or the fsync may have failed. So it is written again, since after a
// failed fsync the system takes pages for clean that are not on disk. The rest of a torn batch is
// wiped, so that it cannot come back.
func (r *replay) settle() error {
	l := r.l
	if n := len(l.segs) - 1; r.empty == 1 && n > 0 {
		// It was made for the time when the one before it is full. (There are several if a crash
		// met a batch too big for the first; then the newest goes on.)
		l.ready = make(chan madeSegment, 1)
		l.ready <- madeSegment{seg: l.segs[n]}
		l.segs = l.segs[:n]
	}
	if r.begun {
		if err := r.lastSeg.overwrite(r.last, int64(r.lastAt)); err != nil {
			return err
		}
	}
	if r.torn != nil {
		torn := make([]byte, r.tornEnd-int64(r.torn.start))
		if err := r.tornSeg.overwrite(torn, int64(r.torn.start)); err != nil {
			return err
		}
	}
	return l.dir.sync()
}

// loadPage reads what the next write begins with.
func (l *Log) loadPage() error {
	l.pages = newPages(page)
	s := l.lastSegment()
	at := s.end % page
	if at == 0 {
		return nil
	}
	if _, err := s.f.ReadAt(l.pages[:at], s.end-at); err != nil {
		return fmt.Errorf("read %s: %w", l.dir.path(s.name), err)
	}
	return nil
}

// loadTail reads as much of the end of the log as fits into the tail.
func (l *Log) loadTail() error {
	l.tail.reset(l.state.last + 1)
	if l.state.last == l.state.compacted {
		return nil
	}
	first := l.tailStart()
	l.tail.reset(first)
	r := entryReader{maxSize: 1<<63 - 1}
	for _, p := range l.pieces(first, l.state.last+1) {
		r.ents = make([]raftpb.Entry, 0, len(p.offs))
		if _, err := r.read(p, l.dir); err != nil {
			return fmt.Errorf("read log: %w", err)
		}
		l.tail.add(r.ents)
	}
	l.tail.trim()
	return nil
}

// tailStart is where the tail begins: the size of the entries in the file is about their size, and
// a little more.
func (l *Log) tailStart() uint64 {
	weight := uint64(0)
	for i := len(l.segs) - 1; i >= 0; i-- {
		s := l.segs[i]
		end := uint64(s.end)
		for k := len(s.offs) - 1; k >= 0; k-- {
			weight += end - uint64(s.offs[k]) + entryOverhead
			end = uint64(s.offs[k])
			index := s.first + uint64(k)
			if index == l.state.compacted+1 || weight > l.tail.limit {
				if weight > l.tail.limit {
					return min(index+1, l.state.last)
				}
				return index
			}
		}
	}
	return l.state.last
}
