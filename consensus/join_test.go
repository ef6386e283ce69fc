package consensus

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// invitedBy has the next node join by the invitation i.
func invitedBy(t testing.TB, i Invitation) func(*Config) {
	t.Helper()
	again, err := ParseInvitation(i.String()) // as a person carries it
	if err != nil {
		t.Fatal(err)
	}
	return func(cfg *Config) { cfg.Join = again.Join }
}

func invite(t testing.TB, n *testNode, uses int) Invitation {
	t.Helper()
	i, _, err := n.Invite(within(t, 60*time.Second), uses, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// TestJoinByInvitation has two nodes join by one invitation for two. All go on together, also after
// a restart of all. A third node is refused.
func TestJoinByInvitation(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	i := invite(t, c.nodes[0], 2)
	c.add(invitedBy(t, i))
	if left := c.nodes[0].Invitations(); len(left) != 1 || left[0].Uses != 1 || left[0].Hash != "" {
		t.Errorf("after one use: %+v", left)
	}
	c.add(invitedBy(t, i))
	waitFor(t, "all to know that it is used up", func() bool {
		for _, n := range c.nodes {
			if len(n.Invitations()) > 0 {
				return false
			}
		}
		return true
	})
	c.nodes[0].propose("a")
	c.waitSame([]string{"a"})
	_, err := i.Join(within(t, 60*time.Second), applicant(77, "third"))
	if err == nil || !strings.Contains(err.Error(), "used up") {
		t.Errorf("a third: %v", err)
	}
	for _, n := range c.nodes {
		n.stop()
	}
	for _, n := range c.nodes {
		n.start()
	}
	c.leader().propose("b")
	c.waitSame([]string{"a", "b"})
}

func applicant(id MemberID, name string) Applicant {
	key, err := privateKey(keyOf(id))
	if err != nil {
		panic(err)
	}
	return Applicant{withKey(Member{ID: id, Name: name, Role: Venue, Peer: "127.0.0.1:1"}), key}
}

// TestInvitationsRefused tries to join without a good invitation.
func TestInvitationsRefused(t *testing.T) {
	t.Parallel()
	c, other := newCluster(t, 3), newCluster(t, 1)
	n := c.leader()
	ctx := within(t, 80*time.Second)
	good := invite(t, n, 1)
	wrong, elsewhere, another, unknown, revoked := good, good, good, good, invite(t, n, 1)
	wrong.Secret += "x"
	elsewhere.Addresses, elsewhere.Keys = []string{other.nodes[0].PeerAddr()}, good.Keys[:1]
	another.Addresses, another.Keys = []string{c.follower().PeerAddr()}, good.Keys[:1]
	unknown.ID = "none"
	if err := n.Revoke(ctx, revoked.ID); err != nil {
		t.Fatal(err)
	}
	expired, _, err := n.Invite(ctx, 1, time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	member := applicant(c.follower().ID(), "taken over") // a member's id, and another key
	for name, try := range map[string]struct {
		Invitation
		Applicant
		word string
	}{
		"a wrong secret":   {wrong, applicant(50, "x"), "secret"},
		"another member":   {another, applicant(50, "x"), "is not the member in the invitation"},
		"another cluster":  {elsewhere, applicant(50, "x"), "not in the cluster"},
		"unknown":          {unknown, applicant(50, "x"), "no such invitation"},
		"revoked":          {revoked, applicant(50, "x"), "no such invitation"},
		"expired":          {expired, applicant(50, "x"), "expired"},
		"a member's id":    {good, member, "another key"},
		"a member's name":  {good, applicant(50, n.cfg.Name), "taken"},
		"a key of another": {good, Applicant{applicant(51, "x").Member, applicant(50, "x").key}, "has not proved its key"},
	} {
		if _, err := try.Join(ctx, try.Applicant); err == nil || !strings.Contains(err.Error(), try.word) {
			t.Errorf("%s: %v, which should speak of %q", name, err, try.word)
		}
	}
	if got := len(status(n).Members); got != 3 {
		t.Errorf("%d members", got)
	}
	if left := n.Invitations(); len(left) == 0 {
		t.Error("those that failed have used the invitation up")
	}
	if err := n.Revoke(ctx, "none"); !errors.Is(err, ErrUnknownMember) {
		t.Errorf("revoke what is not there: %v", err)
	}
	for _, life := range []time.Duration{-1, 0, 2 * maxInvitedLife} {
		if _, _, err := n.Invite(ctx, 1, life); !errors.Is(err, ErrMembership) {
			t.Errorf("for %v: %v", life, err)
		}
	}
}

// TestJoinAgain has a node that was admitted and missed the answer ask again. Its invitation is
// used up by then.
func TestJoinAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	i := invite(t, c.nodes[0], 1)
	ctx := within(t, 80*time.Second)
	a := applicant(50, "late")
	first, err := i.Join(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	a.Peer = "127.0.0.1:2" // it has come back elsewhere
	second, err := i.Join(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	if first.Secret != second.Secret || first.AuthorityKey == "" || first.Authority != second.Authority || len(second.Members) != 2 {
		t.Errorf("%d members, then %d", len(first.Members), len(second.Members))
	}
	m, _ := c.nodes[0].roster.get(50)
	if m.Peer != a.Peer || m.Certificate == "" {
		t.Errorf("the roster has %+v", m)
	}
}

// TestInvitationWorksAtAnotherMember has the member that made the invitation away.
func TestInvitationWorksAtAnotherMember(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	at := c.follower()
	waitFor(t, "it to reach the others", func() bool { return len(at.invitedMembers()) == 3 })
	i := invite(t, at, 1)
	at.stop()
	if _, err := i.Join(within(t, 80*time.Second), applicant(50, "x")); err != nil {
		t.Error(err)
	}
}

func TestParseInvitation(t *testing.T) {
	good := Invitation{Addresses: []string{"hall:9080"}, ClusterID: "c", Keys: []string{"k"}, Authority: make([]byte, 32), ID: "i", Secret: "s"}.String()
	if _, err := ParseInvitation(" " + good + "\n"); err != nil || !IsInvitation(good) {
		t.Errorf("as a person copies it: %v", err)
	}
	for _, bad := range []string{"", "x", good[:20], good + "!", good[1:], invitationMark, strings.Repeat(good, 100), "http://hall:8080"} {
		if i, err := ParseInvitation(bad); err == nil {
			t.Errorf("%.40q is %+v", bad, i)
		}
	}
}

func FuzzParseInvitation(f *testing.F) {
	f.Add(Invitation{Addresses: []string{"hall:9080"}, ClusterID: "c", Keys: []string{"k"}, Authority: make([]byte, 32), ID: "i", Secret: "s"}.String())
	f.Fuzz(func(t *testing.T, text string) {
		if i, err := ParseInvitation(text); err == nil {
			if again, err := ParseInvitation(i.String()); err != nil || again.Secret != i.Secret {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}

// TestJoinGivesUp checks that Join gives up when its context ends: nobody listens there.
func TestJoinGivesUp(t *testing.T) {
	i := Invitation{Addresses: []string{keptAddress(t)}, ClusterID: "c", Keys: []string{"k"}, Authority: make([]byte, 32), ID: "i", Secret: "s"}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := i.Join(ctx, applicant(1, "x")); err == nil || !strings.Contains(err.Error(), i.Addresses[0]) {
		t.Errorf("%v", err)
	}
}
