package consensus

import (
	"sort"
	"time"
)

// appendTimes remembers when the leader appended which entries, so that it can
// say for how long a follower has been behind. Owned by the Raft loop.
//
// It holds the first entry of a moment and when that was, not each entry. When it
// is full, moments are joined: the older, the coarser, so that what it tells is wrong by
// a 32nd at the most, and it goes back as far as the leader's reign in a bounded room.
type appendTimes struct {
	samples []appendTime // rising
}

type appendTime struct {
	first uint64
	at    time.Time
}

const (
	maxAppendTimes = 2048
	shortestMoment = time.Millisecond
)

// begin is called when this node becomes the leader: how old the entries before
// are it does not know.
func (a *appendTimes) begin(now time.Time) {
	a.samples = append(a.samples[:0], appendTime{0, now})
}

// note is called with the first of new entries.
func (a *appendTimes) note(first uint64, now time.Time) {
	if n := len(a.samples); n > 0 && now.Sub(a.samples[n-1].at) < shortestMoment {
		return
	}
	if len(a.samples) >= maxAppendTimes {
		a.join(now)
	}
	a.samples = append(a.samples, appendTime{first, now})
}

// join lets moments that followed another soon, for their age, become a part of it.
func (a *appendTimes) join(now time.Time) {
	kept := a.samples[:0]
	for _, s := range a.samples {
		if n := len(kept); n == 0 || s.at.Sub(kept[n-1].at) >= now.Sub(s.at)/64 {
			kept = append(kept, s)
		}
	}
	a.samples = kept
}

// since returns when the entry at index was appended, or when this node became
// the leader, if that was later. Nothing may be older than what begin was told.
func (a *appendTimes) since(index uint64) time.Time {
	i := sort.Search(len(a.samples), func(i int) bool { return a.samples[i].first > index })
	if i == 0 {
		return time.Time{}
	}
	return a.samples[i-1].at
}
