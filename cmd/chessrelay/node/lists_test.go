package node_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/web/base"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// manyTournaments makes tournaments with long descriptions, in the order of their names.
func manyTournaments(t *testing.T, n *nodetest.Node, count, length int) {
	t.Helper()
	for from := 0; from < count; from += 40 {
		var commands []*relaypb.Command
		for i := from; i < min(from+40, count); i++ {
			commands = append(commands, &relaypb.Command{At: 1, Request: fmt.Sprint("r", i), Op: &relaypb.Command_CreateTournament{
				CreateTournament: &relaypb.CreateTournament{Id: fmt.Sprintf("tour%04d", i), Name: fmt.Sprintf("Open %04d", i), Description: strings.Repeat("x", length)},
			}})
		}
		outcomes, err := base.Propose(t.Context(), n.Raft, commands...)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
		}
	}
}

// TestListIsPaged reads all tournaments page by page while new ones are made, and finds each once.
func TestListIsPaged(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	n := c.Nodes[0]
	manyTournaments(t, n, 250, 10)
	type page struct {
		Tournaments []struct{ Name string }
		Next        string
	}
	want, pages := 249, 0
	for path := "/api/tournaments"; path != ""; pages++ {
		var p page
		nodetest.Get(t, n.URL+path, &p)
		for _, got := range p.Tournaments {
			if got.Name != fmt.Sprintf("Open %04d", want) {
				t.Fatalf("page %d has %s where %d is expected", pages, got.Name, want)
			}
			want--
		}
		nodetest.Must(t, n.URL+"/api/tournaments", nodetest.Object{"name": "New"})
		path = p.Next
	}
	if want != -1 || pages != 3 {
		t.Errorf("%d pages, and %d tournaments are missing", pages, want+1)
	}
	for _, query := range []string{"limit=0", "limit=x", "before=0"} {
		if status := nodetest.Get(t, n.URL+"/api/tournaments?"+query, nil); status != http.StatusBadRequest {
			t.Errorf("%s is answered %d", query, status)
		}
	}
}

// TestListHasAnETag: a client that has the current list gets a 304, even when the log has gone on.
func TestListHasAnETag(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	n := c.Nodes[0]
	tour := nodetest.Must(t, n.URL+"/api/tournaments", nodetest.Object{"name": "Town Open"})["id"].(string)
	for _, path := range []string{"/api/tournaments", "/api/tournaments/" + tour, "/api/broadcast/top", "/api/broadcast/search?q=town",
		"/api/broadcast/by/chessrelay", "/api/broadcast/" + tour, "/broadcast/" + tour + "/players"} {
		ask := func(tag string) (int, string, string) {
			req, _ := http.NewRequest(http.MethodGet, n.URL+path, nil)
			req.Header.Set("If-None-Match", tag)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode == http.StatusOK && !json.Valid(body) {
				t.Fatalf("%s: %v %s", path, err, body)
			}
			return res.StatusCode, res.Header.Get("ETag"), res.Header.Get("X-Chessrelay-Index")
		}
		status, tag, index := ask("")
		if status != http.StatusOK || tag == "" {
			t.Fatalf("%s: %d, tag %q", path, status, tag)
		}
		nodetest.Patch(t, n.URL+"/api/tournaments/"+tour, nodetest.Object{"tieBreaks": "BH"}, nil)
		nodetest.Patch(t, n.URL+"/api/tournaments/"+tour, nodetest.Object{"tieBreaks": ""}, nil)
		status, same, later := ask(tag)
		if status != http.StatusNotModified || same != tag || later == index {
			t.Errorf("%s: %d %s at %s, and was %s at %s", path, status, same, later, tag, index)
		}
	}
	_, before := fetchTag(t, n.URL+"/api/tournaments")
	nodetest.Patch(t, n.URL+"/api/tournaments/"+tour, nodetest.Object{"name": "City Open"}, nil)
	if body, after := fetchTag(t, n.URL+"/api/tournaments"); before == after || !strings.Contains(body, "City Open") {
		t.Errorf("the list has the tag %s and says %s", after, body)
	}
}

func fetchTag(t *testing.T, url string) (body, tag string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), res.Header.Get("ETag")
}

// TestSlowReadersShareTheList has 25 clients ask for the longest page and read only the head. They
// cost the memory of one body, not of 25.
func TestSlowReadersShareTheList(t *testing.T) {
	c := nodetest.NewCluster(t, 1)
	n := c.Nodes[0]
	manyTournaments(t, n, 1000, 20_000)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for range 25 {
		conn, err := net.Dial("tcp", n.Config.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.(*net.TCPConn).SetReadBuffer(4096)
		if _, err := fmt.Fprintf(conn, "GET /api/tournaments?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReaderSize(conn, 16).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
			t.Fatalf("%q %v", line, err)
		}
	}
	const body = 20 << 20
	grown := int64(heap()) - int64(before)
	t.Logf("25 readers of %d MB cost %d MB", body>>20, grown>>20)
	if grown > 3*body {
		t.Errorf("25 readers of %d MB cost %d MB", body>>20, grown>>20)
	}
}
