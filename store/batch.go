package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"go.etcd.io/raft/v3/raftpb"
)

// A batch is one write to the log: the entries, if any, and the whole state with them. Everything
// is big endian.
//
//	crc        4 bytes: of the header's other bytes, see seed
//	length     4 bytes: of the batch, a multiple of 8
//	number     8 bytes: of the batch, counted since the log was made
//	compacted  8 bytes: index of the last entry dropped
//	term       8 bytes: its term
//	last       8 bytes: index of the last entry, this batch's included
//	hardState  3 × 8 bytes: term, vote, commit
//	count      4 bytes: entries that follow
//	flags      4 bytes: 1 reset
//	records    the entries, one behind the other
//	padding    0 to 7 zeros
//	end        4 bytes, endMark
//
// and a record is
//
//	crc        4 bytes: of the record's other bytes, see seed
//	length     4 bytes: of the data
//	index      8 bytes
//	term       8 bytes
//	type       2 bytes
//	flags      2 bytes: 1 the data is not nil
//	data
//
// A batch lies in one segment. It follows the batch before it, or begins the next segment if there
// is no room for it. A batch that is bigger than a segment has a segment of its own.
//
// The log's entries are those of all batches, from the oldest segment to the newest. A batch whose
// first index exists already replaces everything from there on. A batch that is marked as a reset
// replaces everything. The last batch says what the HardState is, and which entries there must be.
const (
	batchHeader  = 72
	batchTrailer = 4 // at least: padding comes before it
	recordHeader = 28
	batchAlign   = 8
	minBatch     = batchHeader + batchAlign

	// endMark is not zero. Otherwise the last sector of a batch could be taken for one that was not
	// written, see tornBatch.
	endMark = 0x656e642e

	flagReset     = 1 // of a batch
	flagHasData   = 1 // of a record
	maxBatch      = 1 << 30
	maxRecordType = 1<<16 - 1
)

// logState is the state of the log apart from its entries, which are exactly those of (compacted,
// last].
type logState struct {
	compacted uint64
	term      uint64 // of compacted
	last      uint64
	hs        raftpb.HardState
}

// batch is a batch's header. A batch that was read has no HardState in its state.
type batch struct {
	length int
	number uint64
	state  logState
	count  int
	reset  bool // all earlier entries are dropped
}

// seed is the start of a checksum at offset at of a segment. So neither content from another place,
// nor from before the segment was used again, is valid.
func seed(salt uint32, at int64) uint32 { return salt ^ uint32(at) }

func sum(salt uint32, at int64, b []byte) uint32 {
	return crc32.Update(seed(salt, at), castagnoli, b)
}

// batchSize is the length of the batch of entries.
func batchSize(entries []raftpb.Entry) int64 {
	n := int64(batchHeader + batchTrailer)
	for i := range entries {
		n += recordHeader + int64(len(entries[i].Data))
	}
	return (n + batchAlign - 1) / batchAlign * batchAlign
}

// encodeBatch adds the batch at offset at to buf, which is empty and should have room for it.
func encodeBatch(buf []byte, salt uint32, at int64, h batch, entries []raftpb.Entry) []byte {
	be := binary.BigEndian
	size := int(batchSize(entries))
	if cap(buf) < size {
		buf = make([]byte, 0, size)
	}
	flags, hs := uint32(0), h.state.hs
	if h.reset {
		flags = flagReset
	}
	buf = be.AppendUint32(buf, 0)
	buf = be.AppendUint32(buf, uint32(size))
	buf = be.AppendUint64(buf, h.number)
	buf = be.AppendUint64(buf, h.state.compacted)
	buf = be.AppendUint64(buf, h.state.term)
	buf = be.AppendUint64(buf, h.state.last)
	buf = be.AppendUint64(buf, hs.Term)
	buf = be.AppendUint64(buf, hs.Vote)
	buf = be.AppendUint64(buf, hs.Commit)
	buf = be.AppendUint32(buf, uint32(len(entries)))
	buf = be.AppendUint32(buf, flags)
	be.PutUint32(buf, sum(salt, at, buf[4:]))
	for i := range entries {
		buf = encodeRecord(buf, salt, at, &entries[i])
	}
	for len(buf) < size-batchTrailer {
		buf = append(buf, 0)
	}
	return be.AppendUint32(buf, endMark)
}

