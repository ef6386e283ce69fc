package broadcast

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// View reads the boards of this node.
type View interface {
	// Read calls fn with the state as of log index applied. fn must be quick, since the apply loop
	// may wait for it. It must not keep s; the values that s returns are immutable and may be kept.
	Read(fn func(applied uint64, s *relay.State))
}

// Config configures a [Hub]. A zero field means its default; a negative limit on spectators means
// no limit.
type Config struct {
	// Cluster is the cluster's id. A spectator with another id is refused with [CloseOtherCluster].
	// Required.
	Cluster string
	// Node is this node's name, for hello frames.
	Node string
	// Nodes returns the URLs of other nodes, at which a spectator that loses this one goes on.
	// Their pages may connect here. Nil: there are none. It is called for each spectator, so it
	// must be quick.
	Nodes func() []string
	// Boards are the boards that spectators see. Required.
	Boards View
	// Log is for what an operator must know; single spectators are logged at debug level only. Nil:
	// nothing is logged.
	Log *slog.Logger

	// HistoryEvents is how many frames a round's history keeps; zero: 4096. A spectator that is
	// further behind gets a snapshot.
	HistoryEvents int
	// HistoryBytes bounds the same history by memory; zero: 4 MiB. Dropped frames may stay for a
	// while, so it may take twice as much.
	HistoryBytes int
	// HistoryTotal bounds all histories together; zero: 64 MiB. The least recently written history
	// is emptied first. It must not be less than HistoryBytes.
	HistoryTotal int

	// WriteTimeout is how long a spectator may take nothing while something waits for it; zero: 10
	// s. Then it is closed with [CloseTooSlow].
	WriteTimeout time.Duration
	// PingEvery is the time between pings; zero: 20 s. A spectator that answers neither of two
	// pings is closed.
	PingEvery time.Duration
	// StatusEvery is the time between status frames; zero: 10 s, which is also the most that
	// clients are promised.
	StatusEvery time.Duration
	// maxStatusEvery is for tests in which no status frame may be routine. Zero: the constant.
	maxStatusEvery time.Duration
	// SummaryEvery is the time between summaries of the boards that a spectator does not watch;
	// zero: 1 s.
	SummaryEvery time.Duration
	// CloseTimeout is how long a connection may take to close, and so about how long [Hub.Close]
	// may take; zero: 1 s.
	CloseTimeout time.Duration
	// SendBuffer is the kernel's send buffer of each connection in bytes; zero: 64 KiB. By itself
	// the kernel would buffer megabytes for a spectator that does not read, which would hide that
	// it is slow.
	SendBuffer int

	// Workers is how many goroutines write to the spectators; zero: GOMAXPROCS. At most 64.
	Workers int

	// MaxSpectators is how many connections there may be; zero: 100,000. In any case [SpareFiles]
	// of the process's files are left.
	MaxSpectators int
	// MaxPerSecond is how many spectators may join in a second, and at once after a quiet second;
	// zero: 20,000. The others are refused with 429 and a random Retry-After, so that newcomers do
	// not hold up the present spectators.
	MaxPerSecond int
	// MaxPerAddress is how many spectators may have one address; zero: 200, since a whole playing
	// hall may share one.
	MaxPerAddress int
	// MaxClientFrame is the longest message that a client may send, in bytes; zero: 1024.
	MaxClientFrame int
	// MaxClientFrames is how many frames a client may send in ten seconds, pings and pongs
	// included; zero: 50.
	MaxClientFrames int

	// Viewer returns how the client sees each round, or all rounds if the id is empty; nil if it
	// has the public's sight. The hub asks again and again while the client watches, since a token
	// may be revoked. Nil: every client has the public's sight.
	Viewer func(*http.Request) Viewer

	// Evaluations has what engines think of positions. Nil: spectators are told nothing of it.
	Evaluations Evaluations
	// WatchedBelow returns what the spectators of the edges below watch with evaluations. Nil:
	// nothing.
	WatchedBelow func() []Watched

	// AllowedOrigins are the origins, such as "https://example.org", whose pages may connect
	// besides this host's own. "*" allows every origin.
	AllowedOrigins []string
	// Proxies are the networks of proxies whose X-Forwarded-For is believed, so that MaxPerAddress
	// counts the clients behind them. Without them, all clients behind a proxy count as one. An
	// IPv6 address counts as its /64.
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

// maxStatusEvery is what clients are promised: a client that has heard nothing for longer may take
// the connection for dead.
const maxStatusEvery = 10 * time.Second

// maxWorkers is the number of bits in topic.workers.
const maxWorkers = 64

// spareFiles is how many files a node needs for its log, its peers and requests.
const spareFiles = 500

// SpareFiles returns how many of a process's files are not for spectators: 500, or half of them if
// they are few.
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
	if most := cmp.Or(c.maxStatusEvery, maxStatusEvery); c.StatusEvery > most {
		return c, fmt.Errorf("broadcast: Config.StatusEvery is %v; clients are promised %v", c.StatusEvery, most)
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
