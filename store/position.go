package store

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
)

// Position is where in the log the boards are. They contain all entries up to Index. The last one
// has Term and left the group's members as in ConfState. A ConfState is immutable and shared, as
// all of raftpb here.
type Position struct {
	Index     uint64
	Term      uint64
	ConfState *raftpb.ConfState // never nil in what this package returns
}

// boardsState is the state record of the boards file.
//
//	version    1 byte
//	index      8 bytes, big endian
//	term       8 bytes
//	records    8 bytes: how many records there are
//	sum        8 bytes: the sum of their checksums, modulo 2^64
//	confState  the rest: raftpb.ConfState
//
// A lost record, or one of another checkpoint, fails no checksum of its own. The tally of all
// records then does not agree.
type boardsState struct {
	Position
	tally tally
}

// tally sums up a set of records. The order does not matter, and a record can be taken out again.
type tally struct{ records, sum uint64 }

func (t *tally) add(rec []byte) {
	t.records++
	t.sum += uint64(binary.BigEndian.Uint32(rec))
}

func (t *tally) remove(rec []byte) {
	t.records--
	t.sum -= uint64(binary.BigEndian.Uint32(rec))
}

const boardsStateSize = 1 + 4*8

func (s boardsState) record() ([]byte, error) {
	rec := make([]byte, crcSize, crcSize+boardsStateSize+64)
	rec = append(rec, formatVersion)
	for _, v := range []uint64{s.Index, s.Term, s.tally.records, s.tally.sum} {
		rec = binary.BigEndian.AppendUint64(rec, v)
	}
	if s.ConfState != nil {
		members, err := s.ConfState.Marshal()
		if err != nil {
			return nil, err
		}
		rec = append(rec, members...)
	}
	return seal(keyState, rec), nil
}

func openBoardsState(rec []byte) (boardsState, error) {
	p, err := open(keyState, rec)
	if err != nil {
		return boardsState{}, err
	}
	if err := checkVersion(p, boardsStateSize); err != nil {
		return boardsState{}, err
	}
	s := boardsState{
		Position: Position{
			Index:     binary.BigEndian.Uint64(p[1:]),
			Term:      binary.BigEndian.Uint64(p[9:]),
			ConfState: &raftpb.ConfState{},
		},
		tally: tally{
			records: binary.BigEndian.Uint64(p[17:]),
			sum:     binary.BigEndian.Uint64(p[25:]),
		},
	}
	if err := s.ConfState.Unmarshal(p[boardsStateSize:]); err != nil {
		return boardsState{}, err
	}
	return s, nil
}

// boardsCheck follows the records of a boards file in file order: those of the boards, and then the
// state with their tally.
type boardsCheck struct {
	tally tally
	state *boardsState
}

func (c *boardsCheck) record(bucket string, key, value []byte) error {
	switch bucket {
	case string(bucketRecords):
		if _, err := open(key, value); err != nil {
			return fmt.Errorf("record %q: %w", key, err)
		}
		c.tally.add(value)
		return nil
	case string(bucketState):
		s, err := openBoardsState(value)
		if err != nil {
			return fmt.Errorf("state: %w", err)
		}
		c.state = &s
		return nil
	}
	return fmt.Errorf("unknown bucket %q", bucket)
}

func (c *boardsCheck) finish() error {
	switch {
	case c.state == nil:
		return fmt.Errorf("its state record is missing")
	case c.tally != c.state.tally:
		return fmt.Errorf("it has %d records with the sum %x, and should have %d with %x",
			c.tally.records, c.tally.sum, c.state.tally.records, c.state.tally.sum)
	}
	return nil
}
