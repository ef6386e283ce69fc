package samples

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// FolderEnv is the environment variable that names a folder with further files.
const FolderEnv = "CHESSRELAY_PGN"

//go:embed testdata/*.pgn
var carried embed.FS

// File is a PGN file.
type File struct {
	Name string // such as "olympiad-2014-round-11.pgn"
	Text string
	// Carried says that the project carries the file. Otherwise it comes from [FolderEnv], and
	// nobody knows how many games it has.
	Carried bool
}

// Read returns the text of a carried file.
func Read(tb testing.TB, name string) string {
	tb.Helper()
	text, err := carried.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// All returns the carried files, and then those of the folder that [FolderEnv] names, if any.
func All(tb testing.TB) []File {
	tb.Helper()
	files := readFolder(tb, carried, "testdata/*.pgn", true)
	if len(files) == 0 {
		tb.Fatal("the project carries no games")
	}
	folder := os.Getenv(FolderEnv)
	if folder == "" {
		return files
	}
	more := readFolder(tb, os.DirFS(folder), "*.pgn", false)
	if len(more) == 0 {
		tb.Fatalf("%s: %s has no .pgn file", FolderEnv, folder)
	}
	return append(files, more...)
}

func readFolder(tb testing.TB, folder fs.FS, pattern string, carried bool) (files []File) {
	tb.Helper()
	names, err := fs.Glob(folder, pattern)
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, File{Name: filepath.Base(name), Text: string(text), Carried: carried})
	}
	return files
}
