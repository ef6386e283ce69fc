package mirror

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// pushDeleted pushes to a round with deleted games. For each source game it returns the board, and
// whether the game is deleted.
func (w *world) pushDeleted(text string) string {
	w.t.Helper()
	var out []string
	for _, c := range Diff(Round{ID: w.round, Games: w.games(), Deleted: w.state.DeletedGames(w.round)}, readAny(text)) {
		for _, command := range c.Commands {
			if o := w.apply(command); o.Err != nil {
				w.t.Fatal(o.Err)
			}
		}
		if errors.Is(c.Err, ErrDeleted) {
			out = append(out, fmt.Sprint("deleted ", c.Board))
		} else {
			out = append(out, fmt.Sprint(c.Board))
		}
	}
	return strings.Join(out, ", ")
}

func (w *world) delete(board int) {
	w.t.Helper()
	for _, g := range w.games() {
		if g.Board == board {
			c := &relaypb.Command{Request: fmt.Sprint("delete/", w.index), Op: &relaypb.Command_Delete{Delete: &relaypb.Delete{Id: string(g.ID)}}}
			if o := w.apply(c); o.Err != nil {
				w.t.Fatal(o.Err)
			}
		}
	}
}

// TestDeletedGamesStayDeleted: a source that still has a deleted game does not open it again,
// whatever else changes.
func TestDeletedGamesStayDeleted(t *testing.T) {
	const a, b, c = "A-B Board=1", "C-D Board=2", "E-F Board=3"
	for _, test := range []struct {
		name                string
		before, after, want string
	}{
		{"as it was", game(a, "1. e4 *") + game(b, "1. d4 *"), game(a, "1. e4 *") + game(b, "1. d4 *"), "1, deleted 2"},
		{"it goes on, and ends", game(a, "1. e4 *") + game(b, "1. d4 *"), game(a, "1. e4 e5 *") + game(b, "1. d4 d5 2. c4 1-0"), "1, deleted 2"},
		{"in another order", game(a, "1. e4 *") + game(b, "1. d4 *"), game(b, "1. d4 *") + game(a, "1. e4 *"), "deleted 2, 1"},
		{"alone", game(a, "1. e4 *") + game(b, "1. d4 *"), game(b, "1. d4 *"), "deleted 2"},
		{"without moves", game(a, "*") + game(b, "*"), game(a, "*") + game(b, "*"), "1, deleted 2"},
		{"by its id", game("A-B GameId=x", "*") + game("C-D GameId=y", "*"), game("A-B GameId=x", "*") + game("C-D GameId=y", "1. e4 *"), "1, deleted 2"},
		{"its number is used again", game(a, "1. e4 *") + game(b, "1. d4 *"),
			game(a, "1. e4 *") + game("C-D Board=3", "1. d4 *") + game("E-F Board=2", "1. c4 *"), "1, deleted 2, 2"},
		{"others sit there now", game(a, "1. e4 *") + game(b, "1. d4 *"), game(a, "1. e4 *") + game("E-F Board=2", "1. d4 *"), "1, 2"},
		{"one of them sits elsewhere", game(a, "1. e4 *") + game(b, "1. d4 *"), game(a, "1. e4 *") + game("C-F Board=3", "1. c4 *"), "1, 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.pushDeleted(test.before)
			w.delete(2)
			for range 2 {
				if got := w.pushDeleted(test.after); got != test.want {
					t.Fatalf("got %s, want %s", got, test.want)
				}
			}
		})
	}
}

// A new board for the same players takes the source's game.
func TestDeletedAndOpenedAgain(t *testing.T) {
	w := newWorld(t)
	text := game("A-B Board=1", "1. e4 *") + game("C-D Board=2", "1. d4 *")
	w.pushDeleted(text)
	w.delete(2)
	c := &relaypb.Command{Request: "again", Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
		Id: "another1", Round: string(w.round), Board: 7, White: &relaypb.Player{Name: "C"}, Black: &relaypb.Player{Name: "D"},
	}}}
	if o := w.apply(c); o.Err != nil {
		t.Fatal(o.Err)
	}
	if got := w.pushDeleted(text); got != "1, 7" {
		t.Errorf("got %s", got)
	}
}
