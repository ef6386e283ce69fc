package edge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// ContentType is the type of a stream. Its version changes when an older reader could not read it.
const ContentType = "application/vnd.chessrelay.log; version=1"

const (
	// heartbeat is the longest time between two states in a stream.
	heartbeat = 500 * time.Millisecond
	// maxImagesAtOnce bounds the images being written; each keeps a processor busy.
	maxImagesAtOnce = 4
	closeGrace      = time.Second
)

// LogServerConfig configures a [LogServer].
type LogServerConfig struct {
	// Tail holds what is applied. A tail has one log server.
	Tail *Tail
	// Status returns how this node stands.
	Status func() Status
	// Image returns the records of the boards as of an index. They are read later, while the boards
	// change.
	Image func() (applied uint64, records iter.Seq2[string, []byte])
	Log   *slog.Logger
	// Evaluations are what an engine thinks of positions. Nil: there is no engine.
	Evaluations Evaluations

	// MaxEdges bounds the edges that may follow at once. Zero: 512.
	MaxEdges int
	// WriteTimeout is how long an edge may take for some tens of KiB. A slower one is cut; it comes
	// back with what it has. Zero: 5 s.
	WriteTimeout time.Duration
}

// LogServer serves the log of a node to the edges that follow it: GET /feed/log. Its goroutine
// wakes the streams, so that the goroutine that applies does not have to.
type LogServer struct {
	cfg    LogServerConfig
	log    *slog.Logger
	images chan struct{} // one value for each image being written
	quit   chan struct{}
	wg     sync.WaitGroup

	mu       sync.Mutex
	wake     chan struct{} // closed and replaced after an append
	closed   bool
	sessions map[*session]bool
	watching map[string]watching // by the edge's id

	sentBytes, sentImages, cut atomic.Uint64
}

// session is one edge's connection.
type session struct {
	// Immutable after construction.
	hop   Hop
	addr  string
	since time.Time
	conn  *http.ResponseController

	cursor atomic.Uint64 // everything up to this index was sent
	bytes  atomic.Uint64
}

// OpenLogServer returns a log server. The caller closes it.
func OpenLogServer(cfg LogServerConfig) *LogServer {
	if cfg.MaxEdges == 0 {
		cfg.MaxEdges = 512
	}
	if cfg.WriteTimeout == 0 {
		cfg.WriteTimeout = 5 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	l := &LogServer{
		cfg: cfg, log: cfg.Log, images: make(chan struct{}, maxImagesAtOnce), quit: make(chan struct{}),
		wake: make(chan struct{}), sessions: map[*session]bool{}, watching: map[string]watching{},
	}
	l.wg.Go(l.run)
	return l
}

// Close ends all streams and waits for them.
func (l *LogServer) Close() error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.quit)
	}
	for c := range l.sessions {
		_ = c.conn.SetWriteDeadline(time.Now().Add(closeGrace))
	}
	l.mu.Unlock()
	l.wg.Wait()
	return nil
}

// run wakes the streams that wait.
func (l *LogServer) run() {
	for {
		select {
		case <-l.cfg.Tail.news:
			l.mu.Lock()
			old := l.wake
			l.wake = make(chan struct{})
			l.mu.Unlock()
			close(old)
		case <-l.quit:
			return
		}
	}
}

func (l *LogServer) waker() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wake
}

// request is what an edge asks for.
type request struct {
	since   uint64 // the edge's index; 0: it has nothing
	sum     uint32 // the sum of its entry at since
	hasSum  bool
	cluster string
	hop     Hop
	peek    bool // only the state
	// watching is what the edge's spectators watch with evaluations.
	watching string
}

func parseRequest(q url.Values) (request, error) {
	a := request{
		cluster: q.Get("cluster"), hop: Hop{ID: q.Get("id"), Name: q.Get("name"), HTTP: q.Get("url")}, peek: q.Has("peek"), watching: q.Get("watching"),
	}
	if len(a.watching) > maxWatching || !isPrintable(a.watching) {
		return a, fmt.Errorf("%w: watching is longer than %d bytes, or cannot be printed", ErrBadRequest, maxWatching)
	}
	for _, s := range []string{a.cluster, a.hop.ID, a.hop.Name, a.hop.HTTP} {
		if !plain(s) {
			return a, fmt.Errorf("%w: one is longer than %d bytes, or has characters that cannot be printed", ErrBadRequest, maxText)
		}
	}
	if len(usable([]string{a.hop.HTTP})) == 0 {
		a.hop.HTTP = "" // pages show it as a link
	}
	var err error
	if s := q.Get("since"); s != "" {
		if a.since, err = strconv.ParseUint(s, 10, 64); err != nil {
			return a, fmt.Errorf("%w: since is a log index, not %.40q", ErrBadRequest, s)
		}
	}
	if s := q.Get("sum"); s != "" {
		sum, err := strconv.ParseUint(s, 16, 32)
		if err != nil {
			return a, fmt.Errorf("%w: sum is 8 hex digits, not %.40q", ErrBadRequest, s)
		}
		a.sum, a.hasSum = uint32(sum), true
	}
	return a, nil
}

