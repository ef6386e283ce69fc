package consensus

import (
	"encoding/binary"
	"errors"

	"go.etcd.io/raft/v3/raftpb"
)

// Appends are nearly all of the traffic. They have an encoding of their own, which costs a fraction
// of protobuf's on both sides:
//
//	term ─ index and term of the entry before the first ─ commit ─ number of entries  (uvarints)
//	entry: uvarint(length of data << 3 | type << 1 | term changes) ─ [uvarint term] ─ data
//
// The first entry's term is compared with the message's. Sender and receiver are those of the
// connection. The indexes count up from the first one.

// encodeAppend adds the encoding of a MsgApp to buf.
func encodeAppend(buf []byte, m *raftpb.Message) []byte {
	buf = binary.AppendUvarint(buf, m.Term)
	buf = binary.AppendUvarint(buf, m.Index)
	buf = binary.AppendUvarint(buf, m.LogTerm)
	buf = binary.AppendUvarint(buf, m.Commit)
	buf = binary.AppendUvarint(buf, uint64(len(m.Entries)))
	term := m.Term
	for i := range m.Entries {
		e := &m.Entries[i]
		data := e.Data
		head := uint64(len(data))<<3 | uint64(e.Type)<<1
		if t := e.Term; t != term {
			buf = binary.AppendUvarint(buf, head|1)
			buf = binary.AppendUvarint(buf, t)
			term = t
		} else {
			buf = binary.AppendUvarint(buf, head)
		}
		buf = append(buf, data...)
	}
	return buf
}

var errBadAppend = errors.New("malformed append from a peer")

// decodeAppend reads what encodeAppend wrote. The message refers to b. Its entries share a few
// arrays.
func decodeAppend(b []byte, from, to MemberID) (*raftpb.Message, error) {
	var head [5]uint64 // term, index, log term, commit, entries
	for i := range head {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errBadAppend
		}
		head[i], b = v, b[n:]
	}
	m := &raftpb.Message{
		Type: raftpb.MsgApp, From: uint64(from), To: uint64(to),
		Term: head[0], Index: head[1], LogTerm: head[2], Commit: head[3],
	}
	count := head[4]
	if count == 0 && len(b) == 0 {
		return m, nil
	}
	if count > uint64(len(b)) { // each takes at least a byte
		return nil, errBadAppend
	}
	m.Entries = make([]raftpb.Entry, count)
	term, last := m.Term, m.Index
	for i := range m.Entries {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errBadAppend
		}
		b = b[n:]
		if v&1 != 0 {
			if term, n = binary.Uvarint(b); n <= 0 {
				return nil, errBadAppend
			}
			b = b[n:]
		}
		size, kind := v>>3, raftpb.EntryType(v>>1&3)
		if size > uint64(len(b)) || kind > raftpb.EntryConfChangeV2 {
			return nil, errBadAppend
		}
		last++
		m.Entries[i] = raftpb.Entry{Term: term, Index: last, Type: kind, Data: b[:size:size]}
		b = b[size:]
	}
	if len(b) != 0 {
		return nil, errBadAppend
	}
	return m, nil
}
