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
	"sync"
	"weak"

	"github.com/chessrelay/chessrelay/relay"
)

// This file shares the encoded answers of lists between their readers. A list is encoded once for
// all readers while the boards stay as they are. A slow reader holds a slice of that one body, and
// no body of its own. A body is compressed once, too, for the first reader that accepts that. A
// client that shows the ETag gets a 304. The tags are weak, because they name both forms of a body.

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
	forms bodyForms
	etag  string
}

// bodyForms are a body as it is, and compressed. The bytes never change.
type bodyForms struct {
	plain []byte
	gzip  []byte // nil until a reader wants it, or if it is no smaller
	tried bool   // whether gzip was made
}

// in returns the body in the coding that the client prefers. made reports whether it was compressed
// for this call.
func (f *bodyForms) in(r *http.Request) (body []byte, coding Coding, made bool) {
	if len(f.plain) < minCompressed || Choose(r, Gzip) == Identity {
		return f.plain, Identity, false
	}
	if !f.tried {
		f.gzip, f.tried, made = compress(f.plain), true, true
	}
	if f.gzip == nil {
		return f.plain, Identity, made
	}
	return f.gzip, Gzip, made
}

// write answers with a body that the client may have already.
func write(w http.ResponseWriter, r *http.Request, etag string, body []byte, coding Coding) {
	h := w.Header()
	h.Set("ETag", etag)
	h.Add("Vary", "Accept-Encoding")
	if HasTag(r, etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if coding != Identity {
		h.Set("Content-Encoding", string(coding))
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the client may be gone: nobody is left to be told
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
		index, body, coding, etag, err := b.take(s, r, f)
		if err != nil {
			s.Fail(w, r, err)
			return
		}
		h := w.Header()
		h.Set(IndexHeader, strconv.FormatUint(index, 10))
		h.Set("Cache-Control", "no-cache") // to be revalidated with the tag
		write(w, r, etag, body, coding)
	}
}

// take returns the body for the boards as they are now. If only the index has changed, it is the
// same body.
func (b *sharedBody) take(s *Server, r *http.Request, f func(r *http.Request) (Answer, error)) (index uint64, body []byte, coding Coding, etag string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	as := s.version() // before the boards are read: after a change meanwhile, the next reader makes the body again
	if b.made && b.as == as {
		body, coding = b.in(s, r)
		return b.index, body, coding, b.etag, nil
	}
	a, err := f(r)
	if err != nil {
		return 0, nil, Identity, "", err
	}
	in, isIndexed := a.Body.(indexed)
	if !isIndexed {
		in.body = a.Body
	}
	text, err := json.Marshal(in.body)
	if err != nil {
		return 0, nil, Identity, "", fmt.Errorf("encode the answer to %s: %w", r.URL.Path, err)
	}
	tag := TagOf(text)
	text = append(text, '\n')
	if a.Passing {
		body, coding, _ = (&bodyForms{plain: text}).in(r)
		return in.index, body, coding, tag, nil
	}
	if !b.made || b.etag != tag {
		b.forms, b.etag = bodyForms{plain: slices.Clip(slices.Clone(text))}, tag
		s.bodies.made(b, len(b.forms.plain))
	}
	b.made, b.as, b.index = true, as, in.index
	body, coding = b.in(s, r)
	return b.index, body, coding, b.etag, nil
}

// in returns the body as the client wants it. It is compressed once for all clients. mu is held.
func (b *sharedBody) in(s *Server, r *http.Request) ([]byte, Coding) {
	body, coding, made := b.forms.in(r)
	if made {
		s.bodies.made(b, len(b.forms.plain)+len(b.forms.gzip))
	}
	return body, coding
}

// TagOf returns the ETag of a text. It is weak, because the text compressed has the same.
func TagOf(text []byte) string {
	sum := sha256.Sum256(text)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
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
		etag := TagOf(body)
		if s.seesAny(r) {
			w.Header().Set("Cache-Control", "private, max-age=1")
		} else {
			w.Header().Set("Cache-Control", "public, max-age=1")
		}
		sent, coding, _ := (&bodyForms{plain: body}).in(r)
		write(w, r, etag, sent, coding)
	}
}
