package consensus

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	simSeed    = flag.Uint64("sim.seed", 0, "the one schedule to simulate; 0: -sim.seeds of them")
	simFirst   = flag.Uint64("sim.first", 1, "the seed of the first schedule")
	simSeeds   = flag.Int("sim.seeds", defaultSeeds, "how many schedules to simulate; the default is few with the race detector, and make test-long has hundreds")
	ownProcess = flag.Bool("alone", false, "run the tests that have a process of their own in this one, one after another")
	simShard   = flag.String("sim.shard", "", "used by the test itself: where to write which seed is on")
)

// TestSimulation runs real nodes through schedules of faults, each drawn from its seed, and checks
// Raft's invariants at every step. For a seed that fails it prints the violation, the end of its
// history, and the command that replays it.
//
// crypto/rand is the same for a whole process, so the schedules run in several processes.
func TestSimulation(t *testing.T) {
	if *simSeed != 0 || *simShard != "" {
		// One goroutine at a time is the fastest for one bubble, and the most regular.
		runtime.GOMAXPROCS(1)
	}
	switch {
	case *simSeed != 0:
		runSchedule(t, *simSeed)
	case *simShard != "":
		for i := range *simSeeds {
			seed := *simFirst + uint64(i)
			if err := os.WriteFile(*simShard, fmt.Appendf(nil, "%d", seed), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Run(fmt.Sprint(seed), func(t *testing.T) { runSchedule(t, seed) })
			if t.Failed() {
				return
			}
		}
	default:
		seeds := *simSeeds
		if testing.Short() {
			seeds = min(seeds, 100)
		}
		began := time.Now()
		var wg sync.WaitGroup
		shards := runtime.GOMAXPROCS(0)
		for i := range shards {
			from, to := seeds*i/shards, seeds*(i+1)/shards
			wg.Go(func() {
				for _, h := range runShard(t, *simFirst+uint64(from), to-from) {
					if testing.Verbose() {
						t.Log(h)
					}
				}
			})
		}
		wg.Wait()
		t.Logf("%d schedules in %v", seeds, time.Since(began).Round(time.Millisecond))
	}
}

// TestSimulationRepeats runs some schedules twice and compares the histories. A seed without a
// repeatable history is of little use: its failure cannot be replayed. A few may differ, since two
// events may still happen at the same nanosecond. If chance has an influence, many do.
func TestSimulationRepeats(t *testing.T) {
	seeds, borne := 200, 3
	if raceEnabled || testing.Short() {
		seeds, borne = 16, 1
	}
	var runs [2][]string
	var wg sync.WaitGroup
	for i := range runs {
		wg.Go(func() { runs[i] = runShard(t, *simFirst, seeds) })
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	var differ []string
	for i, was := range runs[0] {
		if is := runs[1][i]; is != was {
			differ = append(differ, was, is)
		}
	}
	if told := strings.Join(differ, "\n"); len(differ) > 2*borne {
		t.Errorf("of %d schedules %d told another history the second time: chance has a hand in it\n%s\n"+
			"Run one with -sim.seed and -v until two differ: the first line that does tells where.", seeds, len(differ)/2, told)
	} else if len(differ) > 0 {
		t.Logf("another history the second time:\n%s", told)
	}
}

// alone reports whether the test runs alone in this process. If it does not, alone runs it in
// another process, beside other tests. It is for tests that replace crypto/rand, or measure memory.
func alone(t *testing.T) bool {
	t.Helper()
	if *ownProcess {
		return true
	}
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-alone").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%s%v; to see it again, add -alone", out, err)
	} else if testing.Verbose() {
		t.Logf("%s", out)
	}
	return false
}

// runShard runs schedules in a process of its own, and returns a summary of each history.
func runShard(t *testing.T, first uint64, count int) (histories []string) {
	at := filepath.Join(t.TempDir(), fmt.Sprint(first))
	// Some take a second under the race detector.
	limit := 10*time.Minute + time.Duration(count)*time.Second
	out, err := exec.CommandContext(t.Context(), os.Args[0],
		"-test.run=^TestSimulation$", "-test.v", fmt.Sprint("-test.timeout=", limit), "-sim.shard="+at,
		fmt.Sprint("-sim.first=", first), fmt.Sprint("-sim.seeds=", count),
	).CombinedOutput()
	if err != nil {
		on, _ := os.ReadFile(at)
		t.Errorf("%s\nseed %s failed (%v); to see it again:\n%s", out, on, err, replayCommand(string(on)))
		return nil
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "history") {
			histories = append(histories, strings.TrimSpace(line))
		}
	}
	if len(histories) != count {
		t.Errorf("%s\n%d histories of %d schedules", out, len(histories), count)
	}
	return histories
}

