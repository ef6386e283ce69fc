package lichess

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/web/base"
)

// TestUnfinishedPush sends half a push, and nothing more. The connection must end, and the
// push behind it must get its turn.
func TestUnfinishedPush(t *testing.T) {
	s, routes := serve(t, base.Config{Boards: noBoards{}, SubmitTimeout: 50 * time.Millisecond}, Config{Hub: new(broadcast.Hub)})
	server := httptest.NewServer(routes)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/broadcast/round/roundAAA/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n[White \"A\"]\n\n1. e4 ")
	if answer, _ := io.ReadAll(conn); len(answer) > 0 {
		t.Errorf("half a push is answered %s", answer)
	}
	turn, leave, err := s.EnterPush("roundAAA")
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if err := turn.Wait(ctx); err != nil {
		t.Errorf("the push behind it: %v", err)
	}
}

// TestLateRetries tries the orders in which retries can come.
func TestLateRetries(t *testing.T) {
	const round = "roundAAA"
	now := time.UnixMilli(1795419368331)
	body := func(name string) [sha256.Size]byte { return sha256.Sum256([]byte(name)) }
	var l lateTries
	turn := uint64(0)
	push := func(name string, answered bool) string {
		t.Helper()
		turn++
		place, late := l.begin(round, body(name), turn, now)
		switch {
		case late:
			return "passed over"
		case !answered:
			l.noteUnanswered(round, body(name), place, now)
			return "owed"
		}
		l.took(round, place)
		return "taken"
	}
	for i, step := range []struct {
		name     string
		answered bool
		want     string
	}{
		{"a", true, "taken"}, {"b", true, "taken"}, {"a", true, "taken"}, // back to the state before: no retry
		{"a", false, "owed"}, {"b", false, "owed"}, {"c", false, "owed"},
		{"b", false, "owed"},       // and again
		{"a", true, "taken"},       // nothing newer was taken
		{"b", true, "taken"},       // it is newer than a
		{"d", true, "taken"},       // and d is newer than all
		{"c", true, "passed over"}, // the retry of the third
		{"c", true, "taken"},       // c had only one retry
		{"a", false, "owed"}, {"a", false, "owed"}, {"e", true, "taken"},
		{"a", true, "passed over"}, {"a", true, "taken"}, // the second try was the first's retry
	} {
		if got := push(step.name, step.answered); got != step.want {
			t.Fatalf("step %d, %s: %s, want %s", i, step.name, got, step.want)
		}
	}
	if len(l.rounds) != 0 {
		t.Errorf("something is left: %v", l.rounds)
	}
	push("a", false)
	push("b", true)
	now = now.Add(owedFor + time.Second)
	if got := push("a", true); got != "taken" || len(l.rounds) != 0 {
		t.Errorf("long after, it is %s", got)
	}
	for i := range 3 * maxOwed {
		push(fmt.Sprint(i), false)
	}
	if n := len(l.rounds[round].owed); n != maxOwed {
		t.Errorf("%d are remembered", n)
	}
}
