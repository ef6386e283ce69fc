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
	// The first signal asks for an orderly end; a second one is not caught any
	// more, so that somebody who cannot wait does not have to.
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
	_ = logs.Close() // nobody could be told
	os.Exit(code)
}
