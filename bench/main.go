// Command bench measures how fast chessrelay replicates, and beside it, in the same minutes on the
// same disk, the systems one would take instead. It is a module of its own, so that those stay out
// of chessrelay's go.mod.
//
//	go run . peers                    every system, 5 rounds; results in ./results
//	go run . peers --only floor,chessrelay,etcd --rounds 1 --seconds 2
//	go run . live | pipeline | growth | fanout   what README.md says of each
//
// # What is measured
//
// Each system runs as three processes on loopback, on the disk that --dir is on, in a fresh folder
// that is removed afterwards. The processes are this program again, but for etcd's, which are the
// one in the folder etcd: it starts itself as `bench node` and talks with each child by lines of
// JSON over the child's standard input and output (package node). Submissions of 64 bytes come from
// inside the leader's process, from as many goroutines as submissions are to be outstanding, each
// of which submits, waits for the answer and submits again. A submission is answered when the
// system says that it is committed and, where there is a state machine, applied by the leader.
//
// The rounds are interleaved: a round runs every system once, with every load, beginning with
// another system each time. The report has the median over the rounds. The time of one
// fdatasync is taken before each run, in the same minutes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// A command is what the first argument names. Each has its own flags.
type command struct {
	name  string
	about string
	run   func(ctx context.Context, args []string) error
}

func commands() []command {
	return []command{
		{"peers", "the systems beside each other: latency, rate and CPU time at 1, 64 and 1,024 outstanding", runPeers},
		{"live", "how long after its commit a move is on the screens at a venue", runLive},
		{"pipeline", "the pipeline beside stop-and-wait, on lines with a delay", runPipeline},
		{"growth", "what more followers and more history cost: rates, joins and restarts", runGrowth},
		{"fanout", "many spectators: latency, CPU time and memory beside other hubs", runFanout},
		{"node", "one node of a system; started by the others", runNode},
	}
}

func usage(w io.Writer) {
	fmt.Fprintf(w, "bench measures chessrelay beside its peers.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  bench %-8s %s\n", c.name, c.about)
	}
	fmt.Fprintf(w, "\nbench COMMAND --help lists the flags. The systems:\n\n")
	for _, s := range systems {
		fmt.Fprintf(w, "  %-22s %s\n", s.name, s.about)
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 2 {
		usage(os.Stderr)
		os.Exit(2)
	}
	switch os.Args[1] {
	case "help", "-h", "-help", "--help":
		usage(os.Stdout)
		return
	}
	for _, c := range commands() {
		if c.name != os.Args[1] {
			continue
		}
		err := c.run(ctx, os.Args[2:])
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench %s: %v\n", c.name, err)
			os.Exit(1)
		}
		return
	}
	fmt.Fprintf(os.Stderr, "bench: there is no command %q\n\n", os.Args[1])
	usage(os.Stderr)
	os.Exit(2)
}
