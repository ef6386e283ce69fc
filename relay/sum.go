package relay

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// A State keeps a rolling sum of what it has done: each command with its index, and its outcome.
// Two nodes that have applied the same log have the same sum. If the logs differ, or one node
// judged a command differently, the sums differ from then on. Unlike [State.Hash] it costs next to
// nothing. It finds faults; it does not protect against an attacker who wants two sums to be equal.
//
// The bytes of the sum must not change: nodes of two versions compare their sums during an upgrade.
// testdata/golden-sums.txt pins them.
type rolling struct {
	index uint64 // of the last command
	sum   uint64
	taken uint64 // the index in the last checkpoint
	buf   []byte // scratch memory
}

// sumKey is the key of its record in a checkpoint, which has the index and the sum.
const sumKey = "s/sum"

// Sum returns the rolling sum, and the index of the last command in it, 0 if there was none.
func (s *State) Sum() (index, sum uint64) { return s.rolling.index, s.rolling.sum }

// add adds a command and its outcome.
func (r *rolling) add(command []byte, index, term uint64, out *Outcome) {
	b := binary.LittleEndian.AppendUint64(r.buf[:0], r.sum)
	b = binary.LittleEndian.AppendUint64(b, index)
	b = binary.LittleEndian.AppendUint64(b, term)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(command)))
	b = append(b, command...)
	switch {
	case out.Err != nil:
		b = append(b, 'e', errorNumber(out.Err))
	case out.Duplicate:
		b = binary.LittleEndian.AppendUint64(append(b, 'd'), out.Index)
	default:
		b = out.appendEffect(append(b, 'o'))
	}
	r.index, r.sum, r.buf = index, xxhash.Sum64(b), b
}

// appendEffect appends what a command has changed.
func (out *Outcome) appendEffect(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(out.events))
	if t := out.Tournament; t != nil {
		one := *t
		one.Updates = lastOne(t.Updates)
		b = append(b, marshal(tournamentRecord(&one))...)
	}
	if r := out.Round; r != nil {
		one := *r
		one.Updates = lastOne(r.Updates)
		b = append(append(b, marshal(roundRecord(&one))...), r.Status...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Games)))
	}
	if out.Game != nil {
		b = out.Game.appendEffect(b, out.events&^(tellMove|tellResult) == 0 && out.events&tellMove != 0)
	}
	return b
}

// appendEffect appends the game. If only a move was played, as by most commands, it appends only
// what a move can change.
func (g *Game) appendEffect(b []byte, moved bool) []byte {
	b = append(append(b, g.ID...), g.Result...)
	b = binary.LittleEndian.AppendUint32(b, uint32(g.moves.n))
	b = append(b, sumFlags(g.Forfeit, g.Automatic),
		byte(g.moves.last.From), byte(g.moves.last.To), byte(g.moves.last.Promotion))
	b = g.moves.after.AppendBinary(b)
	if moved {
		return b
	}
	head := headRecord(g)
	for _, c := range lastOne(g.Changes) {
		head.Changes = append(head.Changes, changeRecord(c))
	}
	return append(append(b, marshal(head)...), g.moves.tail...)
}

func sumFlags(flags ...bool) (b byte) {
	for i, f := range flags {
		if f {
			b |= 1 << i
		}
	}
	return b
}

func lastOne[T any](list []T) []T { return list[max(0, len(list)-1):] }

// errorKinds are the refusals by their numbers in the sum. A new one goes to the end.
var errorKinds = []error{
	ErrVariant, ErrBadCommand, ErrVersion, ErrDeleted, ErrNotFound, ErrIDTaken, ErrBoardTaken,
	ErrPlyConflict, ErrIllegalMove, ErrGameOver, ErrLocked, ErrLimit, ErrToken,
}

func errorNumber(err error) byte {
	for i, kind := range errorKinds {
		if errors.Is(err, kind) {
			return byte(i + 1)
		}
	}
	return 0
}

// record returns the record for a checkpoint.
func (r *rolling) record() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, r.index), r.sum)
}

// load reads the record.
func (r *rolling) load(value []byte) error {
	if len(value) != 16 {
		return fmt.Errorf("load record %s: it has %d bytes, and should have 16", sumKey, len(value))
	}
	r.index, r.sum = binary.BigEndian.Uint64(value), binary.BigEndian.Uint64(value[8:])
	r.taken = r.index
	return nil
}
