package base

import (
	"net/http"
	"testing"

	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
)

// noBoards is a view that nobody reads.
type noBoards struct{}

func (noBoards) Read(func(uint64, *relay.State)) {}

// TestPushLimit wants the push beyond the limit to be refused with a reason.
func TestPushLimit(t *testing.T) {
	s, err := New(Config{Node: new(consensus.Node), Boards: noBoards{}})
	if err != nil {
		t.Fatal(err)
	}
	var leaves []func()
	for range maxPushes {
		_, leave, err := s.EnterPush("roundAAA")
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leave)
	}
	if _, _, err := s.EnterPush("roundBBB"); Describe(err).Status != http.StatusTooManyRequests {
		t.Errorf("there is no limit: %v", err)
	}
	for _, leave := range leaves {
		leave()
	}
	if _, leave, err := s.EnterPush("roundAAA"); err != nil {
		t.Error(err)
	} else {
		leave()
	}
}
