package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
	"github.com/chessrelay/chessrelay/consensus"
)

var chessrelaySystem = system{
	name:      "chessrelay",
	about:     "package consensus of this project, with entries that it knows nothing about",
	durable:   true,
	converges: true,
	open: func(ctx context.Context, cfg nodeConfig) (node.Node, error) {
		m := &counter{}
		c, err := openChessrelay(ctx, cfg, m)
		return &opaque{c, m}, err
	},
}

// opaque is a node whose entries mean nothing to it.
type opaque struct {
	*chessrelay
	machine *counter
}

// HasApplied implements node.Counted.
func (o *opaque) HasApplied() node.Applied { return node.Applied{Count: o.machine.n.Load()} }

// chessrelayOptions are the options of the systems that are chessrelay. Zero values are consensus's
// own defaults.
type chessrelayOptions struct {
	// Voters is how many of the nodes vote; zero: all.
	Voters int `json:"voters,omitempty"`
	// AdvertisePeer is where others reach this node's replication port, if not where it listens: at
	// a proxy, for example.
	AdvertisePeer string `json:"advertisePeer,omitempty"`
	// These bound the window to one follower; see consensus.Config.
	MaxInflightMsgs  int    `json:"maxInflightMsgs,omitempty"`
	MaxInflightBytes uint64 `json:"maxInflightBytes,omitempty"`
	MaxMessageBytes  uint64 `json:"maxMessageBytes,omitempty"`
	// PGN is the file with the games to play, where chess is played.
	PGN string `json:"pgn,omitempty"`
}

// chessrelay is one node of package consensus.
type chessrelay struct {
	*consensus.Node
	cfg    nodeConfig
	opened time.Duration // what consensus.Open took
	admits net.Listener  // node 0's: where others ask to be admitted
}

// openChessrelay starts a node. It listens on its first address for replication. On the second
// address, node 0 admits the others.
func openChessrelay(ctx context.Context, cfg nodeConfig, machine consensus.StateMachine) (*chessrelay, error) {
	o := cfg.Chessrelay
	cc := consensus.Config{
		Dir:           cfg.Dir,
		Name:          fmt.Sprintf("node-%d", cfg.Index),
		Role:          consensus.Venue,
		ListenPeer:    cfg.OwnAddrs()[0],
		AdvertisePeer: o.AdvertisePeer,
		Voters:        o.Voters,
		Machine:       machine,
		Log:           slog.New(slog.NewTextHandler(os.Stderr, nil)),

		MaxInflightMsgs:  o.MaxInflightMsgs,
		MaxInflightBytes: o.MaxInflightBytes,
		MaxMessageBytes:  o.MaxMessageBytes,
	}
	admitAt := cfg.Addrs[0][1]
	if cfg.Index == 0 {
		cc.Role, cc.Bootstrap = consensus.Recorder, true
	} else {
		cc.Join = func(ctx context.Context, self consensus.Applicant) (w consensus.Welcome, err error) {
			// Node 0 may start later than this one.
			return w, node.Until(ctx, "node 0 to admit this one", func() (bool, error) {
				err := post(ctx, "http://"+admitAt+"/admit", self.Member, &w)
				return err == nil, err
			})
		}
	}
	began := time.Now()
	n, err := consensus.Open(ctx, cc)
	if err != nil {
		return nil, err
	}
	c := &chessrelay{Node: n, cfg: cfg, opened: time.Since(began)}
	if cfg.Index == 0 {
		err = c.serveAdmits(admitAt)
	}
	return c, err
}

// serveAdmits lets others join through this node.
func (c *chessrelay) serveAdmits(addr string) (err error) {
	if c.admits, err = net.Listen("tcp", addr); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /admit", func(w http.ResponseWriter, r *http.Request) {
		var m consensus.Member
		err := json.NewDecoder(r.Body).Decode(&m)
		if err == nil {
			var welcome consensus.Welcome
			if welcome, err = c.Admit(r.Context(), m); err == nil {
				_ = json.NewEncoder(w).Encode(welcome)
				return
			}
		}
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	})
	go func() { _ = http.Serve(c.admits, mux) }() // until Close
	return nil
}

// httpClient keeps as many connections as there are requests at a time.
var httpClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}

// post sends a JSON value and decodes the answer.
func post(ctx context.Context, url string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := httpClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, node.MaxLine))
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s: %s", url, res.Status, bytes.TrimSpace(answer))
	}
	return json.Unmarshal(answer, out)
}

// Lead waits until all other nodes replicate and enough of them vote.
func (c *chessrelay) Lead(ctx context.Context) error {
	voters := c.cfg.Chessrelay.Voters
	if voters == 0 {
		voters = 3 // consensus's default
	}
	return node.Until(ctx, "a leader and its followers", func() (bool, error) {
		s, err := c.Status(ctx)
		if err != nil || s.LeaderID != c.ID() || len(s.Members) < len(c.cfg.Addrs) {
			return false, err
		}
		voting := 0
		for _, m := range s.Members {
			if m.Suffrage == "voter" {
				voting++
			}
			if m.State != "leader" && m.State != "replicate" {
				return false, fmt.Errorf("%s: %s", m.Name, m.State)
			}
		}
		return voting >= min(voters, len(c.cfg.Addrs)), fmt.Errorf("%d vote", voting)
	})
}

func (c *chessrelay) Submitter(worker int) (func(context.Context) error, error) {
	payload := make([]byte, node.PayloadSize)
	binary.BigEndian.PutUint64(payload, uint64(worker))
	n := uint64(0)
	return func(ctx context.Context) error {
		n++
		binary.BigEndian.PutUint64(payload[8:], n)
		_, err := c.Propose(ctx, payload)
		return err
	}, nil
}

// Call implements node.Caller. "status" returns consensus.Status, "position" how far this node is.
func (c *chessrelay) Call(ctx context.Context, op string, _ json.RawMessage) (any, error) {
	switch op {
	case "status":
		return c.Status(ctx)
	case "position":
		return position{Commit: c.Commit(), Applied: c.Applied(), Opened: c.opened}, nil
	}
	return nil, fmt.Errorf("there is no operation %q", op)
}

// position is how far in the log a node is, and how long it took to open.
type position struct {
	Commit  uint64        `json:"commit"`
	Applied uint64        `json:"applied"`
	Opened  time.Duration `json:"opened"`
}

// Close closes the node as SIGTERM does.
func (c *chessrelay) Close() error {
	if c.admits != nil {
		_ = c.admits.Close()
	}
	return c.Node.Close()
}

// counter is the smallest state machine: it counts its commands.
type counter struct {
	n atomic.Uint64
}

const counterKey = "n"

// Apply implements consensus.StateMachine.
func (c *counter) Apply(batch []consensus.Command) { c.n.Add(uint64(len(batch))) }

// Dirty implements consensus.StateMachine.
func (c *counter) Dirty() iter.Seq2[string, []byte] {
	return maps.All(map[string][]byte{counterKey: binary.BigEndian.AppendUint64(nil, c.n.Load())})
}

// Restore implements consensus.StateMachine.
func (c *counter) Restore(_ uint64, load func(func(key string, value []byte) error) error) error {
	c.n.Store(0)
	return load(func(key string, value []byte) error {
		if key != counterKey || len(value) != 8 {
			return fmt.Errorf("no counter: %q", key)
		}
		c.n.Store(binary.BigEndian.Uint64(value))
		return nil
	})
}
