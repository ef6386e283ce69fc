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

// ContentType is that of a stream. Its version changes if an older reader could no longer make sense of it.
const ContentType = "application/vnd.chessrelay.log; version=1"

const (
	// heartbeat is the time between two states in a stream, at the most.
	heartbeat = 500 * time.Millisecond
	// maxImagesAtOnce bounds the images that are being written, each of which costs a processor.
	maxImagesAtOnce = 4
	closeGrace      = time.Second
)

// FeedConfig is what a [Feed] works with.
type FeedConfig struct {
	// Tail has what is applied, as it is applied. A tail has one feed.
	Tail *Tail
	// Status tells how this node stands.
	Status func() Status
	// Image returns the records of the boards, as of an index. They are read later, while the boards go on.
	Image func() (applied uint64, records iter.Seq2[string, []byte])
	Log   *slog.Logger

	// MaxFollowers is how many edges may follow at a time; zero: 512.
	MaxFollowers int
	// WriteTimeout is how long a follower may take to take some tens of KiB; zero: 5 s. One that takes longer is
	// cut. It comes back with what it has.
	WriteTimeout time.Duration
}

// Feed serves the log of a node to the edges that follow it: GET /feed/log. It runs a goroutine of its own, which wakes followers, so that
// the one that applies does not.
type Feed struct {
	cfg    FeedConfig
	log    *slog.Logger
	images chan struct{} // one for each image that is being written
	quit   chan struct{}
	wg     sync.WaitGroup

	mu        sync.Mutex
	wake      chan struct{} // closed, and replaced, after something was appended
	closed    bool
	followers map[*follower]bool

	sentBytes, sentImages, cut atomic.Uint64
}

// follower is one edge's connection.
type follower struct {
	// Static after construction.
	hop   Hop
	addr  string
	since time.Time
	conn  *http.ResponseController

	cursor atomic.Uint64 // it was sent what is up to here
	bytes  atomic.Uint64
}

// OpenFeed makes a feed. Close it.
func OpenFeed(cfg FeedConfig) *Feed {
	if cfg.MaxFollowers == 0 {
		cfg.MaxFollowers = 512
	}
	if cfg.WriteTimeout == 0 {
		cfg.WriteTimeout = 5 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	f := &Feed{
		cfg: cfg, log: cfg.Log, images: make(chan struct{}, maxImagesAtOnce), quit: make(chan struct{}),
		wake: make(chan struct{}), followers: map[*follower]bool{},
	}
	f.wg.Go(f.run)
	return f
}

// Close ends all streams, and waits until they have.
func (f *Feed) Close() error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.quit)
	}
	for fl := range f.followers {
		_ = fl.conn.SetWriteDeadline(time.Now().Add(closeGrace))
	}
	f.mu.Unlock()
	f.wg.Wait()
	return nil
}

// run wakes those who wait.
func (f *Feed) run() {
	for {
		select {
		case <-f.cfg.Tail.news:
			f.mu.Lock()
			old := f.wake
			f.wake = make(chan struct{})
			f.mu.Unlock()
			close(old)
		case <-f.quit:
			return
		}
	}
}

func (f *Feed) waker() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wake
}

// asked is what a follower asks for.
type asked struct {
	since   uint64 // what it has; 0: nothing
	sum     uint32 // of its entry at since
	hasSum  bool
	cluster string
	hop     Hop
	peek    bool // the state only
}

