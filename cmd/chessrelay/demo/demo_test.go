package demo

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDemoFolderIsFreshEachTime(t *testing.T) {
	under := filepath.Join(t.TempDir(), "made", "for it")
	first, err := newFolder(under)
	if err != nil {
		t.Fatal(err)
	}
	second, err := newFolder(under)
	if err != nil || first == second || filepath.Dir(second) != under {
		t.Errorf("the folders are %s and %s, %v", first, second, err)
	}
	if entries, err := os.ReadDir(second); err != nil || len(entries) > 0 {
		t.Errorf("the second has %v, %v", entries, err)
	}
}
