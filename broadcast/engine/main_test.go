package engine

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// badEngine in the environment makes the test binary an engine with that fault.
const badEngine = "TEST_BAD_ENGINE"

func TestMain(m *testing.M) {
	if fault := os.Getenv(badEngine); fault != "" {
		playBadEngine(fault)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// stockfish returns the path of the real engine.
func stockfish(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"stockfish", "/usr/games/stockfish"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("Stockfish is missing, which these tests run: apt-get install stockfish")
	return ""
}

// playBadEngine is an engine that has a fault the first two times that it is started. Then it is
// Stockfish. "poison" never gets well.
func playBadEngine(fault string) {
	if os.Getenv("CHESSRELAY_TOKEN") != "" {
		return // it must not be told
	}
	starts := os.Getenv(badEngine + "_STARTS")
	old, _ := os.ReadFile(starts)
	if err := os.WriteFile(starts, append(old, '.'), 0o600); err != nil {
		return
	}
	if len(old) >= 2 && fault != "poison" {
		path := os.Getenv(badEngine + "_REAL")
		_ = syscall.Exec(path, []string{path}, os.Environ())
		return
	}
	in := bufio.NewScanner(os.Stdin)
	position := ""
	for in.Scan() {
		line := in.Text()
		switch {
		case line == "uci":
			fmt.Println("id name Bad\x1b[31m Engine\nuciok")
		case line == "isready":
			fmt.Println("readyok")
		case strings.HasPrefix(line, "position fen "):
			position = line
		case strings.HasPrefix(line, "go"):
			switch fault {
			case "dies":
				return
			case "hangs":
			case "poison":
				if strings.Contains(position, " b ") {
					return
				}
				fmt.Println("info depth 9 score cp 5 pv a2a3\nbestmove a2a3")
			case "chatters":
				for range 2 * maxLines {
					fmt.Println("info depth 1")
				}
			case "long line":
				fmt.Println("info depth 9 score cp 5 pv " + strings.Repeat("a2a3 ", maxLine))
			}
		case line == "quit":
			return
		}
	}
}
