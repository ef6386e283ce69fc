//go:build unix

package logqueue_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/logqueue"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestDropsLinesAndCountsThem logs into a full pipe. No line waits; lines without room are counted,
// and the log says how many once its reader is back.
func TestDropsLinesAndCountsThem(t *testing.T) {
	w, r := nodetest.NewPipe(t)
	filled := nodetest.FillPipe(t, w)
	q := logqueue.Open(w)
	log := slog.New(slog.NewJSONHandler(q, nil))
	q.SetNotice(func(lines uint64) { log.Error("lines were dropped", "lines", lines) })
	long := strings.Repeat("x", 10_000)
	const lines = 1000
	for i := range lines {
		log.Info("line", "i", i, "long", long)
	}
	dropped := q.Dropped()
	if dropped < lines/2 || dropped >= lines {
		t.Fatalf("%d lines of 10 kB each, of %d, were dropped by a queue of 1 MiB", dropped, lines)
	}

	if _, err := io.CopyN(io.Discard, r, int64(filled)); err != nil {
		t.Fatal(err)
	}
	read := bufio.NewScanner(r)
	kept, last := uint64(0), -1
	for {
		if !read.Scan() {
			t.Fatalf("the log ended: %v", read.Err())
		}
		line := read.Text()
		if strings.Contains(line, fmt.Sprintf(`"lines":%d`, dropped)) && strings.Contains(line, "were dropped") {
			break
		}
		var got struct{ I int }
		if err := json.Unmarshal([]byte(line), &got); err != nil || got.I <= last {
			t.Fatalf("after line %d comes %.80s (%v)", last, line, err)
		}
		kept, last = kept+1, got.I
	}
	if kept+dropped != lines {
		t.Errorf("%d lines were logged, %d arrived and %d were dropped", lines, kept, dropped)
	}
	log.Info("the last one")
	_ = q.Close()
	w.Close()
	if rest, err := io.ReadAll(r); err != nil || !strings.Contains(string(rest), "the last one") {
		t.Errorf("after the queue was closed, the log ends in %.200q, %v", rest, err)
	}
}

// TestCloseWhileTheReaderStalls closes a queue whose file takes nothing. goleak checks that its
// goroutine ends.
func TestCloseWhileTheReaderStalls(t *testing.T) {
	w, _ := nodetest.NewPipe(t)
	nodetest.FillPipe(t, w)
	q := logqueue.Open(w)
	fmt.Fprintln(q, "nobody reads this")
	if err := q.Close(); err != nil {
		t.Errorf("the queue's goroutine is left: %v", err)
	}
	if q.Dropped() != 1 {
		t.Errorf("%d lines were dropped, of one", q.Dropped())
	}
}
