package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
)

type demoOptions struct {
	http   string
	speed  float64
	venues int
	pgn    string
	data   string
}

// newDemoCommand is `chessrelay demo`: a recorder and venues as real processes, with a round
// replayed into them.
func newDemoCommand(env *environment) *cobra.Command {
	var opts demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Starts a recorder and venues on this machine and replays a real round into them",
		Long: `Starts a recorder and venues on this machine, each a process of its own, and replays a round into them by the games' clocks.
It prints the pages to open, and for each process how to start it again after a kill. Ctrl-C ends all of it.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(opts.http); err != nil {
				return usagef("--http is an address to listen on, such as 127.0.0.1:8080, not %q", opts.http)
			}
			if !(opts.speed > 0) {
				return usagef("--speed is more than 0, not %v", opts.speed)
			}
			if opts.venues < 0 || opts.venues > 20 {
				return usagef("--venues is from 0 to 20, not %d", opts.venues)
			}
			return runDemo(cmd.Context(), env, opts)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.http, "http", "127.0.0.1:8080", "the recorder listens on `ADDR`, the venues on the ports after it; one that is taken is passed over")
	f.Float64Var(&opts.speed, "speed", 30, "`X` times faster than the clocks of the games")
	f.IntVar(&opts.venues, "venues", 2, "start `N` venues")
	f.StringVar(&opts.pgn, "pgn", "", "replay the games of `FILE` (default a round of the 2014 chess Olympiad)")
	f.StringVar(&opts.data, "data", "", "keep the nodes' data and logs in a new folder under `DIR` (default a temporary one, removed at the end)")
	return cmd
}

// demoVoters is how many voters a demo has if it has enough nodes. With fewer, it
// has one: of two, neither could be lost.
const demoVoters = 3

// A demo is a running demonstration.
type demo struct {
	// Static after construction.
	env   *environment
	exe   string
	dir   string // everything of this demo is in it
	nodes []*demoNode

	children sync.WaitGroup

	mu sync.Mutex
	// Guarded by mu.
	up bool // all nodes were ready once; from then on, it is told when one ends
}

func runDemo(ctx context.Context, env *environment, opts demoOptions) (err error) {
	games, broken, err := demoGames(env.stdin, opts.pgn)
	if err != nil {
		return err
	}
	for _, b := range broken {
		env.log.Warn("a game cannot be read and is left out", "game", b.Game, "err", b.Error)
	}
	d := &demo{env: env}
	if d.exe, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program to start it again: %w", err)
	}
	if d.dir, err = demoFolder(opts.data); err != nil {
		return err
	}
	defer func() { d.leave(opts.data == "") }()
	if d.nodes, err = planNodes(env, d.dir, opts.http, opts.venues); err != nil {
		return err
	}

	var urls []string
	for _, n := range d.nodes {
		urls = append(urls, n.url)
	}
	c := client.New(urls, client.Options{Token: d.nodes[0].cfg.Token, Source: "demo", Log: env.log})
	defer c.Close()

	childrenCtx, stop := context.WithCancel(ctx)
	defer d.children.Wait()
	defer stop()
	if err := d.start(childrenCtx, c); err != nil {
		if ctx.Err() != nil {
			return nil // interrupted before it was up
		}
		return err
	}
	p := replay.New(replay.Config{Client: c, Log: env.log, Games: games, Speed: opts.speed})
	if err := p.Prepare(ctx, "", ""); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("open the round: %w", err)
	}
	d.tell(p)
	p.Play(ctx)
	if ctx.Err() == nil {
		d.say(func(w io.Writer) {
			fmt.Fprintln(w, "\nThe replay is over. The pages stay up until Ctrl-C.")
			printSummary(w, p.Summary())
		})
		<-ctx.Done()
	}
	return nil
}

// start starts the recorder and, once it is ready, the venues, and waits until
// all of them are and the cluster has all its voters: before that, it would not
// outlive the loss of one.
func (d *demo) start(ctx context.Context, c *client.Client) error {
	first, venues := d.nodes[:1], d.nodes[1:]
	for _, some := range [][]*demoNode{first, venues} {
		for _, n := range some {
			if err := d.launch(ctx, n); err != nil {
				return err
			}
		}
		for _, n := range some {
			if err := n.waitReady(ctx); err != nil {
				return err
			}
		}
	}
	if err := d.waitFormed(ctx, c); err != nil {
		return err
	}
	d.say(func(io.Writer) { d.up = true })
	return nil
}

// waitFormed waits until every node replicates and the cluster has its voters.
func (d *demo) waitFormed(ctx context.Context, c *client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		s, err := c.Cluster(ctx)
		if err != nil {
			return fmt.Errorf("wait for the cluster: %w", err)
		}
		replicating, voters := 0, 0
		for _, m := range s.Members {
			if replicates(m) {
				replicating++
			}
			if m.Suffrage == "voter" {
				voters++
			}
		}
		if replicating == len(d.nodes) && voters == d.nodes[0].cfg.Voters {
			return nil
		}
		if !sleep(ctx, pollEvery) {
			return fmt.Errorf("the cluster has %d voters and %d nodes that replicate after %v; the logs are in %s",
				voters, replicating, readyTimeout, d.dir)
		}
	}
}

// tell prints what runs, and what can be done with it.
func (d *demo) tell(p *replay.Player) {
	d.say(func(w io.Writer) {
		roundPath := client.Path("/round", string(p.Round()))
		fmt.Fprintf(w, "\nA recorder and %d venues run, and %d games are replayed into them at %g times their pace.\n\n",
			len(d.nodes)-1, len(p.Games), p.Speed)
		for _, n := range d.nodes {
			fmt.Fprintf(w, "  %-10s %s%s\n", n.cfg.Name, n.url, roundPath)
		}
		fmt.Fprintf(w, "\n  %-10s %s/cluster\n", "cluster", d.nodes[0].url)
		fmt.Fprintf(w, "  %-10s %s\n", "", shellLine(d.exe, "status", d.nodes[0].url))
		fmt.Fprintf(w, "  %-10s %s\n", "logs", d.dir)
		if token := d.nodes[0].cfg.Token; token != "" {
			fmt.Fprintf(w, "  %-10s %s\n", "token", token)
		}
		if len(d.nodes) >= demoVoters {
			fmt.Fprint(w, "\nKill any of them and see the others go on; then start it again with its line, in another terminal.\n\n")
		} else {
			fmt.Fprint(w, "\nKill any of them, and start it again with its line, in another terminal.\n\n")
		}
		for _, n := range d.nodes {
			fmt.Fprintf(w, "  %-10s kill -9 %d\n  %-10s %s\n", n.cfg.Name, n.pid, "", n.commandLine(d.exe))
		}
		fmt.Fprint(w, "\nCtrl-C ends all of it.\n\n")
	})
}

// say prints something as a whole, with mu held.
func (d *demo) say(write func(io.Writer)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	write(d.env.stdout)
}

// leave removes the demo's folder if it is to be removed, unless a node that
// somebody started again still works in it.
func (d *demo) leave(temporary bool) {
	if !temporary {
		return
	}
	for _, n := range d.nodes {
		if n.ended != nil && n.answers() {
			d.env.log.Info("a node was started again elsewhere; its data stays", "node", n.cfg.Name, "data", d.dir)
			return
		}
	}
	if err := os.RemoveAll(d.dir); err != nil {
		d.env.log.Warn("the demo's folder could not be removed", "dir", d.dir, "err", err)
	}
}

// demoFolder makes the folder of one demo, which begins fresh each time.
func demoFolder(under string) (string, error) {
	if under != "" {
		if err := os.MkdirAll(under, 0o755); err != nil {
			return "", err
		}
		// The lines that are printed are for any folder to be run in.
		abs, err := filepath.Abs(under)
		if err != nil {
			return "", err
		}
		under = abs
	}
	return os.MkdirTemp(under, "chessrelay-demo-")
}

func demoGames(stdin io.Reader, file string) ([]*replay.Game, []replay.Failure, error) {
	if file != "" {
		return readFeedFile(stdin, file)
	}
	return replay.Read(strings.NewReader(replay.SampleRound))
}
