package node_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(suite{m})
}

// suite is all tests, and what ends after the last of them.
type suite struct{ *testing.M }

func (s suite) Run() int {
	defer closeBrowser()
	return s.M.Run()
}
