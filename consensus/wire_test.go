package consensus

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"go.etcd.io/raft/v3/raftpb"
)

func TestProposalRoundTrip(t *testing.T) {
	for _, s := range []*proposal{
		{ids: []uint64{1}, data: [][]byte{[]byte("one")}},
		{ids: []uint64{1 << 63, 2, 3}, data: [][]byte{{}, []byte("two"), make([]byte, MaxCommand)}},
		{membership: true, ids: []uint64{9}, data: [][]byte{[]byte("{}")}},
	} {
		got, err := decodeProposal(s.encode())
		if err != nil {
			t.Fatal(err)
		}
		if got.membership != s.membership || !cmp.Equal(got.ids, s.ids) || !bytes.Equal(bytes.Join(got.data, nil), bytes.Join(s.data, nil)) {
			t.Errorf("%+v became %+v", s, got)
		}
	}
}

func FuzzProposal(f *testing.F) {
	f.Add((&proposal{ids: []uint64{1, 2}, data: [][]byte{[]byte("one"), nil}}).encode())
	f.Add([]byte{1})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeProposal(b)
		if err == nil && !bytes.Equal(s.encode(), b) {
			t.Fatalf("%x is taken for %x", b, s.encode())
		}
	})
}

func FuzzMessage(f *testing.F) {
	var good bytes.Buffer
	_ = writeMessage(&good, kindRaft, []byte("payload"))
	f.Add(good.Bytes())
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, payload, err := readMessage(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		var again bytes.Buffer
		_ = writeMessage(&again, kind, payload)
		if !bytes.HasPrefix(b, again.Bytes()) {
			t.Fatalf("%x is taken for %x", b, again.Bytes())
		}
	})
}

// sendRaft sends an empty message of the type.
func sendRaft(c net.Conn, h hello, kind raftpb.MessageType) {
	m := raftpb.Message{Type: kind, From: uint64(h.From), To: uint64(h.To)}
	b, _ := m.Marshal()
	_ = writeMessage(c, kindRaft, b)
}

// TestPeerPortRefusesNonsense has a member send nonsense of several kinds. Each connection is
// ended, and the node goes on.
func TestPeerPortRefusesNonsense(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	n := c.nodes[0]
	n.adopt(5)
	good := hello{Cluster: n.ClusterID(), From: 5, Address: "127.0.0.1:1", To: n.ID(), Channel: channelAppend}
	for name, say := range map[string]func(net.Conn){
		"HTTP":                  func(c net.Conn) { _, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") },
		"a huge hello":          func(c net.Conn) { _, _ = c.Write(append([]byte(wireMagic), 0xff, 0xff, 0xff, 0xff)) },
		"no JSON":               func(c net.Conn) { _, _ = c.Write(append([]byte(wireMagic), 0, 0, 0, 1, 'x')) },
		"a huge message":        func(c net.Conn) { _ = sendHello(c, good); _, _ = c.Write([]byte{0xff, 0xff, 0xff, 0xff, kindRaft}) },
		"an odd message":        func(c net.Conn) { _ = sendHello(c, good); _ = writeMessage(c, 99, nil) },
		"no Raft message":       func(c net.Conn) { _ = sendHello(c, good); _ = writeMessage(c, kindRaft, []byte{0xff, 1}) },
		"a false sender":        func(c net.Conn) { _ = sendHello(c, good); _ = writeMessage(c, kindRaft, []byte{0x18, 0x07}) },
		"a read of nothing":     func(c net.Conn) { _ = sendHello(c, good); sendRaft(c, good, raftpb.MsgReadIndex) },
		"a proposal of nothing": func(c net.Conn) { _ = sendHello(c, good); sendRaft(c, good, raftpb.MsgProp) },
		"a snapshot of nothing": func(c net.Conn) {
			h := good
			h.Channel = channelSnapshot
			_ = sendHello(c, h)
			sendRaft(c, h, raftpb.MsgSnap)
		},
		"no proposal": func(c net.Conn) { _ = sendHello(c, good); _ = writeMessage(c, kindPropose, []byte{7}) },
		"no snapshot": func(c net.Conn) {
			h := good
			h.Channel = channelSnapshot
			_ = sendHello(c, h)
			_ = writeMessage(c, kindRaft, []byte{0xff})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := n.dialAs(5)
			defer c.Close()
			say(c)
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			if _, err := io.Copy(io.Discard, c); err != nil {
				if e, ok := err.(net.Error); ok && e.Timeout() {
					t.Fatal("the connection is left open")
				}
			}
		})
	}
	n.propose("goes on")
}

// TestRepeatedPeerErrorsAreEqual has a peer that takes connections and says nothing. The
// reason must be the same text each time, so that the log has it once.
func TestRepeatedPeerErrorsAreEqual(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var said [2]string
	for i := range said {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetReadDeadline(time.Now()); err != nil {
			t.Fatal(err)
		}
		_, err = c.Read(make([]byte, 1))
		said[i] = whyFailed(fmt.Errorf("handshake: %w", err))
	}
	if said[0] != said[1] || !strings.Contains(said[0], l.Addr().String()) || !strings.Contains(said[0], "handshake") {
		t.Errorf("%q, and then %q", said[0], said[1])
	}
}
