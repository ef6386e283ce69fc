package node

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

const (
	// accessLines is how many lines wait to be written. Those beyond are dropped and counted: a
	// disk or a pipe that takes nothing must not hold requests up.
	accessLines = 4096
	// accessGrace is how long the last lines may take when the node stops.
	accessGrace = time.Second
)

// An accessLog writes the lines of a log from a goroutine of its own.
type accessLog struct {
	out     io.Writer
	close   func() error
	lines   chan []byte
	dropped atomic.Uint64
	quit    chan struct{}
	done    chan struct{}
}

// openAccessLog appends to a file, or writes to stdout if its name is -. Close must follow.
func openAccessLog(name string) (*accessLog, error) {
	l := &accessLog{out: os.Stdout, close: func() error { return nil }, lines: make(chan []byte, accessLines), quit: make(chan struct{}), done: make(chan struct{})}
	if name != "-" {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("--access-log: %w", err)
		}
		l.out, l.close = f, f.Close
	}
	go l.run()
	return l, nil
}

// logger writes JSON into the log; it is nil if there is no log.
func (l *accessLog) logger() *slog.Logger {
	if l == nil {
		return nil
	}
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// Write takes a line. It never waits.
func (l *accessLog) Write(line []byte) (int, error) {
	select {
	case l.lines <- bytes.Clone(line):
	default:
		l.dropped.Add(1)
	}
	return len(line), nil
}

func (l *accessLog) run() {
	defer close(l.done)
	for {
		select {
		case line := <-l.lines:
			l.write(line)
		case <-l.quit:
			for {
				select {
				case line := <-l.lines:
					l.write(line)
				default:
					return
				}
			}
		}
	}
}

func (l *accessLog) write(line []byte) {
	if n := l.dropped.Swap(0); n > 0 {
		_, _ = fmt.Fprintf(l.out, "{\"dropped\":%d}\n", n)
	}
	_, _ = l.out.Write(line) // nobody is left to be told
}

// Close writes what waits, if that can be written. Lines that come later are lost.
func (l *accessLog) Close() error {
	if l == nil {
		return nil
	}
	close(l.quit)
	select {
	case <-l.done:
		return l.close()
	case <-time.After(accessGrace):
		return nil // the process ends with it
	}
}
