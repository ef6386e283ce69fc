package logqueue

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxQueued is how many bytes of log lines wait for their reader. Lines beyond it are dropped.
	maxQueued = 1 << 20
	// maxWrite is the largest write that a pipe takes whole once it is writable (PIPE_BUF).
	maxWrite = 4096
	// flushTime is how long the last lines of a process may wait for their reader.
	flushTime = 2 * time.Second
	// pollTime is how often a stalled writer checks whether it must end.
	pollTime = 50 * time.Millisecond
)

// A Queue is a writer of lines that never blocks: one goroutine writes them to the file behind it.
// Lines that find the queue full are dropped and counted. So are lines that the file refuses
// (EPIPE: the reader has gone). When the reader takes lines again, a line says how many are
// missing.
type Queue struct {
	// Static after construction.
	file *os.File
	wake chan struct{} // capacity 1: there is something to do
	done chan struct{} // closed when the goroutine has ended

	total    atomic.Uint64                // lines dropped since the start
	deadline atomic.Pointer[time.Time]    // set by Close
	notice   atomic.Pointer[func(uint64)] // writes the line about dropped ones; nil: none is written

	mu sync.Mutex
	// Guarded by mu.
	lines   [][]byte
	size    int    // bytes of lines
	dropped uint64 // lines since the last notice
	closed  bool
}

// Open returns a queue in front of file, which stays open. Close the queue.
func Open(file *os.File) *Queue {
	q := &Queue{file: file, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go q.run()
	return q
}

// Write queues a copy of line, or drops it. It never fails: nobody could be told.
func (q *Queue) Write(line []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.size+len(line) > maxQueued {
		q.dropped++
		q.total.Add(1)
		return len(line), nil
	}
	q.lines = append(q.lines, append([]byte(nil), line...))
	q.size += len(line)
	q.wakeUp()
	return len(line), nil
}

// Dropped is how many lines were dropped since the start.
func (q *Queue) Dropped() uint64 { return q.total.Load() }

// Close writes what is queued, for at most flushTime, and ends the queue's goroutine. If a write
// blocks for longer, Close returns os.ErrDeadlineExceeded, and the file must stay open.
func (q *Queue) Close() error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		end := time.Now().Add(flushTime)
		q.deadline.Store(&end)
		q.wakeUp()
	}
	q.mu.Unlock()
	select {
	case <-q.done:
		return nil
	case <-time.After(2 * flushTime): // another process took the room, and the write blocks: Close leaves it
		return os.ErrDeadlineExceeded
	}
}

func (q *Queue) wakeUp() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// run writes lines until the queue is closed and empty, or its time is over.
func (q *Queue) run() {
	defer close(q.done)
	for range q.wake {
		for line := q.next(); line != nil; line = q.next() {
			if err := q.write(line); err != nil {
				q.lost()
				continue
			}
			q.tellDropped()
		}
		q.mu.Lock()
		over := q.closed && len(q.lines) == 0
		q.mu.Unlock()
		if over {
			return
		}
	}
}

// next takes the oldest line; nil: there is none.
func (q *Queue) next() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.lines) == 0 {
		q.lines = nil // so that the array does not grow for ever
		return nil
	}
	line := q.lines[0]
	q.lines[0] = nil
	q.lines = q.lines[1:]
	q.size -= len(line)
	return line
}

// lost counts a line that the file refused.
func (q *Queue) lost() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped++
	q.total.Add(1)
}

// tellDropped queues the line about dropped lines. It is called after a line was written, so the
// reader is there.
func (q *Queue) tellDropped() {
	q.mu.Lock()
	dropped, tell := q.dropped, q.notice.Load()
	if dropped == 0 || tell == nil || q.closed || q.size > maxQueued/2 {
		q.mu.Unlock()
		return
	}
	q.dropped = 0
	q.mu.Unlock()
	(*tell)(dropped)
}

// write writes a line in pieces. Each waits for room.
func (q *Queue) write(line []byte) error {
	for len(line) > 0 {
		n, err := q.writeSome(line[:min(len(line), maxWrite)])
		if err != nil {
			return err
		}
		line = line[n:]
	}
	return nil
}

// SetNotice sets the function that writes the line about dropped lines. The queue calls it with
// their number once the reader takes lines again.
func (q *Queue) SetNotice(notice func(dropped uint64)) { q.notice.Store(&notice) }

// writeSome writes what it can of b once the file takes it, or fails once the queue is late. It
// bypasses [os.File], which ends the process when the reader of standard error has gone.
func (q *Queue) writeSome(b []byte) (int, error) {
	fd := int(q.file.Fd())
	for {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		ready, err := unix.Poll(poll, int(pollTime.Milliseconds()))
		if ready > 0 {
			var n int
			if n, err = unix.Write(fd, b); err == nil {
				return n, nil
			}
		}
		if err != nil && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return 0, err
		}
		if q.late() {
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// late reports whether the queue was closed and its time is over.
func (q *Queue) late() bool {
	end := q.deadline.Load()
	return end != nil && time.Now().After(*end)
}
