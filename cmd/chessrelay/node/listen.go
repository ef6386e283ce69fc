package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/chessrelay/chessrelay/consensus"
)

// front is how a node is reached by HTTP: with TLS or without, and the ports beside --http.
type front struct {
	log  *slog.Logger
	tls  *tls.Config       // nil: plain HTTP
	acme *autocert.Manager // nil: no certificate is asked for

	redirect, admin net.Listener // nil: none
	servers         []*http.Server
	wg              sync.WaitGroup
}

// openFront reads the certificate and listens on the ports beside --http. Close it.
func openFront(cfg Config, log *slog.Logger) (_ *front, err error) {
	f := &front{log: log}
	switch {
	case cfg.TLSCert != "":
		files, err := openCertificate(cfg.TLSCert, cfg.TLSKey, log)
		if err != nil {
			return nil, err
		}
		f.tls = &tls.Config{GetCertificate: files.get, NextProtos: []string{"h2", "http/1.1"}}
	case len(cfg.ACME) > 0:
		f.acme = newACME(cfg)
		f.tls = f.acme.TLSConfig()
	}
	if f.tls != nil {
		f.tls.MinVersion = tls.VersionTLS12
	}
	for _, p := range []struct {
		flag, address string
		listener      *net.Listener
	}{{"http-redirect", cfg.HTTPRedirect, &f.redirect}, {"admin-http", cfg.AdminHTTP, &f.admin}} {
		if p.address == "" {
			continue
		}
		if *p.listener, err = net.Listen("tcp", p.address); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot listen on --%s %s: %w", p.flag, p.address, err), f.Close(context.Background()))
		}
	}
	return f, nil
}

// newACME asks a CA for certificates of the hosts, and keeps them in the cache.
func newACME(cfg Config) *autocert.Manager {
	named := autocert.HostWhitelist(cfg.ACME...)
	return &autocert.Manager{
		Prompt: autocert.AcceptTOS,
		Cache:  autocert.DirCache(cfg.acmeCache()),
		HostPolicy: func(ctx context.Context, host string) error {
			if bare, _, err := net.SplitHostPort(host); err == nil { // a CA that asks at another port than 80
				host = bare
			}
			return named(ctx, host)
		},
		Client: &acme.Client{
			DirectoryURL: cfg.ACMEDirectory,
			HTTPClient:   &http.Client{Timeout: time.Minute, Transport: nodeTransport(cfg.Roots)},
		},
	}
}

// url is where others reach a node that listens there, unless AdvertiseHTTP says otherwise.
func (f *front) url(cfg Config, at net.Addr) string {
	if cfg.AdvertiseHTTP != "" {
		return cfg.AdvertiseHTTP
	}
	address := consensus.Reachable(at)
	if f.tls == nil {
		return (&url.URL{Scheme: "http", Host: address}).String() // String escapes the zone of an address
	}
	if len(cfg.ACME) > 0 {
		_, port, _ := net.SplitHostPort(address)
		address = net.JoinHostPort(cfg.ACME[0], port)
	}
	return (&url.URL{Scheme: "https", Host: strings.TrimSuffix(address, ":443")}).String()
}

// newServer is an HTTP server with the limits of a node.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// serve serves the connections of l, over TLS if that is on. A browser uses HTTP/2, except for a
// WebSocket, for which it opens a connection of its own.
func (f *front) serve(s *http.Server, l net.Listener) error {
	if f.tls == nil {
		return s.Serve(l)
	}
	s.TLSConfig = f.tls
	return s.ServeTLS(l, "", "")
}

// serveBeside serves the ports beside --http. self is where others reach the node.
func (f *front) serveBeside(admin http.Handler, self string) {
	if f.redirect != nil {
		h := redirect(self)
		if f.acme != nil {
			h = f.acme.HTTPHandler(h)
		}
		f.beside(f.redirect, h)
	}
	if f.admin != nil {
		f.log.Info("serving metrics, profiles and the whole state of the cluster", "http", f.admin.Addr().String())
		f.beside(f.admin, admin)
	}
}

func (f *front) beside(l net.Listener, h http.Handler) {
	s := newServer(h, f.log)
	f.servers = append(f.servers, s)
	f.wg.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			f.log.Error("no longer serving a port", "address", l.Addr().String(), "err", err)
		}
	})
}

// Close ends the ports beside --http. Requests have until ctx ends.
func (f *front) Close(ctx context.Context) error {
	var errs []error
	for _, s := range f.servers {
		if s.Shutdown(ctx) != nil {
			errs = append(errs, s.Close())
		}
	}
	f.wg.Wait()
	for _, l := range []net.Listener{f.redirect, f.admin} {
		if l == nil {
			continue
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// redirect sends browsers to the same page over TLS. It refuses a submission: its content has gone
// over the line in clear, and the sender must learn that.
func redirect(self string) http.Handler {
	u, _ := url.Parse(self) // checked before
	port := u.Port()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"error":"this port only redirects: submit to %s","code":"https_only"}`+"\n", self)
			return
		}
		host := u.Hostname()
		if h, _, err := net.SplitHostPort(r.Host); err == nil {
			host = h
		} else if r.Host != "" {
			host = strings.Trim(r.Host, "[]")
		}
		if port != "" {
			host = net.JoinHostPort(host, port)
		} else if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		to := url.URL{Scheme: "https", Host: host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		w.Header().Set("Location", to.String())
		w.WriteHeader(http.StatusMovedPermanently)
	})
}

// nodeTransport calls other nodes. It trusts the CAs in roots; nil: those of the system.
func nodeTransport(roots *x509.CertPool) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots}
	return t
}
