package consensus

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const vouchCluster, vouchURL = "c1", "http://hall:8080"

// vouchers are a member's credentials, and what others check them by.
func vouchers(t testing.TB, cluster string) (*credentials, Voucher) {
	t.Helper()
	authority, signer, err := newAuthority(cluster)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCredentials(cluster, newKey(), authority, signer, "")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := c.issue(7, c.public(), 1, time.Now())
	if err := errors.Join(err, c.show(certificate)); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(c.authority.Raw)
	return c, Voucher{ClusterID: cluster, Authority: sum[:]}
}

// TestVouch checks a good proof, and what a liar could make of it and of other clusters.
func TestVouch(t *testing.T) {
	member, by := vouchers(t, vouchCluster)
	foreign, _ := vouchers(t, vouchCluster)
	named, other := vouchers(t, "c2")
	nonce, past := bytes.Repeat([]byte{1}, VouchNonceSize), bytes.Repeat([]byte{2}, VouchNonceSize)
	good, err := member.vouch(vouchURL, nonce)
	if err != nil {
		t.Fatal(err)
	}
	otherwise := func(change func(*Vouch)) Vouch {
		v := Vouch{bytes.Clone(good.Certificate), bytes.Clone(good.Authority), bytes.Clone(good.Signature)}
		change(&v)
		return v
	}
	from := func(c *credentials) Vouch {
		v, err := c.vouch(vouchURL, nonce)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	now := time.Now()
	for name, try := range map[string]struct {
		v     Vouch
		by    Voucher
		url   string
		nonce []byte
		now   time.Time
		ok    bool
		key   string
	}{
		"good":                   {good, by, vouchURL, nonce, now, true, ""},
		"its own key":            {good, by, vouchURL, nonce, now, true, member.public()},
		"the key of another":     {good, by, vouchURL, nonce, now, false, foreign.public()},
		"another URL":            {good, by, "http://hall:8081", nonce, now, false, ""},
		"an old answer":          {good, by, vouchURL, past, now, false, ""},
		"a short nonce":          {good, by, vouchURL, nonce[1:], now, false, ""},
		"an old certificate":     {good, by, vouchURL, nonce, now.Add(certificateLife + time.Hour), false, ""},
		"another authority":      {from(foreign), by, vouchURL, nonce, now, false, ""},
		"another cluster":        {from(named), by, vouchURL, nonce, now, false, ""},
		"the name of another":    {good, Voucher{other.ClusterID, by.Authority}, vouchURL, nonce, now, false, ""},
		"no authority asked for": {good, Voucher{ClusterID: vouchCluster}, vouchURL, nonce, now, false, ""},
		"a foreign certificate":  {otherwise(func(v *Vouch) { v.Certificate = from(foreign).Certificate }), by, vouchURL, nonce, now, false, ""},
		"the authority itself":   {otherwise(func(v *Vouch) { v.Certificate = v.Authority }), by, vouchURL, nonce, now, false, ""},
		"no signature":           {otherwise(func(v *Vouch) { v.Signature = nil }), by, vouchURL, nonce, now, false, ""},
		"no certificate":         {otherwise(func(v *Vouch) { v.Certificate = nil }), by, vouchURL, nonce, now, false, ""},
		"a changed signature":    {otherwise(func(v *Vouch) { v.Signature[3] ^= 1 }), by, vouchURL, nonce, now, false, ""},
		"without the context": {otherwise(func(v *Vouch) {
			v.Signature = ed25519.Sign(member.key, vouchMessage(vouchCluster, vouchURL, nonce))
		}), by, vouchURL, nonce, now, false, ""},
		"a large one": {otherwise(func(v *Vouch) { v.Certificate = make([]byte, maxVouchPart+1) }), by, vouchURL, nonce, now, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := try.by.Check(try.v, try.url, try.nonce, try.key, try.now)
			if try.ok && (err != nil || id != 7) || !try.ok && !errors.Is(err, ErrNotVouched) {
				t.Errorf("member %s, %v", id, err)
			}
		})
	}
}

