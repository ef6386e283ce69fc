//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/demo"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/store"
)

var crashRounds = flag.Int("crashes", 3, "how many rounds TestCrashes is to have")

// TestCrashes plays rounds of chess into real processes. Several submitters send to random nodes,
// while one, two or all of the nodes are killed with SIGKILL at a random moment. Now and then a
// node is killed again while it starts. After each round all nodes must hold what was acknowledged
// and nothing else, byte for byte the same. A spectator goes to any node when his own dies. He must
// have seen every move once and in order.
func TestCrashes(t *testing.T) {
	t.Parallel()
	k := newCrashed(t)
	for round := range *crashRounds {
		k.round(round)
		if t.Failed() {
			k.showLogs()
			return
		}
	}
	k.end()
	slices.Sort(k.outages)
	t.Logf("%d rounds, %d kills, of these %d of the whole cluster, %d of a leader, %d of a node that was starting",
		*crashRounds, k.kills, k.whole, k.leaders, k.starting)
	t.Logf("%d moves acknowledged as new and %d as there already, %d tries that failed; spectators saw %d moves and came back %d times",
		k.acked.Load(), k.duplicates.Load(), k.failed.Load(), k.seen.Load(), k.returns.Load())
	t.Logf("the longest pause between two acknowledgements of a round: median %v, worst %v",
		k.outages[len(k.outages)/2].Round(time.Millisecond), k.outages[len(k.outages)-1].Round(time.Millisecond))
}

// crashed is a cluster of processes, and what its submitters know.
type crashed struct {
	t    *testing.T
	d    *demo.Demo
	ctx  context.Context // of the processes
	stop context.CancelFunc
	http *http.Client // of the submitters

	kills, whole, leaders, starting int
	outages                         []time.Duration

	acked, duplicates, failed, seen, returns atomic.Int64
}

func newCrashed(t *testing.T) *crashed {
	k := &crashed{t: t, d: &demo.Demo{Out: io.Discard, Log: slog.New(slog.DiscardHandler), Exe: os.Args[0], Dir: t.TempDir()}, http: &http.Client{
		Timeout:   3 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 8},
	}}
	k.ctx, k.stop = context.WithCancel(context.Background())
	var err error
	if k.d.Nodes, err = demo.Plan(k.d.Dir, nodetest.KeptAddress(k.t), 2, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.stop()
		k.d.Children.Wait()
		k.http.CloseIdleConnections()
	})
	c := client.New([]string{k.d.Nodes[0].URL}, client.Options{Log: k.d.Log})
	defer c.Close()
	for _, n := range k.d.Nodes {
		k.launch(n)
		if err := n.WaitReady(k.ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.d.WaitFormed(k.ctx, c); err != nil {
		t.Fatal(err)
	}
	return k
}

// any is a node drawn at random, whether it runs or not.
func (k *crashed) any() *demo.Node { return k.d.Nodes[rand.IntN(len(k.d.Nodes))] }

// upTo waits for a random time of at most d.
func upTo(d time.Duration) { <-time.After(rand.N(d)) }

func (k *crashed) round(number int) {
	const games, submitters, spectators = 3, 6, 3
	id, boards := nodetest.NewRound(k.t, k.any().URL, games)

	ctx, leave := context.WithCancel(k.ctx)
	defer leave()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer leave()
	var watchers []*viewer
	for range spectators {
		w := &viewer{k: k, spectator: nodetest.NewSpectator(k.t, id), plies: map[string]int{}}
		watchers = append(watchers, w)
		watching.Go(func() { w.follow(ctx) })
	}

	over := make(chan struct{})
	var playing sync.WaitGroup
	last := make([]int, submitters) // the ply that each of them had acknowledged
	var times acks
	before := k.acked.Load()
	for i := range submitters { // two a game
		playing.Go(func() { last[i] = k.play(ctx, boards[i%games], over, &times) })
	}
	nodetest.Eventually(k.t, "moves", func() bool { return k.acked.Load() > before+submitters })
	upTo(300 * time.Millisecond)
	k.crash()
	upTo(300 * time.Millisecond)
	close(over)
	playing.Wait()
	k.outages = append(k.outages, times.longest())

	for i, game := range boards {
		plies := 0
		for s := i; s < submitters; s += games {
			plies = max(plies, last[s])
		}
		k.compare(number, game, plies)
		for _, w := range watchers {
			nodetest.Eventually(k.t, "a spectator to see it all", func() bool { return w.ply(game) >= plies })
			if got := w.ply(game); got != plies {
				k.t.Errorf("round %d: a spectator saw %d moves of %d", number, got, plies)
			}
		}
	}
	k.same(number, "/api/rounds/"+id+"?consistency=linearizable")
	k.same(number, "/api/rounds/"+id+".pgn")
}

// crash kills some of the nodes and starts them again.
func (k *crashed) crash() {
	some := slices.Clone(k.d.Nodes)
	rand.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	switch n := rand.IntN(10); {
	case n < 5:
		some = some[:1]
	case n < 8:
		some = some[:2]
	default:
		k.whole++
	}
	var s struct{ Leader string }
	for _, n := range k.d.Nodes {
		if nodetest.Get(k.t, n.URL+"/api/cluster", &s) == http.StatusOK && s.Leader != "" {
			break
		}
	}
	if slices.ContainsFunc(some, func(n *demo.Node) bool { return n.Config.Name == s.Leader }) {
		k.leaders++
	}
	for _, n := range some {
		k.kill(n)
	}
	upTo(500 * time.Millisecond)
	for _, n := range some {
		k.launch(n)
		upTo(100 * time.Millisecond)
	}
	if rand.IntN(3) == 0 {
		upTo(200 * time.Millisecond)
		k.starting++
		k.kill(some[0])
		k.launch(some[0])
	}
	for _, n := range k.d.Nodes {
		if err := n.WaitReady(k.ctx); err != nil {
			k.t.Fatal(err)
		}
	}
}

// kill is kill -9. It also looks through the log of the process.
func (k *crashed) kill(n *demo.Node) {
	k.t.Helper()
	select {
	case <-n.Ended:
	default:
		_ = syscall.Kill(n.PID, syscall.SIGKILL)
		<-n.Ended
	}
	k.kills++
	if n.State.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		k.t.Errorf("%s had ended by itself: %v", n.Config.Name, n.State)
	}
	k.lookThrough(n)
}

