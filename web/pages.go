package web

import (
	"bytes"
	"embed"
	"errors"
	"io/fs"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// dist is what `make ui` builds from ui/. Before that, a checkout has an empty folder here, so that
// the Go code compiles without Node.
//
//go:embed all:dist
var dist embed.FS

// pages serves the spectators' pages: one document for every path, and its assets.
type pages struct {
	assets assets
	index  []byte
	script []byte // embed.js, for other sites
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
	if err != nil {
		return nil, err
	}
	script, err := fs.ReadFile(files, "embed.js")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	assets, err := readAssets(files)
	return &pages{assets, withVersion(index), script}, err
}

// withVersion adds the version to the head of a built document. The pages show it at the bottom.
func withVersion(index []byte) []byte {
	return bytes.Replace(index, []byte("</head>"), []byte(`<meta name="version" content="`+Version+`"></head>`), 1)
}

func (p *pages) mount(r chi.Router) {
	for _, path := range []string{"/", "/tournament/{tid}", "/round/{rid}", "/round/{rid}/{board}", "/cluster", "/embed/round/{rid}", "/embed/round/{rid}/{board}"} {
		r.Get(path, p.page)
	}
	r.Get("/assets/*", p.assets.ServeHTTP)
	r.Get("/embed.js", p.embed)
}

func (p *pages) page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache") // it names the assets of one build
	_, _ = w.Write(p.index)
}

// embed serves the script that shows boards on other sites. Its name has no hash, so it is asked
// for again after a while.
func (p *pages) embed(w http.ResponseWriter, r *http.Request) {
	if len(p.script) == 0 {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=600")
	_, _ = w.Write(p.script)
}