// TestVouchForOwnURLOnly asks a member to vouch for a URL that is not its own.
func TestVouchForOwnURLOnly(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	n := c.nodes[0]
	n.kill()
	n.cfg.AdvertiseHTTP = vouchURL
	n.start()
	nonce := make([]byte, VouchNonceSize)
	sum := sha256.Sum256(n.credentials.authority.Raw)
	by := Voucher{ClusterID: n.ClusterID(), Authority: sum[:]}
	v, err := n.Vouch(vouchURL, nonce)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := by.Check(v, vouchURL, nonce, "", time.Now()); err != nil || id != n.ID() {
		t.Errorf("member %s, %v", id, err)
	}
	for _, url := range []string{"", "http://attacker", vouchURL + "/", "HTTP://hall:8080"} {
		if _, err := n.Vouch(url, nonce); !errors.Is(err, ErrNotVouched) {
			t.Errorf("for %q: %v", url, err)
		}
	}
	for _, size := range []int{0, VouchNonceSize - 1, VouchNonceSize + 1} {
		if _, err := n.Vouch(vouchURL, make([]byte, size)); !errors.Is(err, ErrNotVouched) {
			t.Errorf("a nonce of %d bytes: %v", size, err)
		}
	}
}

// FuzzVouch checks that any answer of an upstream but the one proof is refused without a panic.
func FuzzVouch(f *testing.F) {
	member, by := vouchers(f, vouchCluster)
	nonce := make([]byte, VouchNonceSize)
	good, err := member.vouch(vouchURL, nonce)
	if err != nil {
		f.Fatal(err)
	}
	whole, err := json.Marshal(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"certificate":"AAAA","authority":"","signature":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v Vouch
		if json.Unmarshal(b, &v) != nil {
			return
		}
		_, err := by.Check(v, vouchURL, nonce, "", time.Now())
		if same := bytes.Equal(v.Certificate, good.Certificate) && bytes.Equal(v.Signature, good.Signature) && bytes.Equal(v.Authority, good.Authority); (err == nil) != same {
			t.Errorf("%s: %v", b, err)
		}
	})
}

// TestEdgeInvitation turns an invitation into a word and back, and refuses other words.
func TestEdgeInvitation(t *testing.T) {
	i := EdgeInvitation{Upstreams: []string{vouchURL, "https://studio"}, ClusterID: vouchCluster, Authority: make([]byte, sha256.Size), Token: "cr_a_b"}
	word := i.String()
	got, err := ParseEdgeInvitation(" " + word + "\n")
	if diff := cmp.Diff(i, got); err != nil || diff != "" || !IsEdgeInvitation(word) || IsInvitation(word) {
		t.Errorf("%v, want (-), got (+):\n%s", err, diff)
	}
	otherwise := func(change func(*EdgeInvitation)) string {
		j := i
		change(&j)
		return j.String()
	}
	for name, text := range map[string]string{
		"empty":           "",
		"for a member":    Invitation{}.String(),
		"cut off":         word[:len(word)-9],
		"too long":        word + strings.Repeat("A", maxInvitationLen),
		"no upstream":     otherwise(func(j *EdgeInvitation) { j.Upstreams = nil }),
		"many upstreams":  otherwise(func(j *EdgeInvitation) { j.Upstreams = slices.Repeat([]string{vouchURL}, maxInvitedUpstreams+1) }),
		"no URL":          otherwise(func(j *EdgeInvitation) { j.Upstreams = []string{"hall:8080"} }),
		"no cluster":      otherwise(func(j *EdgeInvitation) { j.ClusterID = "" }),
		"half of a hash":  otherwise(func(j *EdgeInvitation) { j.Authority = j.Authority[:16] }),
		"something else":  edgeInvitationMark + "W10",
		"not even base64": edgeInvitationMark + "!",
	} {
		if _, err := ParseEdgeInvitation(text); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzParseEdgeInvitation(f *testing.F) {
	f.Add(EdgeInvitation{Upstreams: []string{vouchURL}, ClusterID: vouchCluster, Authority: make([]byte, sha256.Size), Token: "cr_a_b"}.String())
	f.Fuzz(func(t *testing.T, text string) {
		if i, err := ParseEdgeInvitation(text); err == nil {
			if again, err := ParseEdgeInvitation(i.String()); err != nil || again.Token != i.Token || !slices.Equal(again.Upstreams, i.Upstreams) {
				t.Errorf("%v: %+v became %+v", err, i, again)
			}
		}
	})
}
