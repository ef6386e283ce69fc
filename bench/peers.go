package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// allLoads are the numbers of submissions outstanding.
var allLoads = []int{1, 64, 1024}

// runFlags are the flags that every measuring command has.
type runFlags struct {
	only    string
	rounds  int
	seconds float64
	warmUp  float64
	dir     string
	out     string
}

func (f *runFlags) register(fs *flag.FlagSet, rounds int, seconds float64) {
	fs.StringVar(&f.only, "only", "", "measure these `SYSTEMS` only, separated by commas")
	fs.IntVar(&f.rounds, "rounds", rounds, "measure everything `N` times and report the medians")
	fs.Float64Var(&f.seconds, "seconds", seconds, "measure each load for `S` seconds")
	fs.Float64Var(&f.warmUp, "warm-up", 1, "put each load on `S` seconds before")
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

// selected returns the systems that --only names, or all.
func (f *runFlags) selected() ([]system, error) {
	if f.only == "" {
		return systems, nil
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
	f.register(fs, 5, 4)
	if err := f.parse(fs, args); err != nil {
		return err
	}
	chosen, err := f.selected()
	if err != nil {
		return err
	}
	for round := range f.rounds {
		for i := range chosen {
			s := chosen[(i+round)%len(chosen)]
			if err := peersRun(ctx, s, &f, round); err != nil {
				return err
			}
		}
	}
	return nil
}

func peersRun(ctx context.Context, s system, f *runFlags, round int) error {
	syncs, err := measureSync(f.dir, 200)
	if err != nil {
		return err
	}
	c, err := startCluster(ctx, s.name, f.dir, 3, chessrelayOptions{})
	if err != nil {
		return err
	}
	defer c.close()
	loads := s.loads
	if loads == nil {
		loads = allLoads
	}
	for _, load := range loads {
		m, err := c.measure(ctx, loadArgs{Outstanding: load}, f.warm(), f.window())
		if err != nil {
			return err
		}
		fmt.Printf("round %d  %-20s %5d outstanding  p50 %8v  p99 %8v  %8.0f/s  %6.1f CPU s/M  %4d MB  (fdatasync %v)\n", round+1, s.name, load,
			m.P50.Round(time.Microsecond), m.P99.Round(time.Microsecond), m.rate(), m.cpuPerMillion(), m.MaxRSS>>20, median(syncs).Round(time.Microsecond))
	}
	return nil
}
