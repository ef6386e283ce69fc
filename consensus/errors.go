package consensus

import "errors"

var (
	// ErrNoLeader is returned when no leader was known until the caller's deadline. The proposal
	// may be in the log of a lost leader: it may or may not be applied later.
	ErrNoLeader = errors.New("no leader: a majority of the voters cannot be reached; try again")

	// ErrNoQuorum is returned when a leader had the proposal and did not commit it before the
	// caller's deadline. It may or may not be applied later.
	ErrNoQuorum = errors.New("not confirmed by a majority in time; it may or may not be recorded: send it again")

	// ErrOverloaded is returned when more commands wait for a majority than a node keeps in memory.
	// Nothing of the proposal was recorded.
	ErrOverloaded = errors.New("overloaded: too many moves wait for a majority of the voters; none of this was recorded; send it again in a moment")

	// ErrClosed is returned by all methods after Close, or once the node has stopped by itself.
	// [Node.Err] says why.
	ErrClosed = errors.New("this node is shutting down")

	// ErrRemoved is why a node stops that the group has removed. Its member id is never used again.
	ErrRemoved = errors.New("this node was removed from the cluster; to join again start it with an empty data directory")

	// ErrTooLarge is wrapped when a proposal exceeds a limit.
	ErrTooLarge = errors.New("too large")

	// ErrMembership is wrapped when a membership change is refused; the text says why.
	ErrMembership = errors.New("membership change refused")

	// ErrUnknownMember is wrapped when a membership change names no member of the group.
	ErrUnknownMember = errors.New("no such member")
)
