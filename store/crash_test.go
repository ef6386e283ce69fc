package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/raft/v3/raftpb"
)

// halfWritten makes what a power failure may leave of a transaction that
// turned the file before into after: any of the pages it wrote, or parts of
// them, but not yet its meta page, which is written when the others are durable.
func halfWritten(r *rand.Rand, before, after []byte) []byte {
	page := os.Getpagesize()
	got := bytes.Clone(before)
	for at := 2 * page; at < len(after); at += page {
		if r.IntN(2) == 0 {
			continue
		}
		n := page
		if r.IntN(4) == 0 {
			n = 512 * r.IntN(page/512)
		}
		if end := at + n; end > len(got) {
			got = append(got, make([]byte, end-len(got))...)
		}
		copy(got[at:at+n], after[at:at+n])
	}
	return got
}

// TestBoardsCrash checks after every checkpoint that a copy of the file has what was acknowledged.
// Half of the write, without its meta page, must count for nothing.
func TestBoardsCrash(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 3))
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "boards"), filepath.Join(dir, "copy")
	b := mustOpenBoards(t, path)
	reopened := func(data []byte) map[string]string {
		writeFile(t, copied, data)
		b := mustOpenBoards(t, copied)
		defer b.Close()
		return boardsContent(t, b)
	}
	model := map[string]string{"": positionText(b.Position())}
	before, was := readFile(t, path), boardsContent(t, b)
	for step := range 60 {
		c := randomCheckpoint(r, uint64(step))
		if err := b.Checkpoint(c); err != nil {
			t.Fatal(err)
		}
		applyCheckpoint(model, c)
		after, is := readFile(t, path), boardsContent(t, b)
		if d := cmp.Diff(model, is); d != "" {
			t.Fatalf("step %d (-want +got):\n%s", step, d)
		}
		if d := cmp.Diff(is, reopened(after)); d != "" {
			t.Fatalf("step %d: durable and not there (-want +got):\n%s", step, d)
		}
		if d := cmp.Diff(was, reopened(halfWritten(r, before, after))); d != "" {
			t.Fatalf("step %d: half of a checkpoint is there (-want +got):\n%s", step, d)
		}
		before, was = after, is
	}
}

func randomCheckpoint(r *rand.Rand, index uint64) Checkpoint {
	c := Checkpoint{
		Position: Position{Index: index, Term: 7, ConfState: &raftpb.ConfState{Voters: []uint64{1, r.Uint64()}}},
		Put:      map[string][]byte{},
	}
	for range r.IntN(20) {
		value := make([]byte, r.IntN(2000))
		for i := range value {
			value[i] = byte(r.Uint32())
		}
		c.Put[fmt.Sprintf("game/%02d", r.IntN(60))] = value
	}
	for range r.IntN(8) {
		c.Delete = append(c.Delete, fmt.Sprintf("game/%02d", r.IntN(60)))
	}
	return c
}

func applyCheckpoint(model map[string]string, c Checkpoint) {
	for _, key := range c.Delete {
		delete(model, key)
	}
	for key, value := range c.Put {
		model[key] = string(value)
	}
	model[""] = positionText(c.Position)
}
