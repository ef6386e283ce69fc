package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
)

// damagedCases calls try with many broken forms of good.
func damagedCases(t *testing.T, good []byte, try func(t *testing.T, what string, data []byte)) {
	r := rand.New(rand.NewPCG(5, 5))
	page := os.Getpagesize()
	cuts := []int{0, 1, 15, 16, 79, 80, page - 1, page, page + 80, 2*page - 1, 2 * page, 3 * page, len(good) - 1}
	for range 60 {
		cuts = append(cuts, r.IntN(len(good)))
	}
	for _, n := range cuts {
		try(t, fmt.Sprintf("cut to %d bytes", n), good[:n:n])
	}
	flip := func(at, bit int) {
		data := bytes.Clone(good)
		data[at] ^= 1 << bit
		try(t, fmt.Sprintf("bit %d of byte %d flipped", bit, at), data)
	}
	for at := 0; at < 2*page; at += page { // the meta pages: every bit in use
		for i := range (16 + 64) * 8 {
			flip(at+i/8, i%8)
		}
	}
	for at := 2 * page; at+64 < len(good); at += page { // page headers and first elements
		for range 15 {
			flip(at+r.IntN(64), r.IntN(8))
		}
	}
	for range someOf(250, 800) {
		flip(r.IntN(len(good)), r.IntN(8))
	}
	for at := 0; at < len(good); at += page {
		data := bytes.Clone(good)
		clear(data[at:min(len(data), at+page)])
		try(t, fmt.Sprintf("zeros at %d", at), data)
		data = bytes.Clone(good)
		copy(data[at:], bytes.Repeat([]byte{0xff}, min(page, len(data)-at)))
		try(t, fmt.Sprintf("ones at %d", at), data)
	}
	misplace := func(from, to int) {
		data := bytes.Clone(good)
		copy(data[to*page:], good[from*page:][:page])
		try(t, fmt.Sprintf("page %d written to %d", from, to), data)
	}
	misplace(0, 1)
	misplace(1, 0)
	for range someOf(40, 100) {
		misplace(r.IntN(len(good)/page), r.IntN(len(good)/page))
	}
	try(t, "no bbolt file", bytes.Repeat([]byte("not a database. "), len(good)/16))
}

// inUse is the file at path without the part that it has not grown into yet,
// where damage does no harm.
func inUse(t testing.TB, db *bolt.DB, path string) []byte {
	t.Helper()
	var size int64
	if err := db.View(func(tx *bolt.Tx) error { size = tx.Size(); return nil }); err != nil {
		t.Fatal(err)
	}
	return readFile(t, path)[:size]
}

// namesFile checks that err is about damage, names path and says what to do.
func namesFile(t *testing.T, what, path string, err error) {
	t.Helper()
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restore") {
		t.Fatalf("%s: error %v", what, err)
	}
}

func TestDamagedBoards(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "boards")
	b := mustOpenBoards(t, path)
	r := rand.New(rand.NewPCG(8, 8))
	for i := range uint64(12) {
		if err := b.Checkpoint(randomCheckpoint(r, i)); err != nil {
			t.Fatal(err)
		}
	}
	want := boardsContent(t, b)
	good := inUse(t, b.file.db, path)
	b.Close()
	refused, intact := 0, 0
	damagedCases(t, good, func(t *testing.T, what string, data []byte) {
		writeFile(t, path, data)
		b, err := OpenBoards(path)
		if err != nil {
			namesFile(t, what, path, err)
			refused++
			return
		}
		defer b.Close()
		if d := cmp.Diff(want, boardsContent(t, b)); d != "" {
			t.Fatalf("%s: opened with (-want +got):\n%s", what, d)
		}
		if err := b.Checkpoint(randomCheckpoint(r, 100)); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		intact++
	})
	t.Logf("%d refused, %d without harm", refused, intact)
}

// TestLostRecord has a file that is sound as bbolt files go, and whose records
// all have good checksums, but one of which is missing.
func TestLostRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boards")
	b := mustOpenBoards(t, path)
	if err := b.Checkpoint(Checkpoint{Put: map[string][]byte{"a": nil, "b": nil}}); err != nil {
		t.Fatal(err)
	}
	deleteKey(t, b.file.db, bucketRecords, []byte("a"))
	b.Close()
	_, err := OpenBoards(path)
	namesFile(t, "lost record", path, err)
}

func deleteKey(t *testing.T, db *bolt.DB, bucket, key []byte) {
	t.Helper()
	if err := db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Delete(key) }); err != nil {
		t.Fatal(err)
	}
}

// sumMetas makes the sums of both meta pages right.
func sumMetas(data []byte) {
	for _, at := range []int{pageHeader, os.Getpagesize() + pageHeader} {
		sum := fnv.New64a()
		sum.Write(data[at : at+metaSummed])
		binary.NativeEndian.PutUint64(data[at+metaSummed:], sum.Sum64())
	}
}

// TestImpossibleSize: memory is taken by the size of the file, and not by what
// the file says its size is.
func TestImpossibleSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boards")
	mustOpenBoards(t, path).Close()
	data := readFile(t, path)
	for _, at := range []int{pageHeader, os.Getpagesize() + pageHeader} {
		binary.NativeEndian.PutUint64(data[at+40:], uint64(len(data)/os.Getpagesize()+1))
	}
	sumMetas(data)
	writeFile(t, path, data)
	_, err := OpenBoards(path)
	namesFile(t, "one page too few", path, err)
}

// FuzzImage gives the check any file. A file that passes must be safe for bbolt, which would
// otherwise fault or panic. It must have the same records, unless the meta pages were changed
// together with their sums.
func FuzzImage(f *testing.F) {
	path := filepath.Join(f.TempDir(), "boards")
	b := mustOpenBoards(f, path)
	r := rand.New(rand.NewPCG(8, 8))
	for i := range uint64(8) {
		if err := b.Checkpoint(randomCheckpoint(r, i)); err != nil {
			f.Fatal(err)
		}
	}
	want := boardsContent(f, b)
	good := inUse(f, b.file.db, path)
	b.Close()
	page := os.Getpagesize()
	f.Add(uint32(3*page), []byte{1}, uint32(16), []byte{0, 0, 0, 1})
	f.Add(uint32(0), []byte{}, uint32(2*page), []byte{1, 2, 3})
	// The fuzzer says what to write over which bytes; the sums of the meta
	// pages are made right afterwards, as nothing else would get far.
	f.Fuzz(func(t *testing.T, at1 uint32, data1 []byte, at2 uint32, data2 []byte) {
		data := bytes.Clone(good)
		copy(data[int(at1)%len(data):], data1)
		copy(data[int(at2)%len(data):], data2)
		forged := !bytes.Equal(data[:2*page], good[:2*page]) // may well show an older transaction
		sumMetas(data)
		path := filepath.Join(t.TempDir(), "boards")
		writeFile(t, path, data)
		b, err := OpenBoards(path)
		if err != nil {
			return
		}
		defer b.Close()
		if d := cmp.Diff(want, boardsContent(t, b)); d != "" && !forged {
			t.Fatal(d)
		}
		if err := b.Checkpoint(randomCheckpoint(rand.New(rand.NewPCG(1, 1)), b.Position().Index+1)); err != nil {
			t.Fatal(err)
		}
	})
}
