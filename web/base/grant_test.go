package base

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestGrants wants the tokens that a cluster grants to be valid there for their lifetime, and no
// others.
func TestGrants(t *testing.T) {
	s, other := &Server{Key: "a"}, &Server{Key: "b"}
	made := time.UnixMilli(1795419368331)
	token := s.NewGrant(made)
	if token == s.NewGrant(made) {
		t.Error("two grants are the same")
	}
	for _, tc := range []struct {
		s     *Server
		token string
		after time.Duration
		want  bool
	}{
		{s, token, 0, true}, {s, token, TokenLifetime - time.Hour, true}, {s, token, TokenLifetime, false}, {other, token, 0, false},
		{s, "", 0, false}, {s, grantPrefix, 0, false}, {s, token[:len(token)-1], 0, false}, {s, token + "A", 0, false}, {s, token + "\n", 0, false},
		{s, strings.TrimPrefix(token, grantPrefix), 0, false}, {s, token[:20] + "A" + token[21:], 0, token[20] == 'A'},
	} {
		if got := tc.s.isGrant(tc.token, made.Add(tc.after)); got != tc.want {
			t.Errorf("%q after %v holds: %v", tc.token, tc.after, got)
		}
	}
}

// TestForeignOrigins wants pages of other sites to be told apart from programs and our own pages.
func TestForeignOrigins(t *testing.T) {
	for _, tc := range []struct {
		method, host, origin, site string
		want                       bool
	}{
		{"POST", "node:8080", "", "", false},
		{"POST", "node:8080", "http://node:8080", "", false},
		{"POST", "node:8080", "http://node:8080", "same-origin", false},
		{"POST", "node:8080", "null", "same-origin", false}, // our own page, which hides its origin
		{"POST", "node:8080", "null", "", true},
		{"POST", "", "null", "", true},
		{"GET", "node:8080", "null", "", true},
		{"GET", "node:8080", "https://tauri.localhost", "", true},
		{"POST", "node:8080", "tauri://localhost", "", true},
		{"POST", "node:8080", "http://node:9090", "", true},
		{"POST", "node:8080", "https://elsewhere.example", "cross-site", true},
		{"POST", "node:8080", "", "cross-site", true},
		{"POST", "node:8080", "", "same-site", true},
	} {
		r := httptest.NewRequest(tc.method, "/", nil)
		r.Host = tc.host
		for name, value := range map[string]string{"Origin": tc.origin, "Sec-Fetch-Site": tc.site} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		if got := IsForeign(r); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}
