package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/edge"
	"github.com/go-chi/chi/v5"
)

const (
	// maxForwards is how many submissions an edge passes on at a time, besides pushes.
	maxForwards = 256
	// forwardGrace is how long an answer may take beyond what the member itself waits for its
	// majority.
	forwardGrace = 5 * time.Second
	// maxForwarded bounds an answer that is passed back.
	maxForwarded = 64 << 20
	// ownWrites is how long an edge waits to have what it has passed on, before it passes the
	// answer back.
	ownWrites = time.Second
)

// forward passes submissions on, on an edge, to a member of the group. One that comes from a page
// of another site must have been refused before, unless it shows a token that only a member can
// judge.
func (s *Server) forward(next http.Handler) http.Handler {
	if s.cfg.Edge == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.passOn(w, r)
		if err == nil {
			return
		}
		if errors.Is(err, http.ErrAbortHandler) || isPush(r) && triesAgain(r, err) {
			panic(http.ErrAbortHandler) // see Server.push
		}
		s.fail(w, r, err)
	})
}

func isPush(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/push") }

// passOn answers with what the member answers. Nothing has been written if it fails.
func (s *Server) passOn(w http.ResponseWriter, r *http.Request) error {
	body, leave, err := s.takeBody(w, r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.SubmitTimeout+forwardGrace)
	defer cancel()
	defer leave()
	foreign := isForeign(r)
	client := broadcast.Address(r, s.access.cfg.Proxies)
	r = r.Clone(ctx)
	r.Header.Set(edge.ClientHeader, client)
	if r.Header.Del("Origin"); foreign {
		r.Header.Set("Origin", "null") // of another site for the member too, whatever it is called
	}
	res, err := s.cfg.Edge.Forward(ctx, r, body, siteURL(r))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if isPush(r) && isBroadcaster(r) && (res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests) {
		return http.ErrAbortHandler // of a proxy before the member, which would have cut the connection itself
	}
	if index, err := strconv.ParseUint(res.Header.Get(indexHeader), 10, 64); err == nil && r.Method != http.MethodGet {
		wait, cancel := context.WithTimeout(ctx, ownWrites)
		s.cfg.Edge.WaitApplied(wait, index)
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

// takeBody reads what is to be passed on, within its limit. Pushes to a round go on one after the
// other, in the order in which they came: the member must not get an older one last. leave must
// follow.
func (s *Server) takeBody(w http.ResponseWriter, r *http.Request) (body []byte, leave func(), err error) {
	if !isPush(r) {
		select {
		case s.forwards <- struct{}{}:
			leave = func() { <-s.forwards }
		default:
			return nil, nil, tooMany("this edge passes on as many submissions as it may; ask another node")
		}
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
			leave()
			return nil, nil, bodyError(err)
		}
		return body, leave, nil
	}
	turn, leave, err := s.enterPush(relay.RoundID(chi.URLParam(r, "roundId")))
	if err != nil {
		return nil, nil, err
	}
	if body, err = readBody(w, r, s.cfg.SubmitTimeout); err == nil {
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.SubmitTimeout+forwardGrace)
		err = turn.Wait(ctx)
		cancel()
	}
	if err != nil {
		leave()
		return nil, nil, err
	}
	return body, leave, nil
}

// askMember lets a member answer, on an edge, whether the client's token holds: an edge does not
// know the secret that grants are signed with. If no member is reached, next answers, by what the
// edge can tell.
func (s *Server) askMember(next http.Handler) http.Handler {
	if s.cfg.Edge == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, shown := bearer(r); !shown || s.access.Needed() || !isForeign(r) || r.URL.Query().Has("consistency") {
			next.ServeHTTP(w, r)
			return
		}
		if err := s.passOn(w, r); err != nil {
			s.log.Info("no member could be asked whether a token holds", "err", err)
			next.ServeHTTP(w, r)
		}
	})
}

// memberGrants lets a member log clients in, on an edge that could not.
func (s *Server) memberGrants(next http.Handler) http.Handler { return s.forward(next) }

// memberRevokes lets a member end a grant. Other tokens are not passed on.
func (s *Server) memberRevokes(next http.Handler) http.Handler {
	forwarded := s.forward(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := callerOf(r); c.Token != nil && c.Parent != "" {
			forwarded.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// forwardedIndex says, to an edge that has passed the request on, at which index the answer is
// true.
func (s *Server) forwardedIndex(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if edge.Forwarded(r) {
			w = &indexWriter{ResponseWriter: w, applied: func() uint64 { return s.appliedFor(r) }}
		}
		next.ServeHTTP(w, r)
	})
}

// appliedFor is the index that the client may know. Anybody can say that an edge forwards his
// request.
func (s *Server) appliedFor(r *http.Request) uint64 {
	if shown, delays := s.publicIndex(); delays && !s.access.Sees(r) {
		return shown
	}
	return s.origin.Applied()
}

// indexWriter adds the index to the headers once the answer is known.
type indexWriter struct {
	http.ResponseWriter
	applied func() uint64
}

func (w *indexWriter) WriteHeader(status int) {
	w.Header().Set(indexHeader, fmt.Sprint(w.applied()))
	w.ResponseWriter.WriteHeader(status)
}

func (w *indexWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// forwardedSite is where the client has sent a request that came by an edge. Only answers that no
// cache keeps go by it.
func forwardedSite(r *http.Request) (string, bool) {
	site := r.Header.Get(edge.SiteHeader)
	if !edge.Forwarded(r) || len(site) > 256 || r.Method == http.MethodGet && r.Header.Get("Authorization") == "" {
		return "", false
	}
	u, err := url.Parse(site)
	ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.Path == "" && u.RawQuery == "" && u.Fragment == ""
	return site, ok
}
