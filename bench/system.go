package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/chessrelay/chessrelay/bench/node"
)

// A system is something that replicates.
type system struct {
	name  string
	about string
	// durable says that an answer means that a majority has it on disk.
	durable bool
	// module is the module whose version the report names; empty: none.
	module string
	// loads are the numbers of outstanding submissions that it is measured with; empty: all.
	loads []int
	// converges says that its nodes count commands. So the harness can check that all got
	// everything.
	converges bool
	// folder is the folder of the module that its nodes' program is built from; empty: its nodes
	// are this program.
	folder string
	// program is the file of that program, once it exists; see prepare.
	program string
	// open starts the node that cfg describes, in this process; nil: another program does. The
	// nodes of a group are started at the same time, so open must not wait for another one to
	// answer.
	open func(ctx context.Context, cfg nodeConfig) (node.Node, error)
}

// systems are all systems that can be measured, in the order of the report.
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

// nodeConfig says which node of which system a child process is.
type nodeConfig struct {
	System string `json:"system"`
	node.Config
	// Chessrelay is for the systems that are chessrelay.
	Chessrelay chessrelayOptions `json:"chessrelay,omitzero"`
}

// openNode opens the node that args, a nodeConfig, describe.
func openNode(ctx context.Context, args json.RawMessage) (node.Node, error) {
	var cfg nodeConfig
	if err := json.Unmarshal(args, &cfg); err != nil {
		return nil, err
	}
	s, err := findSystem(cfg.System)
	if err != nil {
		return nil, err
	}
	if s.open == nil {
		return nil, fmt.Errorf("the nodes of %s are a program of their own, in the folder %s", s.name, s.folder)
	}
	return s.open(ctx, cfg)
}

// runNode is the command "node": it serves the orchestrator until that ends.
func runNode(ctx context.Context, _ []string) error {
	return node.Program{
		Open:  openNode,
		Roles: map[string]func(args json.RawMessage) (node.Caller, error){"serve": openFanServer, "crowd": openCrowd},
	}.Serve(ctx)
}
