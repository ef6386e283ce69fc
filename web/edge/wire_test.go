package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
)

// recording returns a whole stream: a state, an image, entries and another state.
func recording(t testing.TB) []byte {
	m := &machine{t: t, tail: NewTail(0, 0)}
	m.play(20, 40)
	var b bytes.Buffer
	state, err := json.Marshal(Status{Cluster: testCluster, Path: []Hop{{ID: "v", Name: "v", HTTP: "http://v"}}, Applied: 40, Alternatives: []string{"http://w"}})
	if err != nil {
		t.Fatal(err)
	}
	b.Write(appendMessage(nil, kindState, state))
	index, records := m.image()
	if err := writeImage(&b, index, records); err != nil {
		t.Fatal(err)
	}
	m.play(20, 40)
	messages, _, _ := m.tail.after(index)
	b.Write(messages)
	b.Write(appendMessage(nil, kindState, state))
	b.Write(appendMessage(nil, 99, []byte("of a newer program")))
	return b.Bytes()
}

// playStream has a client read a stream, and returns what it applied and why it ended.
func playStream(t testing.TB, data []byte) (*machine, error) {
	m := &machine{t: t, tail: NewTail(0, 0)}
	u := newUpstreams([]string{"http://v"}, time.Second)
	f := &LogClient{
		cfg: LogClientConfig{Machine: m, Tail: m.tail, Identified: func(string) error { return nil }, Silence: time.Minute}, log: testLog(),
		loaded: make(chan struct{}), failed: make(chan error, 1), upstreams: u, cancel: func() {}, self: Hop{ID: "me"},
	}
	s := &stream{client: f, c: u.list[0], ctx: context.Background(), leave: func(error) {}, silence: time.NewTimer(time.Hour)}
	defer s.silence.Stop()
	return m, s.read(bytes.NewReader(data))
}

// TestStreamDamaged flips each byte of a stream and cuts it everywhere. The applied entries are
// always a prefix of the log.
func TestStreamDamaged(t *testing.T) {
	data := recording(t)
	whole, err := playStream(t, data)
	if !errors.Is(err, errGone) || len(whole.log()) != 40 {
		t.Fatalf("the stream gave %d entries: %v", len(whole.log()), err)
	}
	check := func(what string, data []byte, at int) {
		t.Helper()
		m, err := playStream(t, data)
		if err == nil {
			t.Fatalf("%s at %d: no error", what, at)
		}
		got := m.log()
		if len(got) > len(whole.log()) {
			t.Fatalf("%s at %d: %d entries", what, at, len(got))
		}
		for i, c := range got {
			if w := whole.log()[i]; c.Index != w.Index || !bytes.Equal(c.Data, w.Data) {
				t.Fatalf("%s at %d: entry %d is another one", what, at, w.Index)
			}
		}
	}
	for i := range data {
		check("cut", data[:i], i)
		damaged := bytes.Clone(data)
		damaged[i] ^= 1 << rand.IntN(8)
		check("flipped", damaged, i)
	}
}

