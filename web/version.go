package web

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version is the release of this program, or of the next one on the main branch. It is defined only
// here.
const Version = "0.1.0"

// Build says what a program was built from. No field is empty.
type Build struct {
	Version   string
	Revision  string // the commit, with "+dirty" if files had changed since; or "unknown"
	GoVersion string
}

// ThisBuild returns what the running program was built from.
func ThisBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	return buildOf(info)
}

func buildOf(info *debug.BuildInfo) Build {
	var revision, dirty string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	if revision == "" {
		revision, dirty = "unknown", ""
	}
	return Build{Version, revision + dirty, cmp.Or(info.GoVersion, runtime.Version())}
}

// String returns one line for people.
func (b Build) String() string {
	return fmt.Sprintf("chessrelay %s (revision %s, %s)", b.Version, b.Revision, b.GoVersion)
}

// metric returns the build as a metric in Prometheus' text format. Its value is always 1.
func (b Build) metric() string {
	return fmt.Sprintf("# HELP chessrelay_build_info The version of this program, in its labels; always 1.\n"+
		"# TYPE chessrelay_build_info gauge\n"+
		"chessrelay_build_info{version=%q,revision=%q,goversion=%q} 1\n", b.Version, b.Revision, b.GoVersion)
}
