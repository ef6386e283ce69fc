package node_test

import (
	"net/http"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestReplacementsOfAPush sets replacements and teams over HTTP. A line that cannot be read is
// refused with its number. The others apply to the next push, and edited lines to the one after it.
func TestReplacementsOfAPush(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	url := c.Nodes[0].URL
	round, _ := nodetest.NewRound(t, url, 0)
	var r struct {
		Tournament string
		Games      []struct {
			White struct {
				Name, Title, Team string
				Rating            int
				FideID            int64 `json:"fideId"`
			}
		}
	}
	nodetest.Get(t, url+"/api/rounds/"+round, &r)
	tour := url + "/api/tournaments/" + r.Tournament

	for _, body := range []map[string]any{
		{"replacements": "# players\nA B = C\nnonsense"},
		{"teams": "\n\nno team"},
	} {
		var refused struct {
			Error, Code, Field string
			Line               int
		}
		for _, status := range []int{
			nodetest.Patch(t, tour, body, &refused),
			nodetest.Post(t, url+"/api/tournaments", map[string]any{"name": "T", "replacements": body["replacements"], "teams": body["teams"]}, &refused),
		} {
			if status != http.StatusBadRequest || refused.Code != "bad_request" || refused.Line != 3 || body[refused.Field] == nil || refused.Error == "" {
				t.Errorf("%v: %d, %+v", body, status, refused)
			}
		}
	}
	for _, c := range []struct{ replacements, want string }{
		{"Wrong Name = Right Name / 12345 / IM / 2410", "Right Name"},
		{"Wrong Name = Righter Name", "Righter Name"},
	} {
		if status := nodetest.Patch(t, tour, map[string]any{"replacements": c.replacements, "teams": "Cats; Wrong Name"}, nil); status != http.StatusOK {
			t.Fatalf("PATCH: %d", status)
		}
		mustPush(t, url, round, "[White \"Name, Wrong\"]\n[Black \"B\"]\n\n1. e4 *\n")
		nodetest.Get(t, url+"/api/rounds/"+round, &r)
		if len(r.Games) != 1 {
			t.Fatalf("%d boards", len(r.Games))
		}
		if w := r.Games[0].White; w.Name != c.want || w.Title != "IM" || w.Rating != 2410 || w.FideID != 12345 || w.Team != "Cats" {
			t.Errorf("%q shows %+v", c.replacements, w)
		}
	}
}
