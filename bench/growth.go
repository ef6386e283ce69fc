package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
	"github.com/chessrelay/chessrelay/consensus"
)

// runGrowth is the command "growth": what more followers and more history cost.
//
// Followers: the rate and the leader's CPU time, by number of followers. Three nodes vote; the
// others learn, as in the product.
//
// History: a group of three has a number of moves behind it. Then a new venue joins, a follower is
// killed and started again, and then the leader is. A time is from the start of the process until
// it has applied what was committed when it started. There is history in two state machines. One is
// the boards, where each game that was ever played stays; the other is one counter, which never
// grows.
func runGrowth(ctx context.Context, args []string) error {
	var f runFlags
	var followers, moves string
	fs := flag.NewFlagSet("growth", flag.ContinueOnError)
	fs.StringVar(&followers, "followers", "1,2,5,10,20", "measure with these numbers of `FOLLOWERS`, separated by commas; empty: none")
	fs.StringVar(&moves, "moves", "10000,100000,1000000", "measure after these numbers of `MOVES`, rising, separated by commas; empty: none")
	f.register(fs, 3, 2)
	if err := f.parse(fs, args); err != nil {
		return err
	}
	if err := f.checkPGN(); err != nil {
		return err
	}
	sizes, err := parseRising("--followers", followers, 50)
	if err != nil {
		return err
	}
	histories, err := parseRising("--moves", moves, 100_000_000)
	if err != nil {
		return err
	}
	r := newGrowthReport(&f, sizes, histories)
	failed := func(round int, what string, err error) {
		// The others are still worth measuring.
		r.Failures = append(r.Failures, fmt.Sprintf("round %d, %s: %v", round+1, what, err))
		fmt.Fprintln(os.Stderr, r.Failures[len(r.Failures)-1])
	}
	for round := range f.rounds {
		for i := range r.Sizes {
			s := &r.Sizes[(i+round)%len(r.Sizes)]
			if err := s.run(ctx, &f, round); err != nil {
				failed(round, s.String(), err)
			}
		}
		for i := range r.Histories {
			h := &r.Histories[(i+round)%len(r.Histories)]
			if err := h.run(ctx, &f, round); err != nil {
				failed(round, h.System, err)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err := r.write(f.out); err != nil {
		return err
	}
	if len(r.Failures) > 0 {
		return fmt.Errorf("%d runs failed", len(r.Failures))
	}
	return nil
}

// parseRising reads numbers from 1 to most, each larger than the one before.
func parseRising(what, list string, most int) (numbers []int, err error) {
	if list == "" {
		return nil, nil
	}
	last := 0
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n <= last || n > most {
			return nil, fmt.Errorf("%s: %q is no number up to %d, or not larger than the one before", what, s, most)
		}
		numbers, last = append(numbers, n), n
	}
	return numbers, nil
}

// growthVoters is the number of voters, unless all nodes vote: consensus's default.
const growthVoters = 3

// sizeReport is a group with that many followers.
type sizeReport struct {
	Followers int        `json:"followers"`
	Voters    int        `json:"voters"` // the leader is one
	Loads     []sizeLoad `json:"loads"`
}

type sizeLoad struct {
	Outstanding int           `json:"outstanding"`
	Rounds      []measurement `json:"rounds"` // by round; one that failed is empty
	P50         time.Duration `json:"p50"`
	Rate        float64       `json:"perSecond"`
	LeaderCPU   float64       `json:"leaderCpuSecondsPerMillion"`
	NodeCPU     float64       `json:"nodeCpuSecondsPerMillion"` // of all processes together
}

func (s *sizeReport) String() string {
	return fmt.Sprintf("%d followers, %d vote", s.Followers, s.Voters)
}

// run measures all loads in one round, on a group of its own.
func (s *sizeReport) run(ctx context.Context, f *runFlags, round int) (err error) {
	c, err := startCluster(ctx, chessrelaySystem, f.dir, s.Followers+1, chessrelayOptions{Voters: s.Voters})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	for i := range s.Loads {
		l := &s.Loads[i]
		m, err := c.measure(ctx, node.LoadArgs{Outstanding: l.Outstanding}, f.warm(), f.window())
		if err != nil {
			return err
		}
		if _, err := c.converged(ctx); err != nil {
			return err
		}
		l.Rounds[round] = m
		fmt.Fprintf(os.Stderr, "round %d/%d  %-23s %5d outstanding  p50 %9s  %8s/s  CPU s/M: %4.1f leader, %5.1f all\n", round+1, f.rounds,
			s, l.Outstanding, micros(m.P50), thousands(m.Rate()), m.leaderPerMillion(), m.cpuPerMillion())
	}
	return nil
}

// historyReport is one state machine, and how long starts take with history in it.
type historyReport struct {
	System string         `json:"system"`
	Points []historyPoint `json:"points"`
}

// historyPoint is the measurement after a number of moves.
type historyPoint struct {
	Moves int `json:"moves"`
	// By round; one that failed is empty.
	Join     []startTiming `json:"join"`     // a new venue
	Follower []startTiming `json:"follower"` // killed, and started again
	Leader   []startTiming `json:"leader"`   // likewise
	// These are the medians.
	JoinP50     startTiming `json:"joinP50"`
	FollowerP50 startTiming `json:"followerP50"`
	LeaderP50   startTiming `json:"leaderP50"`
}

// startTiming is how long the start of one process took.
type startTiming struct {
	// CaughtUp is from the start of the process until it had applied what was committed then.
	CaughtUp time.Duration `json:"caughtUp"`
	// Open is consensus.Open's part of that: afterwards, the log and the boards are open. The
	// program itself starts before.
	Open time.Duration `json:"open"`
	// Leads is from the start of the process until it leads again.
	Leads time.Duration `json:"leads,omitempty"`
	// Snapshot is the size in bytes of the snapshot that it received; 0: none.
	Snapshot int64 `json:"snapshotBytes,omitempty"`
}

// run makes history in a group of its own, and times starts on the way.
func (h *historyReport) run(ctx context.Context, f *runFlags, round int) (err error) {
	s, err := findSystem(h.System)
	if err != nil {
		return err
	}
	c, err := startCluster(ctx, s, f.dir, growthVoters, chessrelayOptions{PGN: f.pgn})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	made := 0
	for i := range h.Points {
		p := &h.Points[i]
		began := time.Now()
		if err := c.makeHistory(ctx, p.Moves-made); err != nil {
			return err
		}
		took := time.Since(began)
		made = p.Moves
		join, follower, leader := &p.Join[round], &p.Follower[round], &p.Leader[round]
		if *join, err = c.timeJoin(ctx, chessrelayOptions{PGN: f.pgn, Voters: growthVoters}); err != nil {
			return fmt.Errorf("a venue joins after %d moves: %w", p.Moves, err)
		}
		if *follower, err = c.timeRestart(ctx, growthVoters-1); err != nil {
			return fmt.Errorf("a follower starts after %d moves: %w", p.Moves, err)
		}
		if *leader, err = c.timeRestart(ctx, 0); err != nil {
			return fmt.Errorf("the leader starts after %d moves: %w", p.Moves, err)
		}
		fmt.Fprintf(os.Stderr, "round %d/%d  %-16s %8d moves in %6s  join %8s (%s)  follower %8s (open %8s)  leader %8s (open %8s), leads %8s\n", round+1, f.rounds, h.System, p.Moves,
			duration(took), duration(join.CaughtUp), megabytes(join.Snapshot), duration(follower.CaughtUp), duration(follower.Open), duration(leader.CaughtUp), duration(leader.Open), duration(leader.Leads))
	}
	return nil
}

// historyTimeout is how long the group may take to make the most moves.
const historyTimeout = 10 * time.Minute

// makeHistory makes that many submissions, and returns when all nodes have them. Where chess is
// played, most games are played to their end.
func (c *cluster) makeHistory(ctx context.Context, moves int) error {
	const movesPerWorker = 200 // more moves than two games have
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	args := node.LoadArgs{Outstanding: min(max(moves/movesPerWorker, 1), 1024), Count: moves}
	if err := c.nodes[0].call(ctx, "make", args, nil); err != nil {
		return err
	}
	_, err := c.converged(ctx)
	return err
}

// timeJoin has one more node join, times that, and kills it. The node stays a member that is away.
// Nothing may be submitted meanwhile.
func (c *cluster) timeJoin(ctx context.Context, opts chessrelayOptions) (t startTiming, err error) {
	i := len(c.nodes)
	if err := c.plan(1, opts); err != nil {
		return t, err
	}
	defer func() {
		if p := c.nodes[i]; p != nil {
			p.kill()
			c.nodes[i] = nil
		}
	}()
	if t, err = c.timeStart(ctx, i, 0); err != nil {
		return t, err
	}
	var leader, joined node.Applied
	if err := errors.Join(c.nodes[0].call(ctx, "applied", nil, &leader), c.nodes[i].call(ctx, "applied", nil, &joined)); err != nil {
		return t, err
	}
	if !joined.Same(leader) {
		return t, fmt.Errorf("it has %+v, the leader %+v", joined, leader)
	}
	t.Snapshot, err = snapshotBytes(c.nodes[i].logFile)
	return t, err
}

// timeRestart kills a node and starts it at once.
func (c *cluster) timeRestart(ctx context.Context, i int) (t startTiming, err error) {
	c.nodes[i].kill()
	ask := 0
	if i == 0 {
		ask = 1
	}
	return c.timeStart(ctx, i, ask)
}

// timeStart starts a node and waits until it has applied what the node ask knows to be committed.
// For node 0 it also waits until it leads.
func (c *cluster) timeStart(ctx context.Context, i, ask int) (t startTiming, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var has, goal position
	if err := c.nodes[ask].call(ctx, "position", nil, &goal); err != nil {
		return t, err
	}
	began := time.Now()
	if err := c.start(ctx, i); err != nil {
		return t, err
	}
	p := c.nodes[i]
	for has.Applied < goal.Commit {
		if err := p.call(ctx, "position", nil, &has); err != nil {
			return t, err
		}
		if has.Applied < goal.Commit {
			if err := node.Wait(ctx, time.Millisecond); err != nil {
				return t, fmt.Errorf("it has applied %d entries of %d: %w", has.Applied, goal.Commit, err)
			}
		}
	}
	t.CaughtUp, t.Open = time.Since(began), has.Opened
	if i > 0 {
		return t, nil
	}
	err = node.Until(ctx, "node 0 to lead again", func() (bool, error) {
		var s consensus.Status
		err := p.call(ctx, "status", nil, &s)
		t.Leads = time.Since(began)
		return err == nil && s.LeaderID == s.NodeID && s.Applied == s.Commit, err
	})
	return t, err
}

var snapshotReceived = regexp.MustCompile(`msg="snapshot received".* bytes=(\d+)`)

// snapshotBytes finds in a node's log the size of the last snapshot that it received.
func snapshotBytes(logFile string) (int64, error) {
	log, err := os.ReadFile(logFile)
	if err != nil {
		return 0, err
	}
	all := snapshotReceived.FindAllSubmatch(log, -1)
	if len(all) == 0 {
		return 0, nil
	}
	return strconv.ParseInt(string(all[len(all)-1][1]), 10, 64)
}

func newGrowthReport(f *runFlags, followers, moves []int) *growthReport {
	r := &growthReport{Machine: thisMachine(), Rounds: f.rounds, Seconds: f.seconds}
	add := func(followers, voters int) {
		s := sizeReport{Followers: followers, Voters: voters}
		for _, n := range []int{64, 1024} {
			s.Loads = append(s.Loads, sizeLoad{Outstanding: n, Rounds: make([]measurement, f.rounds)})
		}
		r.Sizes = append(r.Sizes, s)
	}
	for _, n := range followers {
		add(n, min(n+1, growthVoters))
	}
	for _, n := range followers {
		if n+1 > growthVoters {
			add(n, n+1)
		}
	}
	if len(moves) == 0 {
		return r
	}
	for _, s := range []system{chessSystem, chessrelaySystem} {
		h := historyReport{System: s.name}
		for _, n := range moves {
			h.Points = append(h.Points, historyPoint{Moves: n,
				Join: make([]startTiming, f.rounds), Follower: make([]startTiming, f.rounds), Leader: make([]startTiming, f.rounds)})
		}
		r.Histories = append(r.Histories, h)
	}
	return r
}
