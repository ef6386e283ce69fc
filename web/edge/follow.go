package edge

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
)

// maxBatch bounds the entries that are applied at once.
const maxBatch = 1024

// refusedError is an answer of an upstream that is no stream.
type refusedError struct {
	status int
	text   string
}

func (e *refusedError) Error() string { return e.text }

// ask opens a stream.
func (f *Follower) ask(ctx context.Context, c *upstream, peek bool) (*http.Response, error) {
	q := url.Values{"id": {f.self.ID}, "name": {f.self.Name}, "url": {f.self.HTTP}}
	if peek {
		q.Set("peek", "1")
	}
	f.mu.Lock()
	q.Set("cluster", f.cluster)
	f.mu.Unlock()
	if at := f.applied.Load(); at > 0 {
		q.Set("since", strconv.FormatUint(at, 10))
		if sum, known := f.cfg.Tail.sum(at); known == has {
			q.Set("sum", fmt.Sprintf("%08x", sum))
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/feed/log?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	if f.cfg.Token != "" {
		r.Header.Set("Authorization", "Bearer "+f.cfg.Token)
	}
	res, err := f.send(ctx, f.http, c, r, f.cfg.Token != "")
	if err != nil {
		return nil, whyNone(err)
	}
	want, _, _ := mime.ParseMediaType(ContentType)
	kind, params, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode == http.StatusOK && kind == want && params["version"] == "1" {
		return res, nil
	}
	defer res.Body.Close()
	return nil, refusal(res)
}

// whyNone is an error without the URL, which is said beside it.
func whyNone(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}

func refusal(res *http.Response) error {
	var answer struct{ Error, Code string }
	_ = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&answer) // else the status says it
	for code, err := range map[string]error{
		"other_cluster": ErrOtherCluster, "edge_loop": ErrLoop, "edge_too_deep": ErrTooDeep, "edge_diverged": ErrDiverged,
	} {
		if answer.Code == code {
			return err
		}
	}
	e := &refusedError{res.StatusCode, fmt.Sprintf("it answered %s", res.Status)}
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		e.text += fmt.Sprintf(", and is not followed elsewhere: name the URL that it leads to, %.200q", res.Header.Get("Location"))
	case answer.Error != "":
		e.text += fmt.Sprintf(": %.200q", answer.Error)
	case res.StatusCode == http.StatusOK, res.StatusCode == http.StatusNotFound:
		e.text, e.status = e.text+", and no stream: it is no chessrelay node, or one of another version", http.StatusNotFound
	}
	return e
}

// follow takes what c sends until that ends, and says why it did.
func (f *Follower) follow(ctx context.Context, c *upstream) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &stream{f: f, c: c, ctx: ctx, leave: cancel}
	s.silence = time.AfterFunc(f.cfg.Silence, func() { cancel(errSilent) })
	defer s.silence.Stop()
	err := s.run()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// stream is one connection to an upstream, owned by the follower's loop.
type stream struct {
	f       *Follower
	c       *upstream
	ctx     context.Context
	leave   context.CancelCauseFunc
	silence *time.Timer // runs while the upstream is waited for
	asked   question
	frames  *frameReader
	batch   []consensus.Command
}

func (s *stream) run() error {
	s.asked = s.f.question()
	res, err := s.f.ask(s.ctx, s.c, false)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return s.read(res.Body)
}

// read takes all frames of a stream.
func (s *stream) read(r io.Reader) error {
	s.frames = newFrameReader(r)
	for first := true; ; first = false {
		kind, payload, err := s.next()
		switch {
		case err == io.EOF, err == io.ErrUnexpectedEOF:
			return errGone
		case err != nil:
			return err
		case first && kind != kindState:
			return corrupt("it does not begin with a state")
		case first:
			if err := s.begin(payload); err != nil {
				return err
			}
		default:
			if err := s.take(kind, payload); err != nil {
				return err
			}
		}
	}
}

// next reads a frame. That the upstream is silent is only counted while it is waited for.
func (s *stream) next() (byte, []byte, error) {
	s.silence.Reset(s.f.cfg.Silence)
	kind, payload, err := s.frames.next()
	s.silence.Stop()
	s.f.gotBytes.Add(uint64(frameHeader + len(payload)))
	return kind, payload, err
}

