package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be chessrelay itself when it is started as a node. So demo's child
// processes are real ones in tests too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// testEnvironment is an environment with only these variables.
func testEnvironment(variables map[string]string) (env *environment, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &environment{
		stdin:  strings.NewReader(""),
		stdout: stdout,
		stderr: stderr,
		getenv: func(name string) string { return variables[name] },
		log:    slog.New(slog.DiscardHandler),
	}, stdout, stderr
}

// runCommand runs a command line and returns its exit code and output.
func runCommand(ctx context.Context, t testing.TB, variables map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	env, out, errs := testEnvironment(variables)
	code = run(ctx, env, args)
	return code, out.String(), errs.String()
}

// command runs the binary's command line in this process.
func command(ctx context.Context, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	env := &environment{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(string) string { return "" }}
	code = run(ctx, env, args)
	return out.String(), errs.String(), code
}

// SamplePath is the round that the demo replays.
const SamplePath = "replay/sample/olympiad-2014-round-11.pgn"
