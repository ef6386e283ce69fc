package edge

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/chessrelay/chessrelay/consensus"
)

// A stream is messages, one after the other:
//
//	length  4 bytes, big endian, of the payload
//	sum     4 bytes, CRC-32C of kind and payload
//	kind    1 byte
//	payload
//
// The first message is a kindState, and another one follows at least every [heartbeat]. A reader
// skips the kinds that it does not know.
const (
	// kindState is the sender's [Status] as JSON.
	kindState byte = 1
	// kindEntry is one entry of the log: prev, index and term, 8 bytes each, and the command. There
	// is no command between prev and index.
	kindEntry byte = 2
	// kindImage begins an image of the boards. It has the index of the boards, 8 bytes.
	kindImage byte = 3
	// kindChunk is a part of the image: a zstd stream of records, cut anywhere.
	kindChunk byte = 4
	// kindImageEnd ends the image. It has the SHA-256 of the uncompressed records, 32 bytes.
	kindImageEnd byte = 5
	// kindEvaluations is what an engine thinks of some positions: JSON of package engine. It is
	// about positions and has no place in the log.
	kindEvaluations byte = 6
)

const (
	messageHeader = 9
	entryHeader   = 24
	// maxPayload bounds a payload; the largest is an entry.
	maxPayload = entryHeader + consensus.MaxCommand + consensus.MaxStamp
	chunkSize  = 32 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errCorrupt is returned for a stream that no upstream writes.
var errCorrupt = errors.New("the stream is damaged")

func corrupt(format string, a ...any) error {
	return fmt.Errorf("%w: %s", errCorrupt, fmt.Sprintf(format, a...))
}

// appendMessage appends a message whose payload is in parts.
func appendMessage(b []byte, kind byte, parts ...[]byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, kind)
	for _, p := range parts {
		b = append(b, p...)
	}
	return sealMessage(b, start)
}

// sealMessage sets the length and the sum of the message that begins at start and ends with b.
func sealMessage(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-messageHeader))
	binary.BigEndian.PutUint32(b[start+4:], crc32.Checksum(b[start+8:], castagnoli))
	return b
}

// appendEntry appends the message of an entry.
func appendEntry(b []byte, prev uint64, c *consensus.Command) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, kindEntry)
	b = binary.BigEndian.AppendUint64(b, prev)
	b = binary.BigEndian.AppendUint64(b, c.Index)
	b = binary.BigEndian.AppendUint64(b, c.Term)
	b = append(b, c.Data...)
	return sealMessage(b, start)
}

// parseEntry reads an entry. The command aliases payload.
func parseEntry(payload []byte) (prev uint64, c consensus.Command, err error) {
	if len(payload) < entryHeader {
		return 0, c, corrupt("an entry of %d bytes", len(payload))
	}
	prev = binary.BigEndian.Uint64(payload)
	c = consensus.Command{
		Index: binary.BigEndian.Uint64(payload[8:]), Term: binary.BigEndian.Uint64(payload[16:]), Data: payload[entryHeader:],
	}
	if prev >= c.Index {
		return 0, c, corrupt("entry %d is said to follow %d", c.Index, prev)
	}
	return prev, c, nil
}

// entrySum tells two entries of one index apart. prev is not in it: a node that was restarted may
// know another prev, since not every index has a command.
// every index has a command.
func entrySum(payload []byte) uint32 { return crc32.Checksum(payload[8:], castagnoli) }

// messageReader reads messages.
type messageReader struct {
	r    *bufio.Reader
	head [messageHeader]byte
}

func newMessageReader(r io.Reader) *messageReader {
	return &messageReader{r: bufio.NewReaderSize(r, messageHeader+maxPayload)}
}

// next reads one message. The caller owns the payload.
func (m *messageReader) next() (kind byte, payload []byte, err error) {
	h := m.head[:]
	if _, err := io.ReadFull(m.r, h); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(h)
	if n > maxPayload {
		return 0, nil, corrupt("a message of %d bytes", n)
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(m.r, payload); err != nil {
		return 0, nil, err
	}
	if crc32.Update(crc32.Checksum(h[8:], castagnoli), castagnoli, payload) != binary.BigEndian.Uint32(h[4:]) {
		return 0, nil, corrupt("a message with another sum")
	}
	return h[8], payload, nil
}

// whole reports whether next would return an entry without waiting.
func (m *messageReader) whole() bool {
	have := m.r.Buffered()
	if have < messageHeader {
		return false
	}
	h, err := m.r.Peek(messageHeader)
	return err == nil && h[8] == kindEntry && uint64(have) >= messageHeader+uint64(binary.BigEndian.Uint32(h))
}
