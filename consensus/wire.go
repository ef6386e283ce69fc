package consensus

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// The protocol between two nodes. Each connection carries messages in one direction, from the side
// that opened it. Answers to appends are messages, too: they take the other side's connection.
//
// Connections are TLS 1.3, and both sides show a member's certificate, see credentials.go. Within
// it:
//
//	dialer                                   listener
//	  │ "chessrelay/3\n"                        │
//	  │ length ─ hello (JSON) ────────────────► │
//	  │ ◄──────────────── length ─ reply (JSON) │   refused: the connection ends
//	  │ length ─ kind ─ payload ──────────────► │   messages, from now on
//	  │ ◄───────────────── length ─ kind ─ pong │   one per ping, see fresh.go
//	  │ ◄────────── length ─ progress ─ a count │   during a long message, see progress.go
//
// A connection is for one channel, named in the hello:
//
//	append    appends and their answers, forwarded proposals: handled in order by one reader
//	control   votes and heartbeats, which a long append must not delay
//	snapshot  MsgSnap, then the boards file as store encodes it; back: progress, done or failed
//	join      how a node is admitted, see join.go
//	meet      where the members listen, see discovery.go
//	serve     a request to send a snapshot to a third member; back: progress, done or failed
const wireMagic = "chessrelay/3\n"

type channel string

const (
	channelAppend   channel = "append"
	channelControl  channel = "control"
	channelSnapshot channel = "snapshot"
	channelServe    channel = "serve"
	channelJoin     channel = "join"
	channelDiscover channel = "meet"
)

var channels = []channel{channelAppend, channelControl, channelSnapshot, channelServe, channelDiscover}

// hello opens a connection.
type hello struct {
	Cluster string `json:"cluster"`
	// From is the member that the dialer's certificate names.
	From MemberID `json:"from,omitzero"`
	// Address is where From listens now. It counts for From alone, and until the log has another
	// one: members that all have new addresses could not form a majority to log them.
	Address string   `json:"address"`
	To      MemberID `json:"to,omitzero"`
	Channel channel  `json:"channel"`
	logAtStart
}

// logAtStart is the end of a node's log when its process opened it.
type logAtStart struct {
	Boot uint64 `json:"boot,omitempty,string"` // of this process alone
	Last uint64 `json:"last,omitempty"`        // the index of the last entry
	Term uint64 `json:"term,omitempty"`
}

// hello is what this node says to member to.
func (n *Node) hello(to MemberID, ch channel) hello {
	return hello{Cluster: n.clusterID, From: n.id, Address: n.advertise, To: to, Channel: ch, logAtStart: n.logAtStart}
}

// reply answers a hello.
type reply struct {
	Code  string `json:"code"` // "ok", or one of the refusals
	Error string `json:"error,omitempty"`
}

// The codes of a reply.
const (
	replyOK           = "ok"
	replyBadHello     = "bad_hello"
	replyWrongCluster = "wrong_cluster"
	replyWrongMember  = "wrong_member" // another node listens here
	replyRemoved      = "removed"
	replyStranger     = "stranger" // the dialer has not proved to be a member
	replyOldCopy      = "old_copy" // the dialer has lost entries that it acknowledged
	replyTwin         = "twin"     // another process runs as the dialer
	// replyBusy: try again. Another snapshot is being received, or a removal is not on disk yet.
	replyBusy = "busy"
)

// The kinds of messages.
const (
	kindRaft     byte = 1  // a Raft message: raftpb.Message, protobuf
	kindPropose  byte = 2  // a proposal on its way to the leader, see propose.go
	kindRefuse   byte = 3  // the leader's refusal of it, JSON
	kindPing     byte = 4  // 8 bytes, which the pong returns
	kindPong     byte = 5  // pong
	kindSnapDone byte = 6  // snapshot and serve channel: done; payload is a served
	kindSnapFail byte = 7  // snapshot and serve channel: failed; payload is the reason
	kindAppend   byte = 8  // MsgApp, see append_wire.go
	kindServe    byte = 9  // JSON serveRequest
	kindProgress byte = 10 // 8 bytes: how many bytes the listener has read
)

const (
	maxHello = 8 << 10
	// messageLimit bounds a message, and so the memory that a peer can cost. The largest valid
	// message is an append: MaxMessageBytes and one command.
	messageLimit = 4 << 20

	handshakeTimeout = 5 * time.Second
	// pingEvery is how often each connection is pinged. After deadAfter without a pong or a report
	// of progress it is dead. TCP alone might retransmit for minutes after the network is back.
	pingEvery = 1 * time.Second
	deadAfter = 5 * time.Second
	// leaderPings is how many pings the leader gets for each ping to others. Its pongs tell a node
	// how old its boards are.
	leaderPings = 4
	// snapshotTimeout is the deadAfter of the connections of a snapshot.
	snapshotTimeout = 2 * deadAfter
)

// messageHeader is the 4-byte big-endian length of the rest of the message, and the kind.
const messageHeader = 5

// beginMessage begins a message in buf; endMessage sets its length.
func beginMessage(buf []byte, kind byte) []byte { return append(buf, 0, 0, 0, 0, kind) }

func endMessage(buf []byte, start int) []byte {
	binary.BigEndian.PutUint32(buf[start:], uint32(len(buf)-start-4))
	return buf
}

func writeMessage(w io.Writer, kind byte, payload []byte) error {
	buf := endMessage(append(beginMessage(make([]byte, 0, messageHeader+len(payload)), kind), payload...), 0)
	_, err := w.Write(buf)
	return err
}

// readMessage reads one message. The payload has its own memory: what is decoded from it may refer
// to it.
func readMessage(r *bufio.Reader) (kind byte, payload []byte, err error) {
	var head [messageHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[:4])
	if n < 1 || n > messageLimit {
		return 0, nil, fmt.Errorf("a message of %d bytes: the limit is %d", n, messageLimit)
	}
	payload = make([]byte, n-1)
	_, err = io.ReadFull(r, payload)
	return head[4], payload, err
}

func writeJSON(w io.Writer, v any) error {
	b := mustJSON(v)
	_, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

func readJSON(r io.Reader, v any, limit uint32) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > limit {
		return fmt.Errorf("a handshake of %d bytes: the limit is %d", n, limit)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// refusedError is a handshake that the other side refused.
type refusedError struct{ reply }

func (e *refusedError) Error() string { return e.reply.Error }

// whyFailed is why a connection failed, without the local port, which differs each time.
func whyFailed(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Source != nil {
		return strings.ReplaceAll(err.Error(), op.Source.String()+"->", "")
	}
	return err.Error()
}

// sendHello is the dialer's side of the handshake.
func sendHello(c net.Conn, h hello) error {
	if err := c.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, wireMagic); err != nil {
		return err
	}
	if err := writeJSON(c, h); err != nil {
		return err
	}
	var r reply
	if err := readJSON(c, &r, maxHello); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	if r.Code != replyOK {
		return &refusedError{r}
	}
	return c.SetDeadline(time.Time{})
}

// receiveHello is the listener's side of the handshake up to the reply. The caller sends that.
func receiveHello(c net.Conn) (hello, error) {
	var h hello
	if err := c.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return h, err
	}
	magic := make([]byte, len(wireMagic))
	if _, err := io.ReadFull(c, magic); err != nil {
		return h, err
	}
	if string(magic) != wireMagic {
		return h, errors.New("not a chessrelay node, or one of another version")
	}
	return h, readJSON(c, &h, maxHello)
}
