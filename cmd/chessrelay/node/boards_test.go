package node

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// TestBoardsRelease: a held command becomes public at its time without a call. Boards that start
// from their checkpoint publish no event of the past.
func TestBoardsRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var index uint64
		apply := func(b *Boards, c *relaypb.Command) {
			index++
			c.At, c.Request = time.Now().UnixMilli(), fmt.Sprint("r", index)
			data, err := relay.EncodeCommand(c)
			if err != nil {
				t.Fatal(err)
			}
			b.Apply([]consensus.Command{{Index: index, Term: 1, Data: data}})
		}
		var mu sync.Mutex
		var got []string // guarded by mu
		open := func() *Boards {
			b := NewBoards(nil)
			began := time.Now()
			b.publish = func(events []relay.Event) {
				mu.Lock()
				defer mu.Unlock()
				for _, e := range events {
					got = append(got, fmt.Sprint(e.Index, " to ", e.To, " after ", time.Since(began)))
				}
			}
			return b
		}
		want := func(events ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(got, events) {
				t.Errorf("published: %q, want %q", got, events)
			}
			got = nil
		}
		b := open()
		apply(b, &relaypb.Command{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: "tournam1", Name: "Open"}}})
		apply(b, &relaypb.Command{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: "round001", Tournament: "tournam1", Name: "1", DelaySeconds: 60}}})
		game := func(b *Boards, n int32) {
			apply(b, &relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
				Id: fmt.Sprintf("game%04d", n), Round: "round001", Board: n, White: &relaypb.Player{Name: "A"}, Black: &relaypb.Player{Name: "B"}}}})
		}
		game(b, 1)
		time.Sleep(20 * time.Second)
		game(b, 2)
		time.Sleep(39 * time.Second)
		want("3 to 1 after 0s", "4 to 1 after 20s")
		time.Sleep(time.Second)
		want("3 to 2 after 1m0s")
		stored := map[string][]byte{}
		for key, value := range b.Dirty() {
			stored[key] = value
		}
		b.Close()
		time.Sleep(10 * time.Second)
		again := open()
		defer again.Close()
		held := (*relay.Delays)(nil)
		again.reset = func(_ uint64, d *relay.Delays) { held = d }
		if err := again.Restore(index, func(load func(string, []byte) error) error {
			for key, value := range stored {
				if err := load(key, value); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if held == nil || !reflect.DeepEqual(held.Rounds, []relay.Delayed{{Round: "round001", Shown: 3, Held: 1}}) {
			t.Errorf("held: %v", held)
		}
		time.Sleep(9 * time.Second)
		want()
		time.Sleep(time.Second)
		want("4 to 2 after 10s")
	})
}
