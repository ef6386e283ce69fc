package lichess

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// The broadcaster app does not wait for a push before it begins the next one. If a connection ends
// without an answer, the app sends the same body again each second, until there is an answer. So
// after a time without a majority, the retries of several pushes come in any order. An old one that
// came last would undo what the newer ones brought: a result, or moves if the round's shorten is
// set.
//
// A body carries no timestamp. So we remember each try that we left without an answer, and expect
// one retry with the same body. The retry takes the first try's place in the order. It is passed
// over if a push that came after the first try has been taken meanwhile.
//
// Any other body that comes again is no retry: an organiser who undoes a mistake pushes exactly
// what was there before. So only tries without an answer count, each for one retry, and not for
// long. A node does not know the pushes that another node left without an answer, and forgets its
// own at a restart.

const (
	// maxOwed is how many retries are remembered for each round; the oldest are forgotten first.
	maxOwed = 64
	// owedFor is how long a retry is expected. The app tries again each second.
	owedFor = 2 * time.Minute
)

// lateTries knows which pushes were left without an answer. The zero value is ready.
type lateTries struct {
	mu     sync.Mutex
	rounds map[relay.RoundID]*owedTries // guarded by mu; only rounds from which a retry is owed
}

type owedTries struct {
	taken uint64 // the greatest place of a push that was taken
	owed  []owedTry
}

type owedTry struct {
	body  [sha256.Size]byte
	place uint64
	until time.Time
}

// begin returns the place of a push in the order of its round: for a retry, the place of its first
// try, otherwise its turn. late reports whether it is a retry and a newer push was taken meanwhile.
func (l *lateTries) begin(round relay.RoundID, body [sha256.Size]byte, turn uint64, now time.Time) (place uint64, late bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.rounds[round]
	if o == nil {
		return turn, false
	}
	o.owed = slices.DeleteFunc(o.owed, func(t owedTry) bool { return now.After(t.until) })
	i := slices.IndexFunc(o.owed, func(t owedTry) bool { return t.body == body })
	if i >= 0 {
		turn = o.owed[i].place
		o.owed = slices.Delete(o.owed, i, i+1)
		late = o.taken > turn
	}
	if len(o.owed) == 0 {
		delete(l.rounds, round)
	}
	return turn, late
}

// took notes that a push was taken.
func (l *lateTries) took(round relay.RoundID, place uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.rounds[round]; o != nil {
		o.taken = max(o.taken, place)
	}
}

// noteUnanswered notes that a push was left without an answer, and the hash that its retry will
// have.
func (l *lateTries) noteUnanswered(round relay.RoundID, body [sha256.Size]byte, place uint64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.rounds[round]
	if o == nil {
		if l.rounds == nil {
			l.rounds = make(map[relay.RoundID]*owedTries)
		}
		o = new(owedTries)
		l.rounds[round] = o
	}
	if len(o.owed) == maxOwed {
		o.owed = o.owed[1:]
	}
	o.owed = append(o.owed, owedTry{body, place, now.Add(owedFor)})
}
