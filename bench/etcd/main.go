// Command etcd is the nodes of the system "etcd" of bench: embedded etcd servers, each with its
// client in the same process. `bench peers` builds and starts it. It is a module of its own, since
// etcd may need another version of go.etcd.io/raft than chessrelay. One program holds one version
// of a module.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/chessrelay/chessrelay/bench/node"
)

func main() {
	if len(os.Args) != 2 || os.Args[1] != "node" {
		fmt.Fprintln(os.Stderr, "these are the nodes of etcd for bench, which starts them: run bench peers --only etcd")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := (node.Program{Open: openEtcd}).Serve(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		os.Exit(1)
	}
}