// encodeRecord adds the record of e to buf, which begins at offset at.
func encodeRecord(buf []byte, salt uint32, at int64, e *raftpb.Entry) []byte {
	be := binary.BigEndian
	start := len(buf)
	flags := uint16(0)
	if e.Data != nil {
		flags = flagHasData
	}
	buf = be.AppendUint32(buf, 0)
	buf = be.AppendUint32(buf, uint32(len(e.Data)))
	buf = be.AppendUint64(buf, e.Index)
	buf = be.AppendUint64(buf, e.Term)
	buf = be.AppendUint16(buf, uint16(e.Type))
	buf = be.AppendUint16(buf, flags)
	buf = append(buf, e.Data...)
	be.PutUint32(buf[start:], sum(salt, at+int64(start), buf[start+4:]))
	return buf
}

// openBatch reads the header at offset at of a segment. It checks it, and that the batch is within
// the segment.
func openBatch(data []byte, salt uint32, at int) (h batch, ok bool) {
	if len(data)-at < minBatch {
		return h, false
	}
	be, b := binary.BigEndian, data[at:]
	// The cheap test comes first: this is also called for each possible place of a batch.
	h.length = int(be.Uint32(b[4:]))
	if h.length < minBatch || h.length%batchAlign != 0 || h.length > len(b) ||
		be.Uint32(b) != sum(salt, int64(at), b[4:batchHeader]) {
		return h, false
	}
	h.number = be.Uint64(b[8:])
	h.state = logState{compacted: be.Uint64(b[16:]), term: be.Uint64(b[24:]), last: be.Uint64(b[32:])}
	h.count = int(be.Uint32(b[64:]))
	h.reset = be.Uint32(b[68:])&flagReset != 0
	return h, true
}

// openHardState reads the HardState of the batch b.
func openHardState(b []byte) raftpb.HardState {
	be := binary.BigEndian
	return raftpb.HardState{Term: be.Uint64(b[40:]), Vote: be.Uint64(b[48:]), Commit: be.Uint64(b[56:])}
}

// record is an entry in a segment.
type record struct {
	index, term uint64
	kind        uint16
	flags       uint16
	data        []byte
}

// openRecord reads the record at the beginning of b, which is at offset at of its segment. n is the
// length that it claims, if b has as much, otherwise the length of its header.
func openRecord(b []byte, salt uint32, at int64) (r record, n int, ok bool) {
	if len(b) < recordHeader {
		return r, len(b), false
	}
	be := binary.BigEndian
	size := uint64(be.Uint32(b[4:]))
	if size > uint64(len(b)-recordHeader) {
		return r, recordHeader, false
	}
	n = recordHeader + int(size)
	if be.Uint32(b) != sum(salt, at, b[4:n]) {
		return r, n, false
	}
	return record{
		index: be.Uint64(b[8:]),
		term:  be.Uint64(b[16:]),
		kind:  be.Uint16(b[24:]),
		flags: be.Uint16(b[26:]),
		data:  b[recordHeader:n:n],
	}, n, true
}

// entry makes an entry with memory of its own.
func (r record) entry() raftpb.Entry {
	e := raftpb.Entry{Index: r.index, Term: r.term, Type: raftpb.EntryType(r.kind)}
	if r.flags&flagHasData != 0 {
		e.Data = append(make([]byte, 0, len(r.data)), r.data...)
	}
	return e
}

// badPlace is a fault in a segment: the bytes [from, to), in the batch [start, end). If the batch's
// end is not known, end is that of the segment.
type badPlace struct {
	start, end int
	from, to   int
	headless   bool // the batch's header is the bad part
	what       string
}

// checkBatch checks the batch at offset at, except for the sense of its content.
func checkBatch(data []byte, salt uint32, at int) (batch, *badPlace) {
	h, ok := openBatch(data, salt, at)
	if !ok {
		return h, &badPlace{start: at, end: len(data), from: at, to: min(at+batchHeader, len(data)),
			headless: true, what: "its header has a " + errRecord.Error()}
	}
	bad := func(from, to int, format string, args ...any) *badPlace {
		return &badPlace{start: at, end: at + h.length, from: from, to: to, what: fmt.Sprintf(format, args...)}
	}
	pos, end := at+batchHeader, at+h.length-batchTrailer
	for i := range h.count {
		_, n, ok := openRecord(data[pos:end], salt, int64(pos))
		if !ok {
			return h, bad(pos, pos+n, "record %d of %d, at byte %d, has a %v", i+1, h.count, pos, errRecord)
		}
		pos += n
	}
	if end-pos >= batchAlign || !allZero(data[pos:end]) || binary.BigEndian.Uint32(data[end:]) != endMark {
		return h, bad(pos, end+batchTrailer, "its trailer is damaged")
	}
	return h, nil
}

var zeros [64 << 10]byte

func allZero(b []byte) bool {
	for len(b) > len(zeros) {
		if !bytes.Equal(b[:len(zeros)], zeros[:]) {
			return false
		}
		b = b[len(zeros):]
	}
	return bytes.Equal(b, zeros[:len(b)])
}
