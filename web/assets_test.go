package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"
)

// TestAssets asks for built files in each of their forms.
func TestAssets(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	a, err := readAssets(fstest.MapFS{
		"assets/a-1.js": file("plain"), "assets/a-1.js.br": file("brotli"), "assets/a-1.js.gz": file("gzip"),
		"assets/f-2.woff2": file("font"), "index.html": file("page"),
	})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path string, header http.Header) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		r.Header = header
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w
	}
	tags := map[string]bool{}
	for _, c := range []struct{ path, accepts, body, coding, contentType string }{
		{"/assets/a-1.js", "", "plain", "", "text/javascript; charset=utf-8"},
		{"/assets/a-1.js", "gzip", "gzip", "gzip", "text/javascript; charset=utf-8"},
		{"/assets/a-1.js", "gzip, deflate, br, zstd", "brotli", "br", "text/javascript; charset=utf-8"},
		{"/assets/f-2.woff2", "gzip, br", "font", "", "font/woff2"},
	} {
		accepts := http.Header{"Accept-Encoding": {c.accepts}}
		w := ask(http.MethodGet, c.path, accepts)
		h := w.Header()
		if w.Code != 200 || w.Body.String() != c.body || h.Get("Content-Encoding") != c.coding || h.Get("Content-Type") != c.contentType {
			t.Errorf("%s for %q: %d %q %v", c.path, c.accepts, w.Code, w.Body, h)
		}
		if varies := h.Get("Vary") == "Accept-Encoding"; varies == (c.body == "font") || h.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s for %q may be cached so: %v", c.path, c.accepts, h)
		}
		tag := h.Get("ETag")
		if tag == "" || tags[tag] {
			t.Errorf("%s for %q has the tag %q of another form", c.path, c.accepts, tag)
		}
		tags[tag] = true
		accepts.Set("If-None-Match", tag)
		if w := ask(http.MethodGet, c.path, accepts); w.Code != 304 || w.Body.Len() > 0 || w.Header().Get("ETag") != tag {
			t.Errorf("%s for %q again: %d %v", c.path, c.accepts, w.Code, w.Header())
		}
	}
	for _, path := range []string{"/assets/a-1.js.br", "/assets/", "/assets/b.js", "/assets/../index.html"} {
		if w := ask(http.MethodGet, path, http.Header{}); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
