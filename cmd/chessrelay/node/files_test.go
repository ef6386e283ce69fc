//go:build linux

package node

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/broadcast"
)

// TestFilesWarningLimits checks at which number of files a node warns.
func TestFilesWarningLimits(t *testing.T) {
	for files, wants := range map[int]map[int]bool{
		0: {0: false, 1 << 30: false}, 1024: {0: true, 500: false, 600: true}, 1500: {0: false, 1000: false, 1001: true, -1: false}, 1 << 20: {0: false, 1 << 20: true},
	} {
		for wanted, warns := range wants {
			if got := filesWarning(wanted, files); (got != "") != warns {
				t.Errorf("%d spectators with %d files: %q", wanted, files, got)
			}
		}
	}
}

// TestFilesTable compares the figures with those of docs/operations.md.
func TestFilesTable(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	number := func(n int) string {
		s := fmt.Sprint(n)
		if len(s) > 3 {
			s = s[:len(s)-3] + "," + s[len(s)-3:]
		}
		return s
	}
	for _, files := range []int{400, 1024, 1100, 1500, 20_000, 110_000} {
		spectators := min(files-broadcast.SpareFiles(files), 100_000)
		more := ""
		if files == 110_000 {
			more = " and more"
		}
		row := fmt.Sprintf("| %s%s | %s | %s | %s |", number(files), more, number(spectators), number(requestRoom(files, spectators)), number(requestRoom(files, 0)))
		if !strings.Contains(string(doc), row) {
			t.Errorf("docs/operations.md lacks the row\n%s", row)
		}
	}
	for files, want := range map[int]int{0: 512, 400: 60, 1100: 150, 20_000: 150, 1 << 20: 512} {
		if got := maxFollowers(files, min(files-broadcast.SpareFiles(files), 100_000)); got != want {
			t.Errorf("%d edges may follow with %d files, want %d", got, files, want)
		}
	}
}
