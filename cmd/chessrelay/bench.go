package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
	"github.com/chessrelay/chessrelay/relay"
)

type benchOptions struct {
	to          string
	token       string
	dir         string
	moves       int
	outstanding int
	json        bool
}

// benchResult is what a bench measured. A latency means little without the disk's, so Sync is one
// fdatasync of 4 KiB on the named disk, measured in the same minutes.
type benchResult struct {
	Moves       int     `json:"moves"`
	Outstanding int     `json:"outstanding"`
	Seconds     float64 `json:"seconds"`
	PerSecond   float64 `json:"perSecond"`
	P50Ms       float64 `json:"p50Ms"`
	P99Ms       float64 `json:"p99Ms"`
	SyncP50Ms   float64 `json:"syncP50Ms"`
	// P50 and P99 as multiples of SyncP50Ms.
	P50Syncs float64 `json:"p50Syncs"`
	P99Syncs float64 `json:"p99Syncs"`
}

// newBenchCommand is `chessrelay bench`: load for a running cluster.
func newBenchCommand(env *environment) *cobra.Command {
	var opts benchOptions
	cmd := &cobra.Command{
		Use:   "bench --to URL[,URL…] [--moves N] [--outstanding N]",
		Short: "Puts load on a running cluster and measures it",
		Long: `Plays moves into a new round over HTTP, and measures how long each takes until a majority has it on disk. Between
the moves it measures one fdatasync on this machine's disk, to compare the figures with those of another machine.
The round stays in the cluster, so use a cluster for tests.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needFlags(cmd, "to"); err != nil {
				return err
			}
			if opts.moves < 1 || opts.outstanding < 1 || opts.outstanding > relay.MaxBoard {
				return usagef("--moves must be at least 1, and --outstanding from 1 to %d", relay.MaxBoard)
			}
			return runBench(cmd.Context(), env, opts)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.to, "to", "", "the nodes to load: `URL[,URL…]`")
	f.StringVar(&opts.token, "token", "", "a `TOKEN` that may submit")
	f.StringVar(&opts.dir, "dir", ".", "measure fdatasync in the folder `DIR`")
	f.IntVar(&opts.moves, "moves", 2000, "play `N` moves in all")
	f.IntVar(&opts.outstanding, "outstanding", 1, "keep `N` moves in flight, each on its own board")
	f.BoolVar(&opts.json, "json", false, "print the figures as JSON")
	return cmd
}

func runBench(ctx context.Context, env *environment, opts benchOptions) error {
	nodes, err := parseNodes(opts.to)
	if err != nil {
		return err
	}
	c := env.client(nodes, client.Options{Token: opts.token, Source: "bench"})
	defer c.Close()
	probe, err := newSyncProbe(opts.dir)
	if err != nil {
		return err
	}
	defer probe.Close()
	b := bench{client: c, probe: probe, opts: opts}
	r, err := b.run(ctx)
	if err != nil {
		return err
	}
	if opts.json {
		return printJSON(env.stdout, r)
	}
	r.print(env.stdout)
	return nil
}

type bench struct {
	client *client.Client
	probe  *syncProbe
	opts   benchOptions

	mu    sync.Mutex
	times []time.Duration // guarded by mu
}

// shuffle is four plies that lead back to where they began.
var shuffle = []string{"Nf3", "Nf6", "Ng1", "Ng8"}

func (b *bench) run(ctx context.Context) (benchResult, error) {
	t, err := b.client.CreateTournament(ctx, client.NewTournament{Name: "Bench"})
	if err != nil {
		return benchResult{}, err
	}
	var failed error
	var once sync.Once
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var spent time.Duration // on measuring the disk, which is no part of the load
	began := time.Now()
	for w := range b.opts.outstanding {
		moves := b.opts.moves / b.opts.outstanding
		if w < b.opts.moves%b.opts.outstanding {
			moves++
		}
		wg.Go(func() {
			if err := b.play(ctx, t, w, moves, &spent); err != nil {
				once.Do(func() { failed = err })
				cancel()
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return benchResult{}, failed
	}
	return b.result(time.Since(began) - spent), nil
}

// play plays moves one after another, on one board after another. The first
// worker measures the disk between its moves.
func (b *bench) play(ctx context.Context, t relay.TournamentID, worker, moves int, spent *time.Duration) error {
	round, err := b.client.CreateRound(ctx, t, "worker "+strconv.Itoa(worker+1))
	if err != nil {
		return err
	}
	var game relay.GameID
	for i := range moves {
		ply := i%relay.MaxPlies + 1
		if ply == 1 {
			game, err = b.client.CreateGame(ctx, round, client.NewGame{
				Board: i/relay.MaxPlies + 1, White: relay.Player{Name: "White"}, Black: relay.Player{Name: "Black"},
			})
			if err != nil {
				return err
			}
		}
		began := time.Now()
		if _, err := b.client.PlayMove(ctx, game, client.NewMove{Ply: relay.Ply(ply), Move: shuffle[(ply-1)%len(shuffle)]}); err != nil {
			return err
		}
		took := time.Since(began)
		b.mu.Lock()
		b.times = append(b.times, took)
		b.mu.Unlock()
		if worker == 0 && i%10 == 0 {
			d, err := b.probe.measure()
			if err != nil {
				return err
			}
			if b.opts.outstanding == 1 {
				*spent += d
			}
		}
	}
	return nil
}

func (b *bench) result(took time.Duration) benchResult {
	slices.Sort(b.times)
	slices.Sort(b.probe.times)
	r := benchResult{
		Moves: len(b.times), Outstanding: b.opts.outstanding,
		Seconds: took.Seconds(), PerSecond: float64(len(b.times)) / took.Seconds(),
		P50Ms: replay.QuantileMs(b.times, 0.50), P99Ms: replay.QuantileMs(b.times, 0.99),
		SyncP50Ms: replay.QuantileMs(b.probe.times, 0.50),
	}
	r.P50Syncs, r.P99Syncs = r.P50Ms/r.SyncP50Ms, r.P99Ms/r.SyncP50Ms
	return r
}

func (r benchResult) print(w io.Writer) {
	fmt.Fprintf(w, "moves      %d, %d in flight at a time\n", r.Moves, r.Outstanding)
	fmt.Fprintf(w, "time       %.1f s, %.0f moves a second\n", r.Seconds, r.PerSecond)
	fmt.Fprintf(w, "fdatasync  p50 %.3f ms\n", r.SyncP50Ms)
	fmt.Fprintf(w, "commit     p50 %.3f ms = %.1f fdatasyncs, p99 %.3f ms = %.1f fdatasyncs\n", r.P50Ms, r.P50Syncs, r.P99Ms, r.P99Syncs)
}

// syncProbe measures what one fdatasync of 4 KiB costs. It writes in place, as a preallocated log
// does.
type syncProbe struct {
	f     *os.File
	block []byte
	times []time.Duration
}

func newSyncProbe(dir string) (*syncProbe, error) {
	f, err := os.OpenFile(filepath.Join(dir, ".chessrelay-sync-probe"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	p := &syncProbe{f: f, block: make([]byte, 4096)}
	if _, err := f.Write(p.block); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, f.Sync()
}

func (p *syncProbe) measure() (time.Duration, error) {
	p.block[0]++
	if _, err := p.f.WriteAt(p.block, 0); err != nil {
		return 0, err
	}
	began := time.Now()
	err := datasync(p.f)
	d := time.Since(began)
	p.times = append(p.times, d)
	return d, err
}

// Close removes the file.
func (p *syncProbe) Close() error { return errors.Join(p.f.Close(), os.Remove(p.f.Name())) }