// Serve handles GET /feed/log?since=INDEX&sum=SUM&cluster=ID&id=ID&name=NAME&url=URL. It writes
// this node's state, then the entries after since for as long as the connection lasts. If since is
// 0 or has left the tail, an image comes first. With peek it writes the state only. It returns an
// error only if it has written nothing.
func (l *LogServer) Serve(w http.ResponseWriter, r *http.Request) error {
	a, err := parseRequest(r.URL.Query())
	if err != nil {
		return err
	}
	status := l.cfg.Status()
	switch {
	case a.cluster != "" && a.cluster != status.Cluster:
		return fmt.Errorf("%w: this one is %s", ErrOtherCluster, status.Cluster)
	case a.hop.ID != "" && status.Has(a.hop.ID):
		return ErrLoop
	case len(status.Path) >= MaxDepth+1:
		return ErrTooDeep
	case a.diverged(l.cfg.Tail):
		return ErrDiverged
	}
	c := &session{hop: a.hop, addr: r.RemoteAddr, since: time.Now(), conn: http.NewResponseController(w)}
	if err := l.enter(c, a.peek); err != nil {
		return err
	}
	defer l.leave(c)
	if a.peek {
		l.noteWatching(a.hop.ID, a.watching)
	}
	w.Header().Set("Content-Type", ContentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // no buffering in proxies
	s := &sender{server: l, session: c, w: w, ctx: r.Context(), beat: time.NewTicker(heartbeat)}
	defer s.beat.Stop()
	if err := s.state(); err != nil || a.peek {
		return nil
	}
	err = s.run(a)
	if slow := errors.Is(err, os.ErrDeadlineExceeded); slow || err != nil && r.Context().Err() == nil && !errors.Is(err, ErrClosed) {
		l.cut.Add(1)
		l.log.Info("ended the stream to an edge", "edge", c.hop.Name, "address", c.addr, "err", err)
	}
	return nil
}

// diverged reports whether the edge's entry at since differs from this node's.
func (a request) diverged(t *Tail) bool {
	if !a.hasSum {
		return false
	}
	sum, known := t.sum(a.since)
	return known == hasNot || known == has && sum != a.sum
}

func (l *LogServer) enter(c *session, peek bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ErrClosed
	case !peek && len(l.sessions) >= l.cfg.MaxEdges:
		return ErrTooMany
	}
	l.wg.Add(1)
	if !peek {
		l.sessions[c] = true
	}
	return nil
}

func (l *LogServer) leave(c *session) {
	l.mu.Lock()
	delete(l.sessions, c)
	l.mu.Unlock()
	l.wg.Done()
}

// sender writes one stream, in the goroutine of its request.
type sender struct {
	server  *LogServer
	session *session
	w       http.ResponseWriter
	ctx     context.Context

	beat *time.Ticker
	told time.Time // when the last state was written
	buf  []byte
}

// Write writes whole messages. It fails if the edge is too slow.
func (s *sender) Write(b []byte) (int, error) {
	if s.told.Add(heartbeat).Before(time.Now()) {
		if err := s.state(); err != nil {
			return 0, err
		}
	}
	return len(b), s.write(b)
}

