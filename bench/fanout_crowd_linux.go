package main

import (
	"bytes"
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/chessrelay/chessrelay/bench/node"
	"golang.org/x/sys/unix"
)

// A crowd is many spectators of one server in one process, as cheap as possible: one thread, one
// epoll, one buffer, and for a spectator only its state. A spectator's times are those at which
// epoll reported it. They may be late by the time that the sockets reported before it take to read:
// at most crowdBatch sockets, a tenth of a millisecond.
type crowd struct {
	cfg     crowdConfig
	server  unix.SockaddrInet4
	request []byte
	epoll   int
	wake    int // an eventfd: there are jobs
	ended   chan struct{}

	mu   sync.Mutex
	jobs []func() // guarded by mu; for run to do

	// Owned by run.
	stopped  bool
	now      time.Duration // when epoll last reported something
	fans     []fan
	coming   *coming
	waiting  []int32 // spectators that have to connect
	onTheWay int     // how many have begun to connect
	later    retries
	slowAt   time.Duration // when the slow ones read next
	from     uint64
	events   []record
	await    *awaiting
	state    crowdState
	buffer   []byte
}

// crowdBatch is how many sockets epoll reports at once.
const crowdBatch = 64

// fan is one spectator.
type fan struct {
	fd     int32
	life   int32 // which of its connections this is
	stage  fanStage
	slow   bool
	failed uint8  // how many times in a row it did not get in
	next   uint64 // the event that it must get next
	rest   []byte // the part of a frame that has come
	parts  []byte // the parts of a message in several frames
}

type fanStage uint8

const (
	fanAway fanStage = iota
	fanConnecting
	fanGreeting // it has sent its request
	fanJoining  // it has a WebSocket, and no snapshot
	fanHere
)

// coming is an operation "come".
type coming struct {
	args  comeArgs
	began time.Duration
	times []time.Duration
	came  came
	done  chan came
}

// awaiting is an operation "await".
type awaiting struct {
	index   uint64
	behind  int // how many do not have it yet
	missing int // how many will not get it
	done    chan awaited
}

// record is when one event came.
type record struct {
	first  time.Duration
	later  []uint32 // how much later than first, in laterUnit
	missed int
}

func openCrowd(args json.RawMessage) (node.Caller, error) {
	c := &crowd{ended: make(chan struct{}), buffer: make([]byte, 64<<10)}
	if err := json.Unmarshal(args, &c.cfg); err != nil {
		return nil, err
	}
	addr, err := netip.ParseAddrPort(c.cfg.Addr)
	if err != nil {
		return nil, err
	}
	c.server = unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	c.request = []byte("GET " + c.cfg.Path + " HTTP/1.1\r\nHost: " + c.cfg.Addr + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Y2hlc3NyZWxheS1iZW5jaA==\r\n\r\n")
	if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if c.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, err
	}
	if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, c.wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1}); err != nil {
		return nil, err
	}
	c.state.Reasons = map[string]int{}
	go c.run()
	return c, nil
}

