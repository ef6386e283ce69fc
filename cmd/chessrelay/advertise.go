package main

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/consensus"
)

// validateAdvertised refuses what a node must not tell the others about itself: a name or an
// address that they cannot use.
func validateAdvertised(c *node.Config) (err error) {
	if err := consensus.CheckName(c.Name); err != nil {
		return usagef("--name: %v", err)
	}
	// In a cluster of one machine every address may be this machine's own. An edge has no peer
	// port.
	oneMachine := c.Role != node.RoleEdge && listensOnLoopback(c.Peer)
	if c.AdvertisePeer != "" {
		if err := consensus.CheckPeer(c.AdvertisePeer); err != nil {
			return usagef("--advertise-peer %v", err)
		}
		host, _, _ := net.SplitHostPort(c.AdvertisePeer)
		if isLoopback(host) && !oneMachine {
			return usagef("--advertise-peer %s: every other machine would find itself there; "+
				"name this machine's address, or listen on loopback, --peer 127.0.0.1:9080", c.AdvertisePeer)
		}
	}
	if c.AdvertiseHTTP == "" {
		return nil
	}
	if c.AdvertiseHTTP, err = parseNode(c.AdvertiseHTTP); err != nil {
		return err
	}
	if err := consensus.CheckHTTP(c.AdvertiseHTTP); err != nil {
		return usagef("--advertise-http %v", err)
	}
	u, err := url.Parse(c.AdvertiseHTTP)
	if err != nil {
		return usagef("--advertise-http: %v", err)
	}
	if isLoopback(u.Hostname()) && !oneMachine && !listensOnLoopback(c.HTTP) {
		return usagef("--advertise-http %s: every other machine would find itself there; "+
			"name this machine's address, or listen on loopback, --http 127.0.0.1:8080", c.AdvertiseHTTP)
	}
	return nil
}

// listensOnLoopback reports whether an address to listen on is reached from this machine only.
func listensOnLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && isLoopback(host)
}

// isLoopback reports whether a host is each machine's own, by its address or its name.
func isLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.WithZone("").Unmap().IsLoopback()
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "localhost.localdomain" ||
		name == "ip6-localhost" || name == "ip6-loopback"
}
