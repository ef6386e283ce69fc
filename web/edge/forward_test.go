package edge

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// upstreamServer records what it was asked.
type upstreamServer struct {
	*httptest.Server

	mu     sync.Mutex
	header http.Header // guarded by mu, like asked
	asked  []string
}

func (u *upstreamServer) requests() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.asked
}

func newUpstreamServer(t *testing.T) *upstreamServer {
	u := &upstreamServer{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		u.header = r.Header
		u.asked = append(u.asked, r.Method+" "+r.URL.RequestURI()+" "+string(b))
		if r.URL.Path == "/hang-up" {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(u.Close)
	return u
}

// forwarder is a client that knows these upstreams and only forwards.
func forwarder(t *testing.T, named int, urls ...string) *LogClient {
	f := &LogClient{log: slog.New(slog.DiscardHandler), submits: newSubmits(nil), upstreams: newUpstreams(urls[:named], time.Second)}
	f.upstreams.learn(urls[named:], nil, "")
	t.Cleanup(f.submits.close)
	return f
}

// nobody returns an address at which nothing listens.
func nobody(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestForward(t *testing.T) {
	for _, tc := range []struct {
		name  string
		named []bool // which upstreams are there
		learn []bool
		path  string
		token bool
		hops  string

		asked int // the upstream that is asked; -1: none
		err   error
	}{
		{name: "the first", named: []bool{true, true}, asked: 0},
		{name: "the next if the first is down", named: []bool{false, true}, token: true, asked: 1},
		{name: "a learnt upstream", named: []bool{false}, learn: []bool{true}, asked: 1},
		{name: "no token to a learnt upstream", named: []bool{false}, learn: []bool{true}, token: true, asked: -1, err: ErrNoTarget},
		{name: "no upstream", named: []bool{false, false}, asked: -1, err: ErrNoTarget},
		{name: "no second one after no answer", named: []bool{true, true}, path: "/hang-up", asked: 0, err: ErrUnanswered},
		{name: "by the last edge within the limit", named: []bool{true}, hops: strconv.Itoa(MaxDepth - 1), asked: 0},
		{name: "in a circle", named: []bool{true}, hops: strconv.Itoa(MaxDepth), asked: -1, err: ErrNoTarget},
		{name: "a bad hop count", named: []bool{true}, hops: "-1", asked: -1, err: ErrNoTarget},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var servers []*upstreamServer
			var urls []string
			for _, there := range append(tc.named, tc.learn...) {
				s := newUpstreamServer(t)
				servers = append(servers, s)
				if there {
					urls = append(urls, s.URL)
				} else {
					urls = append(urls, nobody(t))
				}
			}
			r := httptest.NewRequest("POST", "http://edge"+tc.path+"/x?y=1", nil)
			if tc.path != "" {
				r = httptest.NewRequest("POST", "http://edge"+tc.path, nil)
			}
			if tc.token {
				r.Header.Set("Authorization", "Bearer secret")
			}
			if tc.hops != "" {
				r.Header.Set(hopsHeader, tc.hops)
			}
			res, err := forwarder(t, len(tc.named), urls...).Forward(t.Context(), r, []byte("body"), "http://edge")
			if !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
			if err == nil {
				res.Body.Close()
				want := []string{"POST /x?y=1 body"}
				if got := servers[tc.asked].requests(); !cmp.Equal(got, want) {
					t.Errorf("it was asked %q", got)
				}
			}
			for i, s := range servers {
				if asked := len(s.requests()) > 0; asked != (i == tc.asked) {
					t.Errorf("upstream %d was asked: %v", i, asked)
				}
			}
		})
	}
}

// TestForwardHeaders checks which headers go on to the upstream.
func TestForwardHeaders(t *testing.T) {
	s := newUpstreamServer(t)
	r := httptest.NewRequest("POST", "http://edge/x", nil)
	for name, value := range map[string]string{
		"User-Agent": "Lichess Broadcaster/0.33.2", "Idempotency-Key": "k", "X-Chessrelay-By": "Anna", "Origin": "null", "Content-Type": "text/plain",
		"Authorization": "Bearer secret", "Accept": "application/json", hopsHeader: "2",
		"Cookie": "c=1", "Connection": "Upgrade, X-Chessrelay-By", "Te": "trailers", "X-Chessrelay-Forwarded": "somebody", "X-Forwarded-For": "1.2.3.4", "Sec-Fetch-Site": "same-origin",
	} {
		r.Header.Set(name, value)
	}
	res, err := forwarder(t, 1, s.URL).Forward(t.Context(), r, nil, "http://edge")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	s.header.Del("Content-Length")
	want := http.Header{
		"User-Agent": {"Lichess Broadcaster/0.33.2"}, "Idempotency-Key": {"k"}, "X-Chessrelay-By": {"Anna"}, "Origin": {"null"}, "Content-Type": {"text/plain"},
		"Authorization": {"Bearer secret"}, "Accept": {"application/json"}, hopsHeader: {"3"}, SiteHeader: {"http://edge"},
	}
	if diff := cmp.Diff(want, s.header); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	// The next edge keeps the first one's site, and a client without a user agent gets none.
	r.Header = http.Header{SiteHeader: {"http://first"}, hopsHeader: {"1"}}
	if res, err = forwarder(t, 1, s.URL).Forward(t.Context(), r, nil, "http://second"); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := s.header; got.Get(SiteHeader) != "http://first" || strings.Contains(got.Get("User-Agent"), "Go") {
		t.Errorf("got %v", got)
	}
}

// TestForwardIgnoresTheHostOfTheTarget forwards a request whose target would name another host.
func TestForwardIgnoresTheHostOfTheTarget(t *testing.T) {
	upstream, other := newUpstreamServer(t), newUpstreamServer(t)
	f := forwarder(t, 1, upstream.URL)
	target := "x:@" + strings.TrimPrefix(other.URL, "http://") + "/api"
	u, err := url.ParseRequestURI(target) // as net/http reads a request line
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Method: http.MethodPost, URL: u, Header: http.Header{}}
	res, err := f.Forward(t.Context(), r, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if len(other.requests()) != 0 || len(upstream.requests()) != 1 {
		t.Errorf("the upstream got %q, and another server %q", upstream.requests(), other.requests())
	}
}
