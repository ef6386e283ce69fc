package main

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/pull"
	"github.com/spf13/cobra"
)

// This file checks what the flags of serve say.

// flagsOfRole refuses flags that the role does not use, and reads --upstream and an edge's --join.
func flagsOfRole(cmd *cobra.Command, role string, upstreams []string, cfg *node.Config) (err error) {
	if role != node.RoleEdge {
		if len(upstreams) > 0 {
			return usagef("--upstream is for --role edge; a %s joins the cluster with --join", role)
		}
		return needFlags(cmd, "data")
	}
	for _, name := range []string{"data", "peer", "bootstrap", "invite-to", "advertise-peer", "voters", "pull-allow", "max-inflight-msgs", "max-inflight-bytes"} {
		if cmd.Flags().Changed(name) {
			return usagef("--%s is for members of the cluster; an edge follows one, with --upstream or --join, and keeps nothing on disk", name)
		}
	}
	if len(upstreams) > 0 {
		if cfg.Upstreams, err = parseNodes(strings.Join(upstreams, ",")); err != nil {
			return err
		}
	}
	if cfg.Join != "" {
		return joinEdge(cfg, cmd.Flags().Lookup("token").Annotations[fromEnvironment] != nil)
	}
	if len(upstreams) == 0 {
		return usagef("--upstream is missing: the URL of the venue or edge to follow; or use --join with an invitation")
	}
	return nil
}

// maxEngineThreads is what Stockfish accepts.
const maxEngineThreads = 1024

// validate checks the flags, and brings URLs into one form.
func validate(c *node.Config) (err error) {
	if c.Role != node.RoleRecorder && c.Role != node.RoleVenue && c.Role != node.RoleEdge {
		return usagef("--role must be recorder, venue or edge, not %q", c.Role)
	}
	if c.Voters < 1 {
		return usagef("--voters must be at least 1, not %d", c.Voters)
	}
	if c.EngineThreads < 0 || c.EngineThreads > maxEngineThreads {
		return usagef("--engine-threads is from 1 to %d, not %d", maxEngineThreads, c.EngineThreads)
	}
	if c.MaxInflightMsgs < 0 {
		return usagef("--max-inflight-msgs must be at least 1, not %d", c.MaxInflightMsgs)
	}
	for _, f := range []struct {
		flag  string
		value int
		least int
		hint  string
	}{
		{"max-spectators", c.MaxSpectators, -1, "; -1 means no limit"},
		{"max-per-address", c.MaxPerAddress, -1, "; -1 means no limit"},
		{"max-joins", c.MaxJoins, -1, "; -1 means no limit"},
		{"history-events", c.HistoryEvents, 0, ""},
		{"history-bytes", c.HistoryBytes, 0, ""},
	} {
		if f.value < f.least {
			return usagef("--%s must be at least 1, not %d%s", f.flag, f.value, f.hint)
		}
	}
	for _, origin := range c.AllowOrigins {
		if err := checkOrigin(origin); err != nil {
			return err
		}
	}
	if _, err := pull.ParseAllow(c.PullAllow); err != nil {
		return usagef("--pull-allow: %v", err)
	}
	if _, _, err := net.SplitHostPort(c.HTTP); err != nil {
		return usagef("--http must be an address to listen on, such as :8080, not %q", c.HTTP)
	}
	if _, _, err := net.SplitHostPort(c.Peer); err != nil {
		return usagef("--peer must be an address to listen on, such as :9080, not %q", c.Peer)
	}
	if err := validateTLS(c); err != nil {
		return err
	}
	if c.Join != "" {
		if c.Join, err = checkJoin(c.Join); err != nil {
			return err
		}
	}
	if _, _, ok := relay.SplitToken(c.Token); c.Token != "" && !ok {
		return usagef("--token must look like cr_ID_SECRET; chessrelay token generate makes one that nobody can guess")
	}
	return validateAdvertised(c)
}

