package consensus

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/datadriven"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// TestScripts plays the stories in testdata/*.txt: real nodes in virtual time, on the simulated
// network and disks, one thing after another. Their output must be that in the file; -rewrite
// writes it again.
//
// The commands are the methods of script. Each prints what happened meanwhile, a line each, with
// the milliseconds since the story began. Messages look like
//
//	1->2 MsgApp term=2 prev=5/2 entries=[6..7] commit=5
//
// where prev is index/term of the entry before those in the message. Heartbeats, reads and the
// answers to both are left out. Disks and state machines are left out unless show asks for
// them. With the argument quiet a command only counts its lines.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts (%v)", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1)
			dir := simDir(t)
			synctest.Test(t, func(t *testing.T) {
				s := &script{dir: dir, shown: map[string]bool{}}
				defer s.close()
				datadriven.RunTest(t, path, s.command)
			})
		})
	}
}

// script is a story that is being played.
type script struct {
	dir string
	c   *simCluster
	at0 time.Duration // when the story began
	wg  sync.WaitGroup

	mu     sync.Mutex
	shown  map[string]bool // kinds that are otherwise left out; guarded by mu
	events []happening     // guarded by mu
	lose   []loss          // guarded by mu
}

// loss is messages to lose.
type loss struct {
	from, to uint64
	kind     string
	count    int
}

func (s *script) close() {
	if s.c != nil {
		s.c.close()
		s.wg.Wait()
	}
}

// command carries out one directive of a script.
func (s *script) command(t *testing.T, d *datadriven.TestData) string {
	commands := map[string]func(*testing.T, *datadriven.TestData){
		"cluster": s.cluster, "show": s.show, "propose": s.propose, "run": s.run, "await": s.await,
		"delay": s.delay, "lose": s.loseNext, "cut": s.cut, "join": s.joinLinks,
		"crash": s.crash, "start": s.start, "stop": s.stop, "transfer": s.transfer,
	}
	if f := commands[d.Cmd]; f != nil {
		f(t, d)
		told := s.told(t)
		if d.HasArg("quiet") {
			return fmt.Sprintf("(%d lines)\n", strings.Count(told, "\n"))
		}
		return told
	}
	switch d.Cmd {
	case "status":
		return s.status(t)
	case "disk":
		return s.disks(t, d)
	}
	d.Fatalf(t, "no such command: %s", d.Cmd)
	return ""
}