func parseAsked(q url.Values) (asked, error) {
	a := asked{
		cluster: q.Get("cluster"), hop: Hop{ID: q.Get("id"), Name: q.Get("name"), HTTP: q.Get("url")}, peek: q.Has("peek"),
	}
	for _, s := range []string{a.cluster, a.hop.ID, a.hop.Name, a.hop.HTTP} {
		if !plain(s) {
			return a, fmt.Errorf("%w: one is longer than %d bytes, or has characters that cannot be printed", ErrBadRequest, maxText)
		}
	}
	if len(usable([]string{a.hop.HTTP})) == 0 {
		a.hop.HTTP = "" // it is shown as a link
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

// Serve is GET /feed/log?since=INDEX&sum=SUM&cluster=ID&id=ID&name=NAME&url=URL: the state of this node, then what follows since in the log, for
// as long as the connection lasts; an image first where since is 0 or too long ago. With peek it is the state alone. It returns an error
// only if it has written nothing.
func (f *Feed) Serve(w http.ResponseWriter, r *http.Request) error {
	a, err := parseAsked(r.URL.Query())
	if err != nil {
		return err
	}
	status := f.cfg.Status()
	switch {
	case a.cluster != "" && a.cluster != status.Cluster:
		return fmt.Errorf("%w: this one is %s", ErrOtherCluster, status.Cluster)
	case a.hop.ID != "" && status.Has(a.hop.ID):
		return ErrLoop
	case len(status.Path) >= MaxDepth+1:
		return ErrTooDeep
	case a.diverged(f.cfg.Tail):
		return ErrDiverged
	}
	fl := &follower{hop: a.hop, addr: r.RemoteAddr, since: time.Now(), conn: http.NewResponseController(w)}
	if err := f.enter(fl, a.peek); err != nil {
		return err
	}
	defer f.leave(fl)
	w.Header().Set("Content-Type", ContentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // proxies shall not wait for more
	s := &sender{feed: f, fl: fl, w: w, ctx: r.Context(), beat: time.NewTicker(heartbeat)}
	defer s.beat.Stop()
	if err := s.state(); err != nil || a.peek {
		return nil
	}
	err = s.run(a)
	if slow := errors.Is(err, os.ErrDeadlineExceeded); slow || err != nil && r.Context().Err() == nil && !errors.Is(err, ErrClosed) {
		f.cut.Add(1)
		f.log.Info("an edge that follows was cut", "edge", fl.hop.Name, "address", fl.addr, "err", err)
	}
	return nil
}

// diverged reports whether the tail knows another entry at since, or none, and the follower has one.
func (a asked) diverged(t *Tail) bool {
	if !a.hasSum {
		return false
	}
	sum, known := t.sum(a.since)
	return known == hasNot || known == has && sum != a.sum
}

func (f *Feed) enter(fl *follower, peek bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return ErrClosed
	case !peek && len(f.followers) >= f.cfg.MaxFollowers:
		return ErrTooMany
	}
	f.wg.Add(1)
	if !peek {
		f.followers[fl] = true
	}
	return nil
}

func (f *Feed) leave(fl *follower) {
	f.mu.Lock()
	delete(f.followers, fl)
	f.mu.Unlock()
	f.wg.Done()
}

// sender writes one stream. It is its follower's request's goroutine.
type sender struct {
	feed *Feed
	fl   *follower
	w    http.ResponseWriter
	ctx  context.Context

	beat *time.Ticker
	told time.Time // when the last state was written
	buf  []byte
}

// Write writes whole frames, and waits no longer for the follower than it may take.
func (s *sender) Write(b []byte) (int, error) {
	if s.told.Add(heartbeat).Before(time.Now()) {
		if err := s.state(); err != nil {
			return 0, err
		}
	}
	return len(b), s.write(b)
}

func (s *sender) write(b []byte) error {
	_ = s.fl.conn.SetWriteDeadline(time.Now().Add(s.feed.cfg.WriteTimeout))
	select {
	case <-s.feed.quit: // Close may have set its deadline before we did
		_ = s.fl.conn.SetWriteDeadline(time.Now().Add(closeGrace))
	default:
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	s.fl.bytes.Add(uint64(len(b)))
	s.feed.sentBytes.Add(uint64(len(b)))
	return s.fl.conn.Flush()
}

// state writes how this node stands.
func (s *sender) state() error {
	payload, err := json.Marshal(s.feed.cfg.Status())
	if err != nil {
		return err
	}
	s.told = time.Now()
	s.buf = appendFrame(s.buf[:0], kindState, payload)
	return s.write(s.buf)
}

// run sends what follows the cursor, and an image where the tail does not reach back to it.
func (s *sender) run(a asked) error {
	tail := s.feed.cfg.Tail
	cursor := a.since
	if cursor == 0 {
		var err error
		if cursor, err = s.image(); err != nil {
			return err
		}
	}
	s.fl.cursor.Store(cursor)
	for {
		wake := s.feed.waker() // before the tail is looked at
		if cursor == a.since && a.diverged(tail) {
			return ErrDiverged
		}
		frames, last, behind := tail.after(cursor)
		switch {
		case behind:
			index, err := s.image()
			if err != nil {
				return err
			}
			cursor = index
			s.fl.cursor.Store(cursor)
			continue
		case len(frames) > 0:
			if _, err := s.Write(frames); err != nil {
				return err
			}
			cursor = last
			s.fl.cursor.Store(cursor)
			if s.ctx.Err() == nil {
				continue
			}
		}
		select {
		case <-wake:
		case <-s.beat.C:
			if err := s.state(); err != nil {
				return err
			}
		case <-s.ctx.Done():
			return nil
		case <-s.feed.quit:
			return nil
		}
	}
}

// image writes the boards, and returns the index that they stand at.
func (s *sender) image() (uint64, error) {
	for taken := false; !taken; {
		select {
		case s.feed.images <- struct{}{}:
			taken = true
		case <-s.beat.C: // it waits for its turn, and hears so
			if err := s.state(); err != nil {
				return 0, err
			}
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		case <-s.feed.quit:
			return 0, ErrClosed
		}
	}
	defer func() { <-s.feed.images }()
	index, records := s.feed.cfg.Image()
	s.feed.sentImages.Add(1)
	if err := writeImage(s, index, records); err != nil {
		return 0, fmt.Errorf("write an image: %w", err)
	}
	s.feed.log.Info("an edge got the boards", "edge", s.fl.hop.Name, "address", s.fl.addr, "index", index, "bytes", s.fl.bytes.Load())
	return index, nil
}

// FollowerStatus is one edge that follows.
type FollowerStatus struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	HTTP        string `json:"http,omitempty"`
	Address     string `json:"address"`
	Sent        uint64 `json:"sent"` // it was sent what is up to this index
	Lag         uint64 `json:"lag"`  // entries that it was not sent yet
	SentBytes   uint64 `json:"sentBytes"`
	ConnectedMs int64  `json:"connectedMs"`
}

// Followers are the edges that follow now, by name.
func (f *Feed) Followers() []FollowerStatus {
	last := f.cfg.Tail.Last()
	out := []FollowerStatus{}
	f.mu.Lock()
	for fl := range f.followers {
		sent := fl.cursor.Load()
		s := FollowerStatus{
			ID: fl.hop.ID, Name: fl.hop.Name, HTTP: fl.hop.HTTP, Address: fl.addr,
			Sent: sent, SentBytes: fl.bytes.Load(), ConnectedMs: time.Since(fl.since).Milliseconds(),
		}
		if last > sent {
			s.Lag = last - sent
		}
		out = append(out, s)
	}
	f.mu.Unlock()
	slices.SortFunc(out, func(a, b FollowerStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Address, b.Address))
	})
	return out
}

// FeedStats are a feed's figures; those that count are since it was opened.
type FeedStats struct {
	Followers   int
	TailEntries int
	TailBytes   int
	SentBytes   uint64
	SentImages  uint64
	Cut         uint64 // followers that were cut since they took too long, or could not be served on
}

// Stats tells the feed's figures.
func (f *Feed) Stats() FeedStats {
	f.mu.Lock()
	n := len(f.followers)
	f.mu.Unlock()
	s := FeedStats{Followers: n, SentBytes: f.sentBytes.Load(), SentImages: f.sentImages.Load(), Cut: f.cut.Load()}
	s.TailEntries, s.TailBytes = f.cfg.Tail.size()
	return s
}
