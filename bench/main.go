// Command bench measures how fast chessrelay replicates. Beside it, in the same minutes on the same
// disk, it measures the systems that one would use instead. It is a module of its own, so that
// those stay out of chessrelay's go.mod.
//
//	go run . peers                    every system, 5 rounds; results in ./results
//	go run . peers --only floor,chessrelay,etcd --rounds 1 --seconds 2
//	go run . live | pipeline | growth | fanout   what README.md says of each
//
// # What is measured
//
// Each system runs as three processes on loopback, on the disk of --dir, in a new folder that is
// removed afterwards. The processes are this program again, except for etcd's, which are the
// program in the folder etcd. bench starts itself as `bench node`. It talks with each child by
// lines of JSON over the child's standard input and output (package node). Submissions of 64 bytes
// come from inside the leader's process. For each outstanding submission one goroutine submits,
// waits for the answer and submits again. A submission is answered when the system says that it is
// committed and, if there is a state machine, applied by the leader.
//
// The rounds are interleaved: a round runs every system once, with every load, and each round
// begins with another system. The report has the median over the rounds. The time of one fdatasync
// is measured before each run, in the same minutes.
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

// A command is named by the first argument. Each has its own flags.
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
