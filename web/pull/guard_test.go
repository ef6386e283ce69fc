package pull

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

func newDiscard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestPublic tries the first and last address of every range that is not public, and their
// neighbours.
func TestPublic(t *testing.T) {
	for _, s := range []string{
		"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.254",
		"169.254.0.1", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.0", "192.168.255.255",
		"198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1",
		"fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "fc00::1", "fdff::1", "fd00:ec2::254", "ff02::1", "ff0e::1",
		"64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1",
		"2002:7f00:1::", "2002:0a00:1::1", "2002:c0a8:101::1", "3fff::1", "4000::1", "5f00::1",
	} {
		if isPublic(netip.MustParseAddr(s)) {
			t.Errorf("%s was taken for public", s)
		}
	}
	for _, s := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.1.1.1", "128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.0",
		"192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8",
		"2606:4700::1111", "2a00:1450::1", "64:ff9b::8.8.8.8", "2002:808:808::1", "2001:4860::8888",
	} {
		if !isPublic(netip.MustParseAddr(s)) {
			t.Errorf("%s was taken for local", s)
		}
	}
}

// TestRefused fetches from addresses that lead into the local network, in all their spellings. A
// server is there, but must not be reached.
func TestRefused(t *testing.T) {
	heard := 0
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard++ }))
	defer inside.Close()
	u, err := url.Parse(inside.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{
		"127.0.0.1", "localhost", "localhost.", "LOCALHOST", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]", "[::1]",
		"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "10.0.0.1", "169.254.169.254", "[fe80::1]", "[fd00::1]", "192.168.0.1", "100.64.0.1", "224.0.0.1",
	} {
		f := newFetcher(Allow{})
		var b budget
		b.left.Store(MaxBytes)
		_, err := f.get(t.Context(), "http://"+host+":"+u.Port()+"/", validators{}, &b, MaxBytes)
		f.close()
		if err == nil {
			t.Errorf("%s was asked", host)
			continue
		}
		// The spellings with which C libraries know 127.0.0.1 are names here, and lead nowhere.
		if _, local := errors.AsType[*localAddressError](err); !local && !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("%s: %v", host, err)
		}
	}
	if heard > 0 {
		t.Errorf("the server inside was asked %d times", heard)
	}
}

// TestRedirects: a redirect is judged like an address, and redirections have an end.
func TestRedirects(t *testing.T) {
	heard := 0
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		heard++
		_, _ = w.Write([]byte("secret"))
	}))
	defer inside.Close()
	var to string
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := r.URL.Query().Get("n"); n != "" {
			if n != "0" {
				http.Redirect(w, r, fmt.Sprintf("/?n=%c", n[0]-1), http.StatusFound)
			}
			return
		}
		http.Redirect(w, r, to, http.StatusMovedPermanently)
	}))
	defer outside.Close()
	f := newFetcher(mustAllow(t, strings.TrimPrefix(outside.URL, "http://"))) // this port alone
	defer f.close()
	get := func(address string) error {
		var b budget
		b.left.Store(MaxBytes)
		_, err := f.get(t.Context(), address, validators{}, &b, MaxBytes)
		return err
	}
	for _, to = range []string{inside.URL, strings.Replace(inside.URL, "127.0.0.1", "localhost", 1), "http://169.254.169.254/latest/meta-data"} {
		err := get(outside.URL)
		if _, local := errors.AsType[*localAddressError](err); !local {
			t.Errorf("a redirect to %s: %v", to, err)
		}
	}
	for _, to = range []string{"file:///etc/passwd", "gopher://127.0.0.1/", "http://user:word@" + strings.TrimPrefix(outside.URL, "http://") + "/?n=0"} {
		if err := get(outside.URL); err == nil {
			t.Errorf("a redirect to %s was followed", to)
		}
	}
	if heard > 0 {
		t.Errorf("the server inside was asked %d times", heard)
	}
	if err := get(outside.URL + "/?n=3"); err != nil {
		t.Errorf("three redirects: %v", err)
	}
	if err := get(outside.URL + "/?n=4"); err == nil || !strings.Contains(err.Error(), "more than 3 times") {
		t.Errorf("four redirects: %v", err)
	}
}

// TestAllow checks addresses and names against what may be asked.
func TestAllow(t *testing.T) {
	a := mustAllow(t, " intranet.example:8080, Other.Example,10.1.0.0/16,127.0.0.1:9000,fd00::/8,[::1]:80,192.168.7.7")
	for at, want := range map[string]bool{
		"10.1.2.3:80": true, "10.2.0.1:80": false, "127.0.0.1:9000": true, "127.0.0.1:9001": false, "[::ffff:127.0.0.1]:9000": true,
		"[fd12::1]:443": true, "[::1]:80": true, "[::1]:81": false, "192.168.7.7:1": true, "192.168.7.8:1": false,
	} {
		if got := a.allowsAddress(netip.MustParseAddrPort(at)); got != want {
			t.Errorf("%s: %v", at, got)
		}
	}
	for _, n := range []struct {
		host, port string
		want       bool
	}{
		{"intranet.example", "8080", true}, {"INTRANET.example", "8080", true}, {"intranet.example", "80", false},
		{"other.example", "80", true}, {"x.other.example", "80", false}, {"10.1.2.3", "80", false},
	} {
		if got := a.allowsName(n.host, n.port); got != n.want {
			t.Errorf("%s:%s: %v", n.host, n.port, got)
		}
	}
	for _, bad := range []string{"host:port", "host:0", "host:70000", "10.0.0.0/99", "http://host", "a b", "user@host"} {
		if _, err := ParseAllow(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if a, err := ParseAllow(""); err != nil || a.names != nil || a.nets != nil {
		t.Errorf("nothing: %+v, %v", a, err)
	}
}

// TestLocalShown: the status of the source has the refusal in words.
func TestLocalShown(t *testing.T) {
	src := newSourceServer(t, "")
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL})
	s := newPoller(t, r, "")
	s.pollOnce(t.Context())
	if st := s.currentStatus(); !strings.Contains(st.LastError, "leads into a local or reserved network") || strings.Contains(st.LastError, "127.0.0.1") || src.count() > 0 {
		t.Errorf("%+v", st)
	}
}
