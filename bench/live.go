package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"
)

// runLive is the command "live": how much later a venue's spectators see a move than the leader's
// own.
//
// Three real nodes run (chessrelay serve): a recorder and two venues. Moves are posted to the
// recorder at the load's rate, on a schedule that does not wait for answers. One spectator watches
// the round at the recorder, one at a venue. Both are goroutines of this process, so there is one
// clock. Each move has three times: when it was posted, when the recorder's spectator had it, and
// when the venue's spectator had it. The recorder shows a move right after commit and apply. The
// report has the quantiles of the differences.
func runLive(ctx context.Context, args []string) error {
	var f liveFlags
	fs := flag.NewFlagSet("live", flag.ContinueOnError)
	fs.StringVar(&f.bin, "bin", "", "run the `FILE` chessrelay (default: built from the tree above)")
	fs.StringVar(&f.rates, "rates", "20,500", "post `MOVES` a second, a list with commas, one measurement each")
	f.register(fs, 3, 8)
	if err := f.parse(fs, args); err != nil {
		return err
	}
	var rates []int
	for s := range strings.SplitSeq(f.rates, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 || n > 100_000 {
			return fmt.Errorf("--rates: %q is no number of moves a second", s)
		}
		rates = append(rates, n)
	}
	games, err := readGames(f.pgn)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(f.dir, "bench-live-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if f.bin == "" {
		if f.bin, err = filepath.Abs(filepath.Join(tmp, "chessrelay")); err != nil {
			return err
		}
		if err := build(ctx, "..", "./cmd/chessrelay", f.bin); err != nil {
			return fmt.Errorf("%w; or give the program with --bin", err)
		}
	}
	r := &liveReport{Machine: thisMachine(), Rounds: f.rounds, Seconds: f.seconds}
	for _, rate := range rates {
		r.Rates = append(r.Rates, rateReport{PerSecond: rate})
	}
	for round := range f.rounds {
		for i := range r.Rates {
			rr := &r.Rates[i]
			m, err := liveRun(ctx, &f, tmp, games, rr.PerSecond)
			if err != nil {
				return fmt.Errorf("round %d, %d moves a second: %w", round+1, rr.PerSecond, err)
			}
			rr.Rounds = append(rr.Rounds, m)
			fmt.Fprintf(os.Stderr, "round %d/%d  %5d/s  %6d moves  venue behind leader p50 %s p99 %s, post to venue p50 %s p99 %s\n", round+1, f.rounds,
				rr.PerSecond, m.Moves, micros(m.Behind.P50), micros(m.Behind.P99), micros(m.ToVenue.P50), micros(m.ToVenue.P99))
		}
	}
	return r.write(f.out)
}

type liveFlags struct {
	runFlags
	bin   string
	rates string
}

// liveReport is what a run of "live" measured. Durations are in nanoseconds in its JSON.
type liveReport struct {
	Machine machine      `json:"machine"`
	Rounds  int          `json:"rounds"`
	Seconds float64      `json:"seconds"`
	Rates   []rateReport `json:"rates"`
}

type rateReport struct {
	PerSecond int               `json:"perSecond"`
	Rounds    []liveMeasurement `json:"rounds"`
}

// liveMeasurement is one round at one rate.
type liveMeasurement struct {
	Moves    int    `json:"moves"`
	Behind   spread `json:"venueBehindLeader"` // the venue's spectator after the leader's
	ToLeader spread `json:"postToLeader"`      // the leader's spectator after the post
	ToVenue  spread `json:"postToVenue"`
	Answer   spread `json:"answer"` // the HTTP answer after the post
}

// spread is quantiles of durations.
type spread struct {
	P50 time.Duration `json:"p50"`
	P99 time.Duration `json:"p99"`
	Max time.Duration `json:"max"`
}

func spreadOf(times []time.Duration) spread {
	slices.Sort(times)
	return spread{node.Quantile(times, 0.5), node.Quantile(times, 0.99), node.Quantile(times, 1)}
}

// liveNodes are the processes of one group of real nodes.
type liveNodes struct {
	urls []string
	cmds []*exec.Cmd
}

