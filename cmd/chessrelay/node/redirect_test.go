package node

import (
	"context"
	"net/http"
	"testing"
)

func TestRedirectTarget(t *testing.T) {
	for _, c := range []struct{ self, host, want string }{
		{"https://chess.example", "chess.example", "https://chess.example/x"},
		{"https://chess.example:8443", "chess.example:8080", "https://chess.example:8443/x"},
		{"https://chess.example", "www.chess.example:80", "https://www.chess.example/x"},
		{"https://[::1]:8443", "[::1]:80", "https://[::1]:8443/x"},
		{"https://chess.example", "[::1]", "https://[::1]/x"},
		{"https://chess.example:8443", "", "https://chess.example:8443/x"},
	} {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://unused/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		w := &headerWriter{header: http.Header{}}
		redirect(c.self).ServeHTTP(w, r)
		if w.header.Get("Location") != c.want {
			t.Errorf("%s at %s: %s, want %s", c.host, c.self, w.header.Get("Location"), c.want)
		}
	}
}

type headerWriter struct{ header http.Header }

func (w *headerWriter) Header() http.Header         { return w.header }
func (w *headerWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *headerWriter) WriteHeader(int)             {}
