package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// payloadSize is how many bytes a submission has, everywhere.
const payloadSize = 64

// A system is something that replicates.
type system struct {
	name  string
	about string
	// durable says that an answer means: on the disks of a majority.
	durable bool
	// module is whose version belongs into the report; empty: none.
	module string
	// loads are the numbers of submissions outstanding that it is measured with; empty: all.
	loads []int
	// converges says that its nodes are counted, so that it can be seen whether all got everything.
	converges bool
	// open starts the node that cfg describes, in this process. The nodes of a group are started at
	// the same time, so open must not wait for another one to answer.
	open func(ctx context.Context, cfg nodeConfig) (node, error)
}

// systems are all that can be measured, in the order of the report.
var systems []system

func init() {
	systems = []system{
		floorSystem,
		chessrelaySystem,
		chessSystem,
		hashicorpBoltSystem,
		hashicorpWALSystem,
		dragonboatSystem,
		dragonboatTanSystem,
		etcdSystem,
		jetStreamSyncSystem,
		jetStreamSystem,
	}
}

// allLoads are the loads that s is measured with.
func (s system) allLoads() []int {
	if s.loads == nil {
		return allLoads
	}
	return s.loads
}

func findSystem(name string) (system, error) {
	for _, s := range systems {
		if s.name == name {
			return s, nil
		}
	}
	return system{}, fmt.Errorf("there is no system %q", name)
}

// nodeConfig says what node a child process is to be.
type nodeConfig struct {
	System string `json:"system"`
	// Index is its place in the group. Node 0 is to lead; submissions are made in its process.
	Index int `json:"index"`
	// Dir is the node's own folder. It exists.
	Dir string `json:"dir"`
	// Addrs are the loopback addresses that each node of the group may listen on, by index:
	// addrsPerNode each. They were free a moment ago.
	Addrs [][]string `json:"addrs"`
	// Chessrelay is for the systems that are chessrelay.
	Chessrelay chessrelayOptions `json:"chessrelay,omitzero"`
}

const addrsPerNode = 3

// addrs are the addresses of this node itself.
func (c nodeConfig) addrs() []string { return c.Addrs[c.Index] }

// A node is one node of a system, in the process that it was opened in.
type node interface {
	// lead returns when this node leads and every other one follows and votes. It is
	// called on node 0 alone, once all are open.
	lead(ctx context.Context) error
	// submitter returns the function by which one of the workers submits: it returns when the
	// submission has been answered, or with errNotCounted when it did something else that had to be done. It is
	// called by one goroutine at a time. Workers count from 0.
	submitter(worker int) (func(ctx context.Context) error, error)
}

// errNotCounted is what a submitter returns when it did what is no submission.
var errNotCounted = errors.New("not counted")

// A counted node can say what its state machine has seen.
type counted interface{ applied() applied }

// applied is what a state machine has seen.
type applied struct {
	Count uint64 `json:"count"`          // of commands; where there is a hash, since the node was started
	Hash  string `json:"hash,omitempty"` // of its state, if that is more than the count
}

// same reports whether two nodes of a group have seen the same.
func (a applied) same(b applied) bool {
	if a.Hash != "" || b.Hash != "" {
		return a.Hash == b.Hash
	}
	return a.Count == b.Count
}

// A caller is a node that knows more operations than every node does.
type caller interface {
	call(ctx context.Context, op string, args json.RawMessage) (any, error)
}
