package consensus

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// simConfig describes a simulated cluster.
type simConfig struct {
	seed      uint64
	voters    int
	learners  int
	recorders int // the first ones; the others are venues
	node      Config
	fsync     time.Duration
	log       *slog.Logger
	keep      int // how many events the history keeps
}

// simCluster is real Nodes in a synctest bubble, with a simulated network and simulated disks.
// Members are numbered from 1, and so are their hosts: n1, n2.
type simCluster struct {
	cfg     simConfig
	dir     string
	net     *simNet
	history *history
	check   *checker
	ctx     context.Context // ends at the first violation
	stop    context.CancelFunc

	mu    sync.Mutex
	nodes []*simNode // in the order of their ids; guarded by mu
}

// simNode is one member: its disk, its host, and its Node while it runs.
type simNode struct {
	c    *simCluster
	id   MemberID
	host string
	cfg  Config
	disk *simDisk

	mu      sync.Mutex
	node    *Node // nil while it is down; guarded by mu
	machine *simMachine
	frozen  time.Time // until then; guarded by mu

	busy    atomic.Bool // it is being started or stopped
	removed atomic.Bool // from the group: it learned so when it started
	gone    bool        // the same, learned while it ran; owned by the schedule

	// Guarded by checker.mu.
	hard    raftpb.HardState // as on disk
	last    lastSeen
	turns   int
	configs [2][]uint64 // the voters as its Raft loop had them before and after its last turn
	applies int         // how many commands its state machine has had
}

type lastSeen struct {
	term, commit, applied uint64
	state                 raft.StateType
}

var errCrashed = errors.New("crashed by the simulation")