// startLiveNodes starts a recorder and two venues. All of them vote.
func startLiveNodes(ctx context.Context, bin, dir string) (*liveNodes, error) {
	const size = 3
	addrs, err := freeAddrs(2 * size)
	if err != nil {
		return nil, err
	}
	n := &liveNodes{}
	for i := range size {
		n.urls = append(n.urls, "http://"+addrs[2*i])
		args := []string{"serve", "--name", fmt.Sprintf("node-%d", i), "--data", filepath.Join(dir, fmt.Sprint(i)), "--http", addrs[2*i], "--peer", addrs[2*i+1]}
		if i == 0 {
			args = append(args, "--role", "recorder", "--bootstrap")
		} else {
			args = append(args, "--role", "venue", "--join", n.urls[0])
		}
		log, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.log", i)))
		if err != nil {
			return nil, errors.Join(err, n.close())
		}
		cmd := exec.Command(bin, args...)
		cmd.Stdout, cmd.Stderr = log, log
		err = cmd.Start()
		_ = log.Close() // the child has its own copy
		if err != nil {
			return nil, errors.Join(err, n.close())
		}
		n.cmds = append(n.cmds, cmd)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err = node.Until(ctx, "three nodes that vote and replicate", func() (bool, error) {
		var status struct {
			Members []struct{ Suffrage, State string }
		}
		if err := get(ctx, n.urls[0]+"/api/cluster", &status); err != nil {
			return false, err
		}
		ready := 0
		for _, m := range status.Members {
			if m.Suffrage == "voter" && (m.State == "leader" || m.State == "replicate") {
				ready++
			}
		}
		return ready == size, fmt.Errorf("%+v", status.Members)
	})
	if err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

// close kills the nodes. Their folders are no longer needed.
func (n *liveNodes) close() error {
	for _, cmd := range n.cmds {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	return nil
}

// liveGame is a game in progress.
type liveGame struct {
	id    string
	moves []string

	mu  sync.Mutex // held while a move of the game is on its way, so moves are played in order
	ply int
}

// moveKey distinguishes a move from all others.
type moveKey struct {
	Game string
	Ply  int
}

// liveRun measures one rate on new nodes.
func liveRun(ctx context.Context, f *liveFlags, tmp string, games [][]string, rate int) (m liveMeasurement, err error) {
	dir, err := os.MkdirTemp(tmp, "run-")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(dir)
	n, err := startLiveNodes(ctx, f.bin, dir)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, n.close()) }()

	warm := int(f.warm().Seconds() * float64(rate))
	total := warm + int(f.window().Seconds()*float64(rate))
	round, playing, err := openGames(ctx, n.urls[0], games, total)
	if err != nil {
		return m, err
	}
	leader, err := watch(n.urls[0], round)
	if err != nil {
		return m, err
	}
	defer leader.close()
	venue, err := watch(n.urls[1], round)
	if err != nil {
		return m, err
	}
	defer venue.close()

	posted, answered, err := postMoves(ctx, n.urls[0], playing, total, rate)
	if err != nil {
		return m, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for _, s := range []*watcher{leader, venue} {
		if err := node.Until(ctx, "the spectators to have every move", func() (bool, error) { return s.count() >= total, s.failure() }); err != nil {
			return m, err
		}
	}
	var behind, toLeader, toVenue, answer []time.Duration
	for i, p := range posted {
		if i < warm {
			continue
		}
		l, v := leader.when(p.key), venue.when(p.key)
		behind = append(behind, v.Sub(l))
		toLeader = append(toLeader, l.Sub(p.at))
		toVenue = append(toVenue, v.Sub(p.at))
		answer = append(answer, answered[i].Sub(p.at))
	}
	return liveMeasurement{Moves: len(behind), Behind: spreadOf(behind), ToLeader: spreadOf(toLeader), ToVenue: spreadOf(toVenue), Answer: spreadOf(answer)}, nil
}

// openGames opens a round with enough games for total moves. There must also be so many that no
// game waits for its own last move.
func openGames(ctx context.Context, url string, games [][]string, total int) (round string, playing []*liveGame, err error) {
	var made struct{ ID string }
	if err := post(ctx, url+"/api/tournaments", map[string]string{"name": "Bench"}, &made); err != nil {
		return "", nil, err
	}
	if err := post(ctx, url+"/api/tournaments/"+made.ID+"/rounds", map[string]string{"name": "Round"}, &made); err != nil {
		return "", nil, err
	}
	round = made.ID
	for left := total; left > 0 || len(playing) < 32; {
		if len(playing) == relay.MaxBoard {
			return "", nil, fmt.Errorf("%d moves need more boards than a round has", total)
		}
		moves := games[len(playing)%len(games)]
		err := post(ctx, url+"/api/rounds/"+round+"/games", map[string]any{
			"board": len(playing) + 1,
			"white": map[string]string{"name": "White"}, "black": map[string]string{"name": "Black"},
		}, &made)
		if err != nil {
			return "", nil, err
		}
		playing = append(playing, &liveGame{id: made.ID, moves: moves})
		left -= len(moves)
	}
	return round, playing, nil
}

type postedMove struct {
	key moveKey
	at  time.Time
}

// postMoves posts total moves, rate of them a second. It does not wait for answers.
func postMoves(ctx context.Context, url string, playing []*liveGame, total, rate int) ([]postedMove, []time.Time, error) {
	posted, answered := make([]postedMove, total), make([]time.Time, total)
	every := time.Second / time.Duration(rate)
	var all errgroup.Group
	began, next := time.Now(), 0
	for i := range total {
		if err := node.Wait(ctx, time.Until(began.Add(time.Duration(i)*every))); err != nil {
			return nil, nil, errors.Join(err, all.Wait())
		}
		var g *liveGame
		for g == nil {
			g = playing[next%len(playing)]
			next++
			g.mu.Lock() // it waits if each game in turn has a move on its way
			if g.ply == len(g.moves) {
				g.mu.Unlock()
				g = nil
			}
		}
		g.ply++
		key := moveKey{g.id, g.ply}
		all.Go(func() error {
			defer g.mu.Unlock()
			posted[i] = postedMove{key, time.Now()}
			var done struct{ Duplicate bool }
			err := post(ctx, url+"/api/games/"+key.Game+"/moves", map[string]any{"ply": key.Ply, "move": g.moves[key.Ply-1]}, &done)
			answered[i] = time.Now()
			if done.Duplicate {
				err = errors.New("the move was known already")
			}
			return err
		})
	}
	return posted, answered, all.Wait()
}

// A watcher is a spectator that records when it had each move.
type watcher struct {
	conn  *websocket.Conn
	ended chan struct{}

	mu   sync.Mutex
	seen map[moveKey]time.Time
	err  error
}

// watch follows a round at a node. It returns when the spectator has the round's boards.
func watch(url, round string) (*watcher, error) {
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http")+"/live?round="+round, nil)
	if err != nil {
		return nil, err
	}
	w := &watcher{conn: conn, ended: make(chan struct{}), seen: map[moveKey]time.Time{}}
	ready := make(chan struct{})
	go w.read(sync.OnceFunc(func() { close(ready) }))
	select {
	case <-ready:
		return w, nil
	case <-w.ended:
		return nil, fmt.Errorf("watch %s: %w", url, w.failure())
	}
}

// read takes frames until the connection ends, and calls ready at the snapshot.
func (w *watcher) read(ready func()) {
	defer close(w.ended)
	for {
		_, message, err := w.conn.ReadMessage()
		at := time.Now()
		if err != nil {
			w.mu.Lock()
			w.err = err
			w.mu.Unlock()
			return
		}
		if len(message) > 0 && message[0] != '[' {
			message = slices.Concat([]byte("["), message, []byte("]"))
		}
		var frames []struct {
			Type string `json:"type"`
			Game string `json:"game"`
			Ply  int    `json:"ply"`
		}
		_ = json.Unmarshal(message, &frames) // a snapshot has other fields of these names
		w.mu.Lock()
		for _, f := range frames {
			switch f.Type {
			case "move":
				w.seen[moveKey{f.Game, f.Ply}] = at
			case "snapshot":
				ready()
			}
		}
		w.mu.Unlock()
	}
}

func (w *watcher) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

func (w *watcher) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *watcher) when(k moveKey) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[k]
}

