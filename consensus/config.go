package consensus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// A Role says what a node is for. It is told at the node's first start.
type Role string

// The roles of DESIGN.md: recorders are where moves come in, venues are where
// spectators watch.
const (
	Recorder Role = "recorder"
	Venue    Role = "venue"
)

// Config says what a node is and where it keeps its data.
type Config struct {
	// Dir is the node's data directory; it is created. One process at a time.
	Dir string
	// Name is what people call the node, unique in the cluster.
	Name string
	Role Role

	// ListenPeer is the TCP address that other nodes' replicators connect to,
	// such as "127.0.0.1:7001"; port 0 picks a free one.
	ListenPeer string
	// AdvertisePeer is how others reach ListenPeer. Empty: see
	// [Reachable].
	AdvertisePeer string
	// AdvertiseHTTP is the URL at which others reach this node's HTTP API.
	AdvertiseHTTP string

	// Bootstrap makes a new cluster of this node alone, if Dir holds none.
	Bootstrap bool
	// Join asks a member of an existing cluster to admit self, if Dir holds no node: it is
	// [Invitation.Join]. A later start calls it again, with the same self, if it failed.
	Join func(ctx context.Context, self Applicant) (Welcome, error)
	// Meet, if set, names addresses where members may listen. It is asked while this node knows of
	// no leader, as after a move of all members to new addresses.
	Meet func(ctx context.Context) []string
	// FoundAfter is how long a founder listens first, for members of a cluster that it was in
	// before it lost its data. Zero: not at all.
	FoundAfter time.Duration
	// Voters is how many voters the group is to have. As leader, this node
	// promotes caught-up learners while there are fewer. Zero: 3.
	Voters int

	// Identified, if set, is called once it is known which cluster this node is
	// of, before Machine is first called. An error ends Open.
	Identified func(clusterID string) error
	// Machine is what committed commands are applied to.
	Machine StateMachine
	Log     *slog.Logger
	// Now is the clock on the wall, which the members compare. Nil: time.Now.
	Now func() time.Time
	// Stamp, if set, adds command to dst with its time set to at, and returns the extended slice. The
	// leader stamps each command when it puts it into the log, so that the clocks of other nodes do
	// not matter. A command may get longer by at most MaxStamp bytes.
	Stamp func(dst, command []byte, at time.Time) []byte

	// Tick is Raft's unit of time. A leader sends a heartbeat every tick; a
	// follower that heard none for 10 to 20 of them calls an election.
	// Zero: 100 ms.
	Tick time.Duration

	// CheckpointEvery and CheckpointAfter say when the boards are written to
	// disk: after that many applied entries, give or take a quarter where they are many, so that not all nodes
	// write at the same moment, or that long after the first one that is not on disk yet. Less means a shorter replay after a restart.
	// Zero: 200,000 entries, which are replayed in a fraction of a second, and 2 s.
	CheckpointEvery int
	CheckpointAfter time.Duration
	// The pipeline's window to one follower: appends that may be on their way,
	// unanswered, by number and by the bytes of their entries, and the largest of
	// them. A line is kept busy if the window holds what it carries in one round
	// trip:
	//
	//	min(MaxInflightBytes, MaxInflightMsgs × bytes in a message) ≥ bandwidth × round-trip time
	//
	// The defaults fill 1 Gbit/s at 128 ms (16 MiB) once messages are of 64
	// KiB, which they are under load, as what waits joins the next message. The window is also what a follower
	// that stops reading can make the leader keep for it, and what is sent
	// again when a connection breaks. MaxInflightMsgs: 1 is stop-and-wait.
	// Zero: 256 messages, 16 MiB, 256 KiB; a message holds 512 KiB at most, and one entry at least.
	MaxInflightMsgs  int
	MaxInflightBytes uint64
	MaxMessageBytes  uint64
	// MaxUncommittedBytes bounds the commands in the leader's log that no
	// majority has yet. What exceeds it is refused with [ErrOverloaded]. Zero: 64 MiB.
	MaxUncommittedBytes uint64

	// KeepEntries is how many entries before the durable checkpoint stay in
	// the log, so that a node that was away for a moment gets entries and not
	// a snapshot. Zero: 10,000.
	KeepEntries uint64

	seams seams // the tests' own world
}

const (
	electionTicks  = 10
	heartbeatTicks = 1
	maxCommitted   = 4 << 20 // bytes handed to the apply loop and not yet applied

	// MaxCommand is the largest command that Propose takes, in bytes.
	MaxCommand = 64 << 10
	// MaxStamp is how many bytes a command may be longer for its time.
	MaxStamp = 16
	// maxMessageBytes is the largest that MaxMessageBytes may be.
	maxMessageBytes = 512 << 10
	// maxPinned times KeepEntries is what stays in the log for a snapshot's sake.
	maxPinned = 256
	// maxBatch bounds the commands that are proposed to Raft at once.
	maxBatch = 1024
	// maxOffered bounds the proposals of other nodes that stand before the leader's Raft loop.
	maxQueuedByPeers = 256 << 10
	// maxWaiting and maxWaitingBytes bound the proposals of this node that wait for an answer.
	maxPending      = 64 << 10
	maxPendingBytes = 64 << 20
)

func (c *Config) setDefaults() error {
	switch {
	case c.Dir == "":
		return errors.New("a data directory is needed")
	case c.Name == "":
		return errors.New("a node needs a name")
	case len(c.Name) > maxName:
		return fmt.Errorf("the node's name is longer than %d bytes", maxName)
	case c.Role != Recorder && c.Role != Venue:
		return fmt.Errorf("role %q is neither %q nor %q", c.Role, Recorder, Venue)
	case c.Machine == nil:
		return errors.New("a state machine is needed")
	case c.Bootstrap && c.Join != nil:
		return errors.New("a node either makes a new cluster or joins one, not both")
	case c.Voters < 0:
		return errors.New("the number of voters cannot be negative")
	case c.MaxInflightMsgs < 0:
		return errors.New("the window cannot be a negative number of messages")
	case c.MaxMessageBytes > maxMessageBytes:
		return fmt.Errorf("messages of %d bytes: the limit is %d", c.MaxMessageBytes, maxMessageBytes)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	setDefault(&c.Voters, 3)
	setDefault(&c.Tick, 100*time.Millisecond)
	setDefault(&c.CheckpointEvery, 200_000)
	setDefault(&c.CheckpointAfter, 2*time.Second)
	setDefault(&c.KeepEntries, 10_000)
	c.seams.setDefaults()
	setDefault(&c.MaxInflightMsgs, 256)
	setDefault(&c.MaxInflightBytes, 16<<20)
	setDefault(&c.MaxMessageBytes, 256<<10)
	setDefault(&c.MaxUncommittedBytes, 64<<20)
	if c.MaxInflightBytes < c.MaxMessageBytes {
		return fmt.Errorf("a window of %d bytes does not hold one message of %d", c.MaxInflightBytes, c.MaxMessageBytes)
	}
	return nil
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// electionTimeout is the shortest time after which a silent leader is given up.
func (c *Config) electionTimeout() time.Duration { return electionTicks * c.Tick }
