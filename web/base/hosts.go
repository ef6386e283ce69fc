package base

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// A page of any site can make its own name lead to this node (DNS rebinding). The browser then
// takes the node for that site: it lets the page submit here, and read the answers. But the name in
// Host is the site's. So a request that changes something, or reads what is not for everybody, must
// use a name of this node.
//
// Nobody can rebind IP addresses and localhost. The public's reads are left alone. Any page may
// read them anyway (Access-Control-Allow-Origin), and no browser adds credentials to them by
// itself. Spectators also come by names that nobody has told the node.

// SubmittedHere refuses submissions that name another host.
func (s *Server) SubmittedHere(next http.Handler) http.Handler {
	asked := s.AskedHere(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
			next.ServeHTTP(w, r)
		default:
			asked.ServeHTTP(w, r)
		}
	})
}

// AskedHere refuses every request that names another host.
func (s *Server) AskedHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.NamesUs(r) {
			s.Fail(w, r, &Error{
				Status: http.StatusMisdirectedRequest, Code: "unknown_host",
				Message: "this node does not go by the name " + hostName(r.Host) + ": ask for it by an IP address or the host of its --advertise-http, or start it with --allow-host " + hostName(r.Host),
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// NamesUs reports whether the request names a host that is this cluster's.
func (s *Server) NamesUs(r *http.Request) bool {
	host := hostName(r.Host)
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || s.byProxy(r) {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	if host == HostOf(s.URL) || slices.ContainsFunc(s.Hosts, func(h string) bool { return hostName(h) == host }) {
		return true
	}
	if s.Node == nil {
		return false
	}
	for _, m := range s.Node.Members() {
		if HostOf(m.HTTP) == host {
			return true
		}
	}
	return false
}

// byProxy reports whether the request comes from a trusted proxy.
func (s *Server) byProxy(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	at := from.Addr().Unmap().WithZone("")
	return err == nil && slices.ContainsFunc(s.Proxies, func(p netip.Prefix) bool { return p.Contains(at) })
}

// hostName returns a host without its port, in one form.
func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// HostOf returns the host of a URL without its port, in one form; empty if it has none.
func HostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return hostName(u.Host)
}