func (w *watcher) close() {
	_ = w.conn.Close()
	<-w.ended
}

// get fetches a JSON value.
func get(ctx context.Context, url string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := httpClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, res.Status)
	}
	return json.NewDecoder(io.LimitReader(res.Body, node.MaxLine)).Decode(out)
}

// markdown writes the table.
func (r *liveReport) markdown(w io.Writer) {
	m := r.Machine
	fmt.Fprintf(w, "# From commit to a venue's spectators\n\n%s, %s, %d cores, %s, %s; chessrelay %s. ", m.Date.Format("2006-01-02 15:04 MST"), m.CPU, m.Cores, m.OS, m.Go, m.Commit)
	fmt.Fprintf(w, "A recorder and two venues as three processes; moves are posted to the recorder over HTTP; medians of %d rounds of %g s. ", r.Rounds, r.Seconds)
	fmt.Fprintf(w, "\"Behind\" is how much later the venue's spectator has a move than one at the leader, who has it as soon as the leader has applied it. It can be negative.\n\n")
	fmt.Fprintf(w, "| moves a second | behind, p50 | p99 | post to leader's spectator, p50 | p99 | post to venue's, p50 | p99 | post to answer, p50 | p99 |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, rr := range r.Rates {
		fmt.Fprintf(w, "| %s |", thousands(float64(rr.PerSecond)))
		for _, of := range []func(liveMeasurement) spread{
			func(m liveMeasurement) spread { return m.Behind },
			func(m liveMeasurement) spread { return m.ToLeader },
			func(m liveMeasurement) spread { return m.ToVenue },
			func(m liveMeasurement) spread { return m.Answer },
		} {
			var p50s, p99s []time.Duration
			for _, m := range rr.Rounds {
				p50s, p99s = append(p50s, of(m).P50), append(p99s, of(m).P99)
			}
			fmt.Fprintf(w, " %s | %s |", micros(median(p50s)), micros(median(p99s)))
		}
		fmt.Fprintln(w)
	}
}

// write writes live.json and live.md into dir.
func (r *liveReport) write(dir string) error {
	var md strings.Builder
	r.markdown(&md)
	fmt.Print(md.String())
	return errors.Join(writeJSON(filepath.Join(dir, "live.json"), r), os.WriteFile(filepath.Join(dir, "live.md"), []byte(md.String()), 0o644))
}
