package base

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"time"
)

// This file says who may do what while the cluster has no token.
//
// On loopback, or with --open, programs and the node's own pages may do everything. Another site's
// page may not, since a browser would submit in the name of its user. The broadcaster app looks
// just like such a page. It sends an Origin, which is "null" on some systems, and any page can make
// a browser send that. So the app must show the grant that it got by logging in. Another site's
// page cannot: a browser adds no Authorization header by itself, and the page cannot log in (see
// package lichess, oauth.go).
//
// Such a grant is self-contained: the time when it was made, and a signature with the secret that
// the cluster's members share. It ends when the cluster gets its first token.

// grantPrefix begins every grant, so that people recognise it.
const grantPrefix = "chessrelay_"

// TokenLifetime is the lifetime that clients are told for a grant that does not expire. With less
// than eleven months, the broadcaster app does not count as logged in.
const TokenLifetime = 10 * 365 * 24 * time.Hour

// grantSize is a time, a random number and a signature.
const grantSize = 8 + 16 + sha256.Size

// newKey returns the key that signs codes and grants; every member of a cluster has the same. An
// edge does not have it, and passes log-ins on.
func newKey(cfg Config) string {
	secret := ""
	if cfg.Node != nil {
		secret = cfg.Node.Secret()
	}
	return cmp.Or(secret, rand.Text())
}

// NewGrant makes the access token of a client that has logged in.
func (s *Server) NewGrant(now time.Time) string {
	b := make([]byte, 8, grantSize)
	binary.BigEndian.PutUint64(b, uint64(now.UnixMilli()))
	b = b[:24]
	_, _ = rand.Read(b[8:]) // never fails, see crypto/rand
	return grantPrefix + base64.RawURLEncoding.EncodeToString(append(b, s.signGrant(b)...))
}

// isGrant reports whether a member of this cluster has granted the token.
func (s *Server) isGrant(token string, now time.Time) bool {
	text, ok := strings.CutPrefix(token, grantPrefix)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) != grantSize || base64.RawURLEncoding.EncodeToString(raw) != text ||
		!hmac.Equal(s.signGrant(raw[:24]), raw[24:]) {
		return false
	}
	age := now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(raw))))
	return age < TokenLifetime
}

func (s *Server) signGrant(made []byte) []byte {
	h := hmac.New(sha256.New, []byte("chessrelay access token\n"+s.Key))
	h.Write(made)
	return h.Sum(nil)
}

// IsForeign reports whether another site's page made a browser send the request, as far as can be
// told. It judges a read as if it were a write.
func IsForeign(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "null" {
		return true // whatever the Host is; it may be empty
	}
	as := http.Request{Method: http.MethodPost, URL: r.URL, Host: r.Host, Header: r.Header}
	return http.NewCrossOriginProtection().Check(&as) != nil
}

// WithoutTokens returns nil if the client may change things while the cluster has no token. A
// round's `writeable` tells a client the same beforehand.
func (s *Server) WithoutTokens(r *http.Request) error {
	shown, ok := bearer(r)
	switch {
	case !s.Access.Open():
		return &Error{
			Status: http.StatusServiceUnavailable, Code: "not_ready", RetryAfter: 1,
			Message: "this cluster has no token yet, and others can reach this node: nobody may change anything until there is one (see serve --bootstrap and --open)",
		}
	case !IsForeign(r) || ok && s.isGrant(shown, time.Now()):
		return nil
	case shown == "":
		return Forbidden("a page of another site may not submit here; a program that sends an Origin logs in at /oauth first")
	}
	return unauthorized("this cluster has not granted that token: log in again, at /oauth")
}

// judgedElsewhere reports whether this node is an edge that cannot tell whether a grant is valid. A
// member then judges what the edge passes on.
func (s *Server) judgedElsewhere(r *http.Request) bool {
	shown, _ := bearer(r)
	return s.Edge != nil && shown != "" && s.Access.Open() && !s.Access.Needed()
}
