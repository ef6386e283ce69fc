package pull

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// Allow is the part of the local network that may be asked. The zero value allows nothing of it.
type Allow struct {
	names []name
	nets  []network
}

type name struct {
	host string // in lower case
	port string // empty: any
}

type network struct {
	prefix netip.Prefix
	port   string
}

// ParseAllow reads "host[:port],CIDR…". An address or a range may be reached by any name. A name
// may have any address.
func ParseAllow(s string) (Allow, error) {
	var a Allow
	for entry := range strings.SplitSeq(s, ",") {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if entry == "" {
			continue
		}
		if p, err := netip.ParsePrefix(entry); err == nil {
			a.nets = append(a.nets, network{prefix: p.Masked()})
			continue
		}
		host, port, err := net.SplitHostPort(entry)
		if err != nil {
			host, port = strings.Trim(entry, "[]"), ""
		} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return a, fmt.Errorf("%q has no port from 1 to 65535", entry)
		}
		if ip, err := netip.ParseAddr(host); err == nil {
			a.nets = append(a.nets, network{netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()), port})
			continue
		}
		if host == "" || strings.ContainsAny(host, "/:@?#% ") {
			return a, fmt.Errorf("%q is not a host, host:port or CIDR", entry)
		}
		a.names = append(a.names, name{host, port})
	}
	return a, nil
}

func (a *Allow) allowsName(host, port string) bool {
	host = strings.ToLower(host)
	for _, n := range a.names {
		if n.host == host && (n.port == "" || n.port == port) {
			return true
		}
	}
	return false
}

func (a *Allow) allowsAddress(at netip.AddrPort) bool {
	for _, n := range a.nets {
		if n.prefix.Contains(at.Addr().Unmap()) && (n.port == "" || n.port == strconv.Itoa(int(at.Port()))) {
			return true
		}
	}
	return false
}

// localAddressError is returned for a local address that is not allowed. The text does not have the
// address: everybody can read it, and need not learn our network. The log has the address.
type localAddressError struct{ addr netip.Addr }

func (e *localAddressError) Error() string {
	return "the address leads into a local or reserved network; a node fetches from there only if its --pull-allow names it, and its log has the address"
}

// dial connects if the resolved address is public or allowed. The check sees the very address of
// the connection. So a name gains nothing by leading elsewhere the next time.
func (a *Allow) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if !a.allowsName(host, port) {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			if !isPublic(at.Addr()) && !a.allowsAddress(at) {
				return &localAddressError{at.Addr()}
			}
			return nil
		}
	}
	return d.DialContext(ctx, network, addr)
}

// reserved are the IANA's special-purpose ranges for which [netip.Addr.IsGlobalUnicast] is true.
// They are not in the public internet.
var reserved = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "3fff::/20",
)

// All assigned IPv6 addresses are in globalUnicast. The other two ranges embed an IPv4 address.
var (
	globalUnicast = netip.MustParsePrefix("2000::/3")
	nat64         = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour     = netip.MustParsePrefix("2002::/16")
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// isPublic reports whether the address is in the public internet.
func isPublic(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(addr) {
			return false
		}
	}
	if addr.Is4() {
		return true
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return isPublic(netip.AddrFrom4([4]byte(b[12:])))
	case sixToFour.Contains(addr):
		return isPublic(netip.AddrFrom4([4]byte(b[2:])))
	}
	return globalUnicast.Contains(addr)
}

// checkURL refuses what is no address of a web server. It refuses passwords too, since everybody
// may read the address.
func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("a source is fetched over http or https, not %q", u.Scheme)
	case u.Hostname() == "":
		return errors.New("the address has no host")
	case u.User != nil:
		return errors.New("the address has a user or a password in it, which everybody could read")
	}
	return nil
}
