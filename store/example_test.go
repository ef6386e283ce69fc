package store_test

import (
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/chessrelay/chessrelay/store"
)

// A node writes each batch of entries to its log. A checkpoint of the boards follows now and then.
// After a restart it loads the boards, and applies the entries after their position.
func Example() {
	dir, err := os.MkdirTemp("", "store-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	err = func() error {
		log, err := store.OpenLog(filepath.Join(dir, "log"), store.LogOptions{})
		if err != nil {
			return err
		}
		defer log.Close()
		boards, err := store.OpenBoards(filepath.Join(dir, "boards"))
		if err != nil {
			return err
		}
		defer boards.Close()
		entries := []raftpb.Entry{{Index: 1, Term: 1, Data: []byte("e4")}, {Index: 2, Term: 1, Data: []byte("e5")}}
		if err := log.Write(raftpb.HardState{Term: 1, Commit: 2}, entries); err != nil { // durable from here on
			return err
		}
		return boards.Checkpoint(store.Checkpoint{Position: store.Position{Index: 1, Term: 1}, Put: map[string][]byte{"board 1": []byte("1. e4")}})
	}()
	if err != nil {
		fmt.Println(err)
		return
	}

	boards, err := store.OpenBoards(filepath.Join(dir, "boards"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer boards.Close()
	if err := boards.Load(func(key string, value []byte) error {
		fmt.Printf("%s: %s\n", key, value)
		return nil
	}); err != nil {
		fmt.Println(err)
	}
	log, err := store.OpenLog(filepath.Join(dir, "log"), store.LogOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	missing, err := log.Entries(boards.Position().Index+1, log.LastIndex()+1, 1<<20)
	if err != nil {
		fmt.Println(err)
	}
	for _, e := range missing {
		fmt.Printf("entry %d: %s\n", e.Index, e.Data)
	}
	// Output:
	// board 1: 1. e4
	// entry 2: e5
}
