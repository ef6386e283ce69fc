package relay

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// TestMoveDecoder: moveDecoder reads the moves that EncodeCommand writes, and nothing else.
func TestMoveDecoder(t *testing.T) {
	var d moveDecoder
	quick := 0
	for i, data := range longScript(t, 13, 400) {
		want, err := DecodeCommand(data)
		if err != nil {
			t.Fatal(err)
		}
		got := d.decode(data, string(data))
		if isMove := want.GetPlayMove() != nil && !want.GetPlayMove().Illegal; isMove != (got != nil) {
			t.Fatalf("command %d, %v: decoded as %v", i, want, got)
		}
		if got == nil {
			continue
		}
		quick++
		if !proto.Equal(got, want) {
			t.Fatalf("command %d: decoded as %v, and is %v", i, got, want)
		}
	}
	if quick < 200 {
		t.Errorf("only %d moves", quick)
	}
}

// TestEncodeMove: encodeMove writes the bytes that protobuf writes.
func TestEncodeMove(t *testing.T) {
	commands := []*relaypb.Command{
		{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{}}},
		{At: -1, Version: 1 << 31, By: "Ä", Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{
			Ply: -1, At: -1, WhiteMs: new(int64(0)), BlackMs: new(int64(-1)), Move: strings.Repeat("x", 1000),
		}}},
	}
	for _, data := range longScript(t, 17, 200) {
		c, err := DecodeCommand(data)
		if err != nil {
			t.Fatal(err)
		}
		commands = append(commands, c)
	}
	for _, c := range commands {
		got, err := EncodeCommand(c)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := deterministic.Marshal(c); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: %x, want %x, %v", c, got, want, err)
		}
	}
	bad := playMove(1, "\xff")
	if _, err := EncodeCommand(bad); err == nil {
		t.Error("a text that is no UTF-8 was encoded")
	}
}

// FuzzMoveDecoder: what moveDecoder reads means the same to protobuf.
func FuzzMoveDecoder(f *testing.F) {
	for _, c := range longScript(f, 15, 60) {
		f.Add(c)
	}
	f.Add([]byte("\x08\x01j\x00"))
	f.Add([]byte("\x08\x01j\x04 \xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("\x08\x01\x1a\x01\xffj\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d moveDecoder
		d.decode(playMoveBytes(t), string(playMoveBytes(t))) // leftovers of it must not show
		got := d.decode(data, string(data))
		if got == nil {
			return
		}
		want, err := DecodeCommand(data)
		if err != nil {
			t.Fatalf("decoded as %v, and is: %v", got, err)
		}
		if !proto.Equal(got, want) {
			t.Fatalf("decoded as %v, and is %v", got, want)
		}
	})
}

func playMoveBytes(t *testing.T) []byte {
	c := playMove(7, "Nf3")
	c.Request = "before"
	c.GetPlayMove().WhiteMs, c.GetPlayMove().BlackMs, c.GetPlayMove().At = new(int64(1)), new(int64(2)), 3
	data, err := EncodeCommand(c)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
