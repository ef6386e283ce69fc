package store

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// keepPages is the most memory that is kept for the next batch.
const keepPages = 4 << 20

// Write makes entries and hs durable in one transaction. It replaces every stored entry from
// entries[0].Index on. An empty hs leaves the saved one as it is. Entries that are compacted
// already are skipped. For a gap it stores nothing and returns [ErrGap].
//
// Readers see the change once it is durable. After an error with [ErrFailed] they see nothing of
// it. Since nobody knows what reached the disk, a restart shows all of it or nothing, and every
// later write is refused.
func (l *Log) Write(hs raftpb.HardState, entries []raftpb.Entry) error {
	l.write.Lock()
	defer l.write.Unlock()
	next, err := l.begin(hs)
	if err != nil {
		return err
	}
	if err := contiguous(entries, next.last); err != nil {
		return err
	}
	entries = behind(entries, next.compacted)
	if len(entries) == 0 {
		if next.hs == l.state.hs {
			return nil
		}
		return l.commit(batch{state: next}, nil)
	}
	next.last = entries[len(entries)-1].Index
	return l.commit(batch{state: next}, entries)
}

// begin returns the present state with hs in it, or why there must be no write. The caller holds
// write.
func (l *Log) begin(hs raftpb.HardState) (logState, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.failed != nil {
		return logState{}, l.failed
	}
	s := l.state
	if !raft.IsEmptyHardState(hs) {
		s.hs = hs
	}
	return s, nil
}

// contiguous checks that entries follow one another and the log's end without a gap.
func contiguous(entries []raftpb.Entry, last uint64) error {
	for i, e := range entries {
		switch want := entries[0].Index + uint64(i); {
		case e.Index != want || want == 0:
			return fmt.Errorf("write: entry %d stands in the place of entry %d: %w", e.Index, want, ErrGap)
		case i == 0 && want > last+1:
			return fmt.Errorf("write: entry %d, but the log ends at %d: %w", want, last, ErrGap)
		case uint32(e.Type) > maxRecordType:
			return fmt.Errorf("write: entry %d has type %d; the limit is %d", want, e.Type, maxRecordType)
		}
	}
	return nil
}

// behind leaves out the entries that are compacted.
func behind(entries []raftpb.Entry, compacted uint64) []raftpb.Entry {
	if len(entries) == 0 || entries[0].Index > compacted {
		return entries
	}
	return entries[min(uint64(len(entries)), compacted+1-entries[0].Index):]
}

// commit writes the batch of h and entries and makes it durable, with one write of whole pages.
// Then readers see it. h.state is the state of the log with it. After an error this log refuses all
// writes. The caller holds write.
func (l *Log) commit(h batch, entries []raftpb.Entry) error {
	size := batchSize(entries)
	if size > maxBatch {
		return fmt.Errorf("write: %d entries of %d bytes: the limit is %d", len(entries), size, maxBatch)
	}
	seg, err := l.segmentFor(size)
	if OutOfFiles(err) { // nothing is written yet
		return fmt.Errorf("write log %s: %w", l.path, err)
	}
	if err != nil {
		return l.fail(err)
	}
	h.number = l.lastBatch + 1
	at := seg.end % page // where the batch begins in the first of the pages
	from := seg.end - at
	pages := l.room(at, min(pageEnd(seg.end+size), seg.size)-from)
	encodeBatch(pages[at:at:at+size], seg.salt, seg.end, h, entries)
	clear(pages[at+size:]) // as it is in the segment
	if err := seg.f.write(pages, from); err != nil {
		return l.fail(err)
	}
	l.lastBatch = h.number
	l.publish(seg, h, entries)
	seg.end += size
	copy(l.pages, pages[(at+size)/page*page:at+size])
	if seg.end > seg.size/2 && l.ready == nil {
		l.makeNext()
	}
	return nil
}

// room returns memory for the next write of size bytes. Its first at bytes are the content of the
// page before the batch. The caller holds write.
func (l *Log) room(at, size int64) []byte {
	if int64(len(l.pages)) >= size {
		return l.pages[:size]
	}
	pages := newPages(size)
	copy(pages, l.pages[:at])
	if len(pages) <= keepPages {
		l.pages = pages
	}
	return pages[:size]
}

