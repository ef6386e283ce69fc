package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
)

// network is an http.RoundTripper without a network: a handler for each host, called in place, so
// that time can be synctest's. Other hosts refuse connections.
type network map[string]http.Handler

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	h, ok := n[r.URL.Host]
	if !ok {
		return nil, errors.New("connection refused")
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

// newNetworkClient returns a client of the nodes on n with these hosts.
func newNetworkClient(n network, hosts ...string) *Client {
	var nodes []string
	for _, h := range hosts {
		nodes = append(nodes, "http://"+h)
	}
	return New(nodes, Options{Token: "secret", Transport: n})
}

// hangs is a node that accepts a request and never answers.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// A script answers each request with the next of its answers, and the last of
// them for ever.
type script struct {
	answers []answered
	keys    []string // Idempotency-Key of each request
	bearers []string
}

type answered struct {
	status int
	after  string // Retry-After
	body   string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := s.answers[min(len(s.keys), len(s.answers)-1)]
	s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
	s.bearers = append(s.bearers, r.Header.Get("Authorization"))
	if a.after != "" {
		w.Header().Set("Retry-After", a.after)
	}
	w.WriteHeader(a.status)
	fmt.Fprint(w, a.body)
}

func TestCallRetriesWithTheSameKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := &script{answers: []answered{
			{503, "2", `{"error":"no leader is known","code":"no_leader"}`},
			{429, "1", `{"error":"too many","code":"too_many"}`},
			{502, "", "<html>a proxy speaks</html>"},
			{201, "", `{"id":"AbCd1234"}`},
		}}
		c := newNetworkClient(network{"a": node}, "a")
		began := time.Now()
		id, err := c.CreateTournament(t.Context(), NewTournament{Name: "T"})
		if err != nil || id != "AbCd1234" {
			t.Fatalf("createTournament = %q, %v", id, err)
		}
		if took := time.Since(began); took < 3*time.Second || took > 4*time.Second {
			t.Errorf("took %v; Retry-After asks for 3s in all", took)
		}
		for _, key := range node.keys {
			if key == "" || key != node.keys[0] {
				t.Fatalf("keys of one call = %q; want the same", node.keys)
			}
		}
		if node.bearers[0] != "Bearer secret" {
			t.Errorf("Authorization = %q", node.bearers[0])
		}
		if _, err := c.CreateTournament(t.Context(), NewTournament{Name: "T"}); err != nil {
			t.Fatal(err)
		}
		if node.keys[4] == node.keys[0] {
			t.Error("two calls have the same key")
		}
	})
}

func TestCallReturnsRefusals(t *testing.T) {
	node := &script{answers: []answered{{409, "", `{"error":"ply 3 is taken by Nf3","code":"ply_conflict","expected":4,"current":{"ply":3,"san":"Nf3"}}`}}}
	c := newNetworkClient(network{"a": node}, "a")
	_, err := c.PlayMove(t.Context(), "g", NewMove{Ply: 3, Move: "e4"})
	var refusal *Error
	if !errors.As(err, &refusal) {
		t.Fatalf("error = %v; want an Error", err)
	}
	want := &Error{Status: 409, Code: "ply_conflict", Message: "ply 3 is taken by Nf3", Details: map[string]json.RawMessage{
		"expected": json.RawMessage("4"),
		"current":  json.RawMessage(`{"ply":3,"san":"Nf3"}`),
	}}
	if diff := cmp.Diff(want, refusal); diff != "" {
		t.Error(diff)
	}
	if len(node.keys) != 1 {
		t.Errorf("%d requests; a refusal must not be retried", len(node.keys))
	}
}

func TestCallMovesOnFromANodeThatFails(t *testing.T) {
	for name, failing := range map[string]http.Handler{
		"gone":    nil,
		"hanging": http.HandlerFunc(hangs),
		"cut off": &script{answers: []answered{{503, "1", `{"error":"no quorum","code":"no_quorum"}`}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				alive := &script{answers: []answered{{201, "", `{"ply":1,"san":"e4"}`}}}
				n := network{"b": alive}
				if failing != nil {
					n["a"] = failing
				}
				c := newNetworkClient(n, "a", "b")
				began := time.Now()
				for range 3 {
					if _, err := c.PlayMove(t.Context(), "g", NewMove{Ply: 1, Move: "e4"}); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(began); took > attemptTimeout {
					t.Errorf("took %v; a node that has failed must not be asked again", took)
				}
				if len(alive.keys) != 3 || c.Node() != "http://b" {
					t.Errorf("the node that is alive got %d requests, and %s is in use", len(alive.keys), c.Node())
				}
			})
		})
	}
}

func TestCallGivesUpWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := &script{answers: []answered{{503, "", `{"error":"no majority can be reached","code":"no_quorum"}`}}}
		c := newNetworkClient(network{"a": node}, "a")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := c.PlayMove(ctx, "g", NewMove{Ply: 1, Move: "e4"})
		var refusal *Error
		if !errors.As(err, &refusal) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v; want the last refusal, and that the time was up", err)
		}
		if n := len(node.keys); n < 10 || n > 40 {
			t.Errorf("%d tries in 20 s; want some, with pauses", n)
		}
	})
}

func TestFailFastTriesEachNodeOnce(t *testing.T) {
	c := newNetworkClient(network{}, "a", "b")
	c.opts.FailFast = true
	_, err := c.Cluster(t.Context())
	var silent *UnreachableError
	if !errors.As(err, &silent) {
		t.Errorf("error = %v; want an UnreachableError", err)
	}
}

// TestCallOverTheNetwork goes through a real connection to a node that dies.
func TestCallOverTheNetwork(t *testing.T) {
	serve := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"clusterId":7,"node":"x","leader":"3"}`) }
	first, second := httptest.NewServer(http.HandlerFunc(serve)), httptest.NewServer(http.HandlerFunc(serve))
	defer second.Close()
	c := New([]string{first.URL, second.URL}, Options{})
	defer c.Close()
	for i := range 2 {
		s, err := c.Cluster(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.ClusterID != "7" || s.Leader != "3" {
			t.Errorf("cluster = %+v", s)
		}
		if i == 0 {
			first.Close()
		}
	}
	if c.Node() != second.URL {
		t.Errorf("%s is in use; want the node that is alive", c.Node())
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for header, want := range map[string]time.Duration{
			"":     0,
			"3":    3 * time.Second,
			"-1":   0,
			"soon": 0,
			time.Now().Add(5 * time.Second).UTC().Format(http.TimeFormat): 5 * time.Second,
		} {
			if got := retryAfter(header); got != want {
				t.Errorf("retryAfter(%q) = %v; want %v", header, got, want)
			}
		}
	})
}

func TestPathEscapes(t *testing.T) {
	if got, want := Path("/api/games", string(relay.GameID("a/b?c")), "moves"), "/api/games/a%2Fb%3Fc/moves"; got != want {
		t.Errorf("Path = %q; want %q", got, want)
	}
}
