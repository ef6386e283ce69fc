package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/chessrelay/chessrelay/client"
)

// TestMain makes the test binary be chessrelay itself when it is started as a
// node, so that demo's child processes are real ones in tests too.
func TestMain(m *testing.M) {
	if status, ok := asTool(filepath.Base(os.Args[0]), os.Args[1:]); ok {
		os.Exit(status)
	}
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		main()
	}
	goleak.VerifyTestMain(suite{m})
}

// suite is all tests, and what ends after the last of them.
type suite struct{ *testing.M }

func (s suite) Run() int {
	defer closeBrowser()
	return s.M.Run()
}

// testEnvironment is a world with nothing in it but these variables.
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

// network is an http.RoundTripper without a network: nodes by host, each a
// handler called in place, so that time may be synctest's. A host that
// is not there refuses connections.
type network map[string]http.Handler

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	h, ok := n[r.URL.Host]
	if !ok {
		return nil, errors.New("connection refused")
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

// newNetworkClient returns a client of the nodes on n with these hosts.
func newNetworkClient(n network, hosts ...string) *client.Client {
	var nodes []string
	for _, h := range hosts {
		nodes = append(nodes, "http://"+h)
	}
	return client.New(nodes, client.Options{Token: "secret", Transport: n})
}

// runCommand runs a command line and returns what came of it.
func runCommand(ctx context.Context, t testing.TB, variables map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	env, out, errs := testEnvironment(variables)
	code = run(ctx, env, args)
	return code, out.String(), errs.String()
}
