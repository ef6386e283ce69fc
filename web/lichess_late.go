package web

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// The broadcaster app does not wait for a push before it begins the next one, and when a connection
// ends without an answer it sends the same body again, a second later, until there is one. So after
// a time without a majority the retries of several pushes come in any order, and an old one that
// came last would take back what the newer ones brought: a result, or moves where the round has
// shorten. A body does not tell its time. But each try that we left without an answer is owed one
// more with the same body; and that one has the place of the first try: it is passed over if a push
// that came after the first try has been taken meanwhile.
//
// A body that comes again otherwise is no retry: an organiser who takes a mistake back pushes what
// he had before, to the letter. So only tries that were left without an answer count, each for one
// retry, and not for long. A node does not know the pushes that another node left without an
// answer, and forgets its own at a restart.

const (
	// maxOwed is how many retries of a round are remembered; the oldest are forgotten first.
	maxOwed = 64
	// owedFor is how long a retry is waited for. The app tries again each second.
	owedFor = 2 * time.Minute
)

// lateTries knows which tries to push were left without an answer. The zero value is ready.
type lateTries struct {
	mu     sync.Mutex
	rounds map[relay.RoundID]*owedTries // guarded by mu; of those only in which one is owed
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

// begin returns the place of a push in the order of its round: that of its first try if it is a
// retry, otherwise its own turn. late says that it is a retry, and that what it brings is no longer
// what counts.
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

// noteUnanswered notes that a push was left without an answer, and how it will be known when it
// comes again.
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
