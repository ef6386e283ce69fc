package main

import (
	"slices"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
)

// crowdConfig is for the operation "crowd", which makes a child the spectators of one server.
type crowdConfig struct {
	Addr string   `json:"addr"`
	Path string   `json:"path"`
	Says []string `json:"says,omitempty"`
	// Group distinguishes crowds, so that each comes from its own addresses.
	Group int `json:"group"`
}

// fanPerAddress is how many spectators come from one address: fewer than
// broadcast.Config.MaxPerAddress, and fewer than there are ports.
const fanPerAddress = 100

// comeArgs have spectators connect until there are Count.
type comeArgs struct {
	Count int `json:"count"`
	// Slow of them read almost nothing from then on.
	Slow int `json:"slow,omitempty"`
	// Window is how many may be connecting at once; 0: all.
	Window int `json:"window,omitempty"`
	// Cut first ends all connections.
	Cut bool `json:"cut,omitempty"`
}

// came is how long the new spectators took: from the beginning of the operation until each had its
// snapshot.
type came struct {
	Count   int           `json:"count"`
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	Last    time.Duration `json:"last"`
	Retries int           `json:"retries"` // refused, closed or failed, and tried again
}

// recordArgs say which events to record.
type recordArgs struct {
	From  uint64 `json:"from"`
	Count int    `json:"count"`
}

// arrival is when one event reached the spectators, by clock.
type arrival struct {
	Count  int           `json:"count"`
	First  time.Duration `json:"first"`
	P50    time.Duration `json:"p50"`
	P99    time.Duration `json:"p99"`
	Last   time.Duration `json:"last"`
	Missed int           `json:"missed,omitempty"` // spectators that got a snapshot instead
}

// awaitArgs wait until all spectators that read have an event.
type awaitArgs struct {
	Index  uint64        `json:"index"`
	Within time.Duration `json:"within"`
}

// awaited is when the last spectator had it.
type awaited struct {
	At      time.Duration `json:"at"`
	Missing int           `json:"missing"` // spectators that were closed, or did not get it in time
}

// crowdState is what a crowd has seen since it began. Spectators that are slow on purpose count in
// Slow and Closed only.
type crowdState struct {
	Here   int `json:"here"`   // connected, and with a snapshot
	Slow   int `json:"slow"`   // the slow ones among Here
	Closed int `json:"closed"` // connections that the server ended, or that broke
	// ClosedSlow are the slow ones among Closed.
	ClosedSlow int            `json:"closedSlow"`
	Reasons    map[string]int `json:"reasons,omitempty"` // of Closed, and of spectators that did not get in

	Events   uint64 `json:"events"`   // delivered
	Messages uint64 `json:"messages"` // WebSocket messages, of any kind
	Reads    uint64 `json:"reads"`
	Bytes    uint64 `json:"bytes"`
	Gaps     uint64 `json:"gaps"`    // events that never came
	Again    uint64 `json:"again"`   // events that came twice, or late
	Forward  uint64 `json:"forward"` // events that a later snapshot replaced
	Sample   string `json:"sample"`  // the last event of the first spectator
}

// arrivalOf sums up one event: when it first came, and how much later each had it.
func arrivalOf(first time.Duration, later []uint32, missed int) arrival {
	if len(later) == 0 {
		return arrival{Missed: missed}
	}
	slices.Sort(later)
	at := func(q float64) time.Duration { return first + time.Duration(node.Quantile(later, q))*laterUnit }
	return arrival{Count: len(later), First: first, P50: at(0.5), P99: at(0.99), Last: at(1), Missed: missed}
}

// laterUnit is the unit of the recorded delays between the first spectator's arrival of an event
// and another's.
const laterUnit = 100 * time.Nanosecond
