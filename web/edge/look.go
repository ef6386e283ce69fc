package edge

import (
	"context"
	"io"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
)

// A stream may take long to arrive: behind a slow line its states are as old as its entries. So an
// edge also asks its upstream, beside the stream, how far it is. The answer was true at the time of
// the question or later, so no clocks are compared. The same answers tell the edge whether its own
// clock is right.

// upstreamClock stands for the group's clock, as upstreams tell it.
const upstreamClock consensus.MemberID = 1

// look asks the current upstream, four times in LogClientConfig.Silence.
func (l *LogClient) look(ctx context.Context) {
	every := time.NewTicker(l.cfg.Silence / 4)
	defer every.Stop()
	wrong := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		l.mu.Lock()
		c := l.current
		l.mu.Unlock()
		if c == nil {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, l.cfg.Silence)
		_, _ = l.peek(limited, c) // the stream itself shows that it ended
		cancel()
		if skew := l.Skew(); (skew.Abs() > consensus.MaxSkew) != wrong {
			if wrong = !wrong; wrong {
				l.log.Warn("clocks differ", "why", l.ClockWarnings())
			} else {
				l.log.Info("the clocks agree again")
			}
		}
	}
}

// peek asks c how it stands, and notes the answer.
func (l *LogClient) peek(ctx context.Context, c *upstream) (Status, error) {
	q := l.question()
	res, err := l.ask(ctx, c, true)
	if err != nil {
		return Status{}, err
	}
	defer res.Body.Close()
	kind, payload, err := newMessageReader(res.Body).next()
	if err != nil {
		return Status{}, err
	}
	if kind != kindState {
		return Status{}, corrupt("it does not begin with a state")
	}
	rtt := time.Since(q.sent)
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, messageHeader)) // so that the connection can be reused
	s, err := parseStatus(payload)
	if err == nil {
		err = l.accepts(&s)
	}
	if err == nil {
		l.answered(q, rtt, &s)
		l.compare(c, &s)
	}
	return s, err
}

// question is when an upstream was asked, by the monotonic clock and by this edge's.
type question struct{ sent, clock time.Time }

func (l *LogClient) question() question { return question{time.Now(), l.cfg.Now()} }

// answered notes an upstream's answer to q.
func (l *LogClient) answered(q question, rtt time.Duration, s *Status) {
	l.fresh.Note(q.sent.Add(-time.Duration(s.AgeMs)*time.Millisecond), s.Applied)
	if s.Now != 0 {
		l.clocks.Note(upstreamClock, q.clock, rtt, s.Now)
	}
	for seen := l.newest.Load(); s.Newest > seen && !l.newest.CompareAndSwap(seen, s.Newest); {
		seen = l.newest.Load()
	}
}

// times are this edge's clock and the group's.
func (l *LogClient) times() consensus.Times {
	return l.clocks.Read([]consensus.MemberID{upstreamClock})
}

// ReleaseTime is the time by which delays end: the earlier of this edge's clock and the group's. ok
// is false until the two were compared.
func (l *LogClient) ReleaseTime() (at time.Time, ok bool) { return l.times().ForRelease() }

// Skew is how far this edge's clock is ahead of the group's.
func (l *LogClient) Skew() time.Duration { return -l.times().Ahead(upstreamClock) }

// ClockWarnings says so if this edge's clock is wrong.
func (l *LogClient) ClockWarnings() []string {
	skew := l.Skew()
	if skew.Abs() <= consensus.MaxSkew {
		return nil
	}
	return []string{"the clock of " + l.cfg.Name + " is " + consensus.DescribeSkew(skew) + " the cluster's; set it by NTP"}
}

// Warnings says so if this edge's boards are not its upstream's, or its clock is wrong.
func (l *LogClient) Warnings() []string { return append(l.Differences(), l.ClockWarnings()...) }

// Fresh is when the boards were last known to lack nothing that the cluster had committed.
func (l *LogClient) Fresh() (at time.Time, ok bool) { return l.fresh.UpTo(l.applied.Load()) }

// Newest is the newest log index that the edge knows of.
func (l *LogClient) Newest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newestLocked()
}

func (l *LogClient) newestLocked() uint64 {
	return max(l.state.Newest, l.newest.Load(), l.applied.Load())
}

// groupTime is the group's time now, for the edges below; 0: unknown.
func (l *LogClient) groupTime() int64 { return l.times().Of(upstreamClock) }