// begin takes the first state: the upstream is followed now.
func (s *stream) begin(payload []byte) error {
	state, err := parseStatus(payload)
	if err == nil {
		err = s.f.accepts(&state)
	}
	if err != nil {
		return err
	}
	f := s.f
	if !f.identified {
		if err := f.cfg.Identified(state.Cluster); err != nil {
			f.failed <- err
			f.cancel()
			return err
		}
		f.identified = true
	}
	f.mu.Lock()
	f.cluster = state.Cluster
	f.current, f.leave, f.unfit = s.c, s.leave, time.Time{}
	s.c.last = ""
	f.mu.Unlock()
	f.answered(s.asked, time.Since(s.asked.sent), &state)
	f.switches.Add(1)
	f.log.Info("follows an upstream", "upstream", s.c.url, "name", state.Self().Name, "depth", len(state.Path), "since", f.applied.Load())
	return s.heard(state)
}

// heard takes in how the upstream stands.
func (s *stream) heard(state Status) error {
	f := s.f
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.state, f.heard = state, now
	f.upstreams.learn(state.Alternatives, s.c, f.self.HTTP)
	f.measureLocked(now)
	var why error
	switch {
	case f.stale(state.AgeMs):
		why = errStale
	case state.Applied < f.applied.Load():
		why = errBehind
	}
	switch {
	case why == nil:
		f.unfit = time.Time{}
	case f.unfit.IsZero():
		f.unfit = now
	case now.Sub(f.unfit) > f.cfg.Patience && f.upstreams.others(s.c, now):
		return why
	}
	return nil
}

// measureLocked notes since when there has been something that this edge lacks.
func (f *Follower) measureLocked(now time.Time) {
	switch lacks := f.newestLocked() > f.applied.Load(); {
	case !lacks:
		f.behind = time.Time{}
	case f.behind.IsZero():
		f.behind = now
	}
}

// take takes one frame.
func (s *stream) take(kind byte, payload []byte) error {
	switch kind {
	case kindState:
		state, err := parseStatus(payload)
		if err == nil {
			err = s.f.accepts(&state)
		}
		if err != nil {
			return err
		}
		return s.heard(state)
	case kindEntry:
		return s.entries(payload)
	case kindImage:
		return s.image(payload)
	}
	return nil // of a newer program
}

// entries applies the entry in payload, and those that are here already behind it.
func (s *stream) entries(payload []byte) error {
	f := s.f
	if !f.began {
		return corrupt("an entry came before the boards")
	}
	cursor := f.applied.Load()
	s.batch = s.batch[:0]
	for {
		prev, c, err := parseEntry(payload)
		if err != nil {
			return err
		}
		if prev > cursor {
			return corrupt("entry %d follows %d, and this edge has only %d", c.Index, prev, cursor)
		}
		if c.Index > cursor { // else it is here already
			s.batch = append(s.batch, c)
			cursor = c.Index
		}
		if len(s.batch) == maxBatch || !s.frames.whole() {
			break
		}
		if _, payload, err = s.next(); err != nil {
			return err
		}
	}
	if len(s.batch) == 0 {
		return nil
	}
	f.cfg.Machine.Apply(s.batch)
	f.entries.Add(uint64(len(s.batch)))
	clear(s.batch)
	s.applied(cursor)
	return nil
}

func (s *stream) applied(index uint64) {
	f := s.f
	f.mu.Lock()
	f.applied.Store(index)
	f.measureLocked(time.Now())
	f.mu.Unlock()
}

// image puts an image in the place of the boards.
func (s *stream) image(payload []byte) error {
	f := s.f
	if len(payload) != 8 {
		return corrupt("an image begins with %d bytes", len(payload))
	}
	index := binary.BigEndian.Uint64(payload)
	if at := f.applied.Load(); f.began && index < at {
		return corrupt("an image of the boards at %d came, and this edge is at %d", index, at)
	}
	next := func() (byte, []byte, error) {
		for {
			kind, payload, err := s.next()
			if err != nil || kind != kindState {
				return kind, payload, err
			}
			if err := s.take(kind, payload); err != nil {
				return 0, nil, err
			}
		}
	}
	began := time.Now()
	if err := f.cfg.Machine.Restore(index, func(load func(string, []byte) error) error { return readImage(next, load) }); err != nil {
		return fmt.Errorf("take the boards over: %w", err)
	}
	s.applied(index)
	f.images.Add(1)
	f.log.Info("the boards came from the upstream", "upstream", s.c.url, "index", index, "in", time.Since(began).Round(time.Millisecond))
	if !f.began {
		f.began = true
		close(f.loaded)
	}
	return nil
}
