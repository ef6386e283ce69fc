package node

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/logqueue"
)

// An accessLog writes a line of JSON for each request. A disk or a pipe that takes nothing holds up
// no request: lines are dropped then, and one line says how many.
type accessLog struct {
	file  *os.File
	queue *logqueue.Queue
}

// openAccessLog appends to a file, or writes to stdout if its name is -. The caller must call
// Close.
func openAccessLog(name string) (*accessLog, error) {
	file := os.Stdout
	if name != "-" {
		var err error
		if file, err = os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600); err != nil {
			return nil, fmt.Errorf("--access-log: %w", err)
		}
	}
	l := &accessLog{file, logqueue.Open(file)}
	l.queue.SetNotice(func(dropped uint64) { fmt.Fprintf(l.queue, "{\"dropped\":%d}\n", dropped) })
	return l, nil
}

// logger writes JSON into the log; nil if there is no log.
func (l *accessLog) logger() *slog.Logger {
	if l == nil {
		return nil
	}
	return slog.New(slog.NewJSONHandler(l.queue, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// Close writes what waits, if it can. Lines that come later are lost.
func (l *accessLog) Close() error {
	if l == nil {
		return nil
	}
	if err := l.queue.Close(); err != nil || l.file == os.Stdout {
		return err
	}
	return l.file.Close()
}
