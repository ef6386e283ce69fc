package consensus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// Node is one member of the group. Any goroutine may call its methods. doc.go says how its loops
// work together.
type Node struct {
	// Static after Open.
	cfg       Config
	log       *slog.Logger
	id        MemberID
	clusterID string
	secret    string // shared by the members of the cluster
	publicKey string // in the form of [Member.Key]
	// credentials are what this node shows to the others, and judges theirs by.
	credentials *credentials
	// logAtStart is the end of the log when this process opened it.
	logAtStart logAtStart
	listener   net.Listener
	advertise  string // the address of listener for other nodes
	openedAt   time.Time

	ctx    context.Context // ends when the node stops
	cancel context.CancelFunc
	wg     sync.WaitGroup // every goroutine but the replicators'
	closed sync.Once

	failOnce   sync.Once
	failure    atomic.Pointer[error]
	identityMu sync.Mutex // locked while the file is changed, see updateIdentity

	storage    *storage
	boardsFile *store.Boards

	// Owned by the Raft loop.
	raft            *raft.RawNode
	gate            *batchGate
	batch           proposalBatch
	hardState       raftpb.HardState             // the term and vote that the write loop has
	deferredCommits map[MemberID]*raftpb.Message // see deferCommit
	electionClock   *electionClock
	leaderHistory   leaderHistory
	manualTransfer  manualTransfer
	entryTimes      entryTimes
	earlyReads      []*raftpb.Message // reads that came too early, see stepRead
	lastIndex       uint64            // of the log, including entries that are not written yet
	restoredIndex   uint64            // of the last snapshot that gave Raft its membership

	// Into the Raft loop.
	inbox     *queue[news]         // from this node's other loops: never blocks them
	network   chan *raftpb.Message // from peers: blocks their reader, and so, by TCP, the peer
	proposals *proposalQueue       // from requests, here and forwarded
	calls     chan call            // functions to run on the loop: status, configuration changes
	toWrite   *queue[writeWork]    // to the write loop
	toApply   *queue[applyWork]    // to the apply loop

	roster *roster
	// discovered are members of which other members have told. A node that has just joined connects
	// to them: if it is removed before it has the boards, only they can tell it so.
	discovered  discovered
	peers       *peers
	pending     *pendingProposals
	refuseLocal func(refusal) // pending.refuse
	leader      *leaderWatch
	reads       *reads

	processesMu sync.Mutex             // locked while judgeLog judges
	processes   map[MemberID]processes // guarded by processesMu: of each member

	snapshots snapshotSlot
	servers   *servers   // which members send snapshots for this node as the leader
	serving   sync.Mutex // locked while this node sends one itself

	incredible    atomic.Uint64 // how many messages of peers could not be true
	queuedByPeers atomic.Int64  // how many commands in the queue are from other nodes
	commit        atomic.Uint64 // as the Raft loop last saw it
	applied       atomic.Uint64 // as the apply loop last left it
	leaderContact atomic.Int64  // Unix nanoseconds; see LastContact
	leadership    leadership
	freshness     Freshness // see Fresh
	clocks        *Clocks
	divergence    *divergence
	sought        sought
	groupClock    atomic.Pointer[reading] // see commandTime
	clocksWrong   bool                    // owned by the policy loop
}

// news is what one of the node's own goroutines tells the Raft loop.
type news struct {
	message     *raftpb.Message // an answer of the write or the apply loop
	writes      int             // how many writes of entries are done
	unreachable MemberID        // a message to this peer was lost
	snapshotTo  MemberID        // a snapshot to this peer ended, see snapshot
	snapshot    raft.SnapshotStatus
}

// call is a function that the Raft loop runs. done is closed once its consequences are handed on.
type call struct {
	f    func(*raft.RawNode)
	done chan struct{}
}

