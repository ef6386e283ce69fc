package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// Entries returns the entries in [lo, hi), as many as have at most maxSize bytes in their protobuf
// encoding, and at least one. The error is [raft.ErrCompacted] if lo is compacted, and
// [raft.ErrUnavailable] if the log ends before hi. The caller owns the slice and may add to it.
func (l *Log) Entries(lo, hi, maxSize uint64) ([]raftpb.Entry, error) {
	l.mu.RLock()
	if err := l.checkRange(lo, hi); err != nil {
		l.mu.RUnlock()
		return nil, err
	}
	if lo >= l.tail.first {
		defer l.mu.RUnlock()
		return l.tail.slice(lo, hi, maxSize, true), nil
	}
	l.mu.RUnlock()
	return l.entriesFromDisk(lo, hi, maxSize)
}

// checkRange checks that [lo, hi) is in the log. The caller holds mu.
func (l *Log) checkRange(lo, hi uint64) error {
	switch {
	case lo <= l.state.compacted:
		return raft.ErrCompacted
	case hi > l.state.last+1, l.state.last == l.state.compacted:
		return raft.ErrUnavailable
	case lo > hi:
		return fmt.Errorf("entries [%d, %d): %w", lo, hi, raft.ErrUnavailable)
	}
	return nil
}

// entriesFromDisk is Entries for a lo that was not in the tail a moment ago.
func (l *Log) entriesFromDisk(lo, hi, maxSize uint64) ([]raftpb.Entry, error) {
	l.disk.RLock()
	defer l.disk.RUnlock()

	// All that is needed is taken in one moment: during the read from disk, entries may leave the
	// tail and be replaced.
	l.mu.RLock()
	err := l.checkRange(lo, hi)
	if err == nil && lo >= l.tail.first {
		defer l.mu.RUnlock()
		return l.tail.slice(lo, hi, maxSize, true), nil
	}
	if err == nil && errors.Is(l.failed, os.ErrClosed) {
		err = l.failed
	}
	split := min(hi, l.tail.first)
	var pieces []piece
	var rest tail
	if err == nil {
		pieces = l.pieces(lo, split)
		if hi > split {
			rest = l.tail
			rest.chunks = slices.Clone(rest.chunks) // add changes the last one
		}
	}
	l.mu.RUnlock()
	if err != nil {
		return nil, err
	}

	r := entryReader{maxSize: maxSize, ents: []raftpb.Entry{}}
	for _, p := range pieces {
		if full, err := r.read(p, l.dir); err != nil {
			return nil, fmt.Errorf("read log: %w", err)
		} else if full {
			return r.ents, nil
		}
	}
	if hi > split && r.used <= maxSize {
		r.ents = append(r.ents, rest.slice(split, hi, maxSize-r.used, len(r.ents) == 0)...)
	}
	return r.ents, nil
}

// piece is a part of the log in one segment.
type piece struct {
	seg   *segment
	first uint64
	offs  []uint32
}

// pieces says where the entries [lo, hi) are. The caller holds mu.
func (l *Log) pieces(lo, hi uint64) (out []piece) {
	for _, s := range l.segs {
		a, b := max(lo, s.first), min(hi, s.next())
		if len(s.offs) > 0 && a < b {
			out = append(out, piece{s, a, s.offs[a-s.first : b-s.first]})
		}
	}
	return out
}

// entryReader reads entries from segments until they are too many.
type entryReader struct {
	maxSize uint64
	used    uint64 // size of ents
	ents    []raftpb.Entry

	// buf is what was read of the segment from offset at on. The last wanted record begins before
	// end.
	buf []byte
	at  int64
	end int64
}

const (
	minRead = 4 << 10
	maxRead = 256 << 10
)

// read takes the entries of p, and reports whether there was one too many.
func (r *entryReader) read(p piece, dir folder) (full bool, err error) {
	r.buf, r.end = r.buf[:0], int64(p.offs[len(p.offs)-1])+recordHeader
	for i, off := range p.offs {
		rec, err := r.record(p.seg, int64(off))
		if errors.Is(err, errRecord) || err == nil && rec.index != p.first+uint64(i) {
			err = damaged(dir.path(p.seg.name), "entry %d, at byte %d: %v", p.first+uint64(i), off, errRecord)
		}
		if err != nil {
			return false, err
		}
		e := rec.entry()
		size := uint64(e.Size())
		if len(r.ents) > 0 && r.used+size > r.maxSize {
			return true, nil
		}
		r.ents, r.used = append(r.ents, e), r.used+size
	}
	return false, nil
}

// record is the record at off. Its data is valid until the next call.
func (r *entryReader) record(s *segment, off int64) (record, error) {
	if off < r.at || off+recordHeader > r.at+int64(len(r.buf)) {
		n := int64(min(maxRead, max(minRead, r.maxSize-min(r.maxSize, r.used))))
		if err := r.fill(s, off, min(n, r.end-off+minRead, s.size-off)); err != nil {
			return record{}, err
		}
	}
	if n := recordLength(r.buf[off-r.at:]); off+n > r.at+int64(len(r.buf)) {
		if n > s.size-off {
			return record{}, errRecord
		}
		if err := r.fill(s, off, n); err != nil {
			return record{}, err
		}
	}
	rec, _, ok := openRecord(r.buf[off-r.at:], s.salt, off)
	if !ok {
		return record{}, errRecord
	}
	return rec, nil
}

// fill reads n bytes at offset at.
func (r *entryReader) fill(s *segment, at, n int64) error {
	if int64(cap(r.buf)) < n {
		r.buf = make([]byte, n)
	}
	r.buf, r.at = r.buf[:n], at
	got, err := s.f.ReadAt(r.buf, at)
	r.buf = r.buf[:got]
	if int64(got) == n {
		return nil
	}
	r.buf = r.buf[:0]
	return shortRead(err)
}

// recordLength is the length that the record at the beginning of b claims.
func recordLength(b []byte) int64 {
	return recordHeader + int64(binary.BigEndian.Uint32(b[4:]))
}

// shortRead makes damage of an unexpected end of a file.
func shortRead(err error) error {
	if errors.Is(err, io.EOF) {
		return errRecord
	}
	return err
}