// fail keeps the error of the write that stops this log.
func (l *Log) fail(err error) error {
	err = fmt.Errorf("write log %s: %w: %w", l.path, ErrFailed, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = err
	return err
}

// publish shows readers the batch of h and entries, which is durable at seg.end.
func (l *Log) publish(seg *segment, h batch, entries []raftpb.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = h.state
	if h.reset {
		l.truncate(0)
		l.tail.reset(h.state.last + 1)
	}
	if len(entries) == 0 {
		return
	}
	from := entries[0].Index
	l.truncate(from)
	l.tail.truncate(from)
	at := seg.end + batchHeader
	for i := range entries {
		e := &entries[i]
		seg.add(e.Index, at)
		l.terms.add(e.Index, e.Term)
		at += recordHeader + int64(len(e.Data))
	}
	l.tail.add(entries)
	l.tail.trim()
}

// truncate forgets where the entries from index on are. The caller holds mu.
func (l *Log) truncate(index uint64) {
	for i := len(l.segs) - 1; i >= 0; i-- {
		s := l.segs[i]
		s.truncate(index)
		if len(s.offs) > 0 {
			break // the entries before it are older
		}
	}
	l.terms.truncate(index)
}

// madeSegment is what makeSegment returned.
type madeSegment struct {
	seg *segment
	err error
}

// makeNext begins to make the segment behind the last one, beside the writes to that one. The
// caller holds write.
func (l *Log) makeNext() {
	ready := make(chan madeSegment, 1) // so that it never waits for us
	number, old, size := l.lastSegment().number+1, l.spare, l.size
	l.ready, l.spare = ready, nil
	l.spawn(func() {
		s, err := makeSegment(l.dir, old, number, size)
		ready <- madeSegment{s, err}
	})
}

// lastSegment is the segment that is written to. The caller holds write or mu.
func (l *Log) lastSegment() *segment { return l.segs[len(l.segs)-1] }

// segmentFor returns the segment for a batch of size bytes: the last one, or the next, which then
// is the last one. The caller holds write.
func (l *Log) segmentFor(size int64) (*segment, error) {
	last := l.lastSegment()
	if last.end+size <= last.size {
		return last, nil
	}
	if l.ready == nil && segmentHeader+size <= l.size {
		l.makeNext()
	}
	var made madeSegment
	if l.ready != nil {
		made = <-l.ready
		l.ready = nil
	}
	if made.seg != nil && segmentHeader+size > made.seg.size {
		// The batch gets a segment of its own, which takes this one's name.
		if err := made.seg.f.Close(); err != nil {
			return nil, err
		}
		made.seg = nil
	}
	if made.seg == nil { // it could not be made, and perhaps it can now
		need := max(l.size, segmentHeader+pageEnd(size))
		if made.seg, made.err = makeSegment(l.dir, nil, last.number+1, need); made.err != nil {
			return nil, made.err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.segs = append(l.segs, made.seg)
	return made.seg, nil
}

// Reset drops every entry and begins behind a snapshot at index and term, in one transaction. An
// empty hs leaves the saved one as it is.
func (l *Log) Reset(index, term uint64, hs raftpb.HardState) error {
	l.write.Lock()
	defer l.write.Unlock()
	next, err := l.begin(hs)
	if err != nil {
		return err
	}
	next.compacted, next.term, next.last = index, term, index
	if err := l.commit(batch{state: next, reset: true}, nil); err != nil {
		return err
	}
	return l.release()
}

// Compact drops the entries up to index, and keeps the term of index. A checkpoint at or behind
// index must be durable already. An index that is compacted already changes nothing. The error is
// [raft.ErrUnavailable] for one behind the end.
//
// It costs one batch without entries. Of the segments without entries one is kept, to be used
// again. The others are removed.
func (l *Log) Compact(index uint64) error {
	l.write.Lock()
	defer l.write.Unlock()
	next, err := l.begin(raftpb.HardState{})
	if err != nil {
		return err
	}
	if index <= next.compacted {
		return nil
	}
	if index > next.last {
		return fmt.Errorf("compact to %d, but the log ends at %d: %w", index, next.last, raft.ErrUnavailable)
	}
	if next.term, err = l.Term(index); err != nil {
		return err
	}
	next.compacted = index
	if err := l.commit(batch{state: next}, nil); err != nil {
		return err
	}
	l.mu.Lock()
	l.tail.drop(index + 1)
	l.terms.drop(index + 1)
	l.mu.Unlock()
	return l.release()
}

// release removes the segments in front that have no entry of the log. The caller holds write.
func (l *Log) release() error {
	n := unneeded(l.segs, l.state)
	if n == 0 {
		return nil
	}
	l.disk.Lock() // nobody reads them after this
	l.mu.Lock()
	gone := l.segs[:n:n]
	l.segs = append([]*segment(nil), l.segs[n:]...)
	l.mu.Unlock()
	l.disk.Unlock()
	for _, s := range gone {
		if err := l.discard(s); err != nil {
			return l.fail(err)
		}
	}
	return nil
}

// unneeded is how many segments in front have neither an entry of the log nor its last batch, which
// has the HardState.
func unneeded(segs []*segment, state logState) (n int) {
	last := len(segs) - 1
	for last > 0 && segs[last].end == segmentHeader {
		last--
	}
	for n < last && (len(segs[n].offs) == 0 || segs[n].next() <= state.compacted+1) {
		n++
	}
	return n
}

// discard keeps s as the spare segment, or removes it.
func (l *Log) discard(s *segment) error {
	if l.spare == nil && s.size == l.size {
		s.offs = nil
		l.spare = s
		return nil
	}
	return errors.Join(s.f.Close(), l.dir.remove(s.name))
}
