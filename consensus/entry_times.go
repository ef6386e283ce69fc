package consensus

import (
	"sort"
	"time"
)

// entryTimes remembers when entries came into the leader's log, so that the leader can say for how
// long a follower has been behind. Owned by the Raft loop.
//
// A sample is the first entry of a moment. When there are too many samples, thin joins them: the
// older, the coarser. So since is wrong by at most a 32nd of the age, and the samples reach back to
// the start of this node's leadership in bounded memory.
type entryTimes struct {
	samples []entryTime // rising
}

type entryTime struct {
	first uint64
	at    time.Time
}

const (
	maxEntryTimes = 2048
	minEntryGap   = time.Millisecond
)

// reset is called when this node becomes the leader. It does not know the age of earlier entries.
func (e *entryTimes) reset(now time.Time) {
	e.samples = append(e.samples[:0], entryTime{0, now})
}

// note is called with the first of new entries.
func (e *entryTimes) note(first uint64, now time.Time) {
	if n := len(e.samples); n > 0 && now.Sub(e.samples[n-1].at) < minEntryGap {
		return
	}
	if len(e.samples) >= maxEntryTimes {
		e.thin(now)
	}
	e.samples = append(e.samples, entryTime{first, now})
}

// thin drops samples that are close to the one before, for their age.
func (e *entryTimes) thin(now time.Time) {
	kept := e.samples[:0]
	for _, s := range e.samples {
		if n := len(kept); n == 0 || s.at.Sub(kept[n-1].at) >= now.Sub(s.at)/64 {
			kept = append(kept, s)
		}
	}
	e.samples = kept
}

// since returns when the entry at index came into the log, or when this node became the leader, if
// that was later.
func (e *entryTimes) since(index uint64) time.Time {
	i := sort.Search(len(e.samples), func(i int) bool { return e.samples[i].first > index })
	if i == 0 {
		return time.Time{}
	}
	return e.samples[i-1].at
}
