package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
)

// allLoads are the numbers of submissions outstanding.
var allLoads = []int{1, 64, 1024}

// runFlags are the flags that every measuring command has.
type runFlags struct {
	only    string
	etcd    string
	rounds  int
	seconds float64
	warmUp  float64
	dir     string
	out     string
	pgn     string
}

func (f *runFlags) register(fs *flag.FlagSet, rounds int, seconds float64) {
	f.registerRun(fs, rounds, seconds)
	fs.StringVar(&f.pgn, "pgn", "../cmd/chessrelay/replay/sample/olympiad-2014-round-11.pgn", "play the games in `FILE`, where chess is played")
}

// registerRun registers the flags that do not depend on a system.
func (f *runFlags) registerRun(fs *flag.FlagSet, rounds int, seconds float64) {
	fs.IntVar(&f.rounds, "rounds", rounds, "measure everything `N` times and report the medians")
	fs.Float64Var(&f.seconds, "seconds", seconds, "measure each load for `S` seconds")
	fs.Float64Var(&f.warmUp, "warm-up", 1, "start each load `S` seconds before it is measured")
	fs.StringVar(&f.dir, "dir", ".", "make the nodes' folders under `DIR`, which must be on a real disk")
	fs.StringVar(&f.out, "out", "results", "write the results to `DIR`")
}

func (f *runFlags) warm() time.Duration   { return time.Duration(f.warmUp * float64(time.Second)) }
func (f *runFlags) window() time.Duration { return time.Duration(f.seconds * float64(time.Second)) }

// parse parses the flags; there are no arguments.
func (f *runFlags) parse(fs *flag.FlagSet, args []string) error {
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("%q is not a flag", fs.Arg(0))
	}
	if f.rounds < 1 || f.seconds <= 0 || f.warmUp < 0 {
		return fmt.Errorf("%d rounds of %g s after %g s are no measurement", f.rounds, f.seconds, f.warmUp)
	}
	if tmpfs(f.dir) {
		return fmt.Errorf("%s is in memory: nothing durable can be measured there, give --dir", f.dir)
	}
	return os.MkdirAll(f.out, 0o755)
}

// checkPGN checks that the games can be read, before anything is measured.
func (f *runFlags) checkPGN() (err error) {
	if _, err = readGames(f.pgn); err != nil {
		return err
	}
	f.pgn, err = filepath.Abs(f.pgn)
	return err
}

// selected returns the systems that --only names, or all.
func (f *runFlags) selected() ([]system, error) {
	if f.only == "" {
		return slices.Clone(systems), nil
	}
	var chosen []system
	for name := range strings.SplitSeq(f.only, ",") {
		s, err := findSystem(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// runPeers is the command "peers".
func runPeers(ctx context.Context, args []string) error {
	var f runFlags
	fs := flag.NewFlagSet("peers", flag.ContinueOnError)
	fs.StringVar(&f.only, "only", "", "measure these `SYSTEMS` only, separated by commas")
	fs.StringVar(&f.etcd, "etcd", "", "run the `FILE` as the nodes of etcd (default: built from the folder etcd)")
	f.register(fs, 5, 4)
	if err := f.parse(fs, args); err != nil {
		return err
	}
	chosen, err := f.selected()
	if err != nil {
		return err
	}
	if err := f.checkPGN(); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(f.dir, "bench-programs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	for i := range chosen {
		if err := chosen[i].prepare(ctx, f.etcd, tmp); err != nil {
			return err
		}
	}
	r, err := newPeersReport(chosen, &f)
	if err != nil {
		return err
	}
	for round := range f.rounds {
		for i := range chosen {
			s := chosen[(i+round)%len(chosen)]
			if err := r.run(ctx, s, &f, round); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				// The others are still worth measuring.
				r.Failures = append(r.Failures, fmt.Sprintf("round %d: %v", round+1, err))
				fmt.Fprintln(os.Stderr, r.Failures[len(r.Failures)-1])
			}
		}
	}
	if err := r.write(f.out); err != nil {
		return err
	}
	r.markdown(os.Stdout)
	if len(r.Failures) > 0 {
		return fmt.Errorf("%d runs failed", len(r.Failures))
	}
	return nil
}

// run measures one system in one round, on a group of its own.
func (r *peersReport) run(ctx context.Context, s system, f *runFlags, round int) (err error) {
	syncs, err := measureSync(f.dir, 200)
	if err != nil {
		return err
	}
	r.Syncs = append(r.Syncs, median(syncs))
	c, err := startCluster(ctx, s, f.dir, 3, chessrelayOptions{PGN: f.pgn})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	for _, load := range s.allLoads() {
		m, err := c.measure(ctx, node.LoadArgs{Outstanding: load}, f.warm(), f.window())
		if err != nil {
			return err
		}
		if s.converges {
			if _, err := c.converged(ctx); err != nil {
				return err
			}
		}
		r.load(s.name, load).Rounds[round] = m
		fmt.Fprintf(os.Stderr, "round %d/%d  %-17s %5d outstanding  p50 %9s  p99 %9s  %8s/s  %6.2f CPU s/M  %4d MB  fdatasync %s\n", round+1, f.rounds,
			s.name, load, micros(m.P50), micros(m.P99), thousands(m.Rate()), m.cpuPerMillion(), m.MaxRSS>>20, micros(median(syncs)))
	}
	return nil
}
