package web

import (
	"bytes"
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
)

// dist is what `make ui` builds from ui/. Before that, a checkout has an empty folder here, so that
// the Go code compiles without Node.
//
//go:embed all:dist
var dist embed.FS

// pages serves the spectators' pages: one document for every path, and its assets.
type pages struct {
	files fs.FS
	index []byte
}

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>chessrelay</title>
<p>This binary was built without the pages. Run <code>make</code> (it needs Node and npm), then start it again.
The <a href="/api/tournaments">API</a> works.</p></html>
`

func newPages() (*pages, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	index, err := fs.ReadFile(files, "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		index, err = []byte(notBuilt), nil
	}
	return &pages{files, withVersion(index)}, err
}

// withVersion adds the version to the head of a built document. The pages show it at the bottom.
func withVersion(index []byte) []byte {
	return bytes.Replace(index, []byte("</head>"), []byte(`<meta name="version" content="`+Version+`"></head>`), 1)
}

func (p *pages) mount(r chi.Router) {
	for _, path := range []string{"/", "/tournament/{tid}", "/round/{rid}", "/round/{rid}/{board}", "/cluster", "/embed/round/{rid}", "/embed/round/{rid}/{board}"} {
		r.Get(path, p.page)
	}
	r.Get("/assets/*", p.asset)
	r.Get("/favicon.svg", p.asset)
	r.Get("/embed.js", p.asset)
}

func (p *pages) page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache") // it names the assets of one build
	_, _ = w.Write(p.index)
}

// asset serves a built file. Names in assets/ contain a hash of the content, so browsers may keep
// the files for ever.
func (p *pages) asset(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if info, err := fs.Stat(p.files, name); err != nil || info.IsDir() {
		http.NotFound(w, r)
		return
	}
	if strings.HasPrefix(name, "assets/") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeFileFS(w, r, p.files, name)
}
