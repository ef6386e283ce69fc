package relay

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// A [relaypb.Command] says what somebody wants. The node that receives it adds what must be the
// same everywhere: a new id, the author, a request id, and a time, which the leader replaces by its
// own ([Stamp]). [EncodeCommand] makes a log entry of it.
//
// A submitter that gets no answer sends its command again, so an entry may come twice, with others
// between. The second one is a Duplicate, and has the index and term of the entry that made the
// change. Apply recognises it in two ways:
//
//   - The state has what the command asks for: the same move at the same ply, the same result, the
//     takeback that led to the present ply.
//   - Everything that changes keeps its request: what it created, the move it played, the [Change]
//     it asked for. A move that is taken back stays in [Change.Removed]. Clocks without a move keep
//     only the last request; a game takes only clocks that were read later than its last ones.
//
// So each new intent needs a new request id, and only moves may have none. A refusal is not
// remembered: the same command may be accepted later.
//
// A command says whether a person asks or a source. A field that a person sets is locked: a source
// cannot change it until it is unlocked (lock.go). The source's value is kept beside the game for
// the person (note.go). A command also names the token that it came with. Apply refuses it if the
// token was revoked before.
//
// What a command of an old log asked for it must go on to do, and be refused if it was refused. A
// command that is to mean something else gets another [CommandVersion].
//
// The formats are in relay.proto. Each version must replay testdata/golden*.log to the same hash,
// and to the rolling sums of golden-sums.txt. Only new nodes know a new operation or a new limit:
// all nodes of a cluster must have it before the first command that needs it.

// CommandVersion is the version of the commands that this program writes and reads. A command that
// means something else than before gets a new version; all nodes of a cluster then change together.
const CommandVersion = 1

// deterministic encodes equal messages as equal bytes, which the hash requires.
var deterministic = proto.MarshalOptions{Deterministic: true}

// EncodeCommand encodes a command as a log entry. It fills in the version if it is 0. It judges
// nothing; Apply does.
func EncodeCommand(c *relaypb.Command) ([]byte, error) {
	if c == nil || c.Op == nil {
		return nil, errors.New("encode command: it has no operation")
	}
	if c.Version == 0 {
		c.Version = CommandVersion
	}
	if m := c.GetPlayMove(); m != nil && !m.Illegal && m.Fen == "" && validText(c.By) && validText(c.Request) &&
		validText(c.Source) && validText(c.From) && validText(c.Token) && validText(m.Game) && validText(m.Move) {
		return encodeMove(c, m), nil
	}
	return deterministic.Marshal(c)
}

// Stamp appends to dst a command that [EncodeCommand] made, with its time set to at. The leader
// does so, in the place of the time of the node that took the request, whose clock may be wrong:
// that must not shorten a delay. Bytes that are no command are appended as they are, for Apply to
// refuse.
func Stamp(dst, command []byte, at time.Time) []byte {
	ms, n := uint64(max(0, at.UnixMilli())), len(dst)
	if hasTime(command) && 1<<35 <= ms && ms < 1<<42 { // both times take as many bytes, until 2109
		dst = append(dst, command...)
		t := dst[n+timeAt : n+timeAt+timeSize]
		for i := range t {
			t[i] = byte(ms>>(7*i)) | 0x80
		}
		t[timeSize-1] &^= 0x80
		return dst
	}
	_, version := nextNumber(command, 0, 1)
	_, rest := nextNumber(command, version, 2)
	if rest < 0 {
		return append(dst, command...)
	}
	dst = appendNonZero(append(dst, command[:version]...), 2, ms)
	return append(dst, command[rest:]...)
}

// The place of the time in a command, behind the version and two tags, and its length.
const timeAt, timeSize = 3, 6

// hasTime reports whether a command has a time of timeSize bytes at timeAt.
func hasTime(c []byte) bool {
	const more = 0x80
	return len(c) >= timeAt+timeSize && c[0] == 1<<3|varintType && c[1] < more && c[2] == 2<<3|varintType &&
		c[3]&c[4]&c[5]&c[6]&c[7]&more != 0 && c[8] < more
}

// encodeMove encodes a command that plays a legal move as protobuf does, at an eighth of the time.
// Nearly all commands are of this kind.
func encodeMove(c *relaypb.Command, m *relaypb.PlayMove) []byte {
	const numbers = 40 // bytes of numbers, tags and lengths, at first
	out := make([]byte, 0, numbers+len(c.By)+len(c.Request)+len(c.Source)+len(c.From)+len(c.Token)+len(m.Game)+len(m.Move))
	out = appendNonZero(out, 1, uint64(c.Version))
	out = appendNonZero(out, 2, uint64(c.At))
	out = appendString(out, 3, c.By)
	out = appendString(out, 4, c.Request)
	out = appendString(out, 5, c.Source)
	out = appendString(out, 6, c.From)
	out = appendString(out, 7, c.Token)
	out = append(out, 13<<3|bytesType, 0) // its length comes here
	op := len(out)
	out = appendString(out, 1, m.Game)
	out = appendNonZero(out, 2, uint64(m.Ply))
	out = appendString(out, 3, m.Move)
	if m.WhiteMs != nil {
		out = appendNumber(out, 4, uint64(*m.WhiteMs))
	}
	if m.BlackMs != nil {
		out = appendNumber(out, 5, uint64(*m.BlackMs))
	}
	out = appendNonZero(out, 6, uint64(m.At))
	if n := len(out) - op; n < 1<<7 {
		out[op-1] = byte(n)
	} else { // Apply will refuse such a move
		out = slices.Replace(out, op-1, op, binary.AppendUvarint(nil, uint64(n))...)
	}
	return out
}

// DecodeCommand reads what [EncodeCommand] wrote. It fails with [ErrBadCommand] on other bytes, and
// with [ErrVersion] on a command of another version.
func DecodeCommand(data []byte) (*relaypb.Command, error) {
	c := new(relaypb.Command)
	if err := proto.Unmarshal(data, c); err != nil {
		// protobuf varies the text of its errors on purpose, and a refusal must be the same on
		// every node.
		return nil, bad("command", "cannot be decoded")
	}
	if c.Version != CommandVersion {
		return nil, refuse(ErrVersion, "the command has version %d, and this program knows version %d: another chessrelay wrote it",
			c.Version, CommandVersion)
	}
	if c.Op == nil {
		return nil, refuse(ErrVersion, "the command asks for something that this program does not know: a newer chessrelay wrote it")
	}
	return c, nil
}
