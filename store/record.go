package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// bbolt protects its two meta pages by checksums and nothing else, so every
// value that this package stores is a record:
//
//	crc      4 bytes, big endian: CRC-32C of the key and the payload
//	payload  the rest
//
// The key is in the sum, so that a value found under another key is noticed.
const crcSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errRecord is what is wrong with a record; callers add key and file.
var errRecord = errors.New("checksum mismatch")

func checksum(key, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, payload)
}

// seal fills in the checksum of rec, whose first crcSize bytes are kept for it.
func seal(key, rec []byte) []byte {
	binary.BigEndian.PutUint32(rec, checksum(key, rec[crcSize:]))
	return rec
}

// open checks rec and returns its payload, which shares rec's memory.
func open(key, rec []byte) ([]byte, error) {
	if len(rec) < crcSize || binary.BigEndian.Uint32(rec) != checksum(key, rec[crcSize:]) {
		return nil, errRecord
	}
	return rec[crcSize:], nil
}

// formatVersion begins the payload of both files' state records. Another
// one is refused at open.
const formatVersion = 1

func checkVersion(payload []byte, need int) error {
	if len(payload) < 1 {
		return errRecord
	}
	if v := payload[0]; v != formatVersion {
		return fmt.Errorf("format version %d, this program knows version %d", v, formatVersion)
	}
	if len(payload) < need {
		return errRecord
	}
	return nil
}

// indexKey is the key of entry i: big endian, so that key order is log order.
func indexKey(i uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, 8), i)
}

// appendEntry appends the record of e to buf and returns buf and the size of
// e's encoding, which is what raft counts in Entries' maxSize.
func appendEntry(buf, key []byte, e *raftpb.Entry) ([]byte, uint64, error) {
	start := len(buf)
	buf = append(buf, 0, 0, 0, 0)
	buf, err := proto.MarshalOptions{}.MarshalAppend(buf, e)
	if err != nil {
		return buf, 0, err
	}
	seal(key, buf[start:])
	return buf, uint64(len(buf) - start - crcSize), nil
}

// openEntry is the inverse of appendEntry. The entry owns its memory.
func openEntry(key, rec []byte) (*raftpb.Entry, uint64, error) {
	payload, err := open(key, rec)
	if err != nil {
		return nil, 0, err
	}
	e := &raftpb.Entry{}
	if err := proto.Unmarshal(payload, e); err != nil {
		return nil, 0, err
	}
	if len(key) != 8 || binary.BigEndian.Uint64(key) != e.GetIndex() {
		return nil, 0, fmt.Errorf("holds entry %d", e.GetIndex())
	}
	return e, uint64(len(payload)), nil
}

// logState is the state record of the log. It is written with every append.
//
//	version    1 byte
//	compacted  8 bytes, big endian: index of the last entry dropped
//	term       8 bytes: its term
//	last       8 bytes: index of the last entry; the entries stored are
//	           exactly those of (compacted, last], so a lost one is noticed
//	hardState  the rest: raftpb.HardState
type logState struct {
	compacted uint64
	term      uint64
	last      uint64
	hs        *raftpb.HardState // never nil
}

const logStateSize = 1 + 3*8

func (s logState) record() ([]byte, error) {
	rec := make([]byte, crcSize, crcSize+logStateSize+32)
	rec = append(rec, formatVersion)
	rec = binary.BigEndian.AppendUint64(rec, s.compacted)
	rec = binary.BigEndian.AppendUint64(rec, s.term)
	rec = binary.BigEndian.AppendUint64(rec, s.last)
	rec, err := proto.MarshalOptions{}.MarshalAppend(rec, s.hs)
	if err != nil {
		return nil, err
	}
	return seal(keyState, rec), nil
}

func openLogState(rec []byte) (logState, error) {
	p, err := open(keyState, rec)
	if err != nil {
		return logState{}, err
	}
	if err := checkVersion(p, logStateSize); err != nil {
		return logState{}, err
	}
	s := logState{
		compacted: binary.BigEndian.Uint64(p[1:]),
		term:      binary.BigEndian.Uint64(p[9:]),
		last:      binary.BigEndian.Uint64(p[17:]),
		hs:        &raftpb.HardState{},
	}
	if err := proto.Unmarshal(p[logStateSize:], s.hs); err != nil {
		return logState{}, err
	}
	return s, nil
}