// Open starts the node in cfg.Dir, or makes a new one there by cfg.Bootstrap or cfg.Join. It
// returns when the boards are restored and the node takes part. ctx bounds only joining.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	n := &Node{
		cfg:             cfg,
		log:             cfg.Log,
		openedAt:        time.Now(),
		clocks:          NewClocks(cfg.Now),
		divergence:      newDivergence(cfg.Machine),
		inbox:           newQueue[news](),
		network:         make(chan *raftpb.Message, 1024),
		proposals:       newProposalQueue(),
		calls:           make(chan call),
		toWrite:         newQueue[writeWork](),
		toApply:         newQueue[applyWork](),
		roster:          newRoster(),
		pending:         newPendingProposals(cfg.seams.maxPending),
		leader:          newLeaderWatch(),
		reads:           newReads(),
		servers:         newServers(),
		deferredCommits: map[MemberID]*raftpb.Message{},
		processes:       map[MemberID]processes{},
		gate:            newBatchGate(),
	}
	n.refuseLocal = n.pending.refuse
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.peers = newPeers(n)
	if err := n.open(ctx); err != nil {
		n.cancel()
		return nil, errors.Join(err, n.closeFiles())
	}
	context.AfterFunc(n.ctx, n.pending.wakeAll)
	n.wg.Go(n.acceptLoop)
	n.wg.Go(n.writeLoop)
	n.wg.Go(n.applyLoop)
	n.wg.Go(n.raftLoop)
	n.wg.Go(n.policyLoop)
	if !n.cfg.seams.noTLS {
		n.wg.Go(n.discoverLoop)
	}
	n.peers.sync(n.roster.list())
	n.peers.sync(n.discovered.list())
	return n, nil
}

func (n *Node) open(ctx context.Context) (err error) {
	if err := n.openFiles(); err != nil {
		return err
	}
	if n.listener, err = n.cfg.seams.listen(n.cfg.ListenPeer); err != nil {
		return fmt.Errorf("listen for peers: %w", err)
	}
	n.advertise = n.cfg.AdvertisePeer
	if n.advertise == "" {
		n.advertise = Reachable(n.listener.Addr())
	}
	if err := n.identify(ctx); err != nil {
		return err
	}
	n.log = n.log.With("member", n.id)
	if n.cfg.Identified != nil {
		if err := n.cfg.Identified(n.clusterID); err != nil {
			return err
		}
	}
	if err := n.repair(); err != nil {
		return err
	}
	if err := n.restore(); err != nil {
		return err
	}
	n.electionClock = newElectionClock(n.id, n.cfg.Role, func(id MemberID) bool { return n.isRecorder(id) && n.reachable(id) })
	n.leaderHistory.probation = firstProbation
	if n.lastIndex, err = n.storage.LastIndex(); err != nil {
		return err
	}
	n.logAtStart = logAtStart{Boot: randomID(), Last: n.lastIndex, Term: n.storage.hard.Term}
	n.raft, err = raft.NewRawNode(&raft.Config{
		ID:                        uint64(n.id),
		ElectionTick:              electionTicks,
		HeartbeatTick:             heartbeatTicks,
		Storage:                   n.storage,
		Applied:                   n.boardsFile.Position().Index,
		AsyncStorageWrites:        true,
		MaxSizePerMsg:             n.cfg.MaxMessageBytes,
		MaxCommittedSizePerReady:  maxCommitted,
		MaxUncommittedEntriesSize: n.cfg.MaxUncommittedBytes,
		MaxInflightMsgs:           n.cfg.MaxInflightMsgs,
		MaxInflightBytes:          n.cfg.MaxInflightBytes,
		CheckQuorum:               true,
		PreVote:                   true,
		ReadOnlyOption:            raft.ReadOnlySafe,
		DisableProposalForwarding: true,
		StepDownOnRemoval:         true,
		Logger:                    raftLogger{n.log},
	})
	if err != nil {
		return fmt.Errorf("start raft: %w", err)
	}
	// A Ready has only changes, and a node that restarts on an idle group sees none.
	hard := n.raft.BasicStatus().HardState
	n.commit.Store(hard.Commit)
	n.electionClock.noteTerm(hard.Term)
	n.leadership.current.Store(hard.Term)
	// A lone voter need not wait for another leader.
	if cs := n.boardsFile.Position().ConfState; len(cs.Voters) == 1 && cs.Voters[0] == uint64(n.id) {
		return n.raft.Campaign()
	}
	return nil
}

