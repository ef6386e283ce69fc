package consensus

import "net"

// Reachable returns an address of a listener as others can dial it: where it
// listens everywhere, with this machine's first address that is not loopback.
func Reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
		return a.String()
	}
	addrs, _ := net.InterfaceAddrs() // none: loopback has to do
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			return net.JoinHostPort(ip.IP.String(), port)
		}
	}
	return net.JoinHostPort("127.0.0.1", port)
}
