package edge

import (
	"slices"
	"time"
)

// Evaluations pass from a node with an engine to the edges below it. They are about positions, not
// about entries of the log. Each has its own cursor into the store of the node, which keeps one
// evaluation for each position. So an edge that is behind costs nothing. They come when no entry
// waits, so they hold up no move.
//
// In return an edge tells its upstream, in the question that it asks beside the stream, what its
// spectators watch. The text is package broadcast's.

// Evaluations are a node's evaluations, as messages for other nodes; see package engine.
type Evaluations interface {
	// After returns the next message after the cursor, and the cursor after it; nil: there is none
	// now.
	After(cursor uint64) (message []byte, next uint64)
	// Changed returns a channel that is closed when there is more.
	Changed() <-chan struct{}
}

// EvaluationsTaker takes what an upstream's Evaluations return.
type EvaluationsTaker interface {
	Take(message []byte) error
	// SetUpstream says whether an engine works for the upstream.
	SetUpstream(available bool)
}

const (
	// maxWatching bounds what an edge says of its spectators, in bytes.
	maxWatching = 2 << 10
	// keepWatching is how long it counts. The edge repeats it several times in that time.
	keepWatching = 10 * time.Second
)

// watching is what an edge's spectators watch, as it said last.
type watching struct {
	text string
	at   time.Time
}

func (l *LogServer) noteWatching(id, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for id, w := range l.watching {
		if now.Sub(w.at) > keepWatching {
			delete(l.watching, id)
		}
	}
	if text == "" || id == "" {
		delete(l.watching, id)
	} else if _, known := l.watching[id]; known || len(l.watching) < l.cfg.MaxEdges {
		l.watching[id] = watching{text, now}
	}
}

// Watching returns what the spectators of the edges below watch with evaluations, a text for each
// edge.
func (l *LogServer) Watching() (texts []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.watching {
		if time.Since(w.at) <= keepWatching {
			texts = append(texts, w.text)
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// evaluationNews is an edge's place in the evaluations.
type evaluationNews struct {
	from   Evaluations // nil: there are none
	cursor uint64
}

func (s *sender) news() *evaluationNews { return &evaluationNews{from: s.server.cfg.Evaluations} }

func (n *evaluationNews) changed() <-chan struct{} {
	if n.from == nil {
		return nil
	}
	return n.from.Changed()
}

func (n *evaluationNews) next() (message []byte) {
	if n.from == nil {
		return nil
	}
	message, n.cursor = n.from.After(n.cursor)
	return message
}

// takeEvaluations takes a message of the upstream. One that cannot be read ends the stream.
func (l *LogClient) takeEvaluations(payload []byte) error {
	if l.cfg.Evaluations == nil {
		return nil
	}
	if err := l.cfg.Evaluations.Take(payload); err != nil {
		return corrupt("%v", err)
	}
	return nil
}
