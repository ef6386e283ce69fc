package base

import (
	"container/list"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"weak"

	"github.com/chessrelay/chessrelay/relay"
)

// This file shares the encoded answers of lists between their readers. A list is encoded once for
// all readers while the boards stay as they are. A slow reader holds a slice of that one body, and
// no body of its own. A client that shows the ETag gets a 304.

const (
	// maxShared is how many bytes of bodies are kept for the next reader, and maxSharedBodies is
	// how many bodies.
	maxShared       = 32 << 20
	maxSharedBodies = 512
)

// version is the boards at one moment, as far as a reader can see. The pointer is weak, so that
// replaced boards are not kept.
type version struct {
	state    weak.Pointer[relay.State]
	applied  uint64
	released uint64
}

// version returns the version of the boards now.
func (s *Server) version() (v version) {
	s.Boards.Read(func(applied uint64, b *relay.State) {
		v = version{weak.Make(b), applied, b.Released()}
	})
	return v
}

// sharedBody is an encoded answer. Its fields are guarded by mu; the bytes of a body never change.
type sharedBody struct {
	key string

	mu    sync.Mutex // held while the body is made, so that it is made once
	made  bool
	as    version
	index uint64
	body  []byte
	etag  string
}

// sharedBodies are the bodies that were last asked for. The zero value is ready.
type sharedBodies struct {
	mu     sync.Mutex
	order  list.List // of *sharedBody, the newest first
	places map[string]*list.Element
	sizes  map[string]int
	bytes  int
}

// get returns the body for the key. It may still have to be made.
func (c *sharedBodies) get(key string) *sharedBody {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.places[key]; at != nil {
		c.order.MoveToFront(at)
		return at.Value.(*sharedBody)
	}
	if c.places == nil {
		c.places, c.sizes = map[string]*list.Element{}, map[string]int{}
	}
	b := &sharedBody{key: key}
	c.places[key] = c.order.PushFront(b)
	c.trim()
	return b
}

// made notes how large a body is.
func (c *sharedBodies) made(b *sharedBody, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.places[b.key]; at == nil || at.Value != b {
		return // it was dropped meanwhile
	}
	c.bytes += size - c.sizes[b.key]
	c.sizes[b.key] = size
	c.trim()
}

// trim drops the oldest bodies beyond the limits. Their readers keep what they have.
func (c *sharedBodies) trim() {
	for c.order.Len() > maxSharedBodies || c.bytes > maxShared && c.order.Len() > 0 {
		last := c.order.Back()
		b := c.order.Remove(last).(*sharedBody)
		c.bytes -= c.sizes[b.key]
		delete(c.places, b.key)
		delete(c.sizes, b.key)
	}
}

// sharedKey names everything in a request that an answer depends on, besides the boards.
func (s *Server) sharedKey(r *http.Request) string {
	who := ""
	if c := CallerOf(r); c.Token != nil {
		who = c.ID
	} else if shown, ok := bearer(r); ok && !s.Access.Needed() && s.isGrant(shown, s.Now()) {
		who = "granted"
	}
	return fmt.Sprint(who, " ", s.Can(r, Record, "", ""), " ", SiteURL(r), " ", r.URL.EscapedPath(), "?", r.URL.RawQuery)
}

// Shared is [Server.Handle] for answers that follow from the boards and the request alone, not from
// the time of day. An answer that is passing is made for each reader.
func (s *Server) Shared(f func(r *http.Request) (Answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b := s.bodies.get(s.sharedKey(r))
		index, body, etag, err := b.take(s, r, f)
		if err != nil {
			s.Fail(w, r, err)
			return
		}
		h := w.Header()
		h.Set(IndexHeader, strconv.FormatUint(index, 10))
		h.Set("ETag", etag)
		h.Set("Cache-Control", "no-cache") // to be revalidated with the tag
		if noneMatch(r, etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", "application/json; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the client may be gone: nobody is left to be told
	}
}

// take returns the body for the boards as they are now. If only the index has changed, it is the
// same body.
func (b *sharedBody) take(s *Server, r *http.Request, f func(r *http.Request) (Answer, error)) (index uint64, body []byte, etag string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	as := s.version() // before the boards are read: after a change meanwhile, the next reader makes the body again
	if b.made && b.as == as {
		return b.index, b.body, b.etag, nil
	}
	a, err := f(r)
	if err != nil {
		return 0, nil, "", err
	}
	in, isIndexed := a.Body.(indexed)
	if !isIndexed {
		in.body = a.Body
	}
	text, err := json.Marshal(in.body)
	if err != nil {
		return 0, nil, "", fmt.Errorf("encode the answer to %s: %w", r.URL.Path, err)
	}
	sum := sha256.Sum256(text)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	text = append(text, '\n')
	if a.Passing {
		return in.index, text, tag, nil
	}
	if !b.made || b.etag != tag {
		b.body, b.etag = slices.Clip(slices.Clone(text)), tag
		s.bodies.made(b, len(b.body))
	}
	b.made, b.as, b.index = true, as, in.index
	return b.index, b.body, b.etag, nil
}

// Polled makes a handler from a function whose answer clients poll.
func (s *Server) Polled(f func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		doc, err := f(r)
		if err != nil {
			s.Fail(w, r, err)
			return
		}
		body, err := json.Marshal(doc)
		if err != nil {
			s.Fail(w, r, err)
			return
		}
		sum := sha256.Sum256(body)
		etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		w.Header().Set("ETag", etag)
		if s.seesAny(r) {
			w.Header().Set("Cache-Control", "private, max-age=1")
		} else {
			w.Header().Set("Cache-Control", "public, max-age=1")
		}
		if noneMatch(r, etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
}

// noneMatch reports whether the client has what the ETag names (RFC 9110, 13.1.2).
func noneMatch(r *http.Request, etag string) bool {
	for _, have := range strings.Split(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if have = strings.TrimPrefix(strings.TrimSpace(have), "W/"); have == etag || have == "*" {
			return true
		}
	}
	return false
}
