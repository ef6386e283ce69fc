package edge

import (
	"context"
	"io"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
)

// A stream may be long on its way: behind a slow line the states in it are as old as the entries.
// So an edge asks its upstream beside it how far it is. What is answered was so when it was asked,
// or later: no clock is needed to know that. The same answers tell it whether its clock is right.

// upstreamClock stands for the clock of the group, as upstreams tell it.
const upstreamClock consensus.MemberID = 1

// look asks the upstream that is followed, four times in Config.Silence.
func (f *Follower) look(ctx context.Context) {
	every := time.NewTicker(f.cfg.Silence / 4)
	defer every.Stop()
	wrong := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		f.mu.Lock()
		c := f.current
		f.mu.Unlock()
		if c == nil {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, f.cfg.Silence)
		_, _ = f.peek(limited, c) // the stream itself tells that it is gone
		cancel()
		if skew := f.Skew(); (skew.Abs() > consensus.MaxSkew) != wrong {
			if wrong = !wrong; wrong {
				f.log.Warn("clocks differ", "why", f.ClockWarnings())
			} else {
				f.log.Info("the clocks agree again")
			}
		}
	}
}

// peek asks c how it stands, and notes it.
func (f *Follower) peek(ctx context.Context, c *upstream) (Status, error) {
	q := f.question()
	res, err := f.ask(ctx, c, true)
	if err != nil {
		return Status{}, err
	}
	defer res.Body.Close()
	kind, payload, err := newFrameReader(res.Body).next()
	if err != nil {
		return Status{}, err
	}
	if kind != kindState {
		return Status{}, corrupt("it does not begin with a state")
	}
	rtt := time.Since(q.sent)
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, frameHeader)) // so that the connection serves again
	s, err := parseStatus(payload)
	if err == nil {
		err = f.accepts(&s)
	}
	if err == nil {
		f.answered(q, rtt, &s)
		f.compare(c, &s)
	}
	return s, err
}

// question is when an upstream was asked.
type question struct{ sent, clock time.Time }

func (f *Follower) question() question { return question{time.Now(), f.cfg.Now()} }

// answered takes what an upstream says of itself in answer to q.
func (f *Follower) answered(q question, rtt time.Duration, s *Status) {
	f.fresh.Note(q.sent.Add(-time.Duration(s.AgeMs)*time.Millisecond), s.Applied)
	if s.Now != 0 {
		f.clocks.Note(upstreamClock, q.clock, rtt, s.Now)
	}
	for seen := f.newest.Load(); s.Newest > seen && !f.newest.CompareAndSwap(seen, s.Newest); {
		seen = f.newest.Load()
	}
}

// times are this edge's clock and the group's.
func (f *Follower) times() consensus.Times {
	return f.clocks.Read([]consensus.MemberID{upstreamClock})
}

// ReleaseTime is the time that delays go by: the earlier of this edge's and the group's. Ok is
// false until they were compared.
func (f *Follower) ReleaseTime() (at time.Time, ok bool) { return f.times().ForRelease() }

// Skew is how far this edge's clock is ahead of the group's.
func (f *Follower) Skew() time.Duration { return -f.times().Ahead(upstreamClock) }

// ClockWarnings says it if this edge's clock is not the group's.
func (f *Follower) ClockWarnings() []string {
	skew := f.Skew()
	if skew.Abs() <= consensus.MaxSkew {
		return nil
	}
	return []string{"the clock of " + f.cfg.Name + " is " + consensus.DescribeSkew(skew) + " the cluster's; set it by NTP"}
}

// Fresh is when the boards were last known to be those of the cluster: nothing that they lack was
// committed then.
func (f *Follower) Fresh() (at time.Time, ok bool) { return f.fresh.UpTo(f.applied.Load()) }

// Newest is the newest log index that the edge knows of.
func (f *Follower) Newest() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.newestLocked()
}

func (f *Follower) newestLocked() uint64 {
	return max(f.state.Newest, f.newest.Load(), f.applied.Load())
}

// groupTime is the group's time now, for those that follow this edge; 0: not known.
func (f *Follower) groupTime() int64 { return f.times().Of(upstreamClock) }
