package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/logqueue"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for an orderly end. A second one is no longer caught, so it ends the
	// process at once.
	context.AfterFunc(ctx, stop)

	logs := logqueue.Open(os.Stderr)
	log.SetOutput(logs) // the standard library's own lines must not block either
	env := &environment{
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: logs,
		logs:   logs,
		getenv: os.Getenv,
	}
	code := run(ctx, env, os.Args[1:])
	_ = logs.Close() // nobody could be told of an error
	os.Exit(code)
}
