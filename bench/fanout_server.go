package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
)

// fanServerConfig is for the operation "serve", which makes a child a server.
type fanServerConfig struct {
	System string `json:"system"`
	PGN    string `json:"pgn"`
}

// A fanServer is a child that serves spectators.
type fanServer struct {
	venue *venue
	addr  string
	hub   fanHub

	mu sync.Mutex // held while something is published
}

func openFanServer(args json.RawMessage) (node.Caller, error) {
	var cfg fanServerConfig
	if err := json.Unmarshal(args, &cfg); err != nil {
		return nil, err
	}
	system, err := findFanSystem(cfg.System)
	if err != nil {
		return nil, err
	}
	games, err := readGames(cfg.PGN)
	if err != nil {
		return nil, err
	}
	v, err := newVenue(games)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &fanServer{venue: v, addr: l.Addr().String()}
	s.hub, err = system.open(v, l)
	return s, err
}

// Call implements node.Caller.
func (s *fanServer) Call(ctx context.Context, op string, args json.RawMessage) (any, error) {
	switch op {
	case "state":
		return s.state(), nil
	case "publish":
		var p publishArgs
		if err := json.Unmarshal(args, &p); err != nil {
			return nil, err
		}
		return s.publish(ctx, p)
	case "memory":
		return idleMemory()
	case "writes":
		return procNumber("/proc/self/io", "syscw:")
	}
	return nil, fmt.Errorf("there is no operation %q", op)
}

// Close implements io.Closer.
func (s *fanServer) Close() error { return errors.Join(s.hub.close(), s.venue.Close()) }

// fanState is the state of a server.
type fanState struct {
	Addr       string `json:"addr"`
	Spectators int    `json:"spectators"`
	Index      uint64 `json:"index"` // of the last event
}

func (s *fanServer) state() fanState {
	return fanState{Addr: s.addr, Spectators: s.hub.spectators(), Index: s.venue.index()}
}

// publishArgs are moves to play: Count of them, PerSecond at a steady pace. If that is 0, they
// follow one right after another.
type publishArgs struct {
	Count     int     `json:"count"`
	PerSecond float64 `json:"perSecond,omitempty"`
}

// published is what was played. The events' indexes are consecutive.
type published struct {
	From  uint64          `json:"from"`  // the first one's index
	Times []time.Duration `json:"times"` // of clock: when the system got each, or when each was due, if the system blocked the publisher then
	// Held is the longest time that the system blocked its caller. In a node, that would be the
	// apply loop.
	Held time.Duration `json:"held"`
}

func (s *fanServer) publish(ctx context.Context, args publishArgs) (p published, err error) {
	if args.Count < 1 || args.PerSecond < 0 {
		return p, fmt.Errorf("nothing to publish: %+v", args)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.From = s.venue.index() + 1
	began := clock()
	for i := range args.Count {
		var due time.Duration
		if args.PerSecond > 0 {
			due = began + time.Duration(float64(i)/args.PerSecond*float64(time.Second))
		}
		if pause := due - clock(); pause > 0 {
			if err := node.Wait(ctx, pause); err != nil {
				return p, err
			}
			due = 0 // the timer's lateness is not the system's fault
		}
		events, err := s.venue.play()
		if err != nil {
			return p, err
		}
		if len(events) != 1 {
			return p, errors.New("an entry was not one event")
		}
		at := clock()
		if err := s.hub.publish(events); err != nil {
			return p, err
		}
		p.Held = max(p.Held, clock()-at)
		if due > 0 {
			at = due
		}
		p.Times = append(p.Times, at)
	}
	return p, nil
}

// idleMemory is how many bytes of memory this process holds once it has returned what it does not
// need. It counts the heap, the stacks and the runtime's own data about them, but not the pages of
// the program.
func idleMemory() (int64, error) {
	debug.FreeOSMemory()
	debug.FreeOSMemory() // frees what pools held over the first collection
	kib, err := procNumber("/proc/self/status", "RssAnon:")
	return kib << 10, err
}

// procNumber is the number that follows name in a file of the kernel's.
func procNumber(path, name string) (n int64, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, rest, ok := bytes.Cut(data, []byte(name))
	if _, err := fmt.Sscan(string(rest), &n); !ok || err != nil {
		return 0, fmt.Errorf("%s does not tell %s %w", path, name, err)
	}
	return n, nil
}
