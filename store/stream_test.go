package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"go.etcd.io/raft/v3/raftpb"
)

// bigBoards have records of which the stream takes several chunks.
func bigBoards(t testing.TB, dir string) *Boards {
	b := mustOpenBoards(t, filepath.Join(dir, "boards"))
	c := stamped(42)
	noise := make([]byte, 2_500_000) // cannot be compressed
	r := rand.New(rand.NewPCG(1, 1))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	c.Put["noise"], c.Put["zeros"] = noise, make([]byte, 1_200_000)
	if err := b.Checkpoint(c); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReceive(t *testing.T) {
	dir := t.TempDir()
	b := bigBoards(t, dir)
	stream, pos := encoded(t, b)
	// Bytes behind the stream stay on the connection, and the stream may come in any pieces.
	r := bytes.NewReader(append(bytes.Clone(stream), "next"...))
	in, err := b.Receive(iotest.HalfReader(r), pos, 0)
	if err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(r); string(rest) != "next" {
		t.Errorf("%q is left", rest)
	}
	if err := in.Discard(); err != nil {
		t.Fatal(err)
	}
	noTemps(t, dir)
}

func TestReceiveRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := bigBoards(t, dir)
	stream, pos := encoded(t, b)
	refused := func(what string, r io.Reader, want Position, limit int64) {
		t.Helper()
		if _, err := b.Receive(r, want, limit); !errors.Is(err, ErrStream) {
			t.Fatalf("%s: error %v", what, err)
		}
		noTemps(t, dir)
	}
	rnd := rand.New(rand.NewPCG(2, 2))
	cuts := []int{0, 1, 8, 16, 17, 20, 21, 22, len(stream) - 1, len(stream) - 32, len(stream) - 33, len(stream) - 36}
	for range 30 {
		cuts = append(cuts, rnd.IntN(len(stream)))
	}
	for _, n := range cuts {
		refused("cut short", bytes.NewReader(stream[:n]), pos, 0)
	}
	flips := []int{0, 8, 9, 16, 17, 18, 19, 20, 21, 25, len(stream) - 1, len(stream) - 32, len(stream) - 33, len(stream) - 36}
	for range 60 {
		flips = append(flips, rnd.IntN(len(stream)))
	}
	for _, at := range flips {
		data := bytes.Clone(stream)
		data[at] ^= 1 << rnd.IntN(8)
		refused("flipped", bytes.NewReader(data), pos, 0)
	}
	size := int64(binary.BigEndian.Uint64(stream[9:]))
	refused("too big", bytes.NewReader(stream), pos, size-1)
	refused("hanging up", iotest.TimeoutReader(bytes.NewReader(stream)), pos, 0)
	refused("other index", bytes.NewReader(stream), Position{Index: pos.Index + 1, Term: pos.Term}, 0)
	refused("other term", bytes.NewReader(stream), Position{Index: pos.Index, Term: pos.Term + 1}, 0)
	refused("other members", bytes.NewReader(stream),
		Position{Index: pos.Index, Term: pos.Term, ConfState: &raftpb.ConfState{Voters: []uint64{1, 2}}}, 0)

	in, err := b.Receive(bytes.NewReader(stream), Position{Index: pos.Index, Term: pos.Term}, size)
	if err != nil {
		t.Fatal("exactly the limit, any members:", err)
	}
	if err := in.Discard(); err != nil {
		t.Fatal(err)
	}
}

// streamOf is a stream of file, as it would be if a node sent that.
func streamOf(t testing.TB, file []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := encodeStream(&buf, int64(len(file)), bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestReceiveDamaged: the file was damaged at the sender, and the hash is of
// the damaged file.
func TestReceiveDamaged(t *testing.T) {
	dir := t.TempDir()
	b := mustOpenBoards(t, filepath.Join(dir, "boards"))
	if err := b.Checkpoint(stamped(1)); err != nil {
		t.Fatal(err)
	}
	s, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var good bytes.Buffer
	if _, err := s.WriteTo(&good); err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(good.Bytes(), []byte("0000000100000001"))
	bad := bytes.Clone(good.Bytes())
	bad[at]++
	for what, file := range map[string][]byte{
		"a record": bad, "nothing": nil, "no boards": make([]byte, 100_000), "cut": good.Bytes()[:good.Len()-1],
	} {
		if _, err := b.Receive(bytes.NewReader(streamOf(t, file)), s.Position(), 0); !errors.Is(err, ErrStream) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	noTemps(t, dir)
}

// TestLeftovers: what a crash left of a received file and of a segment is removed.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"boards" + tempMark + "123", "log/" + segmentName(1) + tempMark + "new"} {
		writeFile(t, filepath.Join(dir, name), []byte("half"))
	}
	writeFile(t, filepath.Join(dir, "mine.txt"), nil)
	mustOpenBoards(t, filepath.Join(dir, "boards"))
	mustOpenLog(t, filepath.Join(dir, "log"), LogOptions{})
	noTemps(t, dir)
	noTemps(t, filepath.Join(dir, "log"))
	if _, err := os.Stat(filepath.Join(dir, "mine.txt")); err != nil {
		t.Error(err)
	}
}

// limitedBuffer fails the test if it is given more than it may be.
type limitedBuffer struct {
	t     testing.TB
	limit int
	bytes.Buffer
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		b.t.Fatalf("%d bytes of %d at most", b.Len()+len(p), b.limit)
	}
	return b.Buffer.Write(p)
}

// FuzzDecodeStream gives the receiver any stream at all. It must not panic nor
// write more than the limit, and take nothing but what an encoder could have sent.
func FuzzDecodeStream(f *testing.F) {
	const limit = 3 << 20
	for _, n := range []int{0, 1, 5000, chunkSize, chunkSize + 1} {
		f.Add(streamOf(f, bytes.Repeat([]byte{7}, n)))
	}
	z, _ := zstd.NewWriter(nil)
	bomb := z.EncodeAll(make([]byte, 64<<20), nil)
	stream := append([]byte(streamMagic), streamVersion)
	stream = binary.BigEndian.AppendUint64(stream, 2<<20)
	stream = binary.BigEndian.AppendUint32(stream, uint32(len(bomb)))
	f.Add(append(stream, bomb...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		out := &limitedBuffer{t: t, limit: limit}
		r := bytes.NewReader(stream)
		if err := decodeStream(r, limit, out); err != nil {
			if !errors.Is(err, ErrStream) {
				t.Fatal(err)
			}
			return
		}
		sum := sha256.Sum256(out.Bytes())
		used := stream[:len(stream)-r.Len()]
		if !bytes.HasSuffix(used, sum[:]) || binary.BigEndian.Uint64(used[9:]) != uint64(out.Len()) {
			t.Fatal("took a stream with a wrong hash or size")
		}
	})
}
