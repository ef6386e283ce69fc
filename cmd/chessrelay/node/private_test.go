package node_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/lcc"
)

// newPrivateRound is a private tournament with two rounds. The first has the delay and two boards.
func newPrivateRound(t *testing.T, delay time.Duration) (d *delayedRound, other string) {
	d = &delayedRound{testClock: newTestClock(), delay: delay, indexes: map[uint64]time.Time{}}
	d.Cluster = nodetest.NewClusterWith(t, 1, func(cfg *node.Config) { cfg.Token, cfg.Now = delayToken, d.Now })
	d.tour = d.submit("/api/tournaments", nodetest.Object{"name": "Secret Match", "private": true})["id"].(string)
	d.uuid = lcc.UUID(d.Nodes[0].Raft.ClusterID(), relay.TournamentID(d.tour))
	rounds := "/api/tournaments/" + d.tour + "/rounds"
	d.round = d.submit(rounds, nodetest.Object{"name": "Hidden Round", "delay": int(delay.Seconds())})["id"].(string)
	other = d.submit(rounds, nodetest.Object{"name": "Other Round"})["id"].(string)
	d.open(1)
	d.open(2)
	return d, other
}

// TestPrivateTournamentIsHidden asks for everything by the ids of a private tournament, and by ids
// that nobody has. The answers are the same.
func TestPrivateTournamentIsHidden(t *testing.T) {
	t.Parallel()
	d, _ := newPrivateRound(t, 0)
	d.submit("/api/games/"+d.games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	d.AddEdge("edge", d.Nodes[0])
	d.settle()
	nobody := &delayedRound{Cluster: d.Cluster, tour: "unknown1", round: "unknown2", games: []string{"unknown3", "unknown4"}}
	nobody.uuid = lcc.UUID(d.Nodes[0].Raft.ClusterID(), relay.TournamentID(nobody.tour))
	names := strings.NewReplacer(
		nobody.tour, "TOUR", nobody.round, "ROUND", nobody.games[0], "GAME0", nobody.games[1], "GAME1", nobody.uuid, "UUID",
		d.tour, "TOUR", d.round, "ROUND", d.games[0], "GAME0", d.games[1], "GAME1", d.uuid, "UUID",
	)
	normal := func(answers map[string]string) map[string]string {
		out := map[string]string{}
		for path, text := range answers {
			out[names.Replace(path)] = names.Replace(text)
		}
		return out
	}
	for _, n := range d.Nodes {
		have := normal((&publicClient{delayedRound: d, open: d.round}).answers(n))
		want := normal((&publicClient{delayedRound: nobody, open: nobody.round}).answers(n))
		for _, path := range slices.Sorted(maps.Keys(want)) {
			if diff := cmp.Diff(want[path], have[path]); diff != "" {
				t.Errorf("%s: %s tells that there is something (-nobody's +private):\n%s", n.Config.Name, path, diff)
			}
			for _, secret := range []string{"Secret Match", "Hidden Round", "White 1"} {
				if strings.Contains(have[path], secret) {
					t.Errorf("%s: %s has %q:\n%s", n.Config.Name, path, secret, have[path])
				}
			}
		}
		if len(have) < 60 {
			t.Errorf("%s: only %d answers were compared", n.Config.Name, len(have))
		}
	}
	// Writes with tokens that do not cover the tournament are answered as if it did not exist.
	elsewhere := d.ask(http.MethodPost, "/api/tournaments", nodetest.Object{"name": "Elsewhere"})["id"].(string)
	for _, scope := range []nodetest.Object{{"role": "edge"}, {"role": "organiser", "tournament": elsewhere}} {
		scope["name"] = "other"
		token := d.ask(http.MethodPost, "/api/tokens", scope)["token"].(string)
		for _, try := range [][3]string{
			{http.MethodPatch, "/api/tournaments/", d.tour}, {http.MethodDelete, "/api/rounds/", d.round},
			{http.MethodPost, "/api/rounds/", d.round + "/games"}, {http.MethodPost, "/api/games/", d.games[0] + "/moves"},
		} {
			status, text := nodetest.Ask(t, try[0], d.Nodes[0].URL+try[1]+try[2], token, nodetest.Object{})
			want, wantText := nodetest.Ask(t, try[0], d.Nodes[0].URL+names.Replace(try[1]+try[2]), token, nodetest.Object{})
			if status != want || names.Replace(text) != wantText {
				t.Errorf("%s %s by %v: %d %s; of one that is not there: %d %s", try[0], try[1], scope, status, text, want, wantText)
			}
		}
	}
	// A public tournament's group does not show the private one to the public, but shows it to an
	// admin.
	group := d.ask(http.MethodPost, "/api/tournaments", nodetest.Object{"name": "Open"})["id"].(string)
	d.ask(http.MethodPatch, "/api/tournaments/"+group, nodetest.Object{"grouping": "Festival\n" + group + "\n" + d.tour})
	for _, path := range []string{"/api/tournaments/" + group, "/api/tournaments"} {
		for token, want := range map[string]bool{"": false, delayToken: true} {
			if _, text := nodetest.Ask(t, http.MethodGet, d.Nodes[0].URL+path, token, nil); !strings.Contains(text, `"grouping":"Festival\n`+group) || strings.Contains(text, d.tour) != want {
				t.Errorf("GET %s with the token %q: %s", path, token, text)
			}
		}
	}
	// Its deleted board does not exist either, for the public.
	d.ask(http.MethodDelete, "/api/games/"+d.games[1], nodetest.Object{})
	if status, text := nodetest.Ask(t, http.MethodGet, d.Nodes[0].URL+"/api/games/"+d.games[1], "", nil); status != http.StatusNotFound || strings.Contains(text, "deleted") {
		t.Errorf("a board of it that was deleted: %d %s", status, text)
	}
	// The tournament can be made public.
	d.ask(http.MethodPatch, "/api/tournaments/"+d.tour, nodetest.Object{"private": false})
	if status, _ := nodetest.Ask(t, http.MethodGet, d.Nodes[0].URL+"/api/rounds/"+d.round, "", nil); status != http.StatusOK {
		t.Errorf("when it is public: %d", status)
	}
}

// TestPrivateNeedsTokens: without tokens, a node cannot distinguish anybody from the public.
func TestPrivateNeedsTokens(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	for _, in := range []nodetest.Object{{"name": "Secret", "private": true}} {
		if status, text := nodetest.Ask(t, http.MethodPost, c.Nodes[0].URL+"/api/tournaments", "", in); status != http.StatusUnprocessableEntity || !strings.Contains(text, `"needs_tokens"`) {
			t.Errorf("%d %s", status, text)
		}
	}
}

// viewingLink makes a link to the round, and returns its address and its id.
func (d *delayedRound) viewingLink(in nodetest.Object) (address, id string) {
	d.T.Helper()
	body := nodetest.Object{"name": "viewing link", "role": "viewer", "round": d.round}
	maps.Copy(body, in)
	status, text := nodetest.Ask(d.T, http.MethodPost, d.Nodes[0].URL+"/api/tokens", delayToken, body)
	var made struct{ ID, Link string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || status != http.StatusCreated || made.Link == "" {
		d.T.Fatalf("a link: %d %s", status, text)
	}
	return made.Link, made.ID
}

// TestViewingLinks: each link shows the boards as late as it says, of its round alone, in every
// format. A revoked link shows nothing.
func TestViewingLinks(t *testing.T) {
	t.Parallel()
	d, other := newPrivateRound(t, 15*time.Minute)
	n := d.Nodes[0]
	link := func(in nodetest.Object) (token, id string) {
		t.Helper()
		address, id := d.viewingLink(in)
		where, token, _ := strings.Cut(address, "#view=")
		if named, _, ok := relay.SplitToken(token); !ok || named != id || where != n.URL+"/round/"+d.round {
			t.Fatalf("the link is %q", address)
		}
		return token, id
	}
	commentator, _ := link(nodetest.Object{"name": "Commentators"})
	partner, partnerID := link(nodetest.Object{"delay": 300, "expiresAt": time.Now().Add(time.Hour).UnixMilli()})
	public, _ := link(nodetest.Object{"delay": 900})
	get := func(path, token string) (int, nodetest.Object) {
		t.Helper()
		status, text := nodetest.Ask(t, http.MethodGet, n.URL+path, token, nil)
		out := nodetest.Object{}
		_ = json.Unmarshal([]byte(text), &out)
		return status, out
	}
	ply := func(token string) int {
		t.Helper()
		status, out := get("/api/games/"+d.games[0], token)
		if status == http.StatusNotFound {
			return -1
		}
		return len(out["moves"].([]any))
	}
	sees := func(what string, want ...int) {
		t.Helper()
		for i, token := range []string{commentator, partner, public, ""} {
			nodetest.Eventually(t, fmt.Sprintf("%s: ply %d for link %d", what, want[i], i), func() bool { return ply(token) == want[i] })
		}
	}
	d.advanceWhileDown(16 * time.Minute)
	n.Boards.ReleaseNow()
	sees("the boards are there", 0, 0, 0, -1)
	d.submit("/api/games/"+d.games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	sees("a move was made", 1, 0, 0, -1)
	d.advanceWhileDown(5*time.Minute + time.Second)
	n.Boards.ReleaseNow()
	sees("five minutes ago", 1, 1, 0, -1)
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(n.URL, "http")+"/live?round="+d.round+"&access_token="+partner, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := http.Get(n.URL + "/api/stream/broadcast/tour/" + d.tour + ".pgn?access_token=" + partner)
	if err != nil || stream.StatusCode != http.StatusOK {
		t.Fatal(stream, err)
	}
	defer stream.Body.Close()
	if status, text := nodetest.Ask(t, http.MethodGet, n.URL+"/api/rounds/"+d.round+".pgn", partner, nil); status != http.StatusOK || !strings.Contains(text, "1. e4") {
		t.Errorf("a partner's PGN: %d %s", status, text)
	}
	if status, text := nodetest.Ask(t, http.MethodGet, n.URL+"/api/rounds/"+other, partner, nil); status != http.StatusNotFound {
		t.Errorf("another round of the tournament: %d %s", status, text)
	}
	if _, out := get("/api/tournaments/"+d.tour, partner); out["name"] != "Secret Match" || len(out["rounds"].([]any)) != 1 {
		t.Errorf("a partner sees of the tournament %v", out)
	}
	if status, _ := nodetest.Ask(t, http.MethodPost, n.URL+"/api/games/"+d.games[0]+"/moves", partner, nodetest.Object{"ply": 2, "move": "e5"}); status != http.StatusForbidden {
		t.Errorf("a move by a viewer: %d", status)
	}
	d.advanceWhileDown(10 * time.Minute)
	n.Boards.ReleaseNow()
	sees("a quarter of an hour ago", 1, 1, 1, -1)
	// The time since the last move is of the boards that a link shows.
	for token, want := range map[string]float64{commentator: 901, partner: 601, public: 1} {
		_, out := get("/api/broadcast/-/-/"+d.round, token)
		games, _ := out["games"].([]any)
		if len(games) == 0 || games[0].(nodetest.Object)["thinkTime"] != want {
			t.Errorf("a link shows %v, want a thinkTime of %v", games, want)
		}
	}
	if status, text := nodetest.Ask(t, http.MethodDelete, n.URL+"/api/tokens/"+partnerID, delayToken, nil); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	sees("one is revoked", 1, -1, 1, -1)
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, stream.Body)
		ended <- err
	}()
	select {
	case <-ended:
	case <-time.After(90 * time.Second): // it hangs
		t.Error("the stream of the tournament goes on")
		stream.Body.Close()
		<-ended
	}
	_ = conn.SetReadDeadline(time.Now().Add(90 * time.Second))
	for err == nil {
		_, _, err = conn.ReadMessage()
	}
	if !websocket.IsCloseError(err, broadcast.CloseForbidden) {
		t.Errorf("who watches by it: %v", err)
	}
}
