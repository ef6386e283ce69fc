package relay

import (
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// CommandVersion is the version that [EncodeCommand] writes, and the only one
// that Apply knows.
const CommandVersion = 1

// deterministic makes equal messages equal bytes, which the hash counts on.
var deterministic = proto.MarshalOptions{Deterministic: true}

// EncodeCommand makes the bytes of a log entry. It fills in the version if it
// is 0, and judges nothing else: that is Apply's.
func EncodeCommand(c *relaypb.Command) ([]byte, error) {
	if c == nil || c.Op == nil {
		return nil, errors.New("encode command: it has no operation")
	}
	if c.Version == 0 {
		c.Version = CommandVersion
	}
	return deterministic.Marshal(c)
}

// DecodeCommand reads what [EncodeCommand] wrote. It fails with [ErrBadCommand]
// on other bytes, and with [ErrVersion] on a command of a newer program.
func DecodeCommand(data []byte) (*relaypb.Command, error) {
	c := new(relaypb.Command)
	if err := proto.Unmarshal(data, c); err != nil {
		// The text of protobuf's errors is random on purpose (it varies its
		// spaces), so it is kept out of a result that must be the same everywhere.
		return nil, bad("command", "cannot be decoded")
	}
	if c.Version != CommandVersion {
		return nil, refuse(ErrVersion, "the command has version %d, and this program knows version %d only: a newer chessrelay wrote it",
			c.Version, CommandVersion)
	}
	if c.Op == nil {
		return nil, refuse(ErrVersion, "the command asks for something that this program does not know: a newer chessrelay wrote it")
	}
	return c, nil
}
