package mirror

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// TestSubmit submits the commands of three changes. A refusal is told of its own change only, and
// those that others may have caused ask for another try.
func TestSubmit(t *testing.T) {
	for _, tc := range []struct {
		err   error
		again bool
	}{
		{nil, false}, {&relay.PlyConflictError{}, true}, {relay.ErrGameOver, true}, {relay.ErrBoardTaken, true}, {relay.ErrNotFound, true},
		{relay.ErrLimit, false}, {&relay.BadCommandError{Field: "white.name"}, false},
	} {
		changes := []Change{{Commands: make([]*relaypb.Command, 3)}, {Commands: make([]*relaypb.Command, 1)}, {Err: ErrUnnamed}}
		outcomes := []relay.Outcome{{}, {Err: tc.err}, {Err: errors.New("what follows")}, {}}
		if tc.err == nil {
			outcomes = make([]relay.Outcome, 4)
		}
		refused, again, err := Submit(t.Context(), changes, func(context.Context, ...*relaypb.Command) ([]relay.Outcome, error) { return outcomes, nil })
		if err != nil || again != tc.again || len(refused) != 3 || !errors.Is(refused[0], tc.err) || refused[1] != nil || !errors.Is(refused[2], ErrUnnamed) {
			t.Errorf("%v: again %v, refused %v, %v", tc.err, again, refused, err)
		}
	}
}

// TestSubmitAll wants more commands than one call takes to be submitted in order, and none after an
// error.
func TestSubmitAll(t *testing.T) {
	commands := make([]*relaypb.Command, 2*maxBatch+1)
	for i := range commands {
		commands[i] = &relaypb.Command{Request: fmt.Sprint(i)}
	}
	var calls []int
	fails := 0
	propose := func(_ context.Context, part ...*relaypb.Command) (out []relay.Outcome, err error) {
		if calls = append(calls, len(part)); len(calls) == fails {
			return nil, errors.New("no majority")
		}
		for _, c := range part {
			out = append(out, relay.Outcome{Err: errors.New(c.Request)})
		}
		return out, nil
	}
	out, err := SubmitAll(t.Context(), commands, propose)
	if err != nil || len(out) != len(commands) || fmt.Sprint(calls) != fmt.Sprint([]int{maxBatch, maxBatch, 1}) {
		t.Fatalf("%d outcomes, calls of %v, %v", len(out), calls, err)
	}
	for i, o := range out {
		if o.Err.Error() != fmt.Sprint(i) {
			t.Fatalf("outcome %d is that of command %v", i, o.Err)
		}
	}
	calls, fails = nil, 2
	if out, err = SubmitAll(t.Context(), commands, propose); err == nil || out != nil || len(calls) != 2 {
		t.Errorf("without a majority: %d outcomes, calls of %v, %v", len(out), calls, err)
	}
}

// TestConverge counts the tries: until nothing is left, up to an error, and never more than
// maxTries.
func TestConverge(t *testing.T) {
	for name, tc := range map[string]struct {
		again int // how many tries ask for another one
		fails int // the try that fails, 0: none
		want  int
	}{
		"nothing is left": {0, 0, 1}, "somebody else": {2, 0, 3}, "too often": {100, 0, maxTries}, "an error": {100, 2, 2},
	} {
		tries := 0
		err := Converge(func(first bool) (bool, error) {
			if tries++; first != (tries == 1) {
				t.Errorf("%s: try %d is called the first: %v", name, tries, first)
			}
			if tries == tc.fails {
				return true, errors.New("no majority")
			}
			return tries <= tc.again, nil
		})
		if tries != tc.want || (err != nil) != (tc.fails > 0) {
			t.Errorf("%s: %d tries, %v", name, tries, err)
		}
	}
}