// Close transfers leadership if this node leads, ends all goroutines, writes a last checkpoint and
// closes the files. It takes at most a few seconds.
func (n *Node) Close() error {
	var err error
	n.closed.Do(func() {
		n.handOver()
		n.cancel()
		_ = n.listener.Close()
		n.peers.close()
		n.wg.Wait()
		n.snapshots.discard()
		for _, w := range n.toApply.takeAll() {
			if w.install != nil {
				_ = w.install.incoming.Discard()
			}
		}
		err = n.closeFiles()
	})
	return err
}

// fail stops the node for good, so that it cannot acknowledge what it has not stored. The caller
// must still call Close.
func (n *Node) fail(err error) {
	n.failOnce.Do(func() {
		n.failure.Store(&err)
		n.log.Error("this node stops", "err", err)
		n.cancel()
		_ = n.listener.Close()
	})
}

// Halt stops the node as a failure does: it transfers nothing and writes nothing. Err returns err.
// The caller must still call Close.
func (n *Node) Halt(err error) { n.fail(err) }

// Done is closed when the node has stopped, by Close or by itself.
func (n *Node) Done() <-chan struct{} { return n.ctx.Done() }

// Err says why the node stopped by itself, such as a failed disk or ErrRemoved. It is nil while the
// node runs and after a Close.
func (n *Node) Err() error {
	if p := n.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// ID returns the node's member id.
func (n *Node) ID() MemberID { return n.id }

// ClusterID returns the id of the cluster. A spectator's cursor is valid only within it.
func (n *Node) ClusterID() string { return n.clusterID }

// Secret returns what only the members of the cluster know. It signs what every member must accept,
// such as the tokens of clients.
func (n *Node) Secret() string { return n.secret }

// Name returns the node's name.
func (n *Node) Name() string { return n.cfg.Name }

// PeerAddr returns the address of this node's peer port for other nodes.
func (n *Node) PeerAddr() string { return n.advertise }

// Applied returns the index of the last command that the state machine has seen.
func (n *Node) Applied() uint64 { return n.applied.Load() }

// Commit returns the highest index that this node knows to be on a majority's disks.
func (n *Node) Commit() uint64 { return n.commit.Load() }

// LastContact returns when this node last heard from the leader, or now if it leads. [Node.Fresh]
// says how old its boards are.
func (n *Node) LastContact() time.Time {
	if lead, _ := n.leader.get(); lead == n.id {
		return time.Now()
	}
	return time.Unix(0, n.leaderContact.Load())
}

// Leader returns the leader as this node knows it, 0 if there is none.
func (n *Node) Leader() MemberID {
	lead, _ := n.leader.get()
	return lead
}

func (n *Node) self() Member {
	return Member{ID: n.id, Name: n.cfg.Name, Role: n.cfg.Role, HTTP: n.cfg.AdvertiseHTTP, Peer: n.advertise, Key: n.publicKey}
}

// runOnRaftLoop runs f on the Raft loop and waits until it is done.
func (n *Node) runOnRaftLoop(ctx context.Context, f func(*raft.RawNode)) error {
	c := call{f: f, done: make(chan struct{})}
	select {
	case n.calls <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-n.ctx.Done():
		return ErrClosed
	}
	select {
	case <-c.done:
		return nil
	case <-n.ctx.Done():
		return ErrClosed
	}
}

func (n *Node) reportUnreachable(id MemberID) { n.inbox.put(news{unreachable: id}) }

func (n *Node) reportSnapshot(id MemberID, s raft.SnapshotStatus) {
	n.inbox.put(news{snapshotTo: id, snapshot: s})
}
