package node_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be curl or jq when it is started as such, see asTool.
func TestMain(m *testing.M) {
	if status, ok := asTool(filepath.Base(os.Args[0]), os.Args[1:]); ok {
		os.Exit(status)
	}
	goleak.VerifyTestMain(suite{m})
}

// suite is all tests, and what ends after the last of them.
type suite struct{ *testing.M }

func (s suite) Run() int {
	defer closeBrowser()
	return s.M.Run()
}
