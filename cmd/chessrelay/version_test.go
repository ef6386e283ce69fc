package main

import (
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/web"
)

func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "--version"} {
		code, stdout, stderr := runCommand(t.Context(), t, nil, arg)
		if want := web.ThisBuild().String() + "\n"; code != exitDone || stdout != want || stderr != "" {
			t.Errorf("%s: exit %d\nstdout: %s\nwant:   %s\nstderr: %s", arg, code, stdout, want, stderr)
		}
		if want := "chessrelay " + web.Version + " (revision "; !strings.HasPrefix(stdout, want) {
			t.Errorf("%s: got %q, want it to begin with %q", arg, stdout, want)
		}
	}
	if code, _, stderr := runCommand(t.Context(), t, nil, "version", "2"); code != exitUsage {
		t.Errorf("version 2: exit %d, %s", code, stderr)
	}
}
