package consensus

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMembersWarnOfAWipedFounder has a founder come back without its data before the others. Nobody
// looks for it yet, so it founds a second, empty cluster. It warns once the others look for it.
func TestMembersWarnOfAWipedFounder(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	founder := c.nodes[0]
	member, former := founder.ID(), founder.ClusterID()
	for _, n := range c.nodes {
		n.kill()
	}
	if err := os.RemoveAll(founder.cfg.Dir); err != nil {
		t.Fatal(err)
	}
	founder.list = &list{}
	founder.cfg.Machine = founder.list
	founder.start()
	if got := founder.Warnings(); len(got) > 0 || founder.ClusterID() == former {
		t.Fatalf("cluster %s, after %s, warns of %q", founder.ClusterID(), former, got)
	}
	for _, n := range c.nodes[1:] {
		n.start()
	}
	want := fmt.Sprintf("for member %s of cluster %s;", member, former)
	waitFor(t, "a warning", func() bool { return strings.Contains(strings.Join(founder.Warnings(), ""), want) })
	for _, n := range c.nodes[1:] {
		if got := n.soughtWarnings(); len(got) > 0 {
			t.Errorf("%s warns of %q", n.cfg.Name, got)
		}
	}
}

// TestStrangersSeekNames has strangers ask a node for names that no member has, and for its own.
func TestStrangersSeekNames(t *testing.T) {
	t.Parallel()
	n := newCluster(t, 1).nodes[0]
	const member = "0123456789abcdef.fedcba9876543210"
	ask := func(name string) {
		raw, err := net.Dial("tcp", n.PeerAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		c := tls.Client(raw, &tls.Config{MinVersion: tls.VersionTLS13, ServerName: name, InsecureSkipVerify: true})
		err = c.HandshakeContext(within(t, 60*time.Second))
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"", "x" + memberDomain, "send-money.to-me" + memberDomain, member, member + ".example.org", "a." + member + memberDomain,
		"0000000000000000.fedcba9876543210" + memberDomain, "0123456789abcdef.a" + memberDomain, memberDNS(n.clusterID, n.id),
	} {
		ask(name)
		if got := n.Warnings(); len(got) > 0 {
			t.Errorf("asked for %q, it warns of %q", name, got)
		}
	}
	ask(member + memberDomain)
	want := "for member 0123456789abcdef of cluster fedcba9876543210;"
	waitFor(t, "a warning", func() bool { return strings.Contains(strings.Join(n.Warnings(), ""), want) })
}

// TestSoughtNamesAreRemembered checks what a node remembers of the names that were sought.
func TestSoughtNamesAreRemembered(t *testing.T) {
	var s sought
	start := time.Unix(1000, 0)
	if name, others := s.newest(start); name != "" || others != 0 {
		t.Fatalf("%q and %d others at first", name, others)
	}
	if !s.add("a", start) || !s.add("b", start.Add(time.Second)) || s.add("a", start.Add(2*time.Second)) {
		t.Fatal("a name is new when it is sought first, and not again")
	}
	if name, others := s.newest(start.Add(2 * time.Second)); name != "a" || others != 1 {
		t.Errorf("%q and %d others; a was sought last", name, others)
	}
	later := start.Add(2*time.Second + soughtFor)
	if name, others := s.newest(later); name != "a" || others != 0 {
		t.Errorf("%q and %d others; b was sought too long ago", name, others)
	}
	for i := range 10 * maxUnknown {
		s.add(fmt.Sprint("stranger", i), later)
	}
	if _, others := s.newest(later); others != maxUnknown-1 {
		t.Errorf("%d others are remembered", others)
	}
	if !s.add("b", later.Add(2*soughtFor)) {
		t.Error("it remembers strangers for ever")
	}
}
