package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/chessrelay/chessrelay/client"
)

// openTerminal opens a real terminal of this size. One end reads what is written to the other.
func openTerminal(t *testing.T, columns, lines uint16) (screen, keyboard *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: lines}); err != nil {
		t.Fatal(err)
	}
	return slave, master
}

// fiveNodes is a cluster of five. One gets the boards, and one is away.
const fiveNodes = `{"clusterId":"8512770007e56358","node":"hall","leader":"hall","term":2,"commit":58567,"applied":58567,"members":[
 {"id":"1","name":"backup","role":"recorder","suffrage":"voter","state":"replicate","match":58567,"next":58568,"inflight":2,"inflightLimit":256,"rttMicros":177,"sentBytes":5700000,"lastContactMs":14,"http":"http://backup.example.org:8080"},
 {"id":"2","name":"club","role":"venue","suffrage":"voter","state":"replicate","match":58567,"next":58568,"inflight":0,"inflightLimit":256,"rttMicros":177,"sentBytes":5700000,"lastContactMs":14,"http":"http://club.example.org:8080"},
 {"id":"3","name":"hall","role":"recorder","suffrage":"voter","state":"leader","match":58567,"next":58568,"http":"http://hall.example.org:8080"},
 {"id":"4","name":"library","role":"venue","suffrage":"learner","state":"unreachable","match":13724,"next":13725,"lag":44843,"lagMs":33100,"inflightLimit":256,"rttMicros":2302,"sentBytes":1200000,"lastContactMs":32500,"http":"http://library.example.org:8080"},
 {"id":"5","name":"studio","role":"venue","suffrage":"learner","state":"snapshot","match":13724,"next":34455,"lag":44843,"lagMs":33100,"inflightLimit":256,"rttMicros":4001373,"sentBytes":1200000,"lastContactMs":403,"snapshotFrom":"club","snapshotBytes":1480208,"snapshotError":"no answer: i/o timeout","http":"http://studio.example.org:8080"}]}`

// TestStatusWatch runs status in a narrow terminal, while the node answers, is gone and comes back.
func TestStatusWatch(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, fiveNodes)
	}))
	defer srv.Close()
	const columns, lines = 76, 18
	slave, master := openTerminal(t, columns, lines)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errs strings.Builder
	env := &environment{stdin: strings.NewReader(""), stdout: slave, stderr: &errs, getenv: func(string) string { return "" }}
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, env, []string{"status", "--watch", srv.URL}) }()

	r := bufio.NewReader(master)
	escape := regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	var raw string
	picture := func() string { // the next one
		t.Helper()
		var err error
		if raw, err = r.ReadString('J'); err == nil && strings.HasSuffix(raw, "\x1b[2J") {
			var rest string
			rest, err = r.ReadString('J')
			raw += rest
		}
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(escape.ReplaceAllString(raw, ""), "\r", "")
		rows := strings.Split(text, "\n")
		if len(rows) > lines {
			t.Errorf("%d lines on a screen of %d:\n%s", len(rows), lines, text)
		}
		for _, row := range rows {
			if utf8.RuneCountInString(row) > columns {
				t.Errorf("too long for %d columns: %q", columns, row)
			}
		}
		return text
	}
	has := func(text string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), w) {
				t.Errorf("%q is missing in\n%s", w, text)
			}
		}
	}
	first := picture()
	has(first, "hall leads", "* hall", "library", "unreachable", "2/256", "studio gets the boards from club, 1.5 MB so far", "i/o timeout", "no room for")
	picture()
	if strings.Contains(raw, "\x1b[2J") {
		t.Error("the screen is cleared each time, which flickers")
	}
	away.Store(true)
	gone := picture()
	for !strings.Contains(gone, "Trying again") { // one answer may have been on its way
		gone = picture()
	}
	has(gone, "no answer from http", "old", "hall leads")
	away.Store(false)
	for strings.Contains(gone, "Trying again") {
		gone = picture()
	}
	has(gone, "hall leads", "every second")
	cancel()
	if code := <-ended; code != exitDone || errs.String() != "" {
		t.Errorf("exit %d, %q beside the picture", code, errs.String())
	}
}

func TestTableFits(t *testing.T) {
	for columns := 24; columns < 140; columns++ {
		var s client.Cluster
		if err := json.Unmarshal([]byte(fiveNodes), &s); err != nil {
			t.Fatal(err)
		}
		s.Sources = []client.Source{{
			Tournament: "City Open", Name: "Round 1", URL: "https://club.example/a/long/address/of/games.pgn", FailingMs: 1, LastError: "the source answers 404",
		}}
		for line := range strings.Lines(describeCluster(s, columns)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
				t.Fatalf("%d columns where there are %d: %q", n, columns, line)
			}
		}
	}
}

// TestStatusOfUnknownProgress: a leader that has not heard from a member does not know how far the
// member is. If the leader cannot be asked, nobody knows.
func TestStatusOfUnknownProgress(t *testing.T) {
	s := client.Cluster{Leader: "a", Members: []client.Member{
		{Name: "a", State: "leader", Match: 59188, Next: 59189},
		{Name: "b", State: "unreachable", Next: 59000, Lag: 59188, LagMs: 1600},
	}}
	if text := describeCluster(s, 0); strings.Count(text, "59188") != 1 || !strings.Contains(text, "?") {
		t.Errorf("it makes up how far b is:\n%s", text)
	}
	s.Members[0].Match, s.Members[0].Next = 0, 0
	if text := describeCluster(s, 0); !strings.Contains(text, "a could not be reached") {
		t.Errorf("it does not say why it knows nothing:\n%s", text)
	}
}

// TestStatusOfSources has a sentence for each way in which a source fares.
func TestStatusOfSources(t *testing.T) {
	at := client.Source{Round: "0clOvgby", Tournament: "City Open", Name: "Round 1", URL: "https://club.example/1.pgn", LastPollMs: 2000, NextPollMs: 3000}
	of := func(change func(*client.Source)) client.Source {
		s := at
		change(&s)
		return s
	}
	s := client.Cluster{Sources: []client.Source{
		at,
		of(func(s *client.Source) { s.LastPollMs = -1 }),
		of(func(s *client.Source) { s.State = "stopped: a person has finished the round" }),
		of(func(s *client.Source) { s.State = `waiting: the round starts when "Round 0" is finished` }),
		of(func(s *client.Source) { s.Problems = 2 }),
		of(func(s *client.Source) { s.FailingMs, s.LastError = 200_000, "the source answers 404 Not Found" }),
		of(func(s *client.Source) { s.FailingMs, s.NextPollMs, s.LastError = 1000, 0, "refused." }),
	}}
	text := describeCluster(s, 0)
	for _, want := range []string{
		"answered 2s ago; the next poll is in 3s.\n",
		"has not been polled yet.\n",
		"is not polled now: a person has finished the round.\n",
		"is not polled now: the round starts when \"Round 0\" is finished.\n",
		"; some of its games could not be recorded: see /api/rounds/0clOvgby.\n",
		"City Open, Round 1: its source https://club.example/1.pgn has failed for 3m20s; the next poll is in 3s: the source answers 404 Not Found.\n",
		"has failed for 1s; the next poll is now: refused.\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
