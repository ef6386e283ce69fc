package consensus

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Reachable returns a listener's address as others can dial it. For a listener on every address of
// this machine, it picks one that other machines can reach.
func Reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.IsUnspecified() {
		return a.String()
	}
	addrs, _ := net.InterfaceAddrs() // if none, loopback has to do
	return net.JoinHostPort(ownAddress(addrs, ip.Is4()), port)
}

// ownAddress picks the address at which others most likely reach this machine: IPv4, then global
// IPv6, then loopback. Link-local addresses come after global ones, as they are good on one line
// only. only4 is for listeners without IPv6.
func ownAddress(addrs []net.Addr, only4 bool) string {
	best, least := "127.0.0.1", 7
	for _, a := range addrs {
		prefix, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, _ := netip.AddrFromSlice(prefix.IP)
		ip = ip.Unmap()
		rank := 0
		switch {
		case !ip.IsValid() || only4 && !ip.Is4():
			continue
		case ip.IsGlobalUnicast() && ip.Is4():
			rank = 1
		case ip.IsGlobalUnicast():
			rank = 2
		case ip.IsLinkLocalUnicast() && ip.Is4():
			rank = 3
		case ip.IsLoopback() && ip.Is4():
			rank = 4
		case ip.IsLoopback():
			rank = 5
		default: // an IPv6 link-local address needs a zone, which differs between machines
			continue
		}
		if rank < least {
			best, least = ip.String(), rank
		}
	}
	return best
}

// CheckPeer refuses what is not an address of a peer port that others can dial.
func CheckPeer(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || !isPort(port) || strings.ContainsAny(host, " /") {
		return fmt.Errorf("%q is not a host and a port, such as venue-1:9080", address)
	}
	if err := checkText(address); err != nil {
		return err
	}
	return checkHost(host)
}

// CheckHTTP refuses what is not a base URL of an API that others can reach.
func CheckHTTP(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Port() != "" && !isPort(u.Port()) ||
		u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.ContainsAny(u.Host, " /") {
		return fmt.Errorf("%q is not a URL such as http://venue-1:8080", base)
	}
	if err := checkText(base); err != nil {
		return err
	}
	return checkHost(u.Hostname())
}

// checkHost refuses a host that stands for every address of a machine: nobody can dial it.
func checkHost(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil && ip.WithZone("").Unmap().IsUnspecified() {
		return fmt.Errorf("%s is not an address that others can reach: it stands for every address of a machine", host)
	}
	return nil
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// checkText refuses characters that could disturb a terminal, a log or a page. They are listed
// here, as in package relay, since the tables of package unicode change with the Go version.
func checkText(s string) error {
	for _, r := range s {
		switch {
		case r < 0x20, r >= 0x7f && r <= 0x9f, r == 0x2028, r == 0x2029:
			return fmt.Errorf("%q has a control character, U+%04X", s, r)
		case r == 0xad, r == 0x61c, r == 0x180e, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e,
			r >= 0x2060 && r <= 0x206f, r == 0xfeff, r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe0fff:
			return fmt.Errorf("%q has an invisible character, U+%04X", s, r)
		}
	}
	return nil
}

// sameAddress returns an address that both members have, if any.
func sameAddress(a, b Member) (string, bool) {
	switch {
	case strings.EqualFold(a.Peer, b.Peer):
		return a.Peer, true
	case a.HTTP != "" && strings.EqualFold(strings.TrimRight(a.HTTP, "/"), strings.TrimRight(b.HTTP, "/")):
		return a.HTTP, true
	}
	return "", false
}

// validateText checks a member's name and addresses.
func (m Member) validateText() error {
	if err := CheckName(m.Name); err != nil {
		return err
	}
	if err := CheckPeer(m.Peer); err != nil {
		return fmt.Errorf("the peer address %w", err)
	}
	if m.HTTP == "" { // it has no API
		return nil
	}
	if err := CheckHTTP(m.HTTP); err != nil {
		return fmt.Errorf("the URL %w", err)
	}
	return nil
}

// CheckName refuses what cannot be the name of a member or an edge.
func CheckName(name string) error {
	switch {
	case name == "" || len(name) > maxName:
		return fmt.Errorf("the name must have 1 to %d bytes", maxName)
	case strings.Trim(name, " \u00a0\u3000") != name:
		return errors.New("the name must not begin or end with a space")
	case checkText(name) != nil:
		return fmt.Errorf("the name %w", checkText(name))
	}
	return nil
}
