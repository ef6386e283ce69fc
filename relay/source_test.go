package relay

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

func (s *script) setSource(round, request string, to *relaypb.Source) Outcome {
	c := envelope(request)
	c.Op = &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{Round: round, Settings: sourceSettings(to)}}
	return s.do(c)
}

// sourceSettings returns settings with this source alone; without an address, with none.
func sourceSettings(s *relaypb.Source) *relaypb.RoundSettings {
	out := &relaypb.RoundSettings{Sources: new(relaypb.Sources)}
	if s.Kind != "" || s.Url != "" {
		out.Sources.List = append(out.Sources.List, s)
	}
	return out
}

// TestSource sets, changes and removes the source of a round, and wants a checkpoint to keep each
// version.
func TestSource(t *testing.T) {
	s := withGame(t, "")
	created := createRound("round002", "req-2")
	created.GetCreateRound().Settings = sourceSettings(&relaypb.Source{Kind: "pgn", Url: "http://example.org/2.pgn"})
	s.must(created)
	steps := []struct {
		to   *relaypb.Source
		want []Source
		text string
	}{
		{&relaypb.Source{Kind: "lcc", Url: "http://example.org/get/x", Round: 3}, []Source{{Kind: SourceLCC, URL: "http://example.org/get/x", Round: 3}}, "lcc http://example.org/get/x round 3 every 5s"},
		{&relaypb.Source{Kind: "pgn", Url: "http://example.org/x", IntervalSeconds: 60}, []Source{{Kind: SourcePGN, URL: "http://example.org/x", IntervalSeconds: 60}}, "pgn http://example.org/x every 1m0s"},
		{&relaypb.Source{}, nil, ""},
	}
	was, records := "", map[string][]byte{}
	for i, step := range steps {
		out := s.setSource(testRound, fmt.Sprintf("src-%d", i), step.to)
		if out.Err != nil {
			t.Fatal(out.Err)
		}
		r, _ := s.Round(testRound)
		if diff := cmp.Diff(step.want, r.Sources); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
		u := r.Updates[len(r.Updates)-1]
		if diff := cmp.Diff([]FieldChange{{"sources", was, step.text}}, u.Fields); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
		was = step.text
		want := []*Round{r}
		if second, _ := s.Round("round002"); step.want == nil {
			want = []*Round{second}
		} else {
			want = append(want, second)
		}
		if diff := cmp.Diff(want, s.Sources()); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
		if again := s.setSource(testRound, "other", step.to); !again.Duplicate {
			t.Errorf("step %d: the same again is %+v", i, again)
		}
		for key, value := range s.TakeDirty() {
			records[key] = value
		}
		loaded := NewState()
		for key, value := range records {
			if err := loaded.Load(key, value); err != nil {
				t.Fatal(err)
			}
		}
		if err := loaded.Loaded(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s.Sources(), loaded.Sources()); diff != "" || loaded.Hash() != s.Hash() {
			t.Errorf("step %d, the checkpoint: %s", i, diff)
		}
	}
	before := s.Hash()
	s.setSource(testRound, "last", &relaypb.Source{Kind: "pgn", Url: "http://example.org/y"})
	if s.Hash() == before {
		t.Error("the hash does not see the source")
	}
	for _, bad := range []*relaypb.Source{
		{Kind: "html", Url: "http://example.org"}, {Kind: "pgn"}, {Url: "http://example.org"}, {Kind: "pgn", Url: "http://\n"},
		{Kind: "pgn", Url: string(make([]byte, MaxSourceURL+1))}, {Kind: "lcc", Url: "x", Round: -1}, {Kind: "lcc", Url: "x", Round: MaxRounds + 1},
		{Kind: "pgn", Url: "x", IntervalSeconds: -1}, {Kind: "pgn", Url: "x", IntervalSeconds: MaxInterval + 1},
	} {
		if out := s.setSource(testRound, "bad", bad); !errors.Is(out.Err, ErrBadCommand) {
			t.Errorf("%v: %v", bad, out.Err)
		}
	}
	if d := (&Source{IntervalSeconds: 1}).Interval(); d != time.Second {
		t.Error(d)
	}
}

// TestTooManySources fills the state with sources; a round that has one may still change it.
func TestTooManySources(t *testing.T) {
	s := withGame(t, "")
	for i := range MaxSources {
		id := fmt.Sprintf("rsource%d", i)
		id = id[len(id)-8:]
		s.must(createRound(id, "req-"+id))
		if out := s.setSource(id, "src-"+id, &relaypb.Source{Kind: "pgn", Url: "x"}); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	if out := s.setSource(testRound, "one more", &relaypb.Source{Kind: "pgn", Url: "x"}); !errors.Is(out.Err, ErrLimit) {
		t.Errorf("one more: %v", out.Err)
	}
	one := s.Sources()[7]
	if out := s.setSource(string(one.ID), "another", &relaypb.Source{Kind: "pgn", Url: "y"}); out.Err != nil {
		t.Error(out.Err)
	}
	if out := s.setSource(string(one.ID), "none", &relaypb.Source{}); out.Err != nil {
		t.Error(out.Err)
	}
	if out := s.setSource(testRound, "in its place", &relaypb.Source{Kind: "pgn", Url: "x"}); out.Err != nil {
		t.Error(out.Err)
	}
}
