package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
	"golang.org/x/sync/errgroup"
)

const (
	// startTimeout is how long a group may take to start, until it takes submissions.
	startTimeout = time.Minute
	// callTimeout is how long a child may take to answer while it is measured.
	callTimeout = 30 * time.Second
)

// A cluster is the processes of one group, and its folder.
type cluster struct {
	system system
	dir    string       // removed by close
	nodes  []*process   // nil: planned and not started, or gone for good
	cfgs   []nodeConfig // each node's configuration at its last start
	lines  []*delayLine // to the nodes, if any
}

// newCluster makes a folder for a group of this system under parent, and no nodes.
func newCluster(s system, parent string) (*cluster, error) {
	dir, err := os.MkdirTemp(parent, "bench-"+s.name+"-")
	return &cluster{system: s, dir: dir}, err
}

// startCluster starts a group of size nodes. The group takes submissions when startCluster returns.
func startCluster(ctx context.Context, s system, parent string, size int, opts chessrelayOptions) (*cluster, error) {
	c, err := newCluster(s, parent)
	if err != nil {
		return nil, err
	}
	if opts.Voters == 0 {
		opts.Voters = size
	}
	if err = c.plan(size, opts); err == nil {
		err = c.startAll(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// startAll starts all planned nodes. They take submissions when it returns.
func (c *cluster) startAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var all errgroup.Group
	for i := range c.cfgs {
		all.Go(func() error { return c.start(ctx, i) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	return c.nodes[0].call(ctx, "lead", nil, nil)
}

// plan gives size more nodes their places, folders and addresses. start starts them.
func (c *cluster) plan(size int, opts chessrelayOptions) error {
	addrs, err := freeAddrs(size * node.AddrsPerNode)
	if err != nil {
		return err
	}
	var all [][]string
	for _, cfg := range c.cfgs {
		all = append(all, cfg.OwnAddrs())
	}
	for len(addrs) > 0 {
		all = append(all, addrs[:node.AddrsPerNode])
		addrs = addrs[node.AddrsPerNode:]
	}
	for i := len(c.cfgs); i < len(all); i++ {
		cfg := nodeConfig{c.system.name, node.Config{Index: i, Dir: filepath.Join(c.dir, fmt.Sprint(i)), Addrs: all}, opts}
		if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
			return err
		}
		c.cfgs = append(c.cfgs, cfg)
		c.nodes = append(c.nodes, nil)
	}
	return nil
}

// lengthen makes the way from the others to each planned node longer. The nodes must not be started
// yet.
func (c *cluster) lengthen(delay time.Duration) error {
	for i := range c.cfgs {
		d, err := newDelayLine(c.cfgs[i].OwnAddrs()[0], delay)
		if err != nil {
			return err
		}
		c.lines = append(c.lines, d)
		c.cfgs[i].Chessrelay.AdvertisePeer = d.addr()
	}
	return nil
}

// start starts node i, or starts it again after it was killed or stopped. It returns when the node
// is open. The caller may change c.cfgs[i] before.
func (c *cluster) start(ctx context.Context, i int) error {
	p, err := startProcess(c.system.program, fmt.Sprintf("%s-%d", c.system.name, i), c.dir)
	if err != nil {
		return err
	}
	c.nodes[i] = p
	return p.call(ctx, "start", c.cfgs[i], nil)
}

// converged waits until all nodes have applied the same, and returns it. Nothing may be submitted
// meanwhile.
func (c *cluster) converged(ctx context.Context) (has node.Applied, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return has, node.Until(ctx, "all nodes to have applied the same", func() (bool, error) {
		for i, p := range c.nodes {
			if p == nil {
				continue
			}
			var a node.Applied
			if err := p.call(ctx, "applied", nil, &a); err != nil {
				return false, err
			}
			if i == 0 {
				has = a
			} else if !a.Same(has) {
				return false, fmt.Errorf("%s has applied %+v, the leader %+v", p.name, a, has)
			}
		}
		return true, nil
	})
}

// close kills what still runs and removes the folder.
func (c *cluster) close() error {
	for _, p := range c.nodes {
		if p != nil {
			p.kill()
		}
	}
	for _, d := range c.lines {
		d.close()
	}
	return os.RemoveAll(c.dir)
}

// groupUsage is what the processes of a group have used.
type groupUsage struct {
	CPU       time.Duration `json:"cpu"`       // of all processes together
	LeaderCPU time.Duration `json:"leaderCpu"` // of node 0's, the load generator included
	OwnCPU    time.Duration `json:"ownCpu"`    // of the orchestrator's own, where delay lines are
	MaxRSS    int64         `json:"maxRss"`    // bytes, of all together, since they began
}

// usage is what all running processes of the group have used until now.
func (c *cluster) usage(ctx context.Context) (sum groupUsage, err error) {
	for i, p := range c.nodes {
		if p == nil || p.hasEnded() {
			continue
		}
		var u node.Usage
		if err := p.call(ctx, "usage", nil, &u); err != nil {
			return sum, err
		}
		if i == 0 {
			sum.LeaderCPU = u.CPU
		}
		sum.CPU += u.CPU
		sum.MaxRSS += u.MaxRSS
	}
	own, err := node.OwnUsage()
	sum.OwnCPU = own.CPU
	return sum, err
}

// since is the difference of u and an earlier usage, in CPU time.
func (u groupUsage) since(earlier groupUsage) groupUsage {
	u.CPU -= earlier.CPU
	u.LeaderCPU -= earlier.LeaderCPU
	u.OwnCPU -= earlier.OwnCPU
	return u
}

// measurement is one load on one group, and what the processes used in its window.
type measurement struct {
	node.Window
	groupUsage
}

// cpuPerMillion is CPU seconds per million submissions.
func (m measurement) cpuPerMillion() float64 { return m.CPU.Seconds() / float64(m.Ops) * 1e6 }

// leaderPerMillion is the same for the leader's process alone.
func (m measurement) leaderPerMillion() float64 { return m.LeaderCPU.Seconds() / float64(m.Ops) * 1e6 }

// measure puts a load on node 0 and measures it for a window, after a warm-up.
func (c *cluster) measure(ctx context.Context, args node.LoadArgs, warmUp, window time.Duration) (m measurement, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout+warmUp+window)
	defer cancel()
	leader := c.nodes[0]
	if err := leader.call(ctx, "load", args, nil); err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, leader.call(ctx, "unload", nil, nil)) }()
	if err := node.Wait(ctx, warmUp); err != nil {
		return m, err
	}
	before, err := c.usage(ctx)
	if err != nil {
		return m, err
	}
	if err := leader.call(ctx, "window", nil, nil); err != nil {
		return m, err
	}
	if err := node.Wait(ctx, window); err != nil {
		return m, err
	}
	if err := leader.call(ctx, "window", nil, &m.Window); err != nil {
		return m, err
	}
	after, err := c.usage(ctx)
	if err != nil {
		return m, err
	}
	if m.Ops == 0 {
		return m, fmt.Errorf("%s answered nothing in %v", c.system.name, window)
	}
	m.groupUsage = after.since(before)
	return m, nil
}

// freeAddrs finds n free loopback addresses.
func freeAddrs(n int) ([]string, error) {
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at the end, so none is found twice
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}