// do has run call fn.
func (c *crowd) do(fn func()) {
	c.mu.Lock()
	c.jobs = append(c.jobs, fn)
	c.mu.Unlock()
	_, _ = unix.Write(c.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// Call implements node.Caller.
func (c *crowd) Call(ctx context.Context, op string, args json.RawMessage) (any, error) {
	switch op {
	case "come":
		var a comeArgs
		if err := json.Unmarshal(args, &a); err != nil {
			return nil, err
		}
		o := &coming{args: a, done: make(chan came, 1)}
		c.do(func() { c.come(o) })
		return receive(ctx, o.done)
	case "record":
		var a recordArgs
		if err := json.Unmarshal(args, &a); err != nil {
			return nil, err
		}
		done := make(chan error, 1)
		c.do(func() {
			c.from, c.events = a.From, make([]record, a.Count)
			for i := range c.events {
				c.events[i].later = make([]uint32, 0, c.state.Here)
			}
			done <- nil
		})
		return receive(ctx, done)
	case "await":
		var a awaitArgs
		if err := json.Unmarshal(args, &a); err != nil {
			return nil, err
		}
		o := &awaiting{index: a.Index, done: make(chan awaited, 1)}
		c.do(func() { c.startAwait(o) })
		late := time.AfterFunc(a.Within, func() { c.do(func() { c.giveUp(o) }) })
		defer late.Stop()
		return receive(ctx, o.done)
	case "arrivals":
		done := make(chan []arrival, 1)
		c.do(func() {
			var all []arrival
			for _, e := range c.events {
				all = append(all, arrivalOf(e.first, e.later, e.missed))
			}
			c.events = nil
			done <- all
		})
		return receive(ctx, done)
	case "state":
		done := make(chan crowdState, 1)
		c.do(func() {
			s := c.state
			s.Reasons = map[string]int{}
			for reason, n := range c.state.Reasons {
				s.Reasons[reason] = n
			}
			done <- s
		})
		return receive(ctx, done)
	}
	return nil, fmt.Errorf("there is no operation %q", op)
}

func receive[T any](ctx context.Context, from chan T) (v T, err error) {
	select {
	case v = <-from:
		return v, nil
	case <-ctx.Done():
		return v, ctx.Err()
	}
}

// Close implements io.Closer.
func (c *crowd) Close() error {
	c.do(func() {
		for i := range c.fans {
			c.hangUp(int32(i))
		}
		c.stopped = true
	})
	<-c.ended
	return errors.Join(unix.Close(c.wake), unix.Close(c.epoll))
}

func (c *crowd) run() {
	runtime.LockOSThread()
	defer close(c.ended)
	events := make([]unix.EpollEvent, crowdBatch)
	for !c.stopped {
		n, err := unix.EpollWait(c.epoll, events, c.patience())
		if err != nil && err != unix.EINTR {
			fmt.Fprintln(os.Stderr, "epoll:", err)
			return
		}
		c.now = clock()
		for _, e := range events[:max(n, 0)] {
			switch {
			case e.Fd < 0:
				c.doJobs()
			case c.fans[e.Fd].life == e.Pad: // otherwise it has been closed since
				c.ready(e.Fd, e.Events)
			}
		}
		c.doDue()
	}
}

// patience is how many milliseconds epoll may sleep.
func (c *crowd) patience() int {
	until := time.Second
	if len(c.later) > 0 {
		until = min(until, c.later[0].at-clock())
	}
	if c.state.Slow > 0 {
		until = min(until, c.slowAt-clock())
	}
	return max(0, int((until+time.Millisecond-1)/time.Millisecond))
}

func (c *crowd) doJobs() {
	var count [8]byte
	_, _ = unix.Read(c.wake, count[:])
	c.mu.Lock()
	jobs := c.jobs
	c.jobs = nil
	c.mu.Unlock()
	for _, job := range jobs {
		job()
	}
}

// slowRead is how many bytes a slow spectator reads in a second.
const slowRead = 100

// doDue does what is due.
func (c *crowd) doDue() {
	for len(c.later) > 0 && c.later[0].at <= c.now {
		c.waiting = append(c.waiting, heap.Pop(&c.later).(retry).who)
	}
	if o := c.coming; o != nil {
		for len(c.waiting) > 0 && (o.args.Window == 0 || c.onTheWay < o.args.Window) {
			who := c.waiting[0]
			c.waiting = c.waiting[1:]
			c.connect(who)
		}
		if c.state.Here == o.args.Count {
			slices.Sort(o.times)
			o.came.Count, o.came.P50, o.came.P99, o.came.Last = len(o.times), node.Quantile(o.times, 0.5), node.Quantile(o.times, 0.99), node.Quantile(o.times, 1)
			o.done <- o.came
			c.coming = nil
		}
	}
	if c.state.Slow > 0 && c.now >= c.slowAt {
		c.slowAt = c.now + time.Second
		for i := range c.fans {
			if f := &c.fans[i]; f.slow && f.stage == fanHere {
				if n, err := unix.Read(int(f.fd), c.buffer[:slowRead]); n == 0 || err != nil && err != unix.EAGAIN {
					c.lost(int32(i), "the server has closed it")
				}
			}
		}
	}
}

// come begins to bring the wanted number of spectators. Spectators that are here stay, slow or not.
func (c *crowd) come(o *coming) {
	o.began = c.now
	if o.args.Cut {
		for i := range c.fans {
			c.hangUp(int32(i))
		}
	}
	c.waiting, c.later, c.coming = c.waiting[:0], nil, o
	for i := o.args.Count; i < len(c.fans); i++ {
		c.hangUp(int32(i))
	}
	if grow := o.args.Count - len(c.fans); grow > 0 {
		c.fans = append(c.fans, make([]fan, grow)...)
	}
	for i := range o.args.Count {
		f := &c.fans[i]
		if f.stage == fanAway {
			f.slow, f.failed = i < o.args.Slow, 0
			c.waiting = append(c.waiting, int32(i))
		}
	}
}

// connect begins a spectator's connection.
func (c *crowd) connect(who int32) {
	f := &c.fans[who]
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		c.again(who, fmt.Sprintf("socket: %v", err))
		return
	}
	f.fd, f.stage = int32(fd), fanConnecting
	c.onTheWay++
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // a reset, which leaves nothing behind
	if f.slow {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096)
	}
	err = unix.Bind(fd, &unix.SockaddrInet4{Addr: fanAddress(c.cfg.Group, int(who))})
	if err == nil {
		err = unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLOUT, Fd: who, Pad: f.life})
	}
	if err == nil {
		if err = unix.Connect(fd, &c.server); err == unix.EINPROGRESS {
			err = nil
		}
	}
	if err != nil {
		c.lost(who, fmt.Sprintf("connect: %v", err))
	}
}

