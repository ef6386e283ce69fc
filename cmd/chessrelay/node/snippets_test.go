package node_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
)

// TestSnippets pastes every shell snippet of docs/api.md into one shell, in their order, as a
// reader does. Each request must be answered with a 2xx. The snippets run with this test's own curl
// and jq, see asTool.
func TestSnippets(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		if !strings.HasPrefix(m[1], "chessrelay serve") { // the node that the others talk to
			script.WriteString(m[1])
		}
	}
	c := nodetest.NewCluster(t, 1)
	text := strings.Replace(script.String(), "NODE=http://127.0.0.1:8080\n", "NODE="+c.Nodes[0].URL+"\n", 1)
	if !strings.Contains(text, c.Nodes[0].URL) {
		t.Fatal("the snippets do not say where the node is")
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(dir, "bin")
	for _, name := range []string{"bin/curl", "bin/jq"} {
		if err := os.MkdirAll(tools, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "games"), 0o700); err != nil {
		t.Fatal(err)
	}
	game := "[Event \"Open\"]\n[White \"Anand, Viswanathan\"]\n[Black \"Gelfand, Boris\"]\n[Board \"7\"]\n\n1. d4 *\n"
	if err := os.WriteFile(filepath.Join(dir, "games", "7.pgn"), []byte(game), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-x", "-c", text)
	bash.Dir = dir
	// With the race detector, a process sleeps for a second before it exits, and there are many.
	bash.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"), "TOKEN=none", "GORACE=atexit_sleep_ms=0")
	if out, err := bash.CombinedOutput(); err != nil {
		lines := strings.Split(string(out), "\n")
		t.Fatalf("%v:\n%s", err, strings.Join(lines[max(0, len(lines)-12):], "\n"))
	}
	c.Nodes[0].Boards.Read(func(_ uint64, s *relay.State) {
		for _, tour := range s.Tournaments() {
			r, _ := s.Round(tour.Rounds[0])
			g, _ := s.Game(r.Games[0])
			if m, _ := g.LastMove(); m.SAN != "Bc3" || !m.Illegal {
				t.Errorf("the first board ends with %+v", m)
			}
		}
	})
}

// asTool is main of this test's binary if it is called as curl or jq.
func asTool(name string, args []string) (status int, ok bool) {
	switch name {
	case "curl":
		return curl(args), true
	case "jq":
		return jq(args), true
	}
	return 0, false
}

// curl does what the snippets need of curl. It fails if the answer is not a 2xx. It reads the feed
// for a second.
func curl(args []string) int {
	method, at, body := "", "", io.Reader(nil)
	header := http.Header{}
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; arg {
		case "-s", "-sN", "-N":
		case "-X", "-H", "-d", "--data-binary":
			i++
			switch value := args[i]; arg {
			case "-X":
				method = value
			case "-H":
				name, text, _ := strings.Cut(value, ":")
				header.Set(name, strings.TrimSpace(text))
			default:
				body = strings.NewReader(value)
				if value == "@-" {
					body = os.Stdin
				}
				if header.Get("Content-Type") == "" {
					header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
			}
		default:
			if strings.HasPrefix(arg, "-") || at != "" {
				fmt.Fprintf(os.Stderr, "curl of this test: %s is not known\n", arg)
				return 2
			}
			at = arg
		}
	}
	if method == "" && body != nil {
		method = http.MethodPost
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, at, body)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 7
	}
	defer res.Body.Close()
	if strings.HasSuffix(req.URL.Path, "/feed") {
		time.AfterFunc(time.Second, cancel)
	}
	var answer bytes.Buffer
	_, _ = io.Copy(&answer, res.Body) // a stream is read until it is cut
	_, _ = os.Stdout.Write(answer.Bytes())
	if res.StatusCode/100 != 2 {
		fmt.Fprintf(os.Stderr, "%s %s: %s %s\n", method, at, res.Status, answer.Bytes())
		return 22
	}
	return 0
}

// jq does what the snippets need of jq to go on: it picks an id. Other filters only show JSON to a
// person.
func jq(args []string) int {
	in, err := io.ReadAll(os.Stdin)
	if err != nil || !bytes.HasPrefix(bytes.TrimSpace(in), []byte("{")) && !bytes.HasPrefix(bytes.TrimSpace(in), []byte("[")) {
		fmt.Fprintf(os.Stderr, "jq of this test: this is no JSON: %q\n", in)
		return 2
	}
	if args[len(args)-1] != ".id" {
		return 0
	}
	id := regexp.MustCompile(`"id":"(\w+)"`).FindSubmatch(in)
	if id == nil {
		fmt.Fprintf(os.Stderr, "jq of this test: there is no id in %s\n", in)
		return 5
	}
	fmt.Printf("%s\n", id[1])
	return 0
}