// simDir returns a directory for the boards' files, in memory if possible.
func simDir(t testing.TB) string {
	base := "/dev/shm"
	if info, err := os.Stat(base); err != nil || !info.IsDir() {
		base = ""
	}
	dir, err := os.MkdirTemp(base, "chessrelay-sim-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// simulate runs f in a bubble with a cluster that is founded and not started.
func simulate(t *testing.T, cfg simConfig, f func(t *testing.T, c *simCluster)) {
	cryptotest.SetGlobalRandom(t, cfg.seed)
	dir := simDir(t)
	synctest.Test(t, func(t *testing.T) {
		c, err := newSimCluster(cfg, dir)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.close()
		f(t, c)
	})
}

// newSimCluster founds a cluster in a bubble. The caller closes it there.
func newSimCluster(cfg simConfig, dir string) (*simCluster, error) {
	c := &simCluster{cfg: cfg, dir: dir, net: newSimNet(cfg.seed), history: newHistory(cfg.keep)}
	c.ctx, c.stop = context.WithCancel(context.Background())
	if err := c.found(); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// found writes the files of members that have been a cluster for a while and know one another. Only
// schedules test how nodes join.
func (c *simCluster) found() error {
	var voters, learners []uint64
	put := map[string][]byte{}
	for i := range c.cfg.voters + c.cfg.learners {
		n := c.newNode(uint64(i + 1))
		if i < c.cfg.voters {
			voters = append(voters, uint64(n.id))
		} else {
			learners = append(learners, uint64(n.id))
		}
		m := n.member()
		put[memberPrefix+m.ID.String()] = mustJSON(m)
	}
	c.check = newChecker(c.history, foundingIndex, c.stop)
	c.check.groups = []group{{foundingIndex, voters}}
	c.net.sent = c.check.sent
	for i, n := range c.nodes {
		c.check.nodes[uint64(n.id)] = n
		n.disk.check = c.check
		n.hard = raftpb.HardState{Term: foundingTerm, Commit: foundingIndex}
		n.disk.image = logImage{hard: n.hard, compacted: foundingIndex, term: foundingTerm}
		n.disk.boardsAt = foundingIndex
		if err := n.identify(true); err != nil {
			return err
		}
		if i > 0 { // the boards are the same for all
			b, err := os.ReadFile(filepath.Join(c.nodes[0].cfg.Dir, boardsFile))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(n.cfg.Dir, boardsFile), b, 0o600); err != nil {
				return err
			}
			continue
		}
		b, err := store.OpenBoards(filepath.Join(n.cfg.Dir, boardsFile))
		if err != nil {
			return err
		}
		err = b.Checkpoint(store.Checkpoint{
			Position: store.Position{Index: foundingIndex, Term: foundingTerm, ConfState: &raftpb.ConfState{Voters: voters, Learners: learners}},
			Put:      put,
		})
		if err := errors.Join(err, b.Close()); err != nil {
			return err
		}
	}
	return nil
}

const simClusterID = "simulated"

// simAuthority and simSigner are the same for all simulated clusters. They are drawn before a test
// replaces the source of random numbers.
var simAuthority, simSigner = func() (certificate, key string) {
	certificate, key, err := newAuthority(simClusterID)
	if err != nil {
		panic(err)
	}
	return certificate, key
}()

// settling is how long each loop waits until all else has come to rest. The times differ, so that
// two loops that were woken by the same event do not go on at the same instant. Each client has an
// interval of its own, in which the loops finish what it has caused.
var settling = map[string]time.Duration{"raft": 1, "write": 8, "apply": 21, "propose": 30, "read": 1000*interval + 30}

const interval = 64

// settle is the seam of that name. A frozen node stands still here.
func (n *simNode) settle(loop string, who uint64) {
	for {
		n.mu.Lock()
		frozen := time.Until(n.frozen)
		n.mu.Unlock()
		if frozen <= 0 || n.disk.sleep(frozen) != nil { // it crashes
			break
		}
	}
	time.Sleep(settling[loop] + time.Duration(who%1000)*interval)
}

// freeze has the node stand still for a while, as a process without a processor. The network still
// takes messages for it.
func (n *simNode) freeze(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.frozen = time.Now().Add(d)
}

// newNode makes the next member, which does not run yet.
func (c *simCluster) newNode(id uint64) *simNode {
	n := &simNode{c: c, id: MemberID(id), host: fmt.Sprint("n", id), hard: raftpb.HardState{}}
	n.cfg = c.cfg.node
	n.cfg.Dir = filepath.Join(c.dir, n.host)
	n.cfg.Name, n.cfg.Role = n.host, Venue
	if int(id) <= c.cfg.recorders {
		n.cfg.Role = Recorder
	}
	n.cfg.ListenPeer = n.host + ":1"
	n.cfg.Log = c.cfg.log
	n.disk = &simDisk{
		owner: n, check: c.check, fsync: c.cfg.fsync, image: logImage{hard: raftpb.HardState{}},
		logRng: keyed(c.cfg.seed, "log", id), boardRng: keyed(c.cfg.seed, "boards", id),
	}
	n.cfg.seams = seams{
		maxPending: 2048,
		noTLS:      true,
		listen:     c.net.listen,
		dial: func(ctx context.Context, addr string) (conn net.Conn, err error) {
			return c.net.dial(ctx, n.host, addr)
		},
		openLog:    n.disk.openLog,
		checkpoint: n.disk.checkpoint,
		settle:     n.settle,
		stepped:    func(r *raft.RawNode) { c.check.stepped(n, r) },
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = append(c.nodes, n)
	return n
}

// identify writes the node's identity, so that its id is a small number.
func (n *simNode) identify(joined bool) error {
	if err := os.MkdirAll(n.cfg.Dir, 0o755); err != nil {
		return err
	}
	who := store.Identity{MemberID: uint64(n.id), Name: n.cfg.Name, Role: string(n.cfg.Role), Joined: joined, Key: keyOf(n.id)}
	if joined {
		who.ClusterID = simClusterID
		who.Authority, who.AuthorityKey = simAuthority, simSigner
	}
	return store.SaveIdentity(n.cfg.Dir, who)
}

func (n *simNode) member() Member {
	return Member{ID: n.id, Name: n.cfg.Name, Role: n.cfg.Role, Peer: n.cfg.ListenPeer, Key: publicOf(keyOf(n.id))}
}

func (n *simNode) inflightLimit() int {
	if n.cfg.MaxInflightMsgs > 0 {
		return n.cfg.MaxInflightMsgs
	}
	return 256
}

// present returns the node's Node, nil if there is none. It may have stopped by itself.
func (n *simNode) present() *Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.node
}

// running returns the node's Node, nil if it is down.
func (n *simNode) running() *Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.node == nil || n.node.ctx.Err() != nil {
		return nil
	}
	return n.node
}

// start starts the node on what is on its disk. A new node first joins, through any node that
// answers.
func (n *simNode) start(ctx context.Context) error {
	n.disk.start()
	n.c.check.restarted(n)
	m := &simMachine{node: n}
	cfg := n.cfg
	cfg.Machine = m
	node, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.node, n.machine = node, m
	return nil
}

// dying is longer than the goroutines of a node take to end. So it does not matter which of them is
// last when the world goes on.
const dying = time.Millisecond

// crash ends the node as a power failure does (silent), or as a crash of the process. Only what was
// synced is on its disk afterwards.
func (n *simNode) crash(silent bool) {
	n.mu.Lock()
	node := n.node
	n.node = nil
	n.mu.Unlock()
	if node == nil {
		return
	}
	over := time.After(dying)
	n.disk.crash()
	n.c.net.unplug(n.host, silent)
	node.Halt(errCrashed)
	_ = node.Close()
	<-over
}

// shut ends the node as SIGTERM does.
func (n *simNode) shut() error {
	node := n.present()
	if node == nil {
		return nil
	}
	err := node.Close()
	time.Sleep(dying - time.Since(n.c.history.began)%dying) // see crash
	n.mu.Lock()
	defer n.mu.Unlock()
	n.node = nil
	return err
}

func (c *simCluster) list() []*simNode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.nodes)
}