// fanAddress is the address that a spectator comes from.
func fanAddress(group, who int) [4]byte {
	n := who / fanPerAddress
	return [4]byte{127, byte(10 + group), byte(n / 250), byte(1 + n%250)}
}

// ready handles what epoll reports of a spectator's socket.
func (c *crowd) ready(who int32, what uint32) {
	f := &c.fans[who]
	if f.stage == fanConnecting {
		errno, err := unix.GetsockoptInt(int(f.fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && errno != 0 {
			err = unix.Errno(errno)
		}
		if err == nil {
			_, err = unix.Write(int(f.fd), c.request)
		}
		if err == nil {
			err = c.watch(who, unix.EPOLLIN|unix.EPOLLRDHUP)
		}
		if err != nil {
			c.lost(who, fmt.Sprintf("connect: %v", err))
			return
		}
		f.stage = fanGreeting
		return
	}
	if f.slow && f.stage == fanHere {
		c.lost(who, "the server has closed it")
		return
	}
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(f.fd), uintptr(unsafe.Pointer(&c.buffer[0])), uintptr(len(c.buffer)))
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return
	case errno != 0:
		c.lost(who, errno.Error())
		return
	case n == 0:
		c.lost(who, "the server has closed it")
		return
	}
	c.state.Reads++
	c.state.Bytes += uint64(n)
	data, life := c.buffer[:n], f.life
	if len(f.rest) > 0 {
		f.rest = append(f.rest, data...)
		data = f.rest
	}
	if f.stage == fanGreeting {
		data = c.greeted(who, data)
		if f.life != life {
			return
		}
	}
	if f.stage > fanGreeting {
		data = c.frames(who, data)
		if f.life != life {
			return
		}
	}
	f.rest = append(f.rest[:0], data...)
	if cap(f.rest) > 1024 && len(f.rest) == 0 {
		f.rest = nil
	}
}

// watch sets what epoll reports of a spectator.
func (c *crowd) watch(who int32, what uint32) error {
	f := &c.fans[who]
	return unix.EpollCtl(c.epoll, unix.EPOLL_CTL_MOD, int(f.fd), &unix.EpollEvent{Events: what, Fd: who, Pad: f.life})
}

// greeted reads the answer to the request, and returns what follows it.
func (c *crowd) greeted(who int32, data []byte) []byte {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 {
		return data
	}
	f := &c.fans[who]
	head, data := string(data[:end+2]), data[end+4:]
	if !strings.HasPrefix(head, "HTTP/1.1 101 ") {
		var pause time.Duration
		if seconds := headerSeconds(head); seconds > 0 {
			pause = time.Duration((1 + rand.Float64()) * float64(seconds) * float64(time.Second))
		}
		status, _, _ := strings.Cut(head, "\r\n")
		c.lostFor(who, status, pause)
		return nil
	}
	f.stage = fanJoining
	for _, say := range c.cfg.Says {
		c.say(who, 1, []byte(say))
		if f.stage != fanJoining {
			return nil
		}
	}
	return data
}

// headerSeconds is what a header Retry-After says; 0: nothing.
func headerSeconds(head string) int {
	for line := range strings.SplitSeq(head, "\r\n") {
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Retry-After") {
			n, _ := strconv.Atoi(strings.TrimSpace(value))
			return n
		}
	}
	return 0
}

