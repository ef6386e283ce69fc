package edge

import (
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chessrelay/chessrelay/consensus"
)

const secretToken = "cr_edge0001_SECRETSECRETSECRETSECRET"

// attacker is a server that tries to see a token.
type attacker struct {
	*httptest.Server
	asked, saw atomic.Int32
}

func newAttacker(t *testing.T, answer http.HandlerFunc) *attacker {
	a := &attacker{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.asked.Add(1)
		b, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "" || strings.Contains(r.RequestURI+string(b), "SECRET") {
			a.saw.Add(1)
		}
		answer(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

// TestUnvouchedUpstreamGetsNoToken has an upstream lie. It names an attacker as an alternative and
// on its path, and dies. The attacker does not get the token, whatever it answers.
func TestUnvouchedUpstreamGetsNoToken(t *testing.T) {
	known := consensus.Voucher{ClusterID: testCluster, Authority: make([]byte, sha256.Size)}
	for name, tc := range map[string]struct {
		by     consensus.Voucher
		answer http.HandlerFunc
		why    string
	}{
		"no invitation": {answer: http.NotFound, why: "this edge has no invitation"},
		"no proof":      {known, http.NotFound, "404"},
		"a false proof": {known, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"certificate":"AAAA","authority":"AAAA","signature":"AAAA"}`)
		}, "its authority is not that of the invitation"},
		"no end": {known, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"certificate":"`+strings.Repeat("A", 1<<20))
		}, "its answer is not a proof"},
		"a redirect": {known, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, "302"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := newAttacker(t, tc.answer)
			liar := newVenue(t, "liar", 0)
			liar.set(func(s *Status) {
				s.Path[0].HTTP, s.Leader = bad.URL, Hop{ID: "x", Name: "x", HTTP: bad.URL}
				s.Alternatives, s.Keys = []string{bad.URL}, map[string]string{bad.URL: "x"}
			})
			liar.play(3, 10)
			cfg := quick(liar.http.URL)
			cfg.Token, cfg.Voucher = secretToken, tc.by
			e := newEdge(t, "e", cfg)
			liar.stop()
			var got Upstream
			eventually(t, "the attacker's URL to be tried", func() bool {
				for _, u := range e.edge.Report().Upstreams {
					if u.URL == bad.URL {
						got = u
					}
				}
				return got.State == "resting"
			})
			if n := bad.saw.Load(); n > 0 {
				t.Errorf("the attacker saw the token %d times", n)
			}
			if got.Named || !strings.HasPrefix(got.Error, ErrUnvouched.Error()) || !strings.Contains(got.Error, tc.why) {
				t.Errorf("the report says %+v", got)
			}
		})
	}
}

// TestTokenIsNotRedirected checks that a named upstream gets the token, and no server to which it
// redirects.
func TestTokenIsNotRedirected(t *testing.T) {
	bad := newAttacker(t, http.NotFound)
	named := newAttacker(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, bad.URL+r.RequestURI, http.StatusTemporaryRedirect)
	})
	good := newVenue(t, "good", 0)
	good.play(3, 10)
	cfg := quick(named.URL, good.http.URL)
	cfg.Token = secretToken
	e := newEdge(t, "e", cfg)
	eventually(t, "the other one to be followed", func() bool { return e.follows(good) })
	if named.saw.Load() == 0 || bad.asked.Load() > 0 {
		t.Errorf("the one that was named was asked %d times, and the attacker %d times", named.saw.Load(), bad.asked.Load())
	}
	if up := e.edge.Report().Upstreams[0]; !strings.Contains(up.Error, bad.URL) {
		t.Errorf("the report says %+v", up)
	}
}

// TestInvitedToAnotherCluster checks that an edge follows only the cluster of its invitation.
func TestInvitedToAnotherCluster(t *testing.T) {
	v := newVenue(t, "v", 0)
	v.play(3, 10)
	cfg := quick(v.http.URL)
	cfg.Voucher = consensus.Voucher{ClusterID: "another", Authority: make([]byte, sha256.Size)}
	if _, err := openEdge(t, "e", cfg, cfg.Silence); err == nil || !strings.Contains(err.Error(), ErrOtherCluster.Error()) {
		t.Errorf("it is told %v", err)
	}
}
