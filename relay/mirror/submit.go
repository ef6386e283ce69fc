package mirror

import (
	"context"
	"errors"
	"slices"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

const (
	// maxTries bounds how often a round is compared, if others change it at the same time.
	maxTries = 5
	// maxBatch bounds the commands of one call of a Propose function.
	maxBatch = 1000
)

// Propose brings commands through the log, and returns what the boards made of each.
type Propose func(ctx context.Context, commands ...*relaypb.Command) ([]relay.Outcome, error)

// Converge calls try until nothing is left to do. try compares the round with its sources and
// submits the changes. again says that somebody else may have changed the round at the same time,
// or that new boards must be compared, so that another try is needed. After the last try what is
// still refused stays so until the source shows something new.
func Converge(try func(first bool) (again bool, err error)) error {
	for n := 1; ; n++ {
		again, err := try(n == 1)
		if err != nil || !again || n == maxTries {
			return err
		}
	}
}

// Submit submits the commands of all changes. It returns for each change why the boards have not
// taken it, nil if they have: its own Err, or the first refusal, from which later ones follow.
// again says that a refusal may be due to others who submit to the round.
func Submit(ctx context.Context, changes []Change, propose Propose) (refused []error, again bool, err error) {
	var commands []*relaypb.Command
	for _, c := range changes {
		commands = append(commands, c.Commands...)
	}
	outcomes, err := SubmitAll(ctx, commands, propose)
	if err != nil {
		return nil, false, err
	}
	refused = make([]error, len(changes))
	for i, c := range changes {
		refused[i] = c.Err
		for _, o := range outcomes[:len(c.Commands)] {
			if refused[i] == nil {
				refused[i] = o.Err
			}
		}
		outcomes = outcomes[len(c.Commands):]
		again = again || isConflict(refused[i])
	}
	return refused, again, nil
}

// SubmitAll submits any number of commands in order, in parts.
func SubmitAll(ctx context.Context, commands []*relaypb.Command, propose Propose) ([]relay.Outcome, error) {
	outcomes := make([]relay.Outcome, 0, len(commands))
	for batch := range slices.Chunk(commands, maxBatch) {
		part, err := propose(ctx, batch...)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, part...)
	}
	return outcomes, nil
}

// isConflict reports whether a refusal may be due to a change of the round since it was compared.
func isConflict(err error) bool {
	return errors.Is(err, relay.ErrPlyConflict) || errors.Is(err, relay.ErrGameOver) || errors.Is(err, relay.ErrBoardTaken) || errors.Is(err, relay.ErrNotFound)
}