// TestGap checks that a missing, repeated or late entry is refused or ignored.
func TestGap(t *testing.T) {
	state, _ := json.Marshal(Status{Cluster: testCluster, Path: []Hop{{ID: "v"}}})
	var image bytes.Buffer
	if err := writeImage(&image, 0, maps.All(map[string][]byte{})); err != nil {
		t.Fatal(err)
	}
	head := append(appendMessage(nil, kindState, state), image.Bytes()...)
	entry := func(prev, index uint64) []byte {
		return appendEntry(nil, prev, &consensus.Command{Index: index, Data: []byte{1}})
	}
	for name, c := range map[string]struct {
		entries [][]byte
		want    []uint64
		err     error
	}{
		"in order": {[][]byte{entry(0, 1), entry(1, 2), entry(2, 5)}, []uint64{1, 2, 5}, errGone},
		"missing":  {[][]byte{entry(0, 1), entry(2, 3)}, []uint64{}, errCorrupt},
		"twice":    {[][]byte{entry(0, 1), entry(0, 1), entry(1, 2)}, []uint64{1, 2}, errGone},
		"late":     {[][]byte{entry(0, 3), entry(1, 2), entry(3, 4)}, []uint64{3, 4}, errGone},
		"backward": {[][]byte{entry(0, 1), entry(7, 6)}, []uint64{}, errCorrupt},
	} {
		m, err := playStream(t, append(bytes.Clone(head), bytes.Join(c.entries, nil)...))
		var got []uint64
		for _, e := range m.log() {
			got = append(got, e.Index)
		}
		if !errors.Is(err, c.err) || len(got) != len(c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestImageRefused checks that an image older than the boards, or with a wrong sum, is refused.
func TestImageRefused(t *testing.T) {
	data := recording(t)
	var old bytes.Buffer
	if err := writeImage(&old, 3, maps.All(map[string][]byte{})); err != nil {
		t.Fatal(err)
	}
	m, err := playStream(t, append(bytes.Clone(data), old.Bytes()...))
	if !errors.Is(err, errCorrupt) || len(m.log()) != 40 {
		t.Errorf("an old image left %d entries: %v", len(m.log()), err)
	}
	messages := newMessageReader(bytes.NewReader(data))
	var other []byte
	for {
		kind, payload, err := messages.next()
		if err != nil {
			break
		}
		if kind == kindImageEnd {
			payload[0]++
		}
		other = appendMessage(other, kind, payload)
	}
	if m, err := playStream(t, other); !errors.Is(err, errCorrupt) || m.images != 0 {
		t.Errorf("an image with another sum was taken: %v", err)
	}
}

// TestStateRefused checks that each state is judged, not only the first.
func TestStateRefused(t *testing.T) {
	state := func(change func(*Status)) []byte {
		s := Status{Cluster: testCluster, Path: []Hop{{ID: "v"}, {ID: "e"}}}
		change(&s)
		payload, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return appendMessage(nil, kindState, payload)
	}
	good := state(func(*Status) {})
	for name, c := range map[string]struct {
		change func(*Status)
		want   error
	}{
		"itself":        {func(s *Status) { s.Path = append(s.Path, Hop{ID: "me"}) }, ErrLoop},
		"another":       {func(s *Status) { s.Cluster = "c2" }, ErrOtherCluster},
		"too deep":      {func(s *Status) { s.Path = make([]Hop, MaxDepth+1) }, ErrTooDeep},
		"no path":       {func(s *Status) { s.Path = nil }, errCorrupt},
		"no cluster":    {func(s *Status) { s.Cluster = "" }, errCorrupt},
		"a long name":   {func(s *Status) { s.Leader.Name = strings.Repeat("n", maxText+1) }, errCorrupt},
		"an escape":     {func(s *Status) { s.Path[0].Name = "\x1b[2J" }, errCorrupt},
		"from the past": {func(s *Status) { s.AgeMs = -1 }, errCorrupt},
	} {
		bad := state(c.change)
		if _, err := playStream(t, append(bytes.Clone(good), bad...)); !errors.Is(err, c.want) {
			t.Errorf("%s, later: %v", name, err)
		}
		if _, err := playStream(t, bad); !errors.Is(err, c.want) && name != "another" {
			t.Errorf("%s: %v", name, err)
		}
	}
	many := Status{Cluster: "c", Path: []Hop{{ID: "v"}}, Alternatives: []string{"ftp://a", "http://a:b@c", "http://a/", "http://a", "", "http://\x00"}}
	for i := range 100 {
		many.Alternatives = append(many.Alternatives, "http://host-"+strconv.Itoa(i))
	}
	payload, _ := json.Marshal(many)
	if s, err := parseStatus(payload); err != nil || len(s.Alternatives) != MaxAlternatives || s.Alternatives[0] != "http://a" || s.Alternatives[1] != "http://host-0" {
		t.Errorf("of many alternatives there are %q left, %v", s.Alternatives, err)
	}
}

// FuzzStream checks that no bytes make a client panic or apply entries out of order.
func FuzzStream(f *testing.F) {
	f.Add(recording(f))
	f.Add(recording(f)[:200])
	f.Fuzz(func(t *testing.T, data []byte) {
		// Random sums would stop nearly all input at once.
		for i := 0; i+messageHeader <= len(data); {
			n := int(data[i+2])<<8 | int(data[i+3])
			if i+messageHeader+n > len(data) {
				break
			}
			sealMessage(data[:i+messageHeader+n], i)
			i += messageHeader + n
		}
		if _, err := playStream(t, data); err == nil {
			t.Error("no error")
		}
	})
}

// FuzzImage checks that reading an image allocates no more than what arrived.
func FuzzImage(f *testing.F) {
	var b bytes.Buffer
	_ = writeImage(&b, 7, maps.All(map[string][]byte{"a": []byte("1"), "b": make([]byte, 5000)}))
	f.Add(b.Bytes())
	f.Fuzz(func(_ *testing.T, data []byte) {
		messages := newMessageReader(bytes.NewReader(data))
		_ = readImage(messages.next, func(string, []byte) error { return nil })
		_ = readImage(func() (byte, []byte, error) {
			if data == nil {
				return 0, nil, io.EOF
			}
			defer func() { data = nil }()
			return kindChunk, data, nil
		}, func(string, []byte) error { return nil })
	})
}

// TestInvalidHops refuses the state of an upstream that names a node which cannot be shown or
// linked to.
func TestInvalidHops(t *testing.T) {
	good := Hop{ID: "v", Name: "Kjøbenhavn 王", HTTP: "http://[fe80::1%25eth0]:8080/relay"}
	for hop, ok := range map[Hop]bool{
		good: true, {ID: "v", Name: "v"}: true,
		{ID: "v", Name: "a\x1b[2J"}: false, {ID: "v", Name: "a\u202e"}: false, {ID: "v\u009b"}: false,
		{ID: "v", HTTP: "javascript:alert(1)"}: false, {ID: "v", HTTP: "http://:80"}: false, {ID: "v", HTTP: "v:8080"}: false,
		{ID: "v", HTTP: "http://u:p@v"}: false, {ID: "v", HTTP: "http://v/\u202e"}: false,
	} {
		for _, s := range []Status{{Cluster: "c", Path: []Hop{hop, good}}, {Cluster: "c", Path: []Hop{good}, Leader: hop}} {
			payload, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parseStatus(payload); (err == nil) != ok {
				t.Errorf("%+v: %v", hop, err)
			}
		}
	}
}
