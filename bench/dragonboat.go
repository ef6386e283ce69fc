package main

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/logger"
	"github.com/lni/dragonboat/v4/plugin/tan"
	"github.com/lni/dragonboat/v4/statemachine"
)

var dragonboatSystem = system{
	name:      "dragonboat",
	about:     "Dragonboat with the log it is shipped with, in Pebble",
	durable:   true,
	converges: true,
	module:    "github.com/lni/dragonboat/v4",
	open: func(_ context.Context, cfg nodeConfig) (node.Node, error) {
		return openDragonboat(cfg, nil)
	},
}

var dragonboatTanSystem = system{
	name:      "dragonboat-tan",
	about:     "Dragonboat with its own log, Tan",
	durable:   true,
	converges: true,
	module:    "github.com/lni/dragonboat/v4",
	open: func(_ context.Context, cfg nodeConfig) (node.Node, error) {
		return openDragonboat(cfg, tan.Factory)
	},
}

const (
	dragonboatShard   = 1
	dragonboatTimeout = 10 * time.Second
)

// dragonboatNode is one host with one replica of the one shard.
type dragonboatNode struct {
	*dragonboat.NodeHost
	cfg     nodeConfig
	machine *dragonboatCounter
}

// HasApplied implements node.Counted.
func (d *dragonboatNode) HasApplied() node.Applied { return node.Applied{Count: d.machine.n.Load()} }

func openDragonboat(cfg nodeConfig, log config.LogDBFactory) (node.Node, error) {
	for _, pkg := range []string{"raft", "rsm", "transport", "grpc", "dragonboat", "logdb", "config", "tan", "raftpb", "settings", "order", "utils"} {
		logger.GetLogger(pkg).SetLevel(logger.ERROR)
	}
	expert := config.GetDefaultExpertConfig()
	expert.LogDBFactory = log
	host, err := dragonboat.NewNodeHost(config.NodeHostConfig{
		NodeHostDir:    cfg.Dir,
		RTTMillisecond: 10,
		RaftAddress:    cfg.OwnAddrs()[0],
		Expert:         expert,
	})
	if err != nil {
		return nil, err
	}
	members := map[uint64]dragonboat.Target{}
	for i, addrs := range cfg.Addrs {
		members[dragonboatReplica(i)] = addrs[0]
	}
	machine := &dragonboatCounter{}
	err = host.StartConcurrentReplica(members, false, func(uint64, uint64) statemachine.IConcurrentStateMachine { return machine }, config.Config{
		ReplicaID:    dragonboatReplica(cfg.Index),
		ShardID:      dragonboatShard,
		HeartbeatRTT: 10,  // 100 ms
		ElectionRTT:  100, // 1 s
		CheckQuorum:  true,
		PreVote:      true,
	})
	return &dragonboatNode{host, cfg, machine}, err
}

func dragonboatReplica(index int) uint64 { return uint64(index) + 1 }

// Lead has the leader transfer leadership to this node.
func (d *dragonboatNode) Lead(ctx context.Context) error {
	asked := time.Time{}
	return node.Until(ctx, "this node to lead", func() (bool, error) {
		id, _, ok, err := d.GetLeaderID(dragonboatShard)
		if err != nil || !ok {
			return false, err
		}
		if id == dragonboatReplica(d.cfg.Index) {
			return true, nil
		}
		if time.Since(asked) > 2*time.Second {
			asked = time.Now()
			err = d.RequestLeaderTransfer(dragonboatShard, dragonboatReplica(d.cfg.Index))
		}
		return false, fmt.Errorf("replica %d leads (%v)", id, err)
	})
}

func (d *dragonboatNode) Submitter(int) (func(context.Context) error, error) {
	session := d.GetNoOPSession(dragonboatShard)
	payload := make([]byte, node.PayloadSize)
	return func(context.Context) error {
		p, err := d.Propose(session, payload, dragonboatTimeout)
		if err != nil {
			return err
		}
		defer p.Release()
		if r := <-p.ResultC(); !r.Completed() {
			return fmt.Errorf("not committed: %+v", r)
		}
		return nil
	}, nil
}

// dragonboatCounter is the smallest state machine.
type dragonboatCounter struct{ n atomic.Uint64 }

// Update implements statemachine.IConcurrentStateMachine.
func (c *dragonboatCounter) Update(entries []statemachine.Entry) ([]statemachine.Entry, error) {
	for i := range entries {
		entries[i].Result.Value = c.n.Add(1)
	}
	return entries, nil
}

// Lookup implements statemachine.IConcurrentStateMachine.
func (c *dragonboatCounter) Lookup(any) (any, error) { return c.n.Load(), nil }

// PrepareSnapshot implements statemachine.IConcurrentStateMachine.
func (c *dragonboatCounter) PrepareSnapshot() (any, error) { return c.n.Load(), nil }

// SaveSnapshot implements statemachine.IConcurrentStateMachine.
func (c *dragonboatCounter) SaveSnapshot(any, io.Writer, statemachine.ISnapshotFileCollection, <-chan struct{}) error {
	return nil
}

// RecoverFromSnapshot implements statemachine.IConcurrentStateMachine.
func (c *dragonboatCounter) RecoverFromSnapshot(io.Reader, []statemachine.SnapshotFile, <-chan struct{}) error {
	return nil
}

// Close implements statemachine.IConcurrentStateMachine.
func (c *dragonboatCounter) Close() error { return nil }
