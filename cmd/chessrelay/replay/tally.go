package replay

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/terminal"
	"github.com/chessrelay/chessrelay/relay"
)

// progressEvery is the time between two lines of progress in the log.
const progressEvery = 5 * time.Second

// Failure is a game that stopped before its end.
type Failure struct {
	Game    int       `json:"game"` // its position in the file, from 1
	Board   int       `json:"board,omitempty"`
	Players string    `json:"players,omitempty"`
	Ply     relay.Ply `json:"ply,omitempty"` // 0 if it did not stop at a move
	Move    string    `json:"move,omitempty"`
	Error   string    `json:"error"`
}

func (f Failure) String() string {
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

// Summary is the result of a replay.
type Summary struct {
	Round       relay.RoundID `json:"round"`
	Page        string        `json:"page"`
	Games       int           `json:"games"`
	Complete    int           `json:"complete"` // games played to their end
	Moves       int           `json:"moves"`    // of all games
	Sent        int           `json:"sent"`
	Accepted    int           `json:"accepted"`   // of those sent: new
	Duplicates  int           `json:"duplicates"` // of those sent: the server had them already
	Skipped     int           `json:"skipped"`    // not sent: the server had them before the replay
	Seconds     float64       `json:"seconds"`
	PerSecond   float64       `json:"movesPerSecond"`
	P50Ms       float64       `json:"p50Ms"` // of a submission, with its retries
	P99Ms       float64       `json:"p99Ms"`
	Interrupted bool          `json:"interrupted,omitempty"`
	Failures    []Failure     `json:"failures,omitempty"`
}

// tally counts what the boards do.
type tally struct {
	mu sync.Mutex
	// Guarded by mu.
	sum   Summary
	times []time.Duration // of each submission that was accepted
}

func (t *tally) begin(games []*Game) {
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

// Unreadable counts a game of the file that could not be read. Call it before Play.
func (p *Player) Unreadable(f Failure) {
	p.tally.fail(f)
	p.tally.mu.Lock()
	defer p.tally.mu.Unlock()
	p.tally.sum.Games++
}

func (t *tally) fail(f Failure) {
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
	t.sum.P50Ms = QuantileMs(t.times, 0.50)
	t.sum.P99Ms = QuantileMs(t.times, 0.99)
	t.sum.Interrupted = interrupted
}

// snapshot returns the summary so far.
func (t *tally) snapshot() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sum
	s.Failures = slices.Clone(s.Failures)
	slices.SortFunc(s.Failures, func(a, b Failure) int { return cmp.Compare(a.Game, b.Game) })
	return s
}

// Summary returns the summary of the whole replay, after Play.
func (p *Player) Summary() Summary {
	s := p.tally.snapshot()
	s.Round, s.Page = p.round, p.Page()
	return s
}

// reportProgress logs the progress until ctx ends.
func (p *Player) reportProgress(ctx context.Context) {
	every := time.NewTicker(progressEvery)
	defer every.Stop()
	var before int
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		s := p.tally.snapshot()
		p.Log.Info("feeding", "sent", s.Sent, "of", s.Moves-s.Skipped, "boards", s.Games-s.Complete-len(s.Failures),
			"rate", fmt.Sprintf("%.1f/s", float64(s.Sent-before)/progressEvery.Seconds()))
		before = s.Sent
	}
}

// QuantileMs returns the q-quantile of sorted times in milliseconds; 0 if there are none.
func QuantileMs(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(q*float64(len(sorted)-1)+0.5)].Microseconds()) / 1000
}

// Print prints the summary for a person.
func (s Summary) Print(w io.Writer) {
	fmt.Fprintf(w, "games       %d of %d played to their end\n", s.Complete, s.Games)
	fmt.Fprintf(w, "moves       %d sent: %d accepted, %d duplicates; %d were there already\n", s.Sent, s.Accepted, s.Duplicates, s.Skipped)
	fmt.Fprintf(w, "time        %.1f s, %.1f moves a second\n", s.Seconds, s.PerSecond)
	fmt.Fprintf(w, "submission  p50 %.1f ms, p99 %.1f ms\n", s.P50Ms, s.P99Ms)
	for _, f := range s.Failures {
		fmt.Fprintf(w, "stopped     %s\n", terminal.Clean(f.String()))
	}
	fmt.Fprintf(w, "page        %s\n", s.Page)
}
