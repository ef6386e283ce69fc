package broadcast

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// View is the boards of this node, read consistently.
type View interface {
	// Read calls fn with the state exactly as of log index applied. fn must be
	// quick, since it may hold up the apply loop, and must not keep s; the values
	// that s hands out are immutable and may be kept.
	Read(fn func(applied uint64, s *relay.State))
}

// Config is what a [Hub] is made of. Zero means the default that each field
// names; a negative limit on spectators means no limit.
type Config struct {
	// Cluster is the cluster's id. A spectator that brings another one is
	// refused with [CloseOtherCluster]. Required.
	Cluster string
	// Node is this node's name, told in hello.
	Node string
	// Boards are what snapshots are made of. Required.
	Boards View
	// Log gets what an operator must know; single spectators are logged at
	// debug level only. Zero: discarded.
	Log *slog.Logger

	// HistoryEvents is how many frames a round's history holds; zero: 4096. A
	// spectator that is further behind gets a snapshot.
	HistoryEvents int
	// HistoryBytes bounds the same history by memory; zero: 4 MiB. Frames that
	// were dropped may stay for a while; count on twice as much at the worst.
	HistoryBytes int
	// HistoryTotal bounds all histories together, the least recently written
	// is emptied first; zero: 64 MiB. Not less than HistoryBytes.
	HistoryTotal int

	// WriteTimeout is how long a spectator may take nothing while something waits for it; zero: 10 s. One
	// that exceeds it is closed with [CloseTooSlow].
	WriteTimeout time.Duration
	// PingEvery is the time between pings; zero: 20 s. A spectator that leaves
	// two of them unanswered is closed.
	PingEvery time.Duration
	// StatusEvery is the time between status frames; zero: 10 s, which is
	// also the most that clients are promised.
	StatusEvery time.Duration
	// SummaryEvery is the time between the summaries of the boards that a spectator does not watch; zero: 1 s.
	SummaryEvery time.Duration
	// CloseTimeout is how long a connection may take to say goodbye, and so
	// about how long [Hub.Close] may take; zero: 1 s.
	CloseTimeout time.Duration
	// SendBuffer is the kernel's send buffer of each connection in bytes; zero:
	// 64 KiB. Left to itself the kernel would buffer megabytes for a spectator
	// that does not read, and it would be found out only after those.
	SendBuffer int

	// Workers is how many goroutines write to the spectators; zero: GOMAXPROCS. At most 64.
	Workers int

	// MaxSpectators is how many connections there may be; zero: 100,000. In any case there are no
	// more than leave the process [SpareFiles] of the files that it may have open.
	MaxSpectators int
	// MaxPerSecond is how many may come in a second, and as many at once after a calm; zero: 20,000. The others are
	// asked to come back a little later, each at another moment, so that those who are here do not wait for those who come.
	MaxPerSecond int
	// MaxPerAddress is how many of them may have one address; zero: 200, since
	// a whole playing hall may sit behind one.
	MaxPerAddress int
	// MaxClientFrame is the longest message taken from a client, in bytes;
	// zero: 1024.
	MaxClientFrame int
	// MaxClientFrames is how many frames, pings and pongs among them, are taken
	// from a client in ten seconds; zero: 50.
	MaxClientFrames int

	// Viewer returns how the client sees each round, or all rounds if the id is empty; nil if it
	// has the public's sight. The hub asks again and again while the client watches, since a token
	// may be revoked. Nil: every client has the public's sight.
	Viewer func(*http.Request) Viewer

	// AllowedOrigins are the origins, such as "https://example.org", whose
	// pages may connect besides this host's own. "*" allows every one.
	AllowedOrigins []string
	// Proxies are the networks of proxies whose X-Forwarded-For is believed, so that MaxPerAddress counts for whoever is
	// behind them. Zero: nobody's is, and all behind a proxy are one. An IPv6 address counts for its whole /64.
	Proxies []netip.Prefix
}

// A Viewer returns a client's present sight of a round.
type Viewer func(relay.RoundID) relay.Sight

// sees returns the client's sight of the round. A nil Viewer has the public's.
func (v Viewer) sees(id relay.RoundID) relay.Sight {
	if v == nil {
		return relay.Public
	}
	return v(id)
}

// maxStatusEvery is what clients are promised: one that has heard nothing for
// longer may take the connection for dead.
const maxStatusEvery = 10 * time.Second

// maxWorkers is the bits of round.workers.
const maxWorkers = 64

// spareFiles are for what else a node has open: its log, its peers, requests.
const spareFiles = 500

// SpareFiles returns how many of the files that a process may have open are not for spectators:
// 500, or half of them if they are few.
func SpareFiles(files int) int { return min(spareFiles, (files+1)/2) }

func (c Config) withDefaults() (Config, error) {
	if c.Cluster == "" {
		return c, errors.New("broadcast: Config.Cluster is required")
	}
	if c.Boards == nil {
		return c, errors.New("broadcast: Config.Boards is required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Viewer == nil {
		c.Viewer = func(*http.Request) Viewer { return nil }
	}
	for _, f := range []struct {
		name  string
		value *int
		zero  int
	}{
		{"HistoryEvents", &c.HistoryEvents, 4096},
		{"HistoryBytes", &c.HistoryBytes, 4 << 20},
		{"HistoryTotal", &c.HistoryTotal, max(64<<20, c.HistoryBytes)},
		{"SendBuffer", &c.SendBuffer, 64 << 10},
		{"MaxClientFrame", &c.MaxClientFrame, 1024},
		{"MaxClientFrames", &c.MaxClientFrames, 50},
	} {
		if *f.value == 0 {
			*f.value = f.zero
		}
		if *f.value < 0 {
			return c, fmt.Errorf("broadcast: Config.%s is negative", f.name)
		}
	}
	if c.Workers == 0 {
		c.Workers = min(runtime.GOMAXPROCS(0), maxWorkers)
	}
	if c.Workers < 0 || c.Workers > maxWorkers {
		return c, fmt.Errorf("broadcast: Config.Workers is %d; it must be from 1 to %d", c.Workers, maxWorkers)
	}
	for _, f := range []struct {
		name  string
		value *time.Duration
		zero  time.Duration
	}{
		{"WriteTimeout", &c.WriteTimeout, 10 * time.Second},
		{"PingEvery", &c.PingEvery, 20 * time.Second},
		{"StatusEvery", &c.StatusEvery, maxStatusEvery},
		{"CloseTimeout", &c.CloseTimeout, time.Second},
		{"SummaryEvery", &c.SummaryEvery, time.Second},
	} {
		if *f.value == 0 {
			*f.value = f.zero
		}
		if *f.value < 0 {
			return c, fmt.Errorf("broadcast: Config.%s is negative", f.name)
		}
	}
	if c.StatusEvery > maxStatusEvery {
		return c, fmt.Errorf("broadcast: Config.StatusEvery is %v; clients are promised %v", c.StatusEvery, maxStatusEvery)
	}
	if c.HistoryTotal < c.HistoryBytes {
		return c, errors.New("broadcast: Config.HistoryTotal is less than HistoryBytes")
	}
	if c.MaxSpectators == 0 {
		c.MaxSpectators = 100_000
	}
	if files := OpenFiles(); files > 0 {
		if most := files - SpareFiles(files); c.MaxSpectators < 0 || c.MaxSpectators > most {
			c.MaxSpectators = most
		}
	}
	if c.MaxPerSecond == 0 {
		c.MaxPerSecond = 20_000
	}
	if c.MaxPerAddress == 0 {
		c.MaxPerAddress = 200
	}
	return c, nil
}
