package base

import (
	"bytes"
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// This file compresses answers. Only routes that say so are compressed: reads of boards, and pages.
// Streams are not, since each frame would wait for the next. Nor is any answer that holds a secret,
// such as a new token: its length beside a text that the client chose would betray it (BREACH).
// Browsers add no credentials to reads of boards by themselves, so another site's page cannot
// compare lengths of what only a token's holder sees.
//
// Assets are compressed when they are built, and shared bodies once for all readers (shared.go).
// All other answers are compressed for each reader.

// minCompressed is the length from which a body is compressed. A shorter one is a packet or two
// anyway. And net/http tells a HEAD the length of a body of at most 2,048 bytes, which must be
// true.
const minCompressed = 2049

// maxCompressing is how many answers are compressed at a time. Each takes 700 KiB until its
// reader has it, and a reader may be slow. Beyond that they go out as they are.
const maxCompressing = 64

var compressing = make(chan struct{}, maxCompressing)

// Compressed compresses the answers of the routes behind it, for clients that accept gzip. Their
// ETags must be weak.
func Compressed(next http.Handler) http.Handler {
	compressed := compressor(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case compressing <- struct{}{}:
			defer func() { <-compressing }()
			compressed.ServeHTTP(w, r)
		default:
			w.Header().Add("Vary", "Accept-Encoding")
			next.ServeHTTP(w, r)
		}
	})
}

// compressor leaves answers alone that have a coding, are small or have another type.
var compressor = newCompressor()

func newCompressor() func(http.Handler) http.HandlerFunc {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.EnableZstd(false), // one form to keep of each shared body
		gzhttp.MinSize(minCompressed),
		gzhttp.ContentTypes([]string{"application/json", "application/x-ndjson", "application/x-chess-pgn", "text/html"}),
	)
	if err != nil {
		panic(err) // the options are constants
	}
	return wrap
}

// compress returns the text compressed; nil if it is no smaller.
func compress(text []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(text) // a buffer takes everything
	_ = w.Close()
	if out.Len() >= len(text) {
		return nil
	}
	return bytes.Clone(out.Bytes())
}
