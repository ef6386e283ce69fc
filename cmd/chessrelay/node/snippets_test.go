package node_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
)

// TestSnippets pastes every shell snippet of docs/api.md into one shell, in their order, as a
// reader does. Each request must be answered with a 2xx. The snippets run with this test's own curl
// and jq, see serveTools.
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
	if err := os.Mkdir(filepath.Join(dir, "games"), 0o700); err != nil {
		t.Fatal(err)
	}
	game := "[Event \"Open\"]\n[White \"Anand, Viswanathan\"]\n[Black \"Gelfand, Boris\"]\n[Board \"7\"]\n\n1. d4 *\n"
	if err := os.WriteFile(filepath.Join(dir, "games", "7.pgn"), []byte(game), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-x", "-c", serveTools(t)+text)
	bash.Dir = dir
	bash.Env = append(os.Environ(), "TOKEN=none")
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

// shellTools makes curl and jq of a shell requests to serveTools. A process for each call would
// cost far more than the call: the test's binary with the race detector takes long to start.
const shellTools = `
tool() { # NAME STDIN ARGUMENT...
	local status
	exec 9<>/dev/tcp/127.0.0.1/%d
	printf '%%s\0' "$#" "$@" >&9
	IFS= read -r status <&9
	cat <&9
	exec 9>&-
	return "$status"
}
input() { IFS= read -r -d '' text || true; }
curl() {
	local text=
	case " $* " in *' @- '*) input ;; esac
	tool curl "$text" "$@"
}
jq() {
	local text=
	input
	tool jq "$text" "$@"
}
`

// serveTools runs curl and jq in this process, for a shell that begins with the script it returns.
func serveTools(t *testing.T) (script string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				answerTool(t, conn)
			})
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return fmt.Sprintf(shellTools, ln.Addr().(*net.TCPAddr).Port)
}

// answerTool reads a call, each word of which ends with a zero byte, and answers with a line that
// has the status, and then with the output.
func answerTool(t *testing.T, conn io.ReadWriter) {
	in := bufio.NewReader(conn)
	word := func() string {
		w, err := in.ReadString(0)
		if err != nil {
			t.Error(err)
		}
		return strings.TrimSuffix(w, "\x00")
	}
	count, err := strconv.Atoi(word())
	if err != nil || count < 2 {
		t.Errorf("a call of %d words: %v", count, err)
		return
	}
	var words []string
	for range count {
		words = append(words, word())
	}
	name, stdin, args := words[0], words[1], words[2:]
	out, err := map[string]func(stdin string, args []string) (string, error){"curl": curl, "jq": jq}[name](stdin, args)
	status := 0
	if err != nil {
		t.Errorf("%s %q: %v", name, args, err)
		status = 1
	}
	_, _ = fmt.Fprintf(conn, "%d\n%s", status, out)
}

// curl does what the snippets need of curl. It fails if the answer is not a 2xx. It reads one line
// of the feed.
func curl(stdin string, args []string) (string, error) {
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
				if value == "@-" {
					value = stdin
				}
				body = strings.NewReader(value)
				if header.Get("Content-Type") == "" {
					header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
			}
		default:
			if strings.HasPrefix(arg, "-") || at != "" {
				return "", fmt.Errorf("%s is not known", arg)
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
		return "", err
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var answer []byte
	if strings.HasSuffix(req.URL.Path, "/feed") {
		answer, err = bufio.NewReader(res.Body).ReadBytes('\n')
	} else {
		answer, err = io.ReadAll(res.Body)
	}
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s %s", method, at, res.Status, answer)
	}
	return string(answer), err
}

// jq does what the snippets need of jq to go on: it picks an id. Other filters only show JSON to a
// person.
func jq(stdin string, args []string) (string, error) {
	if text := strings.TrimSpace(stdin); !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return "", fmt.Errorf("this is no JSON: %q", stdin)
	}
	if args[len(args)-1] != ".id" {
		return "", nil
	}
	id := regexp.MustCompile(`"id":"(\w+)"`).FindStringSubmatch(stdin)
	if id == nil {
		return "", fmt.Errorf("there is no id in %s", stdin)
	}
	return id[1] + "\n", nil
}
