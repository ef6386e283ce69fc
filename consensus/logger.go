package consensus

import (
	"context"
	"fmt"
	"log/slog"

	"go.etcd.io/raft/v3"
)

// raftLogger writes Raft's own log lines to slog. Raft's info lines are debug lines here, since the
// node logs the changes that matter.
type raftLogger struct{ log *slog.Logger }

var _ raft.Logger = raftLogger{}

func (l raftLogger) at(level slog.Level, v ...any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, fmt.Sprint(v...))
	}
}

func (l raftLogger) atf(level slog.Level, format string, v ...any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, fmt.Sprintf(format, v...))
	}
}

func (l raftLogger) Debug(v ...any)                   { l.at(slog.LevelDebug-1, v...) }
func (l raftLogger) Debugf(format string, v ...any)   { l.atf(slog.LevelDebug-1, format, v...) }
func (l raftLogger) Info(v ...any)                    { l.at(slog.LevelDebug, v...) }
func (l raftLogger) Infof(format string, v ...any)    { l.atf(slog.LevelDebug, format, v...) }
func (l raftLogger) Warning(v ...any)                 { l.at(slog.LevelWarn, v...) }
func (l raftLogger) Warningf(format string, v ...any) { l.atf(slog.LevelWarn, format, v...) }
func (l raftLogger) Error(v ...any)                   { l.at(slog.LevelError, v...) }
func (l raftLogger) Errorf(format string, v ...any)   { l.atf(slog.LevelError, format, v...) }
func (l raftLogger) Fatal(v ...any)                   { l.Panic(v...) }
func (l raftLogger) Fatalf(format string, v ...any)   { l.Panicf(format, v...) }

// Panic is called when Raft finds that an invariant does not hold. To go on would risk the data on
// disk.
func (l raftLogger) Panic(v ...any) {
	l.at(slog.LevelError, v...)
	panic("raft: " + fmt.Sprint(v...))
}

// Panicf is Panic with a format.
func (l raftLogger) Panicf(format string, v ...any) { l.Panic(fmt.Sprintf(format, v...)) }