// say sends a frame, with a mask of zeros.
func (c *crowd) say(who int32, opcode byte, payload []byte) {
	frame := []byte{0x80 | opcode}
	if len(payload) < 126 {
		frame = append(frame, 0x80|byte(len(payload)))
	} else {
		frame = append(frame, 0x80|126, byte(len(payload)>>8), byte(len(payload)))
	}
	frame = append(append(frame, 0, 0, 0, 0), payload...)
	if _, err := unix.Write(int(c.fans[who].fd), frame); err != nil {
		c.lost(who, err.Error())
	}
}

// frames reads all complete frames, and returns what follows them.
func (c *crowd) frames(who int32, data []byte) []byte {
	f := &c.fans[who]
	life := f.life
	for len(data) >= 2 {
		n, at := int(data[1]&0x7f), 2
		switch {
		case n == 126 && len(data) >= 4:
			n, at = int(data[2])<<8|int(data[3]), 4
		case n == 127 && len(data) >= 10:
			n, at = int(data[6])<<24|int(data[7])<<16|int(data[8])<<8|int(data[9]), 10
		case n >= 126:
			return data
		}
		if len(data) < at+n {
			return data
		}
		fin, opcode, payload := data[0]&0x80 != 0, data[0]&0x0f, data[at:at+n]
		data = data[at+n:]
		switch opcode {
		case 0, 1, 2:
			if !fin || len(f.parts) > 0 {
				f.parts = append(f.parts, payload...)
				payload = f.parts
			}
			if fin {
				c.state.Messages++
				c.message(who, payload)
				f.parts = nil
			}
		case 8:
			c.closed(who, payload)
		case 9:
			c.say(who, 10, payload)
		}
		if f.life != life {
			return nil
		}
	}
	return data
}

// closed handles a close frame.
func (c *crowd) closed(who int32, payload []byte) {
	if len(payload) < 2 {
		c.lost(who, "closed without a code")
		return
	}
	code, reason := int(payload[0])<<8|int(payload[1]), string(payload[2:])
	var pause time.Duration
	switch code {
	case 4000: // as chessrelay's page does
		pause = 200*time.Millisecond + rand.N(1800*time.Millisecond)
	case 4001:
		pause = time.Millisecond
	}
	if seconds := reasonSeconds(reason); seconds > 0 {
		pause = time.Duration((1 + rand.Float64()) * float64(seconds) * float64(time.Second))
	}
	c.lostFor(who, fmt.Sprintf("%d %s", code, reason), pause)
}

// reasonSeconds is the number of seconds that a close reason names, as in "come back in 5 s"; 0:
// none.
func reasonSeconds(reason string) int {
	words := strings.Fields(reason)
	for i := 1; i < len(words); i++ {
		if n, err := strconv.Atoi(words[i-1]); err == nil && words[i][0] == 's' {
			return n
		}
	}
	return 0
}

var (
	typeMark  = []byte(`{"type":"`)
	indexMark = []byte(`,"index":`)
)

// message handles one message. It contains frames of chessrelay, which other systems may have
// wrapped.
func (c *crowd) message(who int32, m []byte) {
	f := &c.fans[who]
	if len(c.cfg.Says) > 0 && isPing(m) {
		c.say(who, 1, []byte("{}"))
		if f.stage == fanAway {
			return
		}
	}
	for {
		at := bytes.Index(m, typeMark)
		if at < 0 {
			return
		}
		m = m[at+len(typeMark):]
		quote := bytes.IndexByte(m, '"')
		if quote < 0 {
			return
		}
		kind := m[:quote]
		rest := m[quote+1:]
		if string(kind) == "hello" || string(kind) == "status" || !bytes.HasPrefix(rest, indexMark) {
			m = rest
			continue
		}
		rest = rest[len(indexMark):]
		var index uint64
		for len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
			index = index*10 + uint64(rest[0]-'0')
			rest = rest[1:]
		}
		if string(kind) == "snapshot" {
			c.snapshot(who, index)
		} else {
			if who == 0 && len(m) < 2048 {
				c.sample(m)
			}
			c.event(who, index)
		}
		if f.stage == fanAway {
			return
		}
		m = rest
	}
}

// isPing reports whether a message contains centrifuge's ping, an empty object on a line of its
// own.
func isPing(m []byte) bool {
	return string(m) == "{}" || bytes.HasPrefix(m, []byte("{}\n")) || bytes.HasSuffix(m, []byte("\n{}")) || bytes.Contains(m, []byte("\n{}\n"))
}

// sample keeps one event as it came.
func (c *crowd) sample(m []byte) {
	depth := 1
	for i, b := range m {
		switch b {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				c.state.Sample = string(typeMark) + string(m[:i+1])
				return
			}
		}
	}
}

