package consensus

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// TestInvalidMembersAreRefused tries names and addresses that cannot be.
func TestInvalidMembersAreRefused(t *testing.T) {
	good := withKey(Member{ID: 7, Name: "Kjøbenhavn 王", Role: Venue, Peer: "venue-1:9080", HTTP: "http://venue-1:8080"})
	for _, m := range []Member{
		good,
		{ID: 7, Name: "a b", Role: Venue, Peer: "127.0.0.1:1", HTTP: "https://[2001:db8::1]/relay"},
		{ID: 7, Name: "x", Role: Venue, Peer: "[fe80::1%eth0]:9080", HTTP: "http://[fe80::1%25eth0]:8080"},
		{ID: 7, Name: "x", Role: Venue, Peer: "[::1]:9080"},
	} {
		if err := withKey(m).validate(); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
	for _, name := range []string{
		"a\x1b[2J", "a\n", "a\x00", "a\x7f", "a\u009b", "a\u0085", "a\u2028", "\u202ea", "a\u2066", "a\u200f", "a\u200b", "a\ufeff",
		"a\u00ad", "\U000e0041", " a", "a ", " ", "\u3000",
	} {
		m := good
		m.Name = name
		if err := m.validate(); !errors.Is(err, ErrMembership) || checkText(err.Error()) != nil {
			t.Errorf("the name %q: %v", name, err)
		}
	}
	for _, peer := range []string{
		"venue-1", ":9080", "venue-1:", "venue-1:http", "venue-1:0", "venue-1:70000", "0.0.0.0:9080", "[::]:9080", "[::%eth0]:9080",
		"[::ffff:0.0.0.0]:9080", "a b:1", "a\x1b:1", "a\u202e:1", "http://a:1",
	} {
		m := good
		m.Peer = peer
		if err := m.validate(); !errors.Is(err, ErrMembership) {
			t.Errorf("the peer address %q: %v", peer, err)
		}
	}
	for _, base := range []string{
		"venue-1:8080", "ftp://a", "http://", "http://:8080", "http://a:0", "http://a:70000", "http://u:p@a", "http://a?x=1", "http://a#f", "http://a?",
		"http://0.0.0.0:8080", "http://[::]:8080", "javascript:alert(1)", "http://a/\x1b[2J", "http://a/\u202e", "http://a/\u009b",
	} {
		m := good
		m.HTTP = base
		if err := m.validate(); !errors.Is(err, ErrMembership) {
			t.Errorf("the URL %q: %v", base, err)
		}
	}
}

// TestAddressOfAnotherMemberIsRefused checks that no node joins at the address of a member, and
// that one joins there once that member is removed.
func TestAddressOfAnotherMemberIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	first := withKey(Member{ID: 77, Name: "first", Role: Venue, Peer: "127.0.0.1:1", HTTP: "http://First:80/relay"})
	if _, err := c.nodes[0].Admit(ctx, first); err != nil {
		t.Fatal(err)
	}
	for _, second := range []Member{
		{ID: 78, Name: "second", Role: Venue, Peer: first.Peer},
		{ID: 78, Name: "second", Role: Venue, Peer: c.nodes[1].PeerAddr()},
		{ID: 78, Name: "second", Role: Venue, Peer: "127.0.0.1:2", HTTP: "http://first:80/relay/"},
	} {
		if _, err := c.nodes[0].Admit(ctx, withKey(second)); !errors.Is(err, ErrMembership) || !strings.Contains(err.Error(), "belongs to member ") {
			t.Errorf("%+v: %v", second, err)
		}
	}
	// A member that moves may take the place of one that is away, and not of one that lives.
	lead := c.leader()
	waitFor(t, "the other one to be heard of", func() bool {
		for _, n := range c.nodes {
			if !lead.reachable(n.ID()) {
				return false
			}
		}
		return true
	})
	moved := first
	moved.Peer = c.nodes[1].PeerAddr()
	if _, err := lead.Admit(ctx, moved); !errors.Is(err, ErrMembership) {
		t.Errorf("it moved to %s, where a member lives: %v", moved.Peer, err)
	}
	away := withKey(Member{ID: 79, Name: "away", Role: Venue, Peer: "127.0.0.1:3"})
	if _, err := lead.Admit(ctx, away); err != nil {
		t.Fatal(err)
	}
	moved.Peer = away.Peer
	if _, err := lead.Admit(ctx, moved); err != nil {
		t.Errorf("it moved to where a member was that is away: %v", err)
	}
	if err := lead.Remove(ctx, first.ID); err != nil {
		t.Fatal(err)
	}
	if err := lead.Remove(ctx, away.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := lead.Admit(ctx, withKey(Member{ID: 80, Name: "third", Role: Venue, Peer: away.Peer, HTTP: first.HTTP})); err != nil {
		t.Errorf("the address of a member that was removed: %v", err)
	}
}

// TestDataDirectoryIsPrivate checks that other users of the machine cannot read a data directory.
// It contains the cluster's secret, and held commands.
func TestDataDirectoryIsPrivate(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	info, err := os.Stat(c.nodes[0].cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		t.Errorf("the data directory has the mode %v", mode)
	}
}

func TestOwnAddress(t *testing.T) {
	for _, tt := range []struct {
		has   string
		only4 bool
		want  string
	}{
		{"127.0.0.1 ::1 192.168.1.5 10.0.0.1 2001:db8::1", false, "192.168.1.5"},
		{"127.0.0.1 ::1 fe80::1 2001:db8::1 2001:db8::2", false, "2001:db8::1"}, // IPv6 only
		{"127.0.0.1 169.254.1.1 fd00::2", false, "fd00::2"},
		{"127.0.0.1 ::1 fe80::1 2001:db8::1", true, "127.0.0.1"},
		{"::1 127.0.0.1 169.254.1.1 fe80::1", false, "169.254.1.1"},
		{"::1 fe80::1", false, "::1"},
		{"::1 127.0.0.1", false, "127.0.0.1"},
		{"", false, "127.0.0.1"},
	} {
		var addrs []net.Addr
		for _, s := range strings.Fields(tt.has) {
			addrs = append(addrs, &net.IPNet{IP: net.ParseIP(s)})
		}
		if got := ownAddress(addrs, tt.only4); got != tt.want {
			t.Errorf("of %s it is %s, not %s", tt.has, got, tt.want)
		}
	}
	listening := &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 80, Zone: "eth0"}
	if got := Reachable(listening); got != "[fe80::1%eth0]:80" {
		t.Errorf("a listener on a link-local address is reached at %s", got)
	}
}
