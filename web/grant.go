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

// Who may submit where the node has no token.
//
// Programs may, and so may the node's own pages. A page of another site may not, since a browser
// would submit in the name of whoever looks at it. The broadcaster app looks just like such a page:
// it sends an Origin, which is "null" on some systems, and any page can bring a browser to send
// that. So the app must show the token that its log-in granted. Another site's page cannot: a
// browser adds no header Authorization by itself, and the page cannot log in (see
// [Server.onlyWindows]).
//
// A grant is self-contained: when it was made, and a signature with the secret that the members of
// the cluster share. So it holds at every node and after a restart, and is stored nowhere.

// grantPrefix begins every grant, so that people recognise one.
const grantPrefix = "chessrelay_"

// grantSize is a time, a random number and a signature.
const grantSize = 8 + 16 + sha256.Size

// newKey is what codes and grants are signed with: every member of a cluster has the same.
func newKey(cfg Config) string {
	secret := ""
	if cfg.Node != nil {
		secret = cfg.Node.Secret()
	}
	return cmp.Or(cfg.Token, secret, rand.Text())
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

// authorized reports whether the request may change something, and returns the token that it shows.
func (s *Server) authorized(r *http.Request) (token string, ok bool) {
	token, ok = bearer(r)
	if s.cfg.Token != "" {
		return token, ok && s.isToken(token)
	}
	return token, !isForeign(r) || ok && s.isGrant(token, time.Now())
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

// mayWrite refuses what may not change anything. A client sees the same judgement in a round's
// `writeable` beforehand.
func (s *Server) mayWrite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := s.authorized(r)
		switch {
		case ok || s.cfg.Edge != nil && s.cfg.Token == "" && token != "": // a member judges that
			next.ServeHTTP(w, r)
		case s.cfg.Token == "" && token == "":
			s.fail(w, r, &apiError{
				Status: http.StatusForbidden, Code: "forbidden",
				Message: "a page of another site may not submit here; a program that sends an Origin logs in at /oauth first",
			})
		default:
			s.unauthorized(w, r, token)
		}
	})
}

// unauthorized asks for a token, or for another one than that which was shown.
func (s *Server) unauthorized(w http.ResponseWriter, r *http.Request, shown string) {
	message := "this needs the token that the node was started with: --token TOKEN, or over HTTP Authorization: Bearer TOKEN"
	switch {
	case s.cfg.Token == "":
		message = "this cluster has not granted that token: log in again, at /oauth"
	case shown != "":
		message = "the token is not the one that this node was started with"
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="chessrelay"`)
	s.fail(w, r, &apiError{Status: http.StatusUnauthorized, Code: "unauthorized", Message: message})
}
