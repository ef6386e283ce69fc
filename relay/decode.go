package relay

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// moveDecoder reads the commands that play a legal move, at a fraction of protobuf's time. Nearly
// all entries of a log are of this kind. It reads only the form that [EncodeCommand] writes: each
// field once, in the order of the numbers. Bytes that it reads mean the same to [DecodeCommand];
// bytes that it does not read may still be a command.
//
// Its memory is used again. A decoded command is valid until the next call, except for its texts:
// they are parts of the text that was passed in.
type moveDecoder struct {
	command      relaypb.Command
	op           relaypb.Command_PlayMove
	move         relaypb.PlayMove
	white, black int64
}

// decode returns nil if it does not know the form. text must be equal to data.
func (d *moveDecoder) decode(data []byte, text string) *relaypb.Command {
	version, at := nextNumber(data, 0, 1)
	if version != CommandVersion {
		return nil
	}
	c, m := &d.command, &d.move
	c.Version = uint32(version)
	var n uint64
	n, at = nextNumber(data, at, 2)
	c.At = int64(n)
	c.By, at = nextText(data, text, at, 3)
	c.Request, at = nextText(data, text, at, 4)
	c.Source, at = nextText(data, text, at, 5)
	c.From, at = nextText(data, text, at, 6)
	c.Token, at = nextText(data, text, at, 7)
	length, at := nextLength(data, at, 13)
	if length == 0 || length != len(data)-at {
		return nil
	}
	m.Game, at = nextText(data, text, at, 1)
	n, at = nextNumber(data, at, 2)
	m.Ply = int32(n)
	m.Move, at = nextText(data, text, at, 3)
	m.WhiteMs, m.BlackMs = nil, nil
	if comes(data, at, 4, varintType) {
		n, at = nextNumber(data, at, 4)
		d.white, m.WhiteMs = int64(n), &d.white
	}
	if comes(data, at, 5, varintType) {
		n, at = nextNumber(data, at, 5)
		d.black, m.BlackMs = int64(n), &d.black
	}
	n, at = nextNumber(data, at, 6)
	m.At = int64(n)
	if at != len(data) || !validText(c.By) || !validText(c.Request) || !validText(c.Source) ||
		!validText(c.From) || !validText(c.Token) || !validText(m.Game) || !validText(m.Move) {
		return nil
	}
	d.op.PlayMove = m
	c.Op = &d.op
	return c
}

// highBits are the high bits of eight bytes.
const highBits = 0x8080808080808080

// plainText reports whether a text is printable ASCII alone, as nearly all are. Such a text needs
// no further checks.
func plainText(s string) bool {
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	bad := uint64(0)
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		bad |= w | (w - 0x2020202020202020) | (w + 0x0101010101010101)
	}
	for _, c := range b {
		w := uint64(c)
		bad |= w | (w - 0x20) | (w + 1)
	}
	return bad&highBits == 0
}

// validText reports whether a text is valid UTF-8.
func validText(s string) bool { return plainText(s) || utf8.ValidString(s) }

// The wire types of protobuf that are used here.
const (
	varintType = 0
	bytesType  = 2
)

// The functions below read protobuf's fields one after the other, each from where the one before
// ended. They return where the field ends; -1 if it is damaged, and -1 again from there. A field
// that does not come next is absent, which means zero. Field numbers must be below 16.

// comes reports whether the field comes next.
func comes(data []byte, at int, field, wireType byte) bool {
	return uint(at) < uint(len(data)) && data[at] == field<<3|wireType
}

func nextNumber(data []byte, at int, field byte) (n uint64, end int) {
	if !comes(data, at, field, varintType) {
		return 0, at
	}
	at++
	for shift := uint(0); shift < 70 && uint(at) < uint(len(data)); shift += 7 {
		b := data[at]
		at++
		n |= uint64(b&0x7f) << (shift & 63)
		if b < 0x80 {
			if shift == 63 && b > 1 {
				break
			}
			return n, at
		}
	}
	return 0, -1
}

// nextLength reads the tag and the length of a field. Its content begins at end, and all of it is
// there.
func nextLength(data []byte, at int, field byte) (length, end int) {
	if !comes(data, at, field, bytesType) {
		return 0, at
	}
	n, size := binary.Uvarint(data[at+1:])
	at += 1 + size
	if size <= 0 || n > uint64(len(data)-at) {
		return 0, -1
	}
	return int(n), at
}

// nextText reads a text field as a part of text, which is equal to data.
func nextText(data []byte, text string, at int, field byte) (s string, end int) {
	length, at := nextLength(data, at, field)
	if length == 0 {
		return "", at
	}
	return text[at : at+length], at + length
}
