package node

import (
	"fmt"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/broadcast/engine"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/edge"
)

// openEngine opens the node's engine, if it has one. An edge has a store in any case: its upstream
// may have an engine.
func (n *Node) openEngine(cfg Config) (err error) {
	if cfg.Engine == "" && cfg.Role != RoleEdge {
		return nil
	}
	n.evaluations = engine.NewStore(0)
	if cfg.Engine == "" {
		return nil
	}
	n.Engine, err = engine.Open(engine.Config{Path: cfg.Engine, Threads: cfg.EngineThreads, Store: n.evaluations, Log: n.log})
	if err != nil {
		return fmt.Errorf("--engine: %w", err)
	}
	return nil
}

// wanting is a node's evaluations, and the engine that makes them; nil: its upstream's does.
type wanting struct {
	*engine.Store
	engine *engine.Engine
}

// Want implements broadcast.Evaluations.
func (w wanting) Want(positions []relay.Position) {
	if w.engine != nil {
		w.engine.Want(positions)
	}
}

// watchedBelow is what the spectators of the edges below watch with evaluations.
func (n *Node) watchedBelow() (list []broadcast.Watched) {
	server := n.below.Load()
	if server == nil {
		return nil
	}
	for _, text := range server.Watching() {
		list = append(list, broadcast.ParseWatched(text)...)
	}
	return list
}

// watching is what this edge asks its upstream to evaluate: nothing if it has an engine itself.
func (n *Node) watching() string {
	hub := n.watched.Load()
	if n.Engine != nil || hub == nil {
		return ""
	}
	return broadcast.FormatWatched(append(hub.Watched(), n.watchedBelow()...))
}

// evaluationsForEdges is nil if there are none: an interface that holds a nil pointer is not nil.
func (n *Node) evaluationsForEdges() edge.Evaluations {
	if n.evaluations == nil {
		return nil
	}
	return n.evaluations
}
