package main

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// environmentHelp ends every command's --help.
const environmentHelp = `
Every flag can also be set by an environment variable: --log-level is CHESSRELAY_LOG_LEVEL.
A flag on the command line wins over it.
`

const environmentPrefix = "CHESSRELAY_"

// fromEnvironment marks a flag that a variable has set.
const fromEnvironment = "environment"

// environmentName is the variable that sets a flag.
func environmentName(flag string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// setFromEnvironment sets every flag that was not given on the command line
// from its environment variable. An empty variable counts as none, as compose
// files and unit files write those.
func setFromEnvironment(flags *pflag.FlagSet, getenv func(string) string) error {
	var first error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || f.Name == "version" {
			return
		}
		name := environmentName(f.Name)
		value := getenv(name)
		if value == "" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil && first == nil {
			first = usagef("the environment variable %s: %v", name, err)
		}
		f.Annotations = map[string][]string{fromEnvironment: {name}}
	})
	return first
}

// needFlags refuses a command line on which one of these flags is missing.
func needFlags(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f.Value.String() == "" {
			_, usage := pflag.UnquoteUsage(f)
			return usagef("--%s is missing: %s", name, usage)
		}
	}
	return nil
}

// excludeFlags refuses a command line on which more than one of these flags is set.
func excludeFlags(cmd *cobra.Command, names ...string) error {
	given := ""
	for _, name := range names {
		switch f := cmd.Flags().Lookup(name); {
		case !f.Changed || f.Value.String() == "false":
		case given != "":
			return usagef("--%s and --%s exclude each other", given, name)
		default:
			given = name
		}
	}
	return nil
}

// exactArgs wants one argument for each of names, which the message speaks of.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usagef("%s is missing", names[len(args)])
		case len(args) > len(names):
			return usagef("there is an argument too many: %q", args[len(names)])
		}
		return nil
	}
}

// checkOrigin wants an origin as browsers send it (RFC 6454, 6.1), or * for all of them.
func checkOrigin(s string) error {
	u, err := url.Parse(s)
	if s == "*" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && s == u.Scheme+"://"+u.Host {
		return nil
	}
	return usagef("--allow-origin is the scheme and the host of a site, such as https://club.example, or *, not %q", s)
}

// parseProxies reads networks in CIDR notation, or single addresses.
func parseProxies(list []string) (proxies []netip.Prefix, err error) {
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			at, err := netip.ParseAddr(s)
			if err != nil {
				return nil, usagef("--trust-proxy is a network or an address, such as 10.0.0.0/8 or 127.0.0.1, not %q", s)
			}
			p = netip.PrefixFrom(at, at.BitLen())
		}
		proxies = append(proxies, p.Masked())
	}
	return proxies, nil
}

// parseNodes reads a comma-separated list of nodes' base URLs. A node may be
// given as host:port too.
func parseNodes(list string) ([]string, error) {
	var nodes []string
	for _, s := range strings.Split(list, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		node, err := parseNode(s)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	if len(nodes) == 0 {
		return nil, usagef("the URL of a node is missing, such as http://127.0.0.1:8080")
	}
	return nodes, nil
}

// parseNode reads one node's base URL, and gives it without a slash at its end.
func parseNode(s string) (string, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", usagef("%q is not the URL of a node, such as http://127.0.0.1:8080", s)
	}
	u.User, u.Path, u.RawPath = nil, strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u.String(), nil // which escapes the zone of an address: http://[fe80::1%25eth0]:8080
}

// validateTLS checks the flags that say how the node is reached.
func validateTLS(c *node.Config) error {
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return usagef("--tls-cert and --tls-key are given together")
	case c.TLSCert != "" && len(c.ACME) > 0:
		return usagef("--tls-cert and --acme exclude each other")
	case len(c.ACME) == 0 && (c.ACMEDirectory != "" || c.ACMECache != ""):
		return usagef("--acme is missing: the hosts that a certificate is asked for")
	case len(c.ACME) > 0 && c.Data == "" && c.ACMECache == "":
		return usagef("--acme-cache is missing: an edge has no --data to keep certificates in")
	case c.HTTPRedirect != "" && !c.TLS():
		return usagef("--http-redirect needs --tls-cert or --acme: there is nothing to send browsers to")
	}
	for flag, address := range map[string]string{"http-redirect": c.HTTPRedirect, "admin-http": c.AdminHTTP} {
		if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
			return usagef("--%s is an address to listen on, such as 127.0.0.1:6060, not %q", flag, address)
		}
	}
	for _, host := range append(slices.Clone(c.ACME), c.AllowHosts...) {
		if u, err := url.Parse("http://" + host); err != nil || host == "" || u.Hostname() != host || u.Host != host {
			return usagef("--acme and --allow-host are names of hosts, such as chess.example.org, not %q", host)
		}
	}
	if c.TLS() && c.AdvertiseHTTP != "" {
		if !strings.Contains(c.AdvertiseHTTP, "://") {
			c.AdvertiseHTTP = "https://" + c.AdvertiseHTTP
		}
		if strings.HasPrefix(c.AdvertiseHTTP, "http://") {
			return usagef("--advertise-http is %s, and the node speaks TLS: say https", c.AdvertiseHTTP)
		}
	}
	return nil
}

// readCA is the CAs of the system and those in a PEM file. Without a file it is nil, which stands
// for the system's.
func readCA(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--tls-ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--tls-ca %s holds no certificate in PEM", file)
	}
	return pool, nil
}

// checkJoin refuses what --join cannot be: it is an invitation, the URL of a member on this
// machine, a file that holds an invitation, or, for a node that is a member already, the address of
// another one's --peer port.
func checkJoin(join string) (string, error) {
	if consensus.IsEdgeInvitation(join) {
		return "", usagef("--join: this invitation is for --role edge; run `chessrelay venue invite URL` for one of a member")
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
