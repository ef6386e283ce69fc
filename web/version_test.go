package web

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestBuild(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	for _, tt := range []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{"a commit", debug.BuildInfo{GoVersion: "go1.26.8", Settings: []debug.BuildSetting{
			setting("vcs.revision", "c0ffee"), setting("vcs.modified", "false"),
		}}, "chessrelay " + Version + " (revision c0ffee, go1.26.8)"},
		{"changed files", debug.BuildInfo{GoVersion: "go1.26.8", Settings: []debug.BuildSetting{
			setting("vcs.modified", "true"), setting("vcs.revision", "c0ffee"),
		}}, "chessrelay " + Version + " (revision c0ffee+dirty, go1.26.8)"},
		{"no repository", debug.BuildInfo{GoVersion: "go1.26.8"}, "chessrelay " + Version + " (revision unknown, go1.26.8)"},
		{"no information", debug.BuildInfo{}, "chessrelay " + Version + " (revision unknown, " + runtime.Version() + ")"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := buildOf(&tt.info).String(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
