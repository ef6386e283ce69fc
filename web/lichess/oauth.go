package lichess

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"html/template"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/base"
)

// Clients of lichess log in with OAuth 2.0, a code and PKCE (RFC 6749, RFC 7636). The page asks for
// a token of the cluster. The client then gets a token of its own, a grant in the log. The grant
// has the name, the role, the scope and the expiry of the token that was shown. It ends with that
// token, or when the client logs out (DELETE /api/token). A cluster without tokens lets every
// client in at once; see base/grant.go.
//
// The code is self-contained: when it was made, for which client and with which token. It is signed
// with a key that all members have, so any member can redeem it. It is valid for two minutes, and
// can be redeemed once at each node. It is worth nothing without the code_verifier, which never
// left the client.

const (
	codeLifetime = 2 * time.Minute
	// maxCodes is how many redeemed codes a node remembers while they are valid.
	maxCodes = 1000
)

// oauthRequest is what a client asks for at /oauth.
type oauthRequest struct {
	client, redirect, challenge, state, scope string

	origin string // of redirect
}

func readOAuthRequest(q url.Values) (o oauthRequest, err error) {
	o = oauthRequest{
		client: q.Get("client_id"), redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"),
		state: q.Get("state"), scope: q.Get("scope"),
	}
	u, parseErr := url.Parse(o.redirect)
	switch {
	case o.client == "":
		return o, base.BadRequest("client_id is required")
	case parseErr != nil || u.Scheme != "http" || u.User != nil || u.Fragment != "" || !isLoopback(u.Hostname()):
		return o, base.BadRequest("redirect_uri must be an http address of this machine, such as http://localhost:8000/")
	case cmp.Or(q.Get("response_type"), "code") != "code":
		return o, base.BadRequest("response_type must be code")
	case q.Get("code_challenge_method") != "S256" || len(o.challenge) != base64.RawURLEncoding.EncodedLen(sha256.Size):
		return o, base.BadRequest("a code_challenge of the method S256 is required")
	case len(o.client)+len(o.redirect)+len(o.state)+len(o.scope) > 4096:
		return o, base.BadRequest("the request is too long")
	}
	o.origin = u.Scheme + "://" + u.Host
	return o, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// oauthPage is GET /oauth: it asks for the token, or grants at once if none is needed.
func (s *Server) oauthPage(w http.ResponseWriter, r *http.Request) {
	o, err := readOAuthRequest(r.URL.Query())
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	if s.Access.Needed() {
		s.askForToken(w, o, "")
		return
	}
	if !s.Access.Open() {
		s.Fail(w, r, s.WithoutTokens(r))
		return
	}
	s.oauthRedirect(w, o, "")
}

// onlyWindows refuses scripts of other sites. The code goes to an address of the client's machine,
// in a browser's address bar. Such a script could fetch /oauth and read from the redirect where it
// leads. Browsers do not let it, since the answer names no origin that may read it (CORS). If a
// browser says that a request comes from such a script, the node does not answer it either.
func (s *Server) onlyWindows(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isScript(r) {
			s.Fail(w, r, &base.Error{Status: http.StatusForbidden, Code: "forbidden", Message: "open this page in a window of a browser: a page of another site may not log in"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isScript reports whether another site's page fetches the address, or shows it in a frame, instead
// of going there.
func isScript(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
}

// oauthGrant is POST /oauth, the form of the page.
func (s *Server) oauthGrant(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, base.MaxBody)
	o, err := readOAuthRequest(r.URL.Query())
	if err == nil {
		err = r.ParseForm()
		if err != nil {
			err = base.BadRequest("the body is not a form: %v", err)
		}
	}
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	if !s.Access.Needed() {
		if !s.Access.Open() {
			s.Fail(w, r, s.WithoutTokens(r))
			return
		}
		s.oauthRedirect(w, o, "")
		return
	}
	switch c := s.Access.Judge(r, r.PostForm.Get("token")); {
	case c.Limited:
		s.Fail(w, r, base.UnknownCaller(r, c))
	case c.Token == nil:
		s.askForToken(w, o, "This token is not known here: it was revoked, has expired or is mistyped.")
	case c.Parent != "":
		s.askForToken(w, o, "This is the token of a program that has logged in. Use the one that you were given.")
	default:
		s.oauthRedirect(w, o, c.ID)
	}
}

// oauthRedirect sends the browser back to the client, with a code for a grant of that token.
func (s *Server) oauthRedirect(w http.ResponseWriter, o oauthRequest, token string) {
	u, _ := url.Parse(o.redirect) // it was read before
	q := u.Query()
	q.Set("code", s.newCode(o, token, time.Now()))
	if o.state != "" {
		q.Set("state", o.state)
	}
	u.RawQuery = q.Encode()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", u.String())
	w.WriteHeader(http.StatusSeeOther)
}

func (s *Server) askForToken(w http.ResponseWriter, o oauthRequest, problem string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	// Browsers apply form-action to the redirect after the form, too.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "+
		"frame-ancestors 'none'; form-action 'self' "+o.origin)
	if problem != "" {
		w.WriteHeader(http.StatusForbidden)
	}
	_ = oauthForm.Execute(w, struct{ Client, Problem string }{o.client, problem})
}

var oauthForm = template.Must(template.New("oauth").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>chessrelay: log in</title>
<style>
:root { color-scheme: light dark } body { font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 15vh auto; padding: 0 1rem }
input, button { font: inherit; padding: .5rem; width: 100%; box-sizing: border-box; margin-top: .5rem } [role=alert] { color: #c33 }
</style>
<h1>Log in</h1>
<p><b>{{.Client}}</b> asks to record games here.</p>
{{with .Problem}}<p role="alert">{{.}}</p>{{end}}
<form method="post">
<label>Your token of this broadcast
<input type="password" name="token" autocomplete="current-password" required autofocus></label>
<button>Allow</button>
</form>
</html>
`))

// codeHead is the size of a code's beginning: when it was made, and the id of the token that was
// shown, or zeros.
const codeHead = 8 + 8

// newCode returns that beginning, and a signature over it and the client's request.
func (s *Server) newCode(o oauthRequest, token string, now time.Time) string {
	b := make([]byte, codeHead)
	binary.BigEndian.PutUint64(b, uint64(now.UnixMilli()))
	copy(b[8:], token)
	return base64.RawURLEncoding.EncodeToString(append(b, s.sign(b, o.client, o.redirect, o.challenge)...))
}

func (s *Server) sign(made []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, []byte("chessrelay oauth code\n"+s.Key))
	h.Write(made)
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// checkCode reports whether the code is recent and was made for this client, which must know the
// verifier. It returns the id of the token that was shown; empty: none.
func (s *Server) checkCode(form url.Values, now time.Time) (token string, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(form.Get("code"))
	verifier := form.Get("code_verifier")
	if err != nil || len(raw) != codeHead+sha256.Size || len(verifier) < 43 || len(verifier) > 128 {
		return "", false
	}
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	head, signature := raw[:codeHead], raw[codeHead:]
	signed := s.sign(head, form.Get("client_id"), form.Get("redirect_uri"), challenge)
	age := now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(head))))
	// The node that made the code may have another clock.
	ok = subtle.ConstantTimeCompare(signed, signature) == 1 && age < codeLifetime && age > -codeLifetime
	return strings.Trim(string(head[8:]), "\x00"), ok
}

// oauthToken is POST /api/token.
func (s *Server) oauthToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, base.MaxBody)
	form, err := readForm(r)
	if err != nil && base.Describe(err).Status == http.StatusRequestEntityTooLarge {
		s.Fail(w, r, err)
		return
	}
	refuse := func(code, why string) { // RFC 6749, 5.2
		base.WriteJSON(w, http.StatusBadRequest, map[string]any{"error": code, "error_description": why})
	}
	token, good := s.checkCode(form.Values, time.Now())
	switch {
	case err != nil:
		refuse("invalid_request", err.Error())
	case form.Get("grant_type") != "authorization_code":
		refuse("unsupported_grant_type", "grant_type must be authorization_code")
	case !good || token == "" && s.Access.Needed():
		refuse("invalid_grant", "the code is too old, or not for this client_id, redirect_uri and code_verifier: log in again")
	default:
		switch err := s.codes.redeem(form.Get("code"), time.Now()); {
		case errors.Is(err, errRedeemed):
			refuse("invalid_grant", err.Error())
			return
		case err != nil:
			s.Fail(w, r, err)
			return
		}
		granted, lifetime, err := s.grant(r, token, form.Get("client_id"))
		switch {
		case errors.Is(err, relay.ErrToken), errors.Is(err, relay.ErrBadCommand):
			refuse("invalid_grant", err.Error())
			return
		case err != nil:
			s.Fail(w, r, err)
			return
		}
		base.WriteJSON(w, http.StatusOK, map[string]any{
			"token_type": "Bearer", "access_token": granted, "expires_in": int64(lifetime / time.Second),
		})
	}
}

// grant makes the access token of a client that has logged in with that token.
func (s *Server) grant(r *http.Request, token, client string) (granted string, lifetime time.Duration, err error) {
	if token == "" {
		return s.NewGrant(time.Now()), base.TokenLifetime, nil
	}
	c, err := s.NewCommand(r)
	if err != nil {
		return "", 0, err
	}
	s.TruthState(func(b *relay.State) {
		if parent, ok := b.Token(token); ok {
			c.By, c.Token = parent.Name, parent.ID
		}
	})
	made, granted, err := s.MakeToken(r, c, &relaypb.CreateToken{Parent: token, Client: base.Clip(client, relay.MaxName)})
	lifetime = base.TokenLifetime
	if made.ExpiresAt != 0 {
		lifetime = min(lifetime, time.UnixMilli(int64(made.ExpiresAt)).Sub(s.Now()))
	}
	return granted, lifetime, err
}

// redeemedCodes are the codes that were redeemed at this node and would still be valid. The zero
// value is ready.
type redeemedCodes struct {
	mu    sync.Mutex
	until map[string]time.Time // guarded by mu
}

var errRedeemed = errors.New("the code was redeemed before: log in again")

// redeem notes that a code, which was checked, is redeemed. It fails with errRedeemed if it already
// was.
func (c *redeemedCodes) redeem(code string, now time.Time) error {
	raw, _ := base64.RawURLEncoding.DecodeString(code) // its base64 can be spelt in several ways
	code = string(raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.until, func(_ string, until time.Time) bool { return now.After(until) })
	if _, ok := c.until[code]; ok {
		return errRedeemed
	}
	if len(c.until) == maxCodes {
		return base.TooMany("too many clients have just logged in at this node; try again in a moment")
	}
	if c.until == nil {
		c.until = make(map[string]time.Time)
	}
	c.until[code] = now.Add(2 * codeLifetime) // the node that made the code may have another clock
	return nil
}

// oauthRevoke is DELETE /api/token: a client logs out, and its grant ends. A client cannot end a
// token that an admin has made.
func (s *Server) oauthRevoke(w http.ResponseWriter, r *http.Request) {
	if token := base.CallerOf(r).Token; token != nil && token.Parent != "" {
		c, err := s.NewCommand(r)
		if err == nil {
			c.Op = &relaypb.Command_RevokeToken{RevokeToken: &relaypb.RevokeToken{Id: token.ID}}
			_, err = s.SubmitOne(r, c)
		}
		if err != nil {
			s.Fail(w, r, err)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}
