package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// How often a feed says how far it is.
const progressEvery = 5 * time.Second

// feedFailure is a game that stopped before its end.
type feedFailure struct {
	Game    int       `json:"game"` // its place in the file, from 1
	Board   int       `json:"board,omitempty"`
	Players string    `json:"players,omitempty"`
	Ply     relay.Ply `json:"ply,omitempty"` // 0 if it was not a move that failed
	Move    string    `json:"move,omitempty"`
	Error   string    `json:"error"`
}

func (f feedFailure) String() string {
	s := fmt.Sprintf("game %d", f.Game)
	if f.Board != 0 {
		s += fmt.Sprintf(", board %d", f.Board)
	}
	if f.Players != "" {
		s += ", " + f.Players
	}
	if f.Ply != 0 {
		s += fmt.Sprintf(", ply %d, %s", f.Ply, f.Move)
	}
	return s + ": " + f.Error
}

// feedSummary is what a feed came to.
type feedSummary struct {
	Round       relay.RoundID `json:"round"`
	Page        string        `json:"page"`
	Games       int           `json:"games"`
	Complete    int           `json:"complete"` // games played to their end
	Moves       int           `json:"moves"`    // of all games
	Sent        int           `json:"sent"`
	Accepted    int           `json:"accepted"`   // of those sent: new
	Duplicates  int           `json:"duplicates"` // of those sent: stood there already
	Skipped     int           `json:"skipped"`    // not sent, since they stood there when the feed began
	Seconds     float64       `json:"seconds"`
	PerSecond   float64       `json:"movesPerSecond"`
	P50Ms       float64       `json:"p50Ms"` // of a submission, with its retries
	P99Ms       float64       `json:"p99Ms"`
	Interrupted bool          `json:"interrupted,omitempty"`
	Failures    []feedFailure `json:"failures,omitempty"`
}

// tally counts what the boards do.
type tally struct {
	mu sync.Mutex
	// Guarded by mu.
	sum   feedSummary
	times []time.Duration // of each submission that was accepted
}

func (t *tally) begin(games []*feedGame) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Games += len(games)
	for _, g := range games {
		t.sum.Moves += len(g.moves)
	}
}

func (t *tally) accept(took time.Duration, duplicate bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Sent++
	t.times = append(t.times, took)
	if duplicate {
		t.sum.Duplicates++
	} else {
		t.sum.Accepted++
	}
}

func (t *tally) skip(plies int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Skipped += plies
}

func (t *tally) complete() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Complete++
}

// unreadable counts a game of the file that could not be read.
func (t *tally) unreadable(f feedFailure) {
	t.fail(f)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Games++
}

func (t *tally) fail(f feedFailure) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Failures = append(t.sum.Failures, f)
}

func (t *tally) end(took time.Duration, interrupted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.Sort(t.times)
	t.sum.Seconds = took.Seconds()
	t.sum.PerSecond = float64(t.sum.Sent) / took.Seconds()
	t.sum.P50Ms = milliseconds(quantile(t.times, 0.50))
	t.sum.P99Ms = milliseconds(quantile(t.times, 0.99))
	t.sum.Interrupted = interrupted
}

// snapshot is the summary as it stands.
func (t *tally) snapshot() feedSummary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sum
	s.Failures = slices.Clone(s.Failures)
	slices.SortFunc(s.Failures, func(a, b feedFailure) int { return cmp.Compare(a.Game, b.Game) })
	return s
}

// summary is the summary of the whole feed, once play has returned.
func (f *feeder) summary() feedSummary {
	s := f.tally.snapshot()
	s.Round, s.Page = f.round, f.page()
	return s
}

// reportProgress logs a line now and then until ctx ends.
func (f *feeder) reportProgress(ctx context.Context) {
	var before int
	for sleep(ctx, progressEvery) {
		s := f.tally.snapshot()
		f.log.Info("feeding", "sent", s.Sent, "of", s.Moves-s.Skipped, "boards", s.Games-s.Complete-len(s.Failures),
			"rate", fmt.Sprintf("%.1f/s", float64(s.Sent-before)/progressEvery.Seconds()))
		before = s.Sent
	}
}

func (s feedSummary) print(w io.Writer) {
	fmt.Fprintf(w, "games       %d of %d played to their end\n", s.Complete, s.Games)
	fmt.Fprintf(w, "moves       %d sent: %d accepted, %d duplicates; %d stood there already\n", s.Sent, s.Accepted, s.Duplicates, s.Skipped)
	fmt.Fprintf(w, "time        %.1f s, %.1f moves a second\n", s.Seconds, s.PerSecond)
	fmt.Fprintf(w, "submission  p50 %.1f ms, p99 %.1f ms\n", s.P50Ms, s.P99Ms)
	for _, f := range s.Failures {
		fmt.Fprintf(w, "stopped     %s\n", clean(fmt.Sprint(f)))
	}
	fmt.Fprintf(w, "page        %s\n", s.Page)
}

// quantile picks from sorted values; 0 if there are none.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
