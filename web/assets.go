package web

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strconv"

	"github.com/chessrelay/chessrelay/web/base"
)

// assets are the built files that pages load, by path. The build compresses them; this node never
// does.
type assets map[string]*asset

// asset is a built file in each of its forms.
type asset struct {
	contentType string
	tag         string // of the plain form, without the quotes
	forms       map[base.Coding][]byte
}

// contentTypes is here since the types that a system knows differ.
var contentTypes = map[string]string{
	".js":    "text/javascript; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

// endings are the forms that may be beside a file.
var endings = map[base.Coding]string{base.Brotli: ".br", base.Gzip: ".gz"}

// readAssets reads all files of the folder assets, if any.
func readAssets(files fs.FS) (assets, error) {
	out := assets{}
	entries, err := fs.ReadDir(files, "assets")
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		contentType, known := contentTypes[path.Ext(e.Name())]
		if !known {
			continue // a form of another file
		}
		name := "assets/" + e.Name()
		plain, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(plain)
		a := &asset{contentType, base64.RawURLEncoding.EncodeToString(sum[:12]), map[base.Coding][]byte{base.Identity: plain}}
		for coding, ending := range endings {
			form, err := fs.ReadFile(files, name+ending)
			if err == nil {
				a.forms[coding] = form
			} else if !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
		out["/"+name] = a
	}
	return out, nil
}

// ServeHTTP serves a file in the form that the client prefers. Names contain a hash of the content,
// so browsers may keep the files for ever.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file := a[r.URL.Path]
	if file == nil {
		http.NotFound(w, r)
		return
	}
	var have []base.Coding
	for _, c := range []base.Coding{base.Brotli, base.Gzip} {
		if file.forms[c] != nil {
			have = append(have, c)
		}
	}
	coding := base.Choose(r, have...)
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	tag := file.tag
	if len(have) > 0 {
		h.Add("Vary", "Accept-Encoding")
	}
	if coding != base.Identity {
		h.Set("Content-Encoding", string(coding))
		tag += "-" + string(coding)
	}
	h.Set("ETag", `"`+tag+`"`)
	if base.HasTag(r, `"`+tag+`"`) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", file.contentType)
	h.Set("Content-Length", strconv.Itoa(len(file.forms[coding])))
	_, _ = w.Write(file.forms[coding]) // the client may be gone: nobody is left to be told
}
