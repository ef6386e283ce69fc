package pull

import (
	"context"
	"sync"

	"github.com/chessrelay/chessrelay/relay"
)

// Lines keep those who bring the whole state of a round, each comparing it with the boards and submitting what differs, in the order
// in which they came to this node, one at a time: polls of a source and pushes. The zero value is ready.
type Lines struct {
	mu    sync.Mutex
	lines map[relay.RoundID][]*Turn // guarded by mu; the first one is at work
	last  uint64                    // guarded by mu; the number of the last Turn
}

// A Turn is a place in a round's line.
type Turn struct {
	// Number is greater than that of every Turn that was taken before.
	Number uint64

	lines *Lines
	round relay.RoundID
	mine  chan struct{} // closed when it is this one's turn
}

// Enter takes the last place in the round's line; Leave must follow.
func (l *Lines) Enter(round relay.RoundID) *Turn {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	t := &Turn{Number: l.last, lines: l, round: round, mine: make(chan struct{})}
	if l.lines == nil {
		l.lines = make(map[relay.RoundID][]*Turn)
	}
	l.lines[round] = append(l.lines[round], t)
	if l.lines[round][0] == t {
		close(t.mine)
	}
	return t
}

// Wait returns when it is this one's turn, or ctx ends.
func (t *Turn) Wait(ctx context.Context) error {
	select {
	case <-t.mine:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Leave lets the next one have its turn.
func (t *Turn) Leave() {
	l := t.lines
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.lines[t.round]
	for i, u := range line {
		if u != t {
			continue
		}
		line = append(line[:i], line[i+1:]...)
		if i == 0 && len(line) > 0 {
			close(line[0].mine)
		}
		break
	}
	if len(line) == 0 {
		delete(l.lines, t.round)
		return
	}
	l.lines[t.round] = line
}
