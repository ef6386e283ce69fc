package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// PayloadSize is how many bytes a submission has, everywhere.
const PayloadSize = 64

// Config says which node of a group a child process is.
type Config struct {
	// Index is its place in the group. Node 0 leads; submissions are made in its process.
	Index int `json:"index"`
	// Dir is the node's own folder. It exists.
	Dir string `json:"dir"`
	// Addrs are the loopback addresses that each node of the group may listen on, by index:
	// AddrsPerNode each. They were free a moment ago.
	Addrs [][]string `json:"addrs"`
}

// AddrsPerNode is how many addresses each node of a group is given.
const AddrsPerNode = 3

// OwnAddrs are the addresses of this node itself.
func (c Config) OwnAddrs() []string { return c.Addrs[c.Index] }

// A Node is one node of a system, in the process that opened it.
type Node interface {
	// Lead returns when this node leads and every other one follows and votes. It is called only on
	// node 0, once all are open.
	Lead(ctx context.Context) error
	// Submitter returns the function with which one of the workers submits. The function returns
	// when the submission has been answered. It returns ErrNotCounted if it did something else that
	// was necessary. One goroutine at a time calls it. Workers count from 0.
	Submitter(worker int) (func(ctx context.Context) error, error)
}

// ErrNotCounted is what a submitter returns when it did something that is no submission.
var ErrNotCounted = errors.New("not counted")

// A Counted node can say what its state machine has seen.
type Counted interface{ HasApplied() Applied }

// Applied is what a state machine has seen.
type Applied struct {
	Count uint64 `json:"count"`          // of commands; if there is a hash, since the node was started
	Hash  string `json:"hash,omitempty"` // of its state, if that is more than the count
}

// Same reports whether two nodes of a group have seen the same.
func (a Applied) Same(b Applied) bool {
	if a.Hash != "" || b.Hash != "" {
		return a.Hash == b.Hash
	}
	return a.Count == b.Count
}

// A Caller is a node with more operations than every node has, or what a child is instead of a
// node.
type Caller interface {
	Call(ctx context.Context, op string, args json.RawMessage) (any, error)
}

// Wait waits for d. It returns ctx's error if that ends before.
func Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Until waits until cond holds. If ctx ends before, the error says what was waited for, and has
// cond's last error.
func Until(ctx context.Context, what string, cond func() (bool, error)) error {
	for {
		ok, err := cond()
		if ok {
			return nil
		}
		if Wait(ctx, 10*time.Millisecond) != nil {
			return fmt.Errorf("timed out waiting for %s: %w", what, errors.Join(ctx.Err(), err))
		}
	}
}

// Quantile is the smallest of the sorted values that at least a share q of them do not exceed; q is
// in (0, 1]. It is the zero value if there are none.
func Quantile[T any](sorted []T, q float64) T {
	var zero T
	if len(sorted) == 0 {
		return zero
	}
	at := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(at, 0), len(sorted)-1)]
}
