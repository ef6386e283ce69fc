package relay

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// moveDecoder reads the commands that play a move, and no illegal one, which nearly all of a log's are, at a
// fraction of the time that protobuf needs. It takes no other form than the one in which
// [EncodeCommand] writes them: each field once, in the order of their numbers. What it
// takes means the same to [DecodeCommand]; what it does not take may still be a command.
//
// Its memory is used again: what decode returns is valid until the next call, but for
// the texts, which are parts of the one given.
type moveDecoder struct {
	command      relaypb.Command
	op           relaypb.Command_PlayMove
	move         relaypb.PlayMove
	white, black int64
}

// decode returns nil if it does not know the form. The text is that of the data.
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

// highBits are those of eight bytes.
const highBits = 0x8080808080808080

// plainText reports whether a text is of printable ASCII alone, as nearly all are: then nothing else can be wrong with it.
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

// The wire types of protobuf that are met here.
const (
	varintType = 0
	bytesType  = 2
)

// What follows reads protobuf's fields one after the other, each from where the one before ended, and returns where it ends
// itself: -1, from where on there is nothing, if it is damaged. A field that does not come next is absent, which is zero. Its number is below 16.

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

// nextLength reads the tag and the length of a field, and ends where its content begins, all of which is there.
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

// nextText is a part of the text, which is that of the data.
func nextText(data []byte, text string, at int, field byte) (s string, end int) {
	length, at := nextLength(data, at, field)
	if length == 0 {
		return "", at
	}
	return text[at : at+length], at + length
}
