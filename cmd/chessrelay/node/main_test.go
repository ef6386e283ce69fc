package node_test

import (
	"flag"
	"runtime"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets two tests run for each processor, unless -parallel says otherwise: most of them
// wait for sockets, disks, timers and a browser. With many more, clusters on a busy machine get so
// little of it that their elections time out again and again.
func TestMain(m *testing.M) {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(suite{m})
}

// suite is all tests, and what ends after the last of them.
type suite struct{ *testing.M }

func (s suite) Run() int {
	defer closeBrowser()
	return s.M.Run()
}
