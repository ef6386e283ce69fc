package samples

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAll: the carried files come first, and then those of the named folder.
func TestAll(t *testing.T) {
	t.Setenv(FolderEnv, "")
	carried := All(t)
	if len(carried) != 10 {
		t.Fatalf("the project carries %d files, want 10", len(carried))
	}
	for _, f := range carried {
		if !f.Carried || f.Text == "" || f.Text != Read(t, f.Name) {
			t.Errorf("%s: carried %t, %d bytes", f.Name, f.Carried, len(f.Text))
		}
	}
	folder := t.TempDir()
	for _, name := range []string{"mine.pgn", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("1. e4 *\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(FolderEnv, folder)
	all := All(t)
	if len(all) != len(carried)+1 {
		t.Fatalf("with a folder there are %d files, want %d", len(all), len(carried)+1)
	}
	if f := all[len(all)-1]; f != (File{Name: "mine.pgn", Text: "1. e4 *\n"}) {
		t.Errorf("the last file is %+v", f)
	}
}