// cluster makes a cluster of voters (default 3) and learners, and lets 1 lead. The first ones are
// recorders (default 1). Links take delay (default 5ms) one way, a write to a disk about fsync
// (default 1ms).
func (s *script) cluster(t *testing.T, d *datadriven.TestData) {
	cfg := simConfig{seed: 1, voters: 3, recorders: 1, fsync: time.Millisecond, keep: 1}
	optional(t, d, "voters", &cfg.voters)
	optional(t, d, "learners", &cfg.learners)
	optional(t, d, "recorders", &cfg.recorders)
	optional(t, d, "window", &cfg.node.MaxInflightMsgs)
	optional(t, d, "keep", &cfg.node.KeepEntries)
	optional(t, d, "checkpoint", &cfg.node.CheckpointEvery)
	delay := "5ms"
	optional(t, d, "delay", &delay)
	cfg.node.Voters = cfg.voters
	c, err := newSimCluster(cfg, s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.c = c
	c.net.filter = s.fate
	for _, a := range c.list() {
		for _, b := range c.list() {
			c.net.change(a.host, b.host, func(l *link) { l.delay = duration(t, delay) })
		}
	}
	for _, n := range c.list() {
		if err := n.start(c.ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7*time.Millisecond + 1) // so that no two tick at the same instant
	}
	time.Sleep(500 * time.Millisecond) // all are connected
	err = c.node(1).running().runOnRaftLoop(c.ctx, func(r *raft.RawNode) { _ = r.Campaign() })
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	s.at0 = time.Since(c.history.began)
	c.history.listen(s.saw)
	c.history.note("%d leads", c.leader().id)
}

// optional reads an argument if it is there.
func optional(t *testing.T, d *datadriven.TestData, key string, to any) {
	if d.HasArg(key) {
		d.ScanArgs(t, key, to)
	}
}

func duration(t *testing.T, s string) time.Duration {
	v, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// member returns the node that an argument names.
func (s *script) member(t *testing.T, d *datadriven.TestData, key string) *simNode {
	var id uint64
	d.ScanArgs(t, key, &id)
	return s.c.node(id)
}

// show makes the rest of a story tell more: stored, applied, checkpoint.
func (s *script) show(_ *testing.T, d *datadriven.TestData) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range d.CmdArgs {
		s.shown[a.Key] = true
	}
}

// propose has a node propose commands, one each millisecond: propose at=2 a b c.
func (s *script) propose(t *testing.T, d *datadriven.TestData) {
	n := s.member(t, d, "at")
	for _, a := range d.CmdArgs {
		if a.Key == "at" || a.Key == "quiet" {
			continue
		}
		s.wg.Go(func() {
			ctx, cancel := context.WithTimeout(s.c.ctx, time.Minute)
			defer cancel()
			if err := n.propose(ctx, a.Key); err != nil && s.c.ctx.Err() == nil {
				s.c.history.note("%d could not record %s: %v", n.id, a.Key, err)
			}
		})
		time.Sleep(time.Millisecond)
	}
}

// run lets time pass: run 20ms.
func (s *script) run(t *testing.T, d *datadriven.TestData) {
	time.Sleep(duration(t, d.CmdArgs[0].Key))
}

// await lets time pass until a node leads: await leader=2. It gives up after a minute.
func (s *script) await(t *testing.T, d *datadriven.TestData) {
	n := s.member(t, d, "leader")
	for range 600 {
		if lead := s.c.leader(); lead == n {
			time.Sleep(100 * time.Millisecond)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	d.Fatalf(t, "%d does not lead", n.id)
}

// delay makes a line slower or faster, both ways: delay between=(1,2) 50ms.
func (s *script) delay(t *testing.T, d *datadriven.TestData) {
	var a, b uint64
	d.ScanArgs(t, "between", &a, &b)
	s.links(s.c.node(a), s.c.node(b), func(l *link) { l.delay = duration(t, d.CmdArgs[1].Key) })
}

func (s *script) links(a, b *simNode, f func(*link)) {
	s.c.net.change(a.host, b.host, f)
	s.c.net.change(b.host, a.host, f)
}

// loseNext loses the next messages of a type: lose from=1 to=2 type=MsgApp count=1.
func (s *script) loseNext(t *testing.T, d *datadriven.TestData) {
	l := loss{count: 1}
	d.ScanArgs(t, "from", &l.from)
	d.ScanArgs(t, "to", &l.to)
	d.ScanArgs(t, "type", &l.kind)
	optional(t, d, "count", &l.count)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = append(s.lose, l)
}

// fate is the network's filter.
func (s *script) fate(m *raftpb.Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.lose {
		l := &s.lose[i]
		if l.count > 0 && l.from == m.From && l.to == m.To && l.kind == m.Type.String() {
			l.count--
			return "lost"
		}
	}
	return ""
}

// cut takes a node off the network: cut 3. join connects it again.
func (s *script) cut(t *testing.T, d *datadriven.TestData)       { s.block(t, d, true) }
func (s *script) joinLinks(t *testing.T, d *datadriven.TestData) { s.block(t, d, false) }

func (s *script) block(t *testing.T, d *datadriven.TestData, blocked bool) {
	n := s.one(t, d)
	for _, o := range s.c.list() {
		if o != n {
			s.links(n, o, func(l *link) { l.blocked, l.blackhole = blocked, true })
		}
	}
}

// one returns the node that is the only argument.
func (s *script) one(t *testing.T, d *datadriven.TestData) *simNode {
	var id uint64
	if _, err := fmt.Sscan(d.CmdArgs[0].Key, &id); err != nil {
		d.Fatalf(t, "which node? %v", err)
	}
	return s.c.node(id)
}

// crash ends a node at once: crash 3. Writes that were not synced are lost.
func (s *script) crash(t *testing.T, d *datadriven.TestData) { s.one(t, d).crash(false) }

// stop ends a node as an operator does. A leader first transfers leadership.
func (s *script) stop(t *testing.T, d *datadriven.TestData) {
	if err := s.one(t, d).shut(); err != nil {
		t.Fatal(err)
	}
}

// start starts a node on what is on its disk.
func (s *script) start(t *testing.T, d *datadriven.TestData) {
	if err := s.one(t, d).start(s.c.ctx); err != nil {
		t.Fatal(err)
	}
}

// transfer makes a manual transfer of leadership: transfer to=2.
func (s *script) transfer(t *testing.T, d *datadriven.TestData) {
	n := s.member(t, d, "to")
	if err := s.c.leader().running().TransferLeadership(s.c.ctx, n.id); err != nil {
		t.Fatal(err)
	}
}

// saw is the tap of the history.
func (s *script) saw(e happening) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.kind {
	case "stored", "applied", "checkpoint":
		if !s.shown[e.kind] {
			return
		}
	case "read":
		return
	case "send":
		switch e.m.Type {
		case raftpb.MsgHeartbeat, raftpb.MsgHeartbeatResp, raftpb.MsgReadIndex, raftpb.MsgReadIndexResp:
			return
		}
	}
	s.events = append(s.events, e)
}

// told returns what happened since the last command.
func (s *script) told(t *testing.T) string {
	synctest.Wait()
	s.mu.Lock()
	events := s.events
	s.events = nil
	s.mu.Unlock()
	slices.SortStableFunc(events, happening.compare)
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%8.1f  %s\n", float64((e.at-s.at0).Microseconds())/1000, e)
	}
	if broken := s.c.check.failure(); broken != "" {
		t.Fatalf("%s\n%s", broken, &b)
	}
	return b.String()
}

// status prints the group as its leader sees it.
func (s *script) status(t *testing.T) string {
	lead := s.c.leader()
	if lead == nil {
		return "nobody leads\n"
	}
	var rs raft.Status
	if err := lead.running().runOnRaftLoop(s.c.ctx, func(r *raft.RawNode) { rs = r.Status() }); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d, a %s, leads in term %d: last=%d commit=%d\n", lead.id, lead.cfg.Role, rs.Term, rs.Progress[rs.ID].Next-1, rs.Commit)
	for _, n := range s.c.list() {
		p, ok := rs.Progress[uint64(n.id)]
		if !ok || n == lead {
			continue
		}
		what := "voter"
		if p.IsLearner {
			what = "learner"
		}
		fmt.Fprintf(&b, "  %d %-8s %-7s %-9s match=%d next=%d inflight=%d\n", n.id, n.cfg.Role, what,
			strings.ToLower(strings.TrimPrefix(p.State.String(), "State")), p.Match, p.Next, p.Inflights.Count())
	}
	return b.String()
}

// disks prints what is on a node's disk: disk 3.
func (s *script) disks(t *testing.T, d *datadriven.TestData) string {
	n := s.one(t, d)
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	i := &n.disk.image
	return fmt.Sprintf("%d: log %s, HardState term=%d vote=%d commit=%d, boards at %d\n", n.id,
		span(i.compacted+1, i.last()), i.hard.Term, i.hard.Vote, i.hard.Commit, n.disk.boardsAt)
}
