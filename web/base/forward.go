package base

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/edge"
	"github.com/go-chi/chi/v5"
)

const (
	// maxForwards is how many submissions an edge passes on at a time, besides pushes.
	maxForwards = 256
	// forwardGrace is how much longer an answer may take than the member itself waits for its
	// majority.
	forwardGrace = 5 * time.Second
	// maxForwarded bounds an answer that is passed back.
	maxForwarded = 64 << 20
	// ownWrites is how long an edge waits until it has applied a submission that it passed on. Then
	// it passes the answer back.
	ownWrites = time.Second
)

// Forward passes an edge's submissions on to a member of the group. A submission from another
// site's page must have been refused before, unless it shows a token that only a member can judge.
func (s *Server) Forward(next http.Handler) http.Handler {
	if s.Edge == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.passOn(w, r)
		if err == nil {
			return
		}
		if errors.Is(err, http.ErrAbortHandler) || IsPush(r) && TriesAgain(r, err) {
			panic(http.ErrAbortHandler) // see lichess.Server.push
		}
		s.Fail(w, r, err)
	})
}

// passOn answers with the member's answer. If it fails, nothing has been written.
func (s *Server) passOn(w http.ResponseWriter, r *http.Request) error {
	body, leave, err := s.takeBody(w, r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.SubmitTimeout+forwardGrace)
	defer cancel()
	defer leave()
	foreign := IsForeign(r)
	client := broadcast.Address(r, s.Proxies)
	r = r.Clone(ctx)
	r.Header.Set(edge.ClientHeader, client)
	r.Header.Del("Origin")
	if foreign {
		r.Header.Set("Origin", "null") // foreign to the member too, whatever name it goes by
	}
	res, err := s.Edge.Forward(ctx, r, body, SiteURL(r))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if IsPush(r) && IsBroadcaster(r) && (res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests) {
		return http.ErrAbortHandler // from a proxy before the member; the member would have cut the connection itself
	}
	if index, err := strconv.ParseUint(res.Header.Get(IndexHeader), 10, 64); err == nil && r.Method != http.MethodGet {
		wait, cancel := context.WithTimeout(ctx, ownWrites)
		s.Edge.WaitApplied(wait, index)
		cancel()
	}
	h := w.Header()
	for _, name := range []string{"Allow", "Cache-Control", "Content-Security-Policy", "Content-Type", "Location", "Retry-After", "WWW-Authenticate"} {
		if value := res.Header.Get(name); value != "" {
			h.Set(name, value)
		}
	}
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, io.LimitReader(res.Body, maxForwarded)) // the client is gone, or sees that the answer is cut
	return nil
}

// takeBody reads what is to be passed on, within its limit. Pushes to a round are passed on one by
// one, in the order in which they came, so that the member gets the newest last. The caller must
// call leave.
func (s *Server) takeBody(w http.ResponseWriter, r *http.Request) (body []byte, leave func(), err error) {
	if !IsPush(r) {
		select {
		case s.forwards <- struct{}{}:
			leave = func() { <-s.forwards }
		default:
			return nil, nil, TooMany("this edge forwards as many submissions as its limit allows; ask another node")
		}
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody)); err != nil {
			leave()
			return nil, nil, BodyError(err)
		}
		return body, leave, nil
	}
	turn, leave, err := s.EnterPush(relay.RoundID(chi.URLParam(r, "roundId")))
	if err != nil {
		return nil, nil, err
	}
	if body, err = ReadBody(w, r, s.SubmitTimeout); err == nil {
		ctx, cancel := context.WithTimeout(r.Context(), s.SubmitTimeout+forwardGrace)
		err = turn.Wait(ctx)
		cancel()
	}
	if err != nil {
		leave()
		return nil, nil, err
	}
	return body, leave, nil
}

// AskMember lets a member judge the client's token on an edge, since an edge does not know the
// secret that signs grants. If no member is reached, next answers by what the edge knows.
func (s *Server) AskMember(next http.Handler) http.Handler {
	if s.Edge == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, shown := bearer(r); !shown || s.Access.Needed() || !IsForeign(r) || r.URL.Query().Has("consistency") {
			next.ServeHTTP(w, r)
			return
		}
		if err := s.passOn(w, r); err != nil {
			s.Log.Info("no member could be asked whether a token is valid", "err", err)
			next.ServeHTTP(w, r)
		}
	})
}

// MemberGrants lets a member log clients in, since an edge cannot.
func (s *Server) MemberGrants(next http.Handler) http.Handler { return s.Forward(next) }

// MemberRevokes lets a member end a grant. Requests with other tokens are not passed on.
func (s *Server) MemberRevokes(next http.Handler) http.Handler {
	forwarded := s.Forward(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := CallerOf(r); c.Token != nil && c.Parent != "" {
			forwarded.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ForwardedIndex tells an edge that has passed the request on at which index the answer is true.
func (s *Server) ForwardedIndex(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if edge.Forwarded(r) {
			w = &indexWriter{ResponseWriter: w, applied: func() uint64 { return s.appliedFor(r) }}
		}
		next.ServeHTTP(w, r)
	})
}

// appliedFor returns the index that the client may know. Any client can claim that an edge forwards
// its request.
func (s *Server) appliedFor(r *http.Request) uint64 {
	if shown, delays := s.PublicIndex(); delays && !s.Access.Sees(r) {
		return shown
	}
	return s.Origin.Applied()
}

// indexWriter adds the index to the headers once the answer is known.
type indexWriter struct {
	http.ResponseWriter
	applied func() uint64
}

func (w *indexWriter) WriteHeader(status int) {
	w.Header().Set(IndexHeader, fmt.Sprint(w.applied()))
	w.ResponseWriter.WriteHeader(status)
}

func (w *indexWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// forwardedSite returns the site to which the client sent a request that an edge passed on. It is
// used only in answers that no cache keeps.
func forwardedSite(r *http.Request) (string, bool) {
	site := r.Header.Get(edge.SiteHeader)
	if !edge.Forwarded(r) || len(site) > 256 || r.Method == http.MethodGet && r.Header.Get("Authorization") == "" {
		return "", false
	}
	u, err := url.Parse(site)
	ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.Path == "" && u.RawQuery == "" && u.Fragment == ""
	return site, ok
}
