package web

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

// What may be done while the cluster has no token.
//
// On loopback, or with --open, programs may do everything, and so may the node's own pages. A page
// of another site may not, since a browser would submit in the name of whoever looks at it. The
// broadcaster app looks just like such a page: it sends an Origin, which is "null" on some systems,
// and any page can bring a browser to send that. So the app must show what its log-in granted.
// Another site's page cannot: a browser adds no header Authorization by itself, and the page cannot
// log in (see [Server.onlyWindows]).
//
// Such a grant is self-contained: when it was made, and a signature with the secret that the
// members of the cluster share. It ends when the cluster gets its first token.

// grantPrefix begins every grant, so that people recognise one.
const grantPrefix = "chessrelay_"

// grantSize is a time, a random number and a signature.
const grantSize = 8 + 16 + sha256.Size

// newKey is what codes and grants are signed with: every member of a cluster has the same. An edge
// has none, and passes log-ins on.
func newKey(cfg Config) string {
	secret := ""
	if cfg.Node != nil {
		secret = cfg.Node.Secret()
	}
	return cmp.Or(secret, rand.Text())
}

// newGrant makes the access token of a client that has logged in.
func (s *Server) newGrant(now time.Time) string {
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
	return age < tokenLifetime
}

func (s *Server) signGrant(made []byte) []byte {
	h := hmac.New(sha256.New, []byte("chessrelay access token\n"+s.key))
	h.Write(made)
	return h.Sum(nil)
}

// isForeign reports whether a page of another site made a browser send the request, as far as can
// be told. It judges a request that only reads as if it did more.
func isForeign(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "null" {
		return true // whatever the Host is, which may be empty
	}
	as := http.Request{Method: http.MethodPost, URL: r.URL, Host: r.Host, Header: r.Header}
	return http.NewCrossOriginProtection().Check(&as) != nil
}

// withoutTokens is nil if the client may change things while the cluster has no token. A client
// sees the same judgement in a round's `writeable` beforehand.
func (s *Server) withoutTokens(r *http.Request) error {
	shown, ok := bearer(r)
	switch {
	case !s.access.cfg.Open:
		return &apiError{
			Status: http.StatusServiceUnavailable, Code: "not_ready", RetryAfter: 1,
			Message: "this cluster has no token yet, and others can reach this node: nobody may change anything until there is one (see serve --bootstrap and --open)",
		}
	case !isForeign(r) || ok && s.isGrant(shown, time.Now()):
		return nil
	case shown == "":
		return forbidden("a page of another site may not submit here; a program that sends an Origin logs in at /oauth first")
	}
	return unauthorized("this cluster has not granted that token: log in again, at /oauth")
}

// judgedElsewhere passes by the judgement of this node if it is an edge that cannot tell whether a
// grant holds. A member judges what the edge passes on.
func (s *Server) judgedElsewhere(r *http.Request) bool {
	shown, _ := bearer(r)
	return s.cfg.Edge != nil && shown != "" && s.access.cfg.Open && !s.access.Needed()
}
