package broadcast

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// address returns the address for which the limits count a request.
func (c *Config) address(r *http.Request) string {
	at, ok := address(r, c.Proxies)
	if !ok {
		return r.RemoteAddr
	}
	// A client with one IPv6 address has the 2^64 beside it, too.
	if at.Is6() {
		if net64, err := at.Prefix(64); err == nil {
			return net64.String()
		}
	}
	return at.String()
}

// Address returns the address that a request comes from. Behind one of the proxies, it is the last
// address in X-Forwarded-For that is not a proxy. The client may have written anything before that.
func Address(r *http.Request, proxies []netip.Prefix) string {
	at, ok := address(r, proxies)
	if !ok {
		return r.RemoteAddr
	}
	return at.String()
}

func address(r *http.Request, proxies []netip.Prefix) (at netip.Addr, ok bool) {
	if at, ok = parseAddress(r.RemoteAddr); !ok {
		return at, false
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && isProxy(at, proxies); i-- {
		before, ok := parseAddress(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		at = before
	}
	return at, true
}

func isProxy(at netip.Addr, proxies []netip.Prefix) bool {
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(at) })
}

// parseAddress reads an IP address, with or without a port.
func parseAddress(s string) (netip.Addr, bool) {
	at, err := netip.ParseAddr(s)
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		if err != nil {
			return at, false
		}
		at = withPort.Addr()
	}
	return at.Unmap().WithZone(""), true
}
