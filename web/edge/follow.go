package edge

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
)

// maxBatch bounds the entries of one call of Apply.
const maxBatch = 1024

// refusedError is an upstream's answer that is not a stream.
type refusedError struct {
	status int
	text   string
}

func (e *refusedError) Error() string { return e.text }

// ask opens a stream, or asks for the state only.
func (l *LogClient) ask(ctx context.Context, c *upstream, peek bool) (*http.Response, error) {
	q := url.Values{"id": {l.self.ID}, "name": {l.self.Name}, "url": {l.self.HTTP}}
	if peek {
		q.Set("peek", "1")
		if l.cfg.Watching != nil {
			q.Set("watching", l.cfg.Watching())
		}
	}
	l.mu.Lock()
	q.Set("cluster", l.cluster)
	l.mu.Unlock()
	if at := l.applied.Load(); at > 0 {
		q.Set("since", strconv.FormatUint(at, 10))
		if sum, known := l.cfg.Tail.sum(at); known == has {
			q.Set("sum", fmt.Sprintf("%08x", sum))
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/feed/log?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	if l.cfg.Token != "" {
		r.Header.Set("Authorization", "Bearer "+l.cfg.Token)
	}
	res, err := l.send(ctx, l.http, c, r, l.cfg.Token != "")
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

// whyNone returns the cause of err without the URL, which callers name themselves.
func whyNone(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func refusal(res *http.Response) error {
	var answer struct{ Error, Code string }
	_ = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&answer) // if this fails, the status says it
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
		e.text += fmt.Sprintf(", and redirects are not followed: name the URL that it leads to, %.200q", res.Header.Get("Location"))
	case answer.Error != "":
		e.text += fmt.Sprintf(": %.200q", answer.Error)
	case res.StatusCode == http.StatusOK, res.StatusCode == http.StatusNotFound:
		e.text, e.status = e.text+", not a stream: it is not a chessrelay node, or has another version", http.StatusNotFound
	}
	return e
}

// follow applies what c sends until the stream ends, and returns why it ended.
func (l *LogClient) follow(ctx context.Context, c *upstream) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &stream{client: l, c: c, ctx: ctx, leave: cancel}
	s.silence = time.AfterFunc(l.cfg.Silence, func() { cancel(errSilent) })
	defer s.silence.Stop()
	err := s.run()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// stream is one connection to an upstream. LogClient.run owns it.
type stream struct {
	client   *LogClient
	c        *upstream
	ctx      context.Context
	leave    context.CancelCauseFunc
	silence  *time.Timer // runs while the edge waits for the upstream
	asked    question
	messages *messageReader
	batch    []consensus.Command
}

func (s *stream) run() error {
	s.asked = s.client.question()
	res, err := s.client.ask(s.ctx, s.c, false)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return s.read(res.Body)
}

// read reads all messages of a stream.
func (s *stream) read(r io.Reader) error {
	s.messages = newMessageReader(r)
	for first := true; ; first = false {
		kind, payload, err := s.next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
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

// next reads a message. Silence counts only while the edge waits.
func (s *stream) next() (byte, []byte, error) {
	s.silence.Reset(s.client.cfg.Silence)
	kind, payload, err := s.messages.next()
	s.silence.Stop()
	s.client.gotBytes.Add(uint64(messageHeader + len(payload)))
	return kind, payload, err
}

// begin reads the first state. From then on the upstream is followed.
func (s *stream) begin(payload []byte) error {
	state, err := parseStatus(payload)
	if err == nil {
		err = s.client.accepts(&state)
	}
	if err != nil {
		return err
	}
	l := s.client
	if !l.identified {
		if err := l.cfg.Identified(state.Cluster); err != nil {
			l.failed <- err
			l.cancel()
			return err
		}
		l.identified = true
	}
	l.mu.Lock()
	l.cluster = state.Cluster
	l.current, l.leave, l.unfit = s.c, s.leave, time.Time{}
	s.c.last = ""
	l.mu.Unlock()
	l.answered(s.asked, time.Since(s.asked.sent), &state)
	l.switches.Add(1)
	l.log.Info("following an upstream", "upstream", s.c.url, "name", state.Self().Name, "depth", len(state.Path), "since", l.applied.Load())
	return s.heard(state)
}

// heard notes how the upstream stands.
func (s *stream) heard(state Status) error {
	l := s.client
	if l.cfg.Evaluations != nil {
		l.cfg.Evaluations.SetUpstream(state.Engine)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.state, l.heard = state, now
	l.upstreams.learn(state.Alternatives, s.c, l.self.HTTP)
	l.measureLocked(now)
	var why error
	switch {
	case l.stale(state.AgeMs):
		why = errStale
	case state.Applied < l.applied.Load():
		why = errBehind
	}
	switch {
	case why == nil:
		l.unfit = time.Time{}
	case l.unfit.IsZero():
		l.unfit = now
	case now.Sub(l.unfit) > l.cfg.Patience && l.upstreams.others(s.c, now):
		return why
	}
	return nil
}

// measureLocked notes since when the boards have been behind.
func (l *LogClient) measureLocked(now time.Time) {
	switch lacks := l.newestLocked() > l.applied.Load(); {
	case !lacks:
		l.behind = time.Time{}
	case l.behind.IsZero():
		l.behind = now
	}
}

// take handles one message.
func (s *stream) take(kind byte, payload []byte) error {
	switch kind {
	case kindState:
		state, err := parseStatus(payload)
		if err == nil {
			err = s.client.accepts(&state)
		}
		if err != nil {
			return err
		}
		return s.heard(state)
	case kindEntry:
		return s.entries(payload)
	case kindImage:
		return s.image(payload)
	case kindEvaluations:
		return s.client.takeEvaluations(payload)
	}
	return nil // from a newer program
}

// entries applies the entry in payload, and those behind it that have arrived.
func (s *stream) entries(payload []byte) error {
	l := s.client
	if !l.began {
		return corrupt("an entry came before the boards")
	}
	cursor := l.applied.Load()
	s.batch = s.batch[:0]
	for {
		prev, c, err := parseEntry(payload)
		if err != nil {
			return err
		}
		if prev > cursor {
			return corrupt("entry %d follows %d, and this edge has only %d", c.Index, prev, cursor)
		}
		if c.Index > cursor { // otherwise it was applied before
			s.batch = append(s.batch, c)
			cursor = c.Index
		}
		if len(s.batch) == maxBatch || !s.messages.whole() {
			break
		}
		if _, payload, err = s.next(); err != nil {
			return err
		}
	}
	if len(s.batch) == 0 {
		return nil
	}
	l.cfg.Machine.Apply(s.batch)
	l.entries.Add(uint64(len(s.batch)))
	clear(s.batch)
	s.applied(cursor)
	return nil
}

func (s *stream) applied(index uint64) {
	l := s.client
	l.mu.Lock()
	l.applied.Store(index)
	l.measureLocked(time.Now())
	l.mu.Unlock()
}

// image replaces the boards by an image.
func (s *stream) image(payload []byte) error {
	l := s.client
	if len(payload) != 8 {
		return corrupt("an image begins with %d bytes", len(payload))
	}
	index := binary.BigEndian.Uint64(payload)
	if at := l.applied.Load(); l.began && index < at {
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
	if err := l.cfg.Machine.Restore(index, func(load func(string, []byte) error) error { return readImage(next, load) }); err != nil {
		return fmt.Errorf("take the boards over: %w", err)
	}
	s.applied(index)
	l.images.Add(1)
	l.log.Info("got the boards from the upstream", "upstream", s.c.url, "index", index, "in", time.Since(began).Round(time.Millisecond))
	if !l.began {
		l.began = true
		close(l.loaded)
	}
	return nil
}
