package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	boltdb "github.com/hashicorp/raft-boltdb/v2"
	wal "github.com/hashicorp/raft-wal"
	"go.etcd.io/bbolt"
)

var hashicorpBoltSystem = system{
	name:      "hashicorp-boltdb",
	about:     "hashicorp/raft with raft-boltdb",
	durable:   true,
	converges: true,
	module:    "github.com/hashicorp/raft",
	open: func(_ context.Context, cfg nodeConfig) (node.Node, error) {
		return openHashicorp(cfg, func(dir string) (hashicorpLog, error) {
			return boltdb.New(boltdb.Options{
				Path:        filepath.Join(dir, "raft.db"),
				BoltOptions: &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoFreelistSync: true},
			})
		})
	},
}

var hashicorpWALSystem = system{
	name:      "hashicorp-wal",
	about:     "hashicorp/raft with raft-wal",
	durable:   true,
	converges: true,
	module:    "github.com/hashicorp/raft",
	open: func(_ context.Context, cfg nodeConfig) (node.Node, error) {
		return openHashicorp(cfg, func(dir string) (hashicorpLog, error) { return wal.Open(dir) })
	},
}

// hashicorpLog is a store for the log and for the vote.
type hashicorpLog interface {
	raft.LogStore
	raft.StableStore
}

// These change hashicorp/raft's defaults. It gains most from larger batches.
const (
	hashicorpMaxAppend = 1024
	hashicorpCache     = 8 << 10
	hashicorpTimeout   = 10 * time.Second
)

// hashicorp is one node of hashicorp/raft.
type hashicorp struct {
	*raft.Raft
	machine *hashicorpCounter
}

// HasApplied implements node.Counted.
func (h *hashicorp) HasApplied() node.Applied { return node.Applied{Count: h.machine.n.Load()} }

func openHashicorp(cfg nodeConfig, openLog func(dir string) (hashicorpLog, error)) (node.Node, error) {
	store, err := openLog(cfg.Dir)
	if err != nil {
		return nil, err
	}
	cache, err := raft.NewLogCache(hashicorpCache, store)
	if err != nil {
		return nil, err
	}
	snapshots, err := raft.NewFileSnapshotStore(cfg.Dir, 1, os.Stderr)
	if err != nil {
		return nil, err
	}
	addr, err := net.ResolveTCPAddr("tcp", cfg.OwnAddrs()[0])
	if err != nil {
		return nil, err
	}
	log := hclog.New(&hclog.LoggerOptions{Output: os.Stderr, Level: hclog.Warn})
	transport, err := raft.NewTCPTransportWithLogger(addr.String(), addr, 3, hashicorpTimeout, log)
	if err != nil {
		return nil, err
	}
	rc := raft.DefaultConfig()
	rc.LocalID = hashicorpID(cfg.Index)
	rc.Logger = log
	rc.MaxAppendEntries = hashicorpMaxAppend
	rc.BatchApplyCh = true
	rc.SnapshotThreshold = 1 << 40 // no snapshot while it is measured
	machine := &hashicorpCounter{}
	r, err := raft.NewRaft(rc, machine, cache, store, snapshots, transport)
	if err != nil {
		return nil, err
	}
	if cfg.Index == 0 {
		var members raft.Configuration
		for i, addrs := range cfg.Addrs {
			members.Servers = append(members.Servers, raft.Server{ID: hashicorpID(i), Address: raft.ServerAddress(addrs[0])})
		}
		if err := r.BootstrapCluster(members).Error(); err != nil {
			return nil, err
		}
	}
	return &hashicorp{r, machine}, nil
}

func hashicorpID(index int) raft.ServerID { return raft.ServerID(fmt.Sprintf("node-%d", index)) }

func (h *hashicorp) Lead(ctx context.Context) error {
	err := node.Until(ctx, "a leader", func() (bool, error) {
		_, id := h.LeaderWithID()
		return id != "", nil
	})
	if err != nil {
		return err
	}
	if h.State() != raft.Leader {
		return errors.New("another node leads") // unexpected: it knew no members before this node told it
	}
	return h.Barrier(hashicorpTimeout).Error()
}

func (h *hashicorp) Submitter(int) (func(context.Context) error, error) {
	payload := make([]byte, node.PayloadSize)
	return func(context.Context) error { return h.Apply(payload, hashicorpTimeout).Error() }, nil
}

// hashicorpCounter is the smallest state machine.
type hashicorpCounter struct{ n atomic.Uint64 }

var _ raft.BatchingFSM = (*hashicorpCounter)(nil)

// Apply implements raft.FSM.
func (c *hashicorpCounter) Apply(*raft.Log) any { return c.n.Add(1) }

// ApplyBatch implements raft.BatchingFSM.
func (c *hashicorpCounter) ApplyBatch(logs []*raft.Log) []any {
	c.n.Add(uint64(len(logs)))
	return make([]any, len(logs))
}

// Snapshot implements raft.FSM.
func (c *hashicorpCounter) Snapshot() (raft.FSMSnapshot, error) {
	return nil, errors.New("no snapshots while it is measured")
}

// Restore implements raft.FSM.
func (c *hashicorpCounter) Restore(r io.ReadCloser) error { return r.Close() }
