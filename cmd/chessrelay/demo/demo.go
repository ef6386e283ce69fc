package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/terminal"
)

// Config says what a demo runs.
type Config struct {
	HTTP   string         // where the recorder listens; the venues take the ports after it
	Venues int            // how many
	Games  []*replay.Game // what is replayed
	Speed  float64        // how many times faster than the clocks of the games
	// Data is a folder. The demo keeps the nodes' data and logs in a new folder inside it. Empty: a
	// temporary one, which is removed at the end.
	Data string
}

// demoVoters is how many voters a demo has if it has enough nodes. With fewer nodes it has one
// voter: of two, neither could be lost.
const demoVoters = 3

// formedCheck is how often the demo asks whether the cluster is formed.
const formedCheck = 500 * time.Millisecond

// A Demo is a running demonstration. [Run] is one from its start to its end. Tests make their own
// and start its nodes with [Demo.Launch].
type Demo struct {
	// Immutable after construction.
	Out   io.Writer
	Log   *slog.Logger
	Exe   string // the program that nodes are started with
	Dir   string // everything of this demo is in it
	Nodes []*Node

	Children sync.WaitGroup // the nodes' processes

	mu sync.Mutex
	// Guarded by mu.
	up bool // all nodes were ready once; from then on, the demo reports each that ends
}

// Run starts the nodes, replays the games into them, and waits until ctx ends. It prints what runs
// to out.
func Run(ctx context.Context, opts Config, out io.Writer, log *slog.Logger) (err error) {
	d := &Demo{Out: out, Log: log}
	if d.Exe, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program to start it again: %w", err)
	}
	if d.Dir, err = newFolder(opts.Data); err != nil {
		return err
	}
	defer func() { d.leave(opts.Data == "") }()
	if d.Nodes, err = Plan(d.Dir, opts.HTTP, opts.Venues, log); err != nil {
		return err
	}

	var urls []string
	for _, n := range d.Nodes {
		urls = append(urls, n.URL)
	}
	c := client.New(urls, client.Options{Token: d.Nodes[0].Config.Token, Source: "demo", Log: log})
	defer c.Close()

	childrenCtx, stop := context.WithCancel(ctx)
	defer d.Children.Wait()
	defer stop()
	if err := d.start(childrenCtx, c); err != nil {
		if ctx.Err() != nil {
			return nil // interrupted before it was up
		}
		return err
	}
	p := replay.New(replay.Config{Client: c, Log: log, Games: opts.Games, Speed: opts.Speed})
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
			p.Summary().Print(w)
		})
		<-ctx.Done()
	}
	return nil
}

// start starts the recorder and, once it is ready, the venues. It waits until all of them are ready
// and the cluster has all its voters. Before that, the cluster would not survive the loss of a
// node.
func (d *Demo) start(ctx context.Context, c *client.Client) error {
	first, venues := d.Nodes[:1], d.Nodes[1:]
	for _, some := range [][]*Node{first, venues} {
		for _, n := range some {
			if err := d.Launch(ctx, n); err != nil {
				return err
			}
		}
		for _, n := range some {
			if err := n.WaitReady(ctx); err != nil {
				return err
			}
		}
	}
	if err := d.WaitFormed(ctx, c); err != nil {
		return err
	}
	d.say(func(io.Writer) { d.up = true })
	return nil
}

// WaitFormed waits until every node replicates and the cluster has its voters.
func (d *Demo) WaitFormed(ctx context.Context, c *client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		s, err := c.Cluster(ctx)
		if err != nil {
			return fmt.Errorf("wait for the cluster: %w", err)
		}
		replicating, voters := 0, 0
		for _, m := range s.Members {
			if m.Replicates() {
				replicating++
			}
			if m.Suffrage == "voter" {
				voters++
			}
		}
		if replicating == len(d.Nodes) && voters == d.Nodes[0].Config.Voters {
			return nil
		}
		select {
		case <-time.After(formedCheck):
		case <-ctx.Done():
			return fmt.Errorf("the cluster has %d voters and %d nodes that replicate after %v; the logs are in %s",
				voters, replicating, readyTimeout, d.Dir)
		}
	}
}

// tell prints what runs, and what a user can do with it.
func (d *Demo) tell(p *replay.Player) {
	d.say(func(w io.Writer) {
		roundPath := client.Path("/round", string(p.Round()))
		fmt.Fprintf(w, "\nA recorder and %d venues run, and %d games are replayed into them at %g times their pace.\n\n",
			len(d.Nodes)-1, len(p.Games), p.Speed)
		for _, n := range d.Nodes {
			fmt.Fprintf(w, "  %-10s %s%s\n", n.Config.Name, n.URL, roundPath)
		}
		fmt.Fprintf(w, "\n  %-10s %s/cluster\n", "cluster", d.Nodes[0].URL)
		fmt.Fprintf(w, "  %-10s %s\n", "", terminal.ShellLine(d.Exe, "status", d.Nodes[0].URL))
		fmt.Fprintf(w, "  %-10s %s\n", "logs", d.Dir)
		if token := d.Nodes[0].Config.Token; token != "" {
			fmt.Fprintf(w, "  %-10s %s\n", "token", token)
		}
		if len(d.Nodes) >= demoVoters {
			fmt.Fprint(w, "\nKill any of them and see the others go on; then start it again with its line, in another terminal.\n\n")
		} else {
			fmt.Fprint(w, "\nKill any of them, and start it again with its line, in another terminal.\n\n")
		}
		for _, n := range d.Nodes {
			fmt.Fprintf(w, "  %-10s kill -9 %d\n  %-10s %s\n", n.Config.Name, n.PID, "", n.commandLine(d.Exe))
		}
		fmt.Fprint(w, "\nCtrl-C ends all of it.\n\n")
	})
}

// say prints something in one piece, with mu held.
func (d *Demo) say(write func(io.Writer)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	write(d.Out)
}

// leave removes a temporary folder, unless a node that somebody started again still works in it.
func (d *Demo) leave(temporary bool) {
	if !temporary {
		return
	}
	for _, n := range d.Nodes {
		if n.Ended != nil && n.answers() {
			d.Log.Info("a node was started again elsewhere; its data stays", "node", n.Config.Name, "data", d.Dir)
			return
		}
	}
	if err := os.RemoveAll(d.Dir); err != nil {
		d.Log.Warn("the demo's folder could not be removed", "dir", d.Dir, "err", err)
	}
}

// newFolder makes the folder of one demo. Each demo begins with a new one.
func newFolder(under string) (string, error) {
	if under != "" {
		if err := os.MkdirAll(under, 0o755); err != nil {
			return "", err
		}
		// A user may run the printed command lines in any folder.
		abs, err := filepath.Abs(under)
		if err != nil {
			return "", err
		}
		under = abs
	}
	return os.MkdirTemp(under, "chessrelay-demo-")
}
