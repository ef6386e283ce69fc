package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	_, err := LoadIdentity(dir)
	wantErr(t, err, os.ErrNotExist)

	want := Identity{ClusterID: "c1", Secret: "s1", MemberID: 1<<63 + 5, Name: `Hall <"B"> & Ω`, Role: "venue", Installed: 1<<63 + 7}
	for _, change := range []func(*Identity){
		func(*Identity) {},
		func(id *Identity) { id.Joined = true },
		func(id *Identity) { id.Removed = "by an operator" },
	} {
		change(&want)
		if err := SaveIdentity(dir, want); err != nil {
			t.Fatal(err)
		}
		got, err := LoadIdentity(dir)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	}
	noTemps(t, dir)
	path := filepath.Join(dir, identityFile)
	good := readFile(t, path)
	if !bytes.Contains(good, []byte(`"memberId": "8000000000000005"`)) {
		t.Errorf("not for people:\n%s", good)
	}

	// Every bit, and every length: an error that names the file, or the same.
	for at := range good {
		for bit := range 8 {
			data := bytes.Clone(good)
			data[at] ^= 1 << bit
			writeFile(t, path, data)
			if got, err := LoadIdentity(dir); err != nil {
				namesFile(t, "flipped", path, err)
			} else if got != want {
				t.Fatalf("bit %d of byte %d flipped: %+v", bit, at, got)
			}
		}
		writeFile(t, path, good[:at])
		if got, err := LoadIdentity(dir); err != nil {
			namesFile(t, "cut", path, err)
		} else if got != want {
			t.Fatalf("cut to %d bytes: %+v", at, got)
		}
	}
	if err := SaveIdentity(filepath.Join(dir, "none"), want); err == nil {
		t.Error("saved into no directory")
	}
}