func (c *crowd) snapshot(who int32, index uint64) {
	f := &c.fans[who]
	if f.stage != fanHere {
		f.stage, f.next, f.failed = fanHere, index+1, 0
		c.onTheWay--
		c.state.Here++
		if c.coming != nil {
			c.coming.times = append(c.coming.times, c.now-c.coming.began)
		}
		if f.slow {
			c.state.Slow++
			c.slowAt = c.now + time.Second
			if err := c.watch(who, unix.EPOLLRDHUP); err != nil {
				c.lost(who, err.Error())
			}
		}
		return
	}
	for ; f.next <= index; f.next++ {
		c.state.Forward++
		if at := f.next - c.from; f.next >= c.from && at < uint64(len(c.events)) {
			c.events[at].missed++
		}
		c.passed(f.next)
	}
}

func (c *crowd) event(who int32, index uint64) {
	f := &c.fans[who]
	c.state.Events++
	if f.slow {
		return
	}
	if f.next == 0 { // before any snapshot
		c.state.Again++
		return
	}
	if index < f.next {
		c.state.Again++
		return
	}
	for f.next < index {
		c.state.Gaps++
		c.passed(f.next)
		f.next++
	}
	f.next++
	if at := index - c.from; index >= c.from && at < uint64(len(c.events)) {
		e := &c.events[at]
		if len(e.later) == 0 {
			e.first = c.now
		}
		e.later = append(e.later, uint32((c.now-e.first)/laterUnit))
	}
	c.passed(index)
}

func (c *crowd) startAwait(o *awaiting) {
	for i := range c.fans {
		if f := &c.fans[i]; f.stage == fanHere && !f.slow && f.next <= o.index {
			o.behind++
		}
	}
	c.await = o
	c.checkAwait()
}

// passed notes that one more spectator has an event.
func (c *crowd) passed(index uint64) {
	if c.await != nil && c.await.index == index {
		c.await.behind--
		c.checkAwait()
	}
}

func (c *crowd) checkAwait() {
	if c.await.behind == 0 {
		c.await.done <- awaited{At: c.now, Missing: c.await.missing}
		c.await = nil
	}
}

func (c *crowd) giveUp(o *awaiting) {
	if c.await == o {
		o.missing += o.behind
		o.behind = 0
		c.checkAwait()
	}
}

// lost handles the unexpected end of a connection.
func (c *crowd) lost(who int32, reason string) { c.lostFor(who, reason, 0) }

// lostFor has the spectator come back after a pause, if spectators are coming; 0: after a pause
// that grows.
func (c *crowd) lostFor(who int32, reason string, pause time.Duration) {
	f := &c.fans[who]
	if f.stage == fanHere {
		c.state.Closed++
		if f.slow {
			c.state.ClosedSlow++
		}
		c.state.Reasons[reason]++
	} else {
		c.state.Reasons["coming: "+reason]++
	}
	c.hangUp(who)
	if c.coming != nil {
		c.coming.came.Retries++
		if pause == 0 {
			most := min(10*time.Second, 500*time.Millisecond<<min(f.failed, 10))
			pause = most/2 + rand.N(most/2)
		}
		f.failed++
		heap.Push(&c.later, retry{c.now + pause, who})
	}
}

// again calls lost for a spectator without a socket.
func (c *crowd) again(who int32, reason string) {
	c.fans[who].fd = -1
	c.lost(who, reason)
}

// hangUp closes a connection, if any.
func (c *crowd) hangUp(who int32) {
	f := &c.fans[who]
	if f.stage == fanAway {
		return
	}
	if f.stage == fanHere {
		c.state.Here--
		if f.slow {
			c.state.Slow--
		} else if o := c.await; o != nil && f.next <= o.index {
			o.behind--
			o.missing++
			c.checkAwait()
		}
	} else {
		c.onTheWay--
	}
	_ = unix.Close(int(f.fd))
	f.fd, f.stage, f.next, f.rest, f.parts = -1, fanAway, 0, nil, nil
	f.life++
}

// retries are the spectators that come back later, the next one first.
type retries []retry

type retry struct {
	at  time.Duration // of clock
	who int32
}

func (r retries) Len() int           { return len(r) }
func (r retries) Less(i, j int) bool { return r[i].at < r[j].at }
func (r retries) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *retries) Push(x any)        { *r = append(*r, x.(retry)) }
func (r *retries) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}
