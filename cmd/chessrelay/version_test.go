package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

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

// TestNodeShowsItsVersion looks for the version in a node's metrics and at the foot of its pages.
func TestNodeShowsItsVersion(t *testing.T) {
	t.Parallel()
	n := newTestCluster(t, 1).nodes[0]
	res, err := http.Get(n.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	b := web.ThisBuild()
	want := fmt.Sprintf("# HELP chessrelay_build_info The version of this program, in its labels; always 1.\n"+
		"# TYPE chessrelay_build_info gauge\n"+
		`chessrelay_build_info{version="%s",revision="%s",goversion="%s"} 1`+"\n", web.Version, b.Revision, b.GoVersion)
	if !strings.Contains(string(text), want) {
		t.Errorf("/metrics lacks\n%sgot\n%s", want, text)
	}

	p := newPage(t)
	p.do(chromedp.Navigate(n.url + "/"))
	p.wait("the version at the foot", fmt.Sprintf(`document.querySelector('.foot')?.textContent.endsWith(' · chessrelay %s')`, web.Version))
	p.noErrors()
}