func (k *crashed) lookThrough(n *demo.Node) {
	k.t.Helper()
	log, err := os.ReadFile(n.LogFile)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, bad := range []string{"DATA RACE", "panic:", "fatal error:", "this node stops"} {
		if bytes.Contains(log, []byte(bad)) {
			k.t.Errorf("%s said:\n%s", n.Config.Name, log)
		}
	}
}

func (k *crashed) launch(n *demo.Node) {
	k.t.Helper()
	if err := k.d.Launch(k.ctx, n); err != nil {
		k.t.Fatal(err)
	}
}

// play submits a game's moves one after another, each until it is acknowledged. It returns how many
// were, and ends between two moves.
func (k *crashed) play(ctx context.Context, game string, over <-chan struct{}, times *acks) (ply int) {
	for ply < 1000 {
		select {
		case <-over:
			return ply
		case <-time.After(rand.N(5 * time.Millisecond)):
		}
		body, err := json.Marshal(nodetest.Object{"ply": ply + 1, "move": shuffled(ply + 1)})
		if err != nil {
			k.t.Error(err)
			return ply
		}
		for !k.submit(ctx, "/api/games/"+game+"/moves", body) {
			if ctx.Err() != nil || k.t.Failed() {
				return ply
			}
		}
		ply++
		times.note()
	}
	return ply
}

// shuffled is the move at a ply of a game that never ends.
func shuffled(ply int) string { return []string{"Ng8", "Nf3", "Nf6", "Ng1"}[ply%4] }

// submit sends a move to a node drawn at random and reports whether it was acknowledged. A node
// that is down, or stops in the middle, is no error; a refusal is one.
func (k *crashed) submit(ctx context.Context, path string, body []byte) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, k.any().URL+path, bytes.NewReader(body))
	if err != nil {
		k.t.Error(err)
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := k.http.Do(req)
	if err == nil {
		defer res.Body.Close()
		var answer []byte
		answer, err = io.ReadAll(res.Body)
		switch {
		case err != nil: // the node died while it answered
		case res.StatusCode == http.StatusCreated:
			k.acked.Add(1)
			return true
		case res.StatusCode == http.StatusOK:
			k.duplicates.Add(1)
			return true
		case res.StatusCode != http.StatusServiceUnavailable:
			k.t.Errorf("%s %s: %s %s", path, body, res.Status, answer)
			return false
		}
	}
	k.failed.Add(1)
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Millisecond):
	}
	return false
}