func replayCommand(seed string) string {
	race := ""
	if raceEnabled {
		race = "-race "
	}
	return fmt.Sprintf("  go test ./consensus %s-run 'TestSimulation$' -v -sim.seed=%s", race, seed)
}

// runSchedule simulates one seed.
func runSchedule(t *testing.T, seed uint64) {
	rng := keyed(seed, "plan")
	cfg := drawConfig(seed, rng)
	cfg.keep = 200
	if *simSeed != 0 && testing.Verbose() { // all of it
		cfg.keep = 1 << 20
	}
	if os.Getenv("CHESSRELAY_TEST_LOG") != "" {
		cfg.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	simulate(t, cfg, func(t *testing.T, c *simCluster) {
		s := &schedule{c: c, rng: rng, began: time.Now()}
		s.run()
		if broken := c.check.failure(); broken != "" {
			t.Errorf("seed %d: %s\n\nthe last that happened:\n%s\nto see it again:\n%s",
				seed, broken, c.history.last(), replayCommand(fmt.Sprint(seed)))
		} else if *simSeed != 0 && testing.Verbose() {
			t.Logf("the last that happened:\n%s", c.history.last())
		}
		t.Logf("seed %d: %d voters, %d learners, %d events, %d commits, %d answers, %v, history %016x", seed, cfg.voters, cfg.learners,
			c.history.count, len(c.check.committed), len(c.check.acked), time.Since(s.began).Round(time.Millisecond), c.history.hash())
	})
}

// between draws from [lo, hi].
func between[T ~int | ~int64 | ~uint64](rng *rand.Rand, lo, hi T) T {
	return lo + T(rng.Int64N(int64(hi-lo)+1))
}

func drawConfig(seed uint64, rng *rand.Rand) simConfig {
	cfg := simConfig{
		seed: seed, voters: []int{1, 2, 3, 3, 3, 3, 3, 3, 4, 5}[rng.IntN(10)], learners: []int{0, 0, 0, 1, 1, 2}[rng.IntN(6)],
		recorders: between(rng, 1, 2), fsync: 100 * time.Microsecond << rng.IntN(11), log: slog.New(slog.DiscardHandler),
	}
	cfg.node = Config{
		Voters:          cfg.voters + rng.IntN(2),
		CheckpointEvery: between(rng, 3, 40), CheckpointAfter: between(rng, 100*time.Millisecond, 2*time.Second),
		KeepEntries:     between(rng, uint64(2), 50),
		MaxInflightMsgs: []int{1, 2, 4, 256}[rng.IntN(4)],
	}
	if rng.IntN(2) == 0 { // so that appends are more than one message
		cfg.node.MaxMessageBytes = between(rng, uint64(30), 300)
	}
	return cfg
}

// schedule is one seed's faults and load.
type schedule struct {
	c     *simCluster
	rng   *rand.Rand // for the schedule's own goroutine only
	began time.Time
	end   time.Time // of the faults
	wg    sync.WaitGroup
}

func (s *schedule) run() {
	c := s.c
	s.end = s.began.Add(between(s.rng, 3*time.Second, 8*time.Second))
	s.weather()
	for _, n := range c.list() {
		s.pause(0, 20*time.Millisecond) // so that no two nodes tick at the same instant
		if err := n.start(c.ctx); err != nil {
			c.check.fault("%d does not start: %v", n.id, err)
			return
		}
	}
	for i := range between(s.rng, 1, 4) {
		s.wg.Go(func() { s.client(i) })
	}
	// Some schedules are a storm, in which one fault meets the next.
	gap := 20 * time.Millisecond << s.rng.IntN(7)
	for time.Now().Before(s.end) && c.ctx.Err() == nil {
		s.pause(0, 2*gap)
		s.fault()
		s.revive()
	}
	s.heal()
	s.wg.Wait()
	s.converge()
}

// pause lets virtual time go on.
func (s *schedule) pause(lo, hi time.Duration) { s.sleep(s.rng, lo, hi) }

func (s *schedule) sleep(rng *rand.Rand, lo, hi time.Duration) {
	select {
	case <-time.After(between(rng, lo, hi)):
	case <-s.c.ctx.Done():
	}
}

// weather draws the properties of each link and disk.
func (s *schedule) weather() {
	rough := s.rng.IntN(3) == 0
	base := between(s.rng, 200*time.Microsecond, 30*time.Millisecond)
	for _, a := range s.c.list() {
		for _, b := range s.c.list() {
			if a == b {
				continue
			}
			l := link{delay: between(s.rng, base/2, 2*base), jitter: between(s.rng, 0, base), lateBy: 4 * base}
			if rough {
				l.lose, l.twice, l.late = 0.05*s.rng.Float64(), 0.05*s.rng.Float64(), 0.1*s.rng.Float64()
			}
			s.c.net.change(a.host, b.host, func(p *link) {
				l.blocked, l.blackhole = p.blocked, p.blackhole
				*p = l
			})
		}
	}
}

func (s *schedule) any() *simNode {
	nodes := s.c.list()
	return nodes[s.rng.IntN(len(nodes))]
}

// fault makes one thing happen.
func (s *schedule) fault() {
	c, n := s.c, s.any()
	switch x := s.rng.IntN(125); {
	case x < 12: // a partition of two, one way or both
		s.partition(n, s.any(), s.rng.IntN(2) == 0)
	case x < 20: // one from all
		for _, o := range c.list() {
			s.partition(n, o, true)
		}
	case x < 32:
		c.history.note("the network is whole")
		s.mend()
	case x < 50:
		if n.present() != nil && n.busy.CompareAndSwap(false, true) {
			silent := s.rng.IntN(2) == 0
			c.history.note("%d crashes (silent: %v)", n.id, silent)
			n.crash(silent)
			n.busy.Store(false)
		}
	case x < 54:
		s.shut(n)
	case x < 60:
		c.history.note("the disk of %d is slow", n.id)
		n.disk.set(between(s.rng, 5*time.Millisecond, 200*time.Millisecond), 0.1, false)
	case x < 64:
		c.history.note("the disk of %d is fast", n.id)
		n.disk.set(between(s.rng, 50*time.Microsecond, 2*time.Millisecond), 0, false)
	case x < 67:
		c.history.note("the disk of %d is about to fail", n.id)
		n.disk.set(c.cfg.fsync, 0, true)
	case x < 73:
		c.history.note("other weather")
		s.weather()
	case x < 80:
		o := s.any()
		c.history.note("connections between %d and %d break", n.id, o.id)
		c.net.reset(n.host, o.host)
	case x < 86:
		s.transfer(n)
	case x < 97:
		s.membership(n)
	case x < 105: // in two halves
		s.split()
	case x < 115: // some of it at once: they may share it
		stall := between(s.rng, 500*time.Millisecond, 8*time.Second)
		for _, o := range c.list() {
			if o == n || s.rng.IntN(3) == 0 {
				c.history.note("the disk of %d hangs for %v", o.id, stall)
				o.disk.hang(stall)
			}
		}
	case x < 120:
		frozen := between(s.rng, 500*time.Millisecond, 4*time.Second)
		c.history.note("%d stands still for %v", n.id, frozen)
		n.freeze(frozen)
	default: // nothing for a while
		s.pause(time.Second, 3*time.Second)
	}
}

func (s *schedule) partition(a, b *simNode, both bool) {
	if a == b {
		return
	}
	hole := s.rng.IntN(2) == 0
	block := func(l *link) { l.blocked, l.blackhole = true, hole }
	s.c.history.note("no way from %d to %d (both ways: %v, black hole: %v)", a.id, b.id, both, hole)
	s.c.net.change(a.host, b.host, block)
	if both {
		s.c.net.change(b.host, a.host, block)
	}
}

// split divides the nodes in two.
func (s *schedule) split() {
	nodes := s.c.list()
	s.rng.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	at := s.rng.IntN(len(nodes))
	for _, a := range nodes[:at] {
		for _, b := range nodes[at:] {
			s.partition(a, b, true)
		}
	}
}

func (s *schedule) mend() {
	for _, a := range s.c.list() {
		for _, b := range s.c.list() {
			if a != b {
				s.c.net.change(a.host, b.host, func(l *link) { l.blocked, l.blackhole = false, false })
			}
		}
	}
}

// shut stops a node as an operator does, in the background.
func (s *schedule) shut(n *simNode) {
	if n.running() == nil || !n.busy.CompareAndSwap(false, true) {
		return
	}
	s.c.history.note("%d is stopped", n.id)
	s.wg.Go(func() {
		if err := n.shut(); err != nil {
			s.c.check.fault("%d does not stop: %v", n.id, err)
		}
		n.busy.Store(false)
	})
}

// revive starts some of the nodes that are down, and buries those that have failed.
func (s *schedule) revive() {
	for _, n := range s.c.list() {
		s.bury(n)
		if s.rng.IntN(3) == 0 {
			s.start(n)
		}
	}
}

// bury ends a node that has stopped by itself.
func (s *schedule) bury(n *simNode) {
	node := n.present()
	if node == nil || node.ctx.Err() == nil || !n.busy.CompareAndSwap(false, true) {
		return
	}
	defer n.busy.Store(false)
	err := node.Err()
	// The directory is random.
	s.c.history.note("%d has stopped: %v", n.id, strings.ReplaceAll(fmt.Sprint(err), s.c.dir, ""))
	n.gone = n.gone || errors.Is(err, ErrRemoved)
	if err != nil && !errors.Is(err, ErrRemoved) && !errors.Is(err, errDiskFailed) {
		s.c.check.fault("%d stopped without a fault: %v", n.id, err)
	}
	n.crash(false)
}

// start starts a node that is down.
func (s *schedule) start(n *simNode) {
	if n.gone || n.present() != nil || !n.busy.CompareAndSwap(false, true) {
		return
	}
	s.wg.Go(func() {
		defer n.busy.Store(false)
		ctx, cancel := context.WithTimeout(s.c.ctx, 20*time.Second)
		defer cancel()
		rng := keyed(s.c.cfg.seed, "start", n.id, time.Now().UnixNano())
		s.sleep(rng, 0, 5*time.Millisecond) // so that no two nodes tick at the same instant
		err := n.start(ctx)
		switch {
		case errors.Is(err, ErrRemoved):
			n.removed.Store(true)
		case err != nil && ctx.Err() == nil && n.cfg.Join == nil:
			s.c.check.fault("%d does not start: %v", n.id, err)
		}
	})
}

// background runs something that may take its time and fail.
func (s *schedule) background(what string, n *simNode, f func(ctx context.Context, node *Node) error) {
	node := n.running()
	if node == nil {
		return
	}
	s.c.history.note("%s at %d", what, n.id)
	s.wg.Go(func() {
		ctx, cancel := context.WithTimeout(s.c.ctx, 3*time.Second)
		defer cancel()
		err := f(ctx, node)
		s.c.history.note("%s at %d: %v", what, n.id, err)
	})
}

func (s *schedule) transfer(to *simNode) {
	if lead := s.c.leader(); lead != nil {
		s.background(fmt.Sprint("transfer to ", to.id), lead, func(ctx context.Context, node *Node) error {
			return node.TransferLeadership(ctx, to.id)
		})
	}
}

func (s *schedule) membership(n *simNode) {
	at := s.any()
	switch s.rng.IntN(4) {
	case 0:
		if len(s.c.list()) < 8 {
			s.join()
		}
	case 1:
		if alive(s.c.list()) > 2 {
			s.background(fmt.Sprint("remove ", n.id), at, func(ctx context.Context, node *Node) error { return node.Remove(ctx, n.id) })
		}
	case 2:
		s.background(fmt.Sprint("promote ", n.id), at, func(ctx context.Context, node *Node) error { return node.SetVoter(ctx, n.id, true) })
	case 3:
		s.background(fmt.Sprint("demote ", n.id), at, func(ctx context.Context, node *Node) error { return node.SetVoter(ctx, n.id, false) })
	}
}

func alive(nodes []*simNode) (count int) {
	for _, n := range nodes {
		if !n.gone && !n.removed.Load() {
			count++
		}
	}
	return count
}

// join starts a node that has nothing, and asks to be admitted.
func (s *schedule) join() {
	n := s.c.newNode(uint64(len(s.c.list()) + 1))
	n.cfg.Join = func(ctx context.Context, self Applicant) (Welcome, error) {
		rng := keyed(s.c.cfg.seed, "join", n.id, time.Now().UnixNano())
		for ctx.Err() == nil {
			nodes := s.c.list()
			if node := nodes[rng.IntN(len(nodes))].running(); node != nil {
				try, cancel := context.WithTimeout(ctx, 2*time.Second)
				w, err := node.Admit(try, self.Member)
				cancel()
				if err == nil || errors.Is(err, ErrRemoved) {
					return w, err
				}
			}
			s.sleep(rng, 10*time.Millisecond, 500*time.Millisecond)
		}
		return Welcome{}, ctx.Err()
	}
	s.c.history.note("%d joins", n.id)
	s.weather()
	if err := n.identify(false); err != nil {
		s.c.check.fault("%v", err)
		return
	}
	s.start(n)
}

// client proposes and reads until the faults end.
func (s *schedule) client(id int) {
	rng := keyed(s.c.cfg.seed, "client", id)
	pace := between(rng, 5*time.Millisecond, 150*time.Millisecond)
	next := 0
	var again []string // without an answer yet: they are sent once more
	for time.Now().Before(s.end) && s.c.ctx.Err() == nil {
		s.sleep(rng, 0, 2*pace)
		nodes := s.c.list()
		n := nodes[rng.IntN(len(nodes))]
		node := n.running()
		if node == nil {
			continue
		}
		n.mu.Lock()
		machine := n.machine
		n.mu.Unlock()
		ctx, cancel := context.WithTimeout(s.c.ctx, between(rng, 20*time.Millisecond, 3*time.Second))
		if rng.IntN(5) == 0 {
			floor := s.c.check.floor()
			if err := node.ReadIndex(ctx); err == nil {
				s.c.check.read(n, floor, len(machine.all()))
			}
			cancel()
			continue
		}
		commands := again
		again = nil
		for range between(rng, 1, 3) {
			next++
			commands = append(commands, fmt.Sprint("c", id, "-", next))
		}
		data := make([][]byte, len(commands))
		for i, c := range commands {
			data[i] = []byte(c)
		}
		outcomes, err := node.Propose(ctx, data...)
		cancel()
		if err != nil {
			if rng.IntN(2) == 0 {
				again = commands
			}
			continue
		}
		for i, r := range outcomes {
			s.c.check.answered(n, commands[i], r)
		}
	}
}

// heal ends every fault and starts every node.
func (s *schedule) heal() {
	if s.c.ctx.Err() != nil {
		return
	}
	s.c.history.note("everything heals")
	s.mend()
	for _, n := range s.c.list() {
		n.disk.set(time.Millisecond, 0, false)
		for _, o := range s.c.list() {
			if n != o {
				s.c.net.change(n.host, o.host, func(l *link) { *l = link{delay: time.Millisecond} })
			}
		}
	}
}

// patience is how long a healed cluster may take until all is well. It must outlast connections
// that are dead and look alive, and a hand-over.
const patience = time.Minute

// converge waits until all members have the same, and proposes once more at each.
func (s *schedule) converge() {
	c := s.c
	deadline := time.Now().Add(patience)
	why := "nothing was tried"
	for c.ctx.Err() == nil {
		if time.Now().After(deadline) {
			c.check.fault("all converge in %v: %s", patience, why)
			break
		}
		for _, n := range c.list() {
			s.bury(n)
			s.start(n)
		}
		s.pause(100*time.Millisecond, 200*time.Millisecond)
		if why = s.unlike(); why != "" {
			continue
		}
		if why = s.proposeAtAll(); why != "" {
			continue
		}
		if why = s.unlike(); why != "" {
			continue
		}
		break
	}
	s.wg.Wait()
	if c.ctx.Err() != nil {
		return
	}
	for _, n := range s.members() {
		c.check.finish(n, n.machine.all())
	}
}

// members returns the nodes that are in the group.
func (s *schedule) members() (out []*simNode) {
	for _, n := range s.c.list() {
		if !n.gone && !n.removed.Load() {
			out = append(out, n)
		}
	}
	return out
}

// unlike says how the nodes differ, "" if they do not.
func (s *schedule) unlike() string {
	var applied uint64
	for _, n := range s.members() {
		node := n.running()
		switch {
		case node == nil:
			return fmt.Sprintf("%d is down", uint64(n.id))
		case node.Leader() == 0:
			return fmt.Sprintf("%d knows no leader", n.id)
		case node.Applied() != node.Commit():
			return fmt.Sprintf("%d has applied %d of %d", n.id, node.Applied(), node.Commit())
		case applied != 0 && node.Applied() != applied:
			return fmt.Sprintf("%d has applied %d, others %d", n.id, node.Applied(), applied)
		}
		applied = node.Applied()
	}
	return ""
}

func (s *schedule) proposeAtAll() string {
	for _, n := range s.members() {
		node := n.running()
		if node == nil {
			return fmt.Sprintf("%d is down", uint64(n.id))
		}
		ctx, cancel := context.WithTimeout(s.c.ctx, 5*time.Second)
		command := fmt.Sprint("last-", uint64(n.id), "-", time.Now().UnixNano())
		outcomes, err := node.Propose(ctx, []byte(command))
		cancel()
		if err != nil {
			return fmt.Sprintf("a proposal at %d: %v", n.id, err)
		}
		s.c.check.answered(n, command, outcomes[0])
	}
	s.pause(200*time.Millisecond, 300*time.Millisecond) // followers learn of the last commit
	return ""
}
