package consensus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// A Role says what a node is for. It is fixed at the node's first start.
type Role string

// Moves come in at recorders. Spectators watch at venues.
const (
	Recorder Role = "recorder"
	Venue    Role = "venue"
)

// Config says what a node is and where it keeps its data.
type Config struct {
	// Dir is the node's data directory, which Open creates. Only one process may use it.
	Dir string
	// Name is the node's name, unique in the cluster.
	Name string
	Role Role

	// ListenPeer is the TCP address of the peer port, such as "127.0.0.1:7001". Port 0 picks a free
	// port.
	ListenPeer string
	// AdvertisePeer is the address of ListenPeer for other nodes. Empty: [Reachable] of the
	// listener.
	AdvertisePeer string
	// AdvertiseHTTP is the URL of this node's API for other nodes.
	AdvertiseHTTP string

	// Bootstrap makes a new cluster of this node alone, if Dir has none.
	Bootstrap bool
	// Join asks a member of a cluster to admit self, if Dir has no node. It is [Invitation.Join].
	// If it failed, a later start calls it again with the same self.
	Join func(ctx context.Context, self Applicant) (Welcome, error)
	// Discover, if set, returns addresses at which members may listen. It is called while this node
	// knows no leader, such as after all members have moved to new addresses.
	Discover func(ctx context.Context) []string
	// FoundAfter is how long a founder first listens for members of a cluster that it may have been
	// in before it lost its data. Zero: not at all.
	FoundAfter time.Duration
	// Voters is how many voters the group should have. While there are fewer, the leader promotes
	// learners that have caught up. Zero: 3.
	Voters int

	// Identified, if set, is called once the node knows its cluster, before Machine is first
	// called. An error ends Open.
	Identified func(clusterID string) error
	// Machine is the state machine that commands are applied to.
	Machine StateMachine
	Log     *slog.Logger
	// Now is the wall clock, which members compare. Nil: time.Now.
	Now func() time.Time
	// Stamp, if set, adds command to dst with its time set to at, and returns the extended slice.
	// The leader stamps each command when it puts it into the log, so that other nodes' clocks do
	// not matter. A command may get longer by at most MaxStamp bytes.
	Stamp func(dst, command []byte, at time.Time) []byte

	// Tick is Raft's unit of time. A leader sends a heartbeat every tick. A follower without one
	// for 10 to 20 ticks calls an election. Zero: 100 ms.
	Tick time.Duration

	// CheckpointEvery and CheckpointAfter say when the boards are written to disk: after that many
	// applied entries, or that long after the first entry that is not on disk. A large number
	// varies by a quarter, so that the nodes do not all write at once. Less means a shorter replay
	// after a restart. Zero: 200,000 entries, which replay in a fraction of a second, and 2 s.
	CheckpointEvery int
	CheckpointAfter time.Duration
	// The inflight window to one follower: the unanswered appends, by number and by the bytes of
	// their entries, and the size of the largest. A line is busy all the time if
	//
	//	min(MaxInflightBytes, MaxInflightMsgs × bytes in a message) ≥ bandwidth × round-trip time
	//
	// The defaults fill 1 Gbit/s at 128 ms (16 MiB) with messages of 64 KiB, which are usual under
	// load. The window is also the memory that a follower can cost the leader, and what is sent
	// again when a connection breaks. MaxInflightMsgs 1 is stop-and-wait. Zero: 256 messages, 16
	// MiB, 256 KiB. A message has at most 512 KiB, and at least one entry.
	MaxInflightMsgs  int
	MaxInflightBytes uint64
	MaxMessageBytes  uint64
	// MaxUncommittedBytes bounds the uncommitted commands in the leader's log. The leader refuses
	// more with [ErrOverloaded]. Zero: 64 MiB.
	MaxUncommittedBytes uint64

	// KeepEntries is how many entries before the durable checkpoint stay in the log. So a node that
	// was away for a moment gets entries and not a snapshot. Zero: 10,000.
	KeepEntries uint64

	seams seams // for tests
}

const (
	electionTicks  = 10
	heartbeatTicks = 1
	maxCommitted   = 4 << 20 // bytes that the apply loop has and has not applied

	// MaxCommand is the largest command that Propose takes, in bytes.
	MaxCommand = 64 << 10
	// MaxStamp is by how many bytes a stamp may lengthen a command.
	MaxStamp = 16
	// maxMessageBytes is the largest MaxMessageBytes.
	maxMessageBytes = 512 << 10
	// maxPinned times KeepEntries entries stay in the log at most for a snapshot that is being
	// sent.
	maxPinned = 256
	// maxBatch bounds the commands that are proposed to Raft at once.
	maxBatch = 1024
	// maxQueuedByPeers bounds the commands of other nodes in the leader's proposal queue.
	maxQueuedByPeers = 256 << 10
	// maxPending and maxPendingBytes bound the commands of this node that wait for an answer.
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

// electionTimeout is the shortest silence of a leader that leads to an election.
func (c *Config) electionTimeout() time.Duration { return electionTicks * c.Tick }