func (s *sender) write(b []byte) error {
	_ = s.session.conn.SetWriteDeadline(time.Now().Add(s.server.cfg.WriteTimeout))
	select {
	case <-s.server.quit: // Close may have set an earlier deadline
		_ = s.session.conn.SetWriteDeadline(time.Now().Add(closeGrace))
	default:
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	s.session.bytes.Add(uint64(len(b)))
	s.server.sentBytes.Add(uint64(len(b)))
	return s.session.conn.Flush()
}

// state writes this node's state.
func (s *sender) state() error {
	payload, err := json.Marshal(s.server.cfg.Status())
	if err != nil {
		return err
	}
	s.told = time.Now()
	s.buf = appendMessage(s.buf[:0], kindState, payload)
	return s.write(s.buf)
}

// run sends what follows the cursor, or an image if the tail no longer reaches back to it.
func (s *sender) run(a request) error {
	tail := s.server.cfg.Tail
	cursor := a.since
	if cursor == 0 {
		var err error
		if cursor, err = s.image(); err != nil {
			return err
		}
	}
	s.session.cursor.Store(cursor)
	news := s.news()
	for {
		wake, changed := s.server.waker(), news.changed() // read before the tail and the evaluations
		if cursor == a.since && a.diverged(tail) {
			return ErrDiverged
		}
		messages, last, behind := tail.after(cursor)
		switch {
		case behind:
			index, err := s.image()
			if err != nil {
				return err
			}
			cursor = index
			s.session.cursor.Store(cursor)
			continue
		case len(messages) > 0:
			if _, err := s.Write(messages); err != nil {
				return err
			}
			cursor = last
			s.session.cursor.Store(cursor)
			if s.ctx.Err() == nil {
				continue
			}
		default: // moves first
			if message := news.next(); message != nil {
				if _, err := s.Write(appendMessage(nil, kindEvaluations, message)); err != nil {
					return err
				}
				continue
			}
		}
		select {
		case <-wake:
		case <-changed:
		case <-s.beat.C:
			if err := s.state(); err != nil {
				return err
			}
		case <-s.ctx.Done():
			return nil
		case <-s.server.quit:
			return nil
		}
	}
}

// image writes the boards and returns their index.
func (s *sender) image() (uint64, error) {
	for taken := false; !taken; {
		select {
		case s.server.images <- struct{}{}:
			taken = true
		case <-s.beat.C: // waiting for its turn
			if err := s.state(); err != nil {
				return 0, err
			}
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		case <-s.server.quit:
			return 0, ErrClosed
		}
	}
	defer func() { <-s.server.images }()
	index, records := s.server.cfg.Image()
	s.server.sentImages.Add(1)
	if err := writeImage(s, index, records); err != nil {
		return 0, fmt.Errorf("write an image: %w", err)
	}
	s.server.log.Info("sent the boards to an edge", "edge", s.session.hop.Name, "address", s.session.addr, "index", index, "bytes", s.session.bytes.Load())
	return index, nil
}

// SessionStatus describes one edge that follows.
type SessionStatus struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	HTTP        string `json:"http,omitempty"`
	Address     string `json:"address"`
	Sent        uint64 `json:"sent"` // the index up to which it was sent everything
	Lag         uint64 `json:"lag"`  // the entries not yet sent
	SentBytes   uint64 `json:"sentBytes"`
	ConnectedMs int64  `json:"connectedMs"`
}

// Edges lists the edges that follow now, by name.
func (l *LogServer) Edges() []SessionStatus {
	last := l.cfg.Tail.Last()
	out := []SessionStatus{}
	l.mu.Lock()
	for c := range l.sessions {
		sent := c.cursor.Load()
		s := SessionStatus{
			ID: c.hop.ID, Name: c.hop.Name, HTTP: c.hop.HTTP, Address: c.addr,
			Sent: sent, SentBytes: c.bytes.Load(), ConnectedMs: time.Since(c.since).Milliseconds(),
		}
		if last > sent {
			s.Lag = last - sent
		}
		out = append(out, s)
	}
	l.mu.Unlock()
	slices.SortFunc(out, func(a, b SessionStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Address, b.Address))
	})
	return out
}

// LogServerStats are figures of a log server; counters start when it is opened.
type LogServerStats struct {
	Edges       int
	TailEntries int
	TailBytes   int
	SentBytes   uint64
	SentImages  uint64
	Cut         uint64 // edges cut because they were slow or an error occurred
}

// Stats returns the server's figures.
func (l *LogServer) Stats() LogServerStats {
	l.mu.Lock()
	n := len(l.sessions)
	l.mu.Unlock()
	s := LogServerStats{Edges: n, SentBytes: l.sentBytes.Load(), SentImages: l.sentImages.Load(), Cut: l.cut.Load()}
	s.TailEntries, s.TailBytes = l.cfg.Tail.size()
	return s
}
