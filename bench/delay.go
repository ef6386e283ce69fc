package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// A delayLine is a TCP proxy in this process that makes the way to one address longer. Data from
// either side reaches the other a fixed time later. It is like a long cable, not like a thin one:
// everything sent within the delay is on its way at the same time. The limit is 1,024 chunks for
// each direction of a connection. A chunk is what one read returned, at most 32 KiB.
type delayLine struct {
	proxy *toxiproxy.Proxy
}

// newDelayLine listens on a free loopback port, and passes connections on to target and back.
func newDelayLine(target string, delay time.Duration) (*delayLine, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.New(io.Discard))
	d := &delayLine{toxiproxy.NewProxy(server, "to "+target, "127.0.0.1:0", target)}
	if err := d.proxy.Start(); err != nil {
		return nil, fmt.Errorf("proxy to %s: %w", target, err)
	}
	if delay == 0 {
		return d, nil
	}
	for _, way := range []string{"upstream", "downstream"} {
		toxic := fmt.Sprintf(`{"type": "latency", "stream": %q, "attributes": {"latency": %d}}`, way, delay.Milliseconds())
		if _, err := d.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			d.close()
			return nil, fmt.Errorf("proxy to %s: %w", target, err)
		}
	}
	return d, nil
}

// addr is where the line listens.
func (d *delayLine) addr() string { return d.proxy.Listen }

// close ends all connections.
func (d *delayLine) close() { d.proxy.Stop() }
