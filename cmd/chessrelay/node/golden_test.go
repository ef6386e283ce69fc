package node_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

var newGolden = flag.String("golden", "", "write a new golden data folder testdata/data-`NAME`.tar.gz; an old one is never written again")

// goldenHash is a file beside the data folder: the hash of its boards.
const goldenHash = "hash"

// TestGoldenFolder starts a node with the data folder of each version so far: log, boards and
// identity. The boards must be those that the folder was packed with, and the game goes on. So
// never mend a failure with a new folder. If a new version writes other files,
//
//	go test ./cmd/chessrelay/node -run TestGoldenFolder -golden NAME
//
// packs one more beside the old ones.
func TestGoldenFolder(t *testing.T) {
	t.Parallel()
	if *newGolden != "" {
		writeGolden(t, "testdata/data-"+*newGolden+".tar.gz")
	}
	files, err := filepath.Glob("testdata/data-*.tar.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden data folder: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			dir := t.TempDir()
			unpack(t, name, dir)
			want, err := os.ReadFile(filepath.Join(dir, goldenHash))
			if err != nil {
				t.Fatal(err)
			}
			n := goldenNode(t, filepath.Join(dir, "data"))
			nodetest.Eventually(t, "the node to lead", func() bool { return nodetest.Get(t, n.URL+"/readyz", nil) == http.StatusOK })
			// A node may be ready before it has applied the end of its log.
			nodetest.Eventually(t, "the boards that were packed, with the hash "+string(want), func() bool {
				_, hash := n.Stand()
				return fmt.Sprintf("%x\n", hash) == string(want)
			})
			n.Play(goldenGame(t, n), 41, 41)
		})
	}
}

// goldenNode starts a recorder that is a cluster by itself.
func goldenNode(t *testing.T, data string) *nodetest.Node {
	n := &nodetest.Node{T: t, Config: node.Config{
		Name: "recorder", Role: node.RoleRecorder, Data: data, HTTP: nodetest.KeptAddress(t), Peer: nodetest.KeptAddress(t), Voters: 1, Bootstrap: true,
	}}
	t.Cleanup(n.Stop)
	n.Start()
	return n
}

// goldenGame is the id of the game on board 1.
func goldenGame(t *testing.T, n *nodetest.Node) string {
	t.Helper()
	var list struct {
		Tournaments []struct{ Rounds []struct{ ID string } }
	}
	nodetest.Get(t, n.URL+"/api/tournaments", &list)
	if len(list.Tournaments) != 1 || len(list.Tournaments[0].Rounds) != 1 {
		t.Fatalf("the tournaments are %+v", list)
	}
	var round struct {
		Games []struct {
			ID    string
			Board int
			Ply   int
		}
	}
	nodetest.Get(t, n.URL+"/api/rounds/"+list.Tournaments[0].Rounds[0].ID, &round)
	if len(round.Games) != 2 || round.Games[0].Board != 1 || round.Games[0].Ply != 40 {
		t.Fatalf("the round is %+v", round)
	}
	return round.Games[0].ID
}

// writeGolden packs the data folder of a node that has played, was stopped after a checkpoint, and
// was killed after more moves.
func writeGolden(t *testing.T, name string) {
	dir := t.TempDir()
	n := goldenNode(t, filepath.Join(dir, "data"))
	nodetest.Eventually(t, "the node to lead", func() bool { return nodetest.Get(t, n.URL+"/readyz", nil) == http.StatusOK })
	_, games := nodetest.NewRound(t, n.URL, 2)
	n.Play(games[0], 1, 20)
	n.Play(games[1], 1, 4)
	nodetest.Must(t, n.URL+"/api/games/"+games[1]+"/takeback", nodetest.Object{"toPly": 2, "reason": "wrong board"})
	nodetest.Must(t, n.URL+"/api/games/"+games[1]+"/result", nodetest.Object{"result": "1/2-1/2"})
	n.Stop()
	n.Start()
	nodetest.Eventually(t, "the node to lead again", func() bool { return nodetest.Get(t, n.URL+"/readyz", nil) == http.StatusOK })
	n.Play(games[0], 21, 40)
	_, hash := n.Stand()
	n.Kill()
	if err := os.WriteFile(filepath.Join(dir, goldenHash), fmt.Appendf(nil, "%x\n", hash), 0o600); err != nil {
		t.Fatal(err)
	}
	pack(t, dir, name)
}

// pack writes all files below dir into a new archive.
func pack(t *testing.T, dir, name string) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) // never over an old one
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, _ := gzip.NewWriterLevel(f, gzip.BestCompression)
	w := tar.NewWriter(z)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
}

// unpack writes the files of an archive below dir.
func unpack(t *testing.T, name, dir string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || !fs.ValidPath(strings.TrimSuffix(h.Name, "/")) {
			t.Fatal(h, err)
		}
		path := filepath.Join(dir, h.Name)
		if h.FileInfo().IsDir() {
			err = os.MkdirAll(path, 0o700)
		} else {
			var content []byte
			if content, err = io.ReadAll(r); err == nil {
				err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
