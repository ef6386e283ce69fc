package consensus

import "errors"

var (
	// ErrNoLeader is returned when no leader was known until the caller's
	// deadline. The proposal may stand in the log of a leader that was lost:
	// it may or may not be applied later.
	ErrNoLeader = errors.New("no leader: a majority of the voters cannot be reached; try again")

	// ErrNoQuorum is returned when a leader had the proposal and it was not
	// committed until the caller's deadline. It may or may not be applied later.
	ErrNoQuorum = errors.New("not confirmed by a majority in time; it may or may not be recorded: send it again")

	// ErrOverloaded is returned when more waits for a majority than a node
	// keeps in memory. Nothing of the proposal was recorded.
	ErrOverloaded = errors.New("overloaded: too many moves wait for a majority of the voters; nothing of this was recorded, send it again in a moment")

	// ErrClosed is returned by every method after Close, or once the node has
	// stopped by itself; [Node.Err] says why.
	ErrClosed = errors.New("this node is shutting down")

	// ErrRemoved is why a node stops when it finds out that the group has
	// removed it. Its member id is never used again.
	ErrRemoved = errors.New("this node was removed from the cluster; to join again start it with an empty data directory")

	// ErrTooLarge is wrapped when a proposal exceeds a limit.
	ErrTooLarge = errors.New("too large")

	// ErrMembership is wrapped by the refusals of a membership change; the
	// text says why.
	ErrMembership = errors.New("membership change refused")

	// ErrUnknownMember is wrapped when a membership change names a member
	// that is not in the group.
	ErrUnknownMember = errors.New("no such member")
)
