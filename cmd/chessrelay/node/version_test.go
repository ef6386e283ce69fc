package node_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/web"
)

// TestNodeShowsItsVersion looks for the version in a node's metrics and at the foot of its pages.
func TestNodeShowsItsVersion(t *testing.T) {
	t.Parallel()
	n := nodetest.NewCluster(t, 1).Nodes[0]
	res, err := http.Get(n.URL + "/metrics")
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
	p.do(chromedp.Navigate(n.URL + "/"))
	p.wait("the version at the foot", fmt.Sprintf(`document.querySelector('.foot')?.textContent.endsWith(' · chessrelay %s')`, web.Version))
	p.noErrors()
}