func (c *simCluster) node(id uint64) *simNode { return c.list()[id-1] }

// leader returns a node that takes itself for the leader, nil if there is none.
func (c *simCluster) leader() *simNode {
	for _, n := range c.list() {
		if node := n.running(); node != nil && node.Leader() == n.id {
			return n
		}
	}
	return nil
}

// close ends all that runs.
func (c *simCluster) close() {
	c.stop()
	for _, n := range c.list() {
		n.crash(false)
	}
}

func (d *simDisk) hardState() raftpb.HardState {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.image.hard
}

// between returns the entries [from, to] on the disk, nil if one is missing.
func (d *simDisk) between(from, to uint64) []raftpb.Entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := &d.image
	if from <= i.compacted || to > i.last() {
		return nil
	}
	return i.entries[from-i.compacted-1 : to-i.compacted]
}

// restarted is called before a node is opened on what is on its disk.
func (k *checker) restarted(n *simNode) {
	n.disk.mu.Lock()
	hs, at := n.disk.image.hard, n.disk.boardsAt
	n.disk.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.nodes[uint64(n.id)] = n
	k.history.add(happening{kind: "--", node: uint64(n.id), text: fmt.Sprintf("%d starts: term %d, boards at %d", n.id, hs.Term, at)})
	n.hard = hs
	// A restart does not undo what is durable; the rest may be lost.
	n.last = lastSeen{term: hs.Term, commit: max(hs.Commit, at), applied: at}
}

// checkpointed is called when a checkpoint is durable.
func (k *checker) checkpointed(n *simNode, index uint64) {
	k.history.add(happening{kind: "checkpoint", node: uint64(n.id), a: index})
}

// simMachine is a state machine that keeps every command once, in order, as relay does. A command's
// second entry gets the same answer as its first.
type simMachine struct {
	node *simNode

	mu     sync.Mutex
	list   []string
	places map[string]int // from 1 on
	state  uint64         // hash of list
	saved  int
}

func (m *simMachine) add(command string) {
	m.list = append(m.list, command)
	m.places[command] = len(m.list)
	h := fnv.New64a()
	fmt.Fprint(h, m.state, command)
	m.state = h.Sum64()
}

func (m *simMachine) Apply(batch []Command) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range batch {
		s := string(batch[i].Data)
		if m.places[s] == 0 {
			m.add(s)
		}
		batch[i].Outcome = m.places[s]
		m.node.c.check.applied(m.node, batch[i], m.places[s], m.state)
	}
}

func (m *simMachine) Dirty() iter.Seq2[string, []byte] {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string][]byte{}
	for ; m.saved < len(m.list); m.saved++ {
		out[fmt.Sprintf("c/%08d", m.saved)] = []byte(m.list[m.saved])
	}
	return maps.All(out)
}

func (m *simMachine) Restore(applied uint64, load func(func(string, []byte) error) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list, m.places, m.state = nil, map[string]int{}, 0
	err := load(func(key string, value []byte) error {
		if at, err := strconv.Atoi(strings.TrimPrefix(key, "c/")); err != nil || at != len(m.list) {
			return fmt.Errorf("key %q at %d", key, len(m.list))
		}
		m.add(string(value))
		return nil
	})
	m.saved = len(m.list)
	if err == nil {
		m.node.c.check.restored(m.node, applied, m.state)
	}
	return err
}

func (m *simMachine) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list)
}