// validateTLS checks the flags that say how the node is reached.
func validateTLS(c *node.Config) error {
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return usagef("--tls-cert and --tls-key must be given together")
	case c.TLSCert != "" && len(c.ACME) > 0:
		return usagef("--tls-cert and --acme cannot be used together")
	case len(c.ACME) == 0 && (c.ACMEDirectory != "" || c.ACMECache != ""):
		return usagef("--acme is missing: the hosts to get a certificate for")
	case len(c.ACME) > 0 && c.Data == "" && c.ACMECache == "":
		return usagef("--acme-cache is missing: an edge has no --data to keep certificates in")
	case c.HTTPRedirect != "" && !c.TLS():
		return usagef("--http-redirect needs --tls-cert or --acme: there is nothing to send browsers to")
	}
	for flag, address := range map[string]string{"http-redirect": c.HTTPRedirect, "admin-http": c.AdminHTTP} {
		if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
			return usagef("--%s must be an address to listen on, such as 127.0.0.1:6060, not %q", flag, address)
		}
	}
	for _, host := range append(slices.Clone(c.ACME), c.AllowHosts...) {
		if u, err := url.Parse("http://" + host); err != nil || host == "" || u.Hostname() != host || u.Host != host {
			return usagef("--acme and --allow-host must be names of hosts, such as chess.example.org, not %q", host)
		}
	}
	if c.TLS() && c.AdvertiseHTTP != "" {
		if !strings.Contains(c.AdvertiseHTTP, "://") {
			c.AdvertiseHTTP = "https://" + c.AdvertiseHTTP
		}
		if strings.HasPrefix(c.AdvertiseHTTP, "http://") {
			return usagef("--advertise-http is %s, but the node speaks TLS: use https", c.AdvertiseHTTP)
		}
	}
	return nil
}

// checkOrigin accepts an origin as browsers send it (RFC 6454, 6.1), or * for all of them.
func checkOrigin(s string) error {
	u, err := url.Parse(s)
	if s == "*" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && s == u.Scheme+"://"+u.Host {
		return nil
	}
	return usagef("--allow-origin must be the scheme and the host of a site, such as https://club.example, or *, not %q", s)
}

// parseProxies reads networks in CIDR notation, or single addresses.
func parseProxies(list []string) (proxies []netip.Prefix, err error) {
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			at, err := netip.ParseAddr(s)
			if err != nil {
				return nil, usagef("--trust-proxy must be a network or an address, such as 10.0.0.0/8 or 127.0.0.1, not %q", s)
			}
			p = netip.PrefixFrom(at, at.BitLen())
		}
		proxies = append(proxies, p.Masked())
	}
	return proxies, nil
}

// checkJoin refuses what --join cannot be. It may be an invitation, a file that holds one, or the
// URL of a member on this machine. For a node that is a member already, it may also be the address
// of another member's --peer port.
func checkJoin(join string) (string, error) {
	if consensus.IsEdgeInvitation(join) {
		return "", usagef("--join: this invitation is for --role edge; run `chessrelay venue invite URL` for a member's")
	}
	if consensus.IsInvitation(join) {
		if _, err := consensus.ParseInvitation(join); err != nil {
			return "", usagef("--join: %v", err)
		}
		return join, nil
	}
	host, _, _ := net.SplitHostPort(join)
	if !strings.Contains(join, "://") && !isLoopback(host) {
		return join, nil
	}
	node, err := parseNode(join)
	if err != nil {
		return "", err
	}
	if u, err := url.Parse(node); err != nil || !isLoopback(u.Hostname()) {
		return "", usagef("--join takes an invitation; a URL is enough only on this machine, and %s is elsewhere: run `chessrelay venue invite URL` at a member", node)
	}
	return node, nil
}

// validateAdvertised refuses a name or an address that the others cannot use. A node must not tell
// them such a thing about itself.
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

// listensOnLoopback reports whether only this machine reaches an address to listen on.
func listensOnLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && isLoopback(host)
}

// isLoopback reports whether a host stands for the machine itself, by its address or its name.
func isLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.WithZone("").Unmap().IsLoopback()
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "localhost.localdomain" ||
		name == "ip6-localhost" || name == "ip6-loopback"
}

// joinEdge takes over the content of the invitation in --join, which is a word or a file. Other
// flags win. A token from an environment variable may be an admin's, for the commands of the same
// shell. If the invitation has a token, that one goes to the upstreams instead.
func joinEdge(c *node.Config, tokenOfEnvironment bool) error {
	text := c.Join
	switch {
	case consensus.IsInvitation(text):
		return usagef("--join is for members with this invitation; run `chessrelay edge invite URL` for an edge's")
	case strings.Contains(text, "://"), node.IsAddress(text):
		return usagef("--join is for members with a URL; an edge takes an invitation (chessrelay edge invite URL), or the URL as --upstream")
	case !consensus.IsEdgeInvitation(text):
		b, err := os.ReadFile(c.Join)
		if err != nil {
			return usagef("--join takes an invitation, or a file that holds one: %v", err)
		}
		text = string(b)
	}
	i, err := consensus.ParseEdgeInvitation(text)
	if err != nil {
		return usagef("--join: %v", err)
	}
	c.Join, c.Voucher = "", i.Voucher()
	if len(c.Upstreams) == 0 {
		c.Upstreams, c.Invited = i.Upstreams, true
	}
	if i.Token != "" && c.TokenFile == "" && (c.Token == "" || tokenOfEnvironment) {
		c.Token = i.Token
	}
	return nil
}