// compare checks that a game has these plies on every node: all that were acknowledged, and no
// other.
func (k *crashed) compare(round int, game string, plies int) {
	k.t.Helper()
	path := "/api/games/" + game + "?consistency=linearizable"
	k.same(round, path)
	var g struct {
		Ply   int
		Moves []struct {
			Ply int
			SAN string
		}
	}
	nodetest.Eventually(k.t, "an answer", func() bool { return nodetest.Get(k.t, k.any().URL+path, &g) == http.StatusOK })
	if g.Ply != plies || len(g.Moves) != plies {
		k.t.Errorf("round %d, game %s: %d plies were acknowledged, and it has %d", round, game, plies, len(g.Moves))
	}
	for i, m := range g.Moves {
		if m.Ply != i+1 || m.SAN != shuffled(i+1) {
			k.t.Fatalf("round %d, game %s: at ply %d stands %+v", round, game, i+1, m)
		}
	}
}

// same checks that every node answers with the same bytes, except for its own URL.
func (k *crashed) same(round int, path string) {
	k.t.Helper()
	var first []byte
	for _, n := range k.d.Nodes {
		var body []byte
		nodetest.Eventually(k.t, "an answer of "+n.Config.Name, func() bool {
			res, err := http.Get(n.URL + path)
			if err != nil {
				return false
			}
			defer res.Body.Close()
			body, err = io.ReadAll(res.Body)
			return err == nil && res.StatusCode == http.StatusOK
		})
		body = bytes.ReplaceAll(body, []byte(n.URL), []byte("URL"))
		if first == nil {
			first = body
		} else if !bytes.Equal(first, body) {
			k.t.Errorf("round %d: %s differs at %s:\n%s\n%s", round, path, n.Config.Name, first, body)
		}
	}
}

// end stops the nodes as an operator does, and compares what is on their disks.
func (k *crashed) end() {
	k.stop()
	k.d.Children.Wait()
	hashes := map[[32]byte]string{}
	for _, n := range k.d.Nodes {
		k.lookThrough(n)
		file, err := store.OpenBoards(filepath.Join(n.Config.Data, "boards"))
		if err != nil {
			k.t.Fatal(err)
		}
		b := node.NewBoards(nil)
		defer b.Close()
		err = b.Restore(file.Position().Index, func(fn func(string, []byte) error) error {
			return file.Load(func(key string, value []byte) error {
				if strings.HasPrefix(key, "m/") { // members
					return nil
				}
				return fn(key, value)
			})
		})
		if err != nil {
			k.t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			k.t.Fatal(err)
		}
		b.Read(func(_ uint64, s *relay.State) { hashes[s.Hash()] += n.Config.Name + " " })
	}
	if len(hashes) != 1 {
		k.t.Errorf("the disks hold different boards: %v", hashes)
	}
}

func (k *crashed) showLogs() {
	for _, n := range k.d.Nodes {
		k.t.Logf("%s:\n%s", n.Config.Name, n.EndOfLog())
	}
}

// acks is when moves were acknowledged.
type acks struct {
	mu    sync.Mutex
	last  time.Time
	worst time.Duration
}

func (a *acks) note() {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if !a.last.IsZero() {
		a.worst = max(a.worst, now.Sub(a.last))
	}
	a.last = now
}

func (a *acks) longest() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.worst
}

// viewer is a spectator who goes to another node when his own dies. Besides what a spectator
// checks, he counts the plies of each game: each comes once, and none is left out.
type viewer struct {
	k         *crashed
	spectator *nodetest.Spectator // owned by follow

	mu    sync.Mutex
	plies map[string]int // by game; guarded by mu
}

func (w *viewer) ply(game string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.plies[game]
}

func (w *viewer) follow(ctx context.Context) {
	for first := true; ctx.Err() == nil; first = false {
		if !first {
			w.k.returns.Add(1)
		}
		if err := w.spectator.Dial(w.k.any().URL); err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
			continue
		}
		conn := w.spectator.Conn
		unhook := context.AfterFunc(ctx, func() { _ = conn.Close() })
		for {
			frames, err := w.spectator.Read()
			if err != nil {
				break
			}
			for _, f := range frames {
				w.take(f)
			}
		}
		unhook()
	}
}

func (w *viewer) take(f nodetest.Frame) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch f.Type {
	case "snapshot":
		for _, b := range f.Boards {
			if b.Ply < w.plies[b.Game] {
				w.k.t.Errorf("a spectator had seen %d plies and was shown %d", w.plies[b.Game], b.Ply)
			}
			w.plies[b.Game] = b.Ply
		}
	case "move":
		if f.Ply != w.plies[f.Game]+1 {
			w.k.t.Errorf("a spectator had seen %d plies and got ply %d", w.plies[f.Game], f.Ply)
		}
		w.plies[f.Game] = f.Ply
		w.k.seen.Add(1)
	case "takeback", "correction", "result":
		w.k.t.Errorf("a spectator got %s", fmt.Sprint(f))
	}
}
