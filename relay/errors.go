package relay

import (
	"errors"
	"fmt"
)

// The refusals of [State.Apply], for [errors.Is]. Most come as one of the typed errors below, which
// say more. Every message is written for the person whose request was refused, who gets it word for
// word.
var (
	// ErrBadCommand is returned when a field of the command is missing, too
	// long, out of range or cannot be read. See [BadCommandError].
	ErrBadCommand = errors.New("bad command")
	// ErrVersion is returned when the command has a version or an operation
	// that this program does not know: a newer one wrote it.
	ErrVersion = errors.New("unknown command version")
	// ErrVariant is returned when a game is created in a variant other than
	// standard chess and Chess960. Such an error is an ErrBadCommand too.
	ErrVariant = errors.New("variant not supported")
	// ErrNotFound is returned when the tournament, round or game that the
	// command names does not exist. See [NotFoundError].
	ErrNotFound = errors.New("not found")
	// ErrIDTaken is returned when the id of a new thing is in use. The caller chooses another id
	// and tries again.
	ErrIDTaken = errors.New("id taken")
	// ErrBoardTaken is returned when the round has a game at that board
	// already, created by another request.
	ErrBoardTaken = errors.New("board taken")
	// ErrPlyConflict is returned when the move is not for the next ply of the
	// game: another move stands there, or a move before it is missing. See
	// [PlyConflictError].
	ErrPlyConflict = errors.New("ply conflict")
	// ErrIllegalMove is returned when the move cannot be played in the
	// position, or cannot be read. See [IllegalMoveError].
	ErrIllegalMove = errors.New("illegal move")
	// ErrGameOver is returned when a move is played in a game that has a result.
	ErrGameOver = errors.New("game over")
	// ErrLocked is returned when a source would change what a person has set, or play what a person
	// took back. See [LockedError].
	ErrLocked = errors.New("locked")
	// ErrToken is returned when the token that the command came with was revoked.
	ErrToken = errors.New("token revoked")
	// ErrLimit is returned when a tournament, round or game already has as much as it may have; see
	// limits.go.
	ErrLimit = errors.New("limit reached")
)

// refusal is a sentinel error with a message of its own.
type refusal struct {
	kind error
	msg  string
}

func (e *refusal) Error() string { return e.msg }
func (e *refusal) Unwrap() error { return e.kind }

func refuse(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

// BadCommandError is the [ErrBadCommand] that names the field.
type BadCommandError struct {
	Field  string // as the HTTP API spells it, such as "white.name"
	Reason string
}

func (e *BadCommandError) Error() string { return e.Field + ": " + e.Reason }

// Unwrap makes errors.Is(err, ErrBadCommand) hold.
func (e *BadCommandError) Unwrap() error { return ErrBadCommand }

func bad(field, format string, args ...any) error {
	return &BadCommandError{field, fmt.Sprintf(format, args...)}
}

// inMove names the move in the refusal of a field of one of several moves.
func inMove(i int, err error) error {
	if b, ok := errors.AsType[*BadCommandError](err); ok {
		return &BadCommandError{fmt.Sprintf("moves[%d].%s", i, b.Field), b.Reason}
	}
	return err
}

// variantError is an ErrVariant and an ErrBadCommand.
type variantError struct{ msg string }

func (e *variantError) Error() string   { return e.msg }
func (e *variantError) Unwrap() []error { return []error{ErrVariant, ErrBadCommand} }

// NotFoundError is the [ErrNotFound] that says what was not found.
type NotFoundError struct {
	What string // "tournament", "round" or "game"
	ID   string
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("there is no %s %q", e.What, e.ID) }

// Unwrap makes errors.Is(err, ErrNotFound) hold.
func (e *NotFoundError) Unwrap() error { return ErrNotFound }

// PlyConflictError is the [ErrPlyConflict] that says which move the game has.
type PlyConflictError struct {
	Ply      Ply  // asked for
	Expected Ply  // the next ply of the game: the one that can be played
	Current  Move // the move at Ply; its Ply is 0 if there is none yet
}

func (e *PlyConflictError) Error() string {
	if e.Current.Ply == 0 {
		return fmt.Sprintf("ply %d cannot be played yet: the next ply of this game is %d", e.Ply, e.Expected)
	}
	return fmt.Sprintf("ply %d is taken by %s; the next ply of this game is %d (take back to ply %d first to correct it)",
		e.Ply, e.Current.SAN, e.Expected, e.Ply-1)
}

// Unwrap makes errors.Is(err, ErrPlyConflict) hold.
func (e *PlyConflictError) Unwrap() error { return ErrPlyConflict }

// LockedError is the [ErrLocked] that says which field a person has set.
type LockedError struct {
	Field string // as in [Lock.Field]
	By    string // who set it; empty if they did not say
}

func (e *LockedError) Error() string {
	by := e.By
	if by == "" {
		by = "a person"
	}
	return fmt.Sprintf("%s is locked: %s has set it, and a source cannot change it until it is unlocked", e.Field, by)
}

// Unwrap makes errors.Is(err, ErrLocked) hold.
func (e *LockedError) Unwrap() error { return ErrLocked }

// IllegalMoveError is the [ErrIllegalMove] that says which move, and where.
type IllegalMoveError struct {
	Ply    Ply
	Move   string // as it was sent
	FEN    string // the position in which it was to be played
	Reason string
}

func (e *IllegalMoveError) Error() string {
	return fmt.Sprintf("%q cannot be played as ply %d: %s", e.Move, e.Ply, e.Reason)
}

// Unwrap makes errors.Is(err, ErrIllegalMove) hold.
func (e *IllegalMoveError) Unwrap() error { return ErrIllegalMove }
