package standings

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/internal/samples"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// tournament reads rounds as "A-B 1-0, C-D *". A player is a name, perhaps
// with a rating behind a slash and a team behind an @.
func tournament(t testing.TB, rounds ...string) []Round {
	t.Helper()
	var out []Round
	for i, text := range rounds {
		r := Round{Round: &relay.Round{ID: relay.RoundID(fmt.Sprintf("round%03d", i+1)), Name: fmt.Sprint("Round ", i+1)}}
		for j, line := range strings.Split(text, ",") {
			pairing, result, ok := strings.Cut(strings.TrimSpace(line), " ")
			white, black, both := strings.Cut(pairing, "-")
			if !ok || !both {
				t.Fatalf("cannot read the game %q", line)
			}
			r.Games = append(r.Games, game(t, i+1, j+1, player(white), player(black), result))
		}
		r.Status = status(r.Games)
		out = append(out, r)
	}
	return out
}

func player(text string) relay.Player {
	text, team, _ := strings.Cut(text, "@")
	name, rating, _ := strings.Cut(text, "/")
	n, _ := strconv.Atoi(rating)
	return relay.Player{Name: name, Rating: n, Team: team}
}

// game makes one with a result as relay reads it: "+/-" is a forfeit.
func game(t testing.TB, round, board int, white, black relay.Player, text string) *relay.Game {
	t.Helper()
	result, forfeit, err := relay.ParseScore(text)
	if err != nil {
		t.Fatal(err)
	}
	id := relay.GameID(fmt.Sprintf("g%03d%04d", round, board))
	return &relay.Game{Pairing: &relay.Pairing{ID: id, Board: board, White: white, Black: black}, Result: result, Forfeit: forfeit}
}

// status is what a round of these games has, unless somebody sets it.
func status(games []*relay.Game) relay.RoundStatus {
	for _, g := range games {
		if !g.Over() {
			return relay.RoundStarted
		}
	}
	if len(games) == 0 {
		return relay.RoundNew
	}
	return relay.RoundFinished
}

// line returns the line of the player with the name.
func line(t testing.TB, table *Table, name string) Line {
	t.Helper()
	for _, l := range table.Players {
		if l.Player.Name == name {
			return l
		}
	}
	t.Fatalf("%s is not in the table", name)
	return Line{}
}

// order is the names in the table's order, each with its rank.
func order(table *Table) string {
	var names []string
	for _, l := range table.Players {
		names = append(names, fmt.Sprint(l.Rank, l.Player.Name))
	}
	return strings.Join(names, " ")
}

// fromFile reads the rounds of an event out of a carried PGN file.
func fromFile(t testing.TB, name, event string) []Round {
	t.Helper()
	var out []Round
	at := map[string]int{}
	for r := pgn.NewReader(strings.NewReader(samples.Read(t, name))); ; {
		g, err := r.Next()
		if errors.Is(err, io.EOF) {
			for i := range out {
				out[i].Status = status(out[i].Games)
			}
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		if g.Tag("Event") != event {
			continue
		}
		number, _, _ := strings.Cut(g.Tag("Round"), ".")
		i, known := at[number]
		if !known {
			i = len(out)
			at[number] = i
			n, err := strconv.Atoi(number)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, Round{Round: &relay.Round{ID: relay.RoundID("round" + number), Name: number, StartsAt: relay.Millis(n)}})
		}
		out[i].Games = append(out[i].Games, game(t, i+1, len(out[i].Games)+1, g.Player("White"), g.Player("Black"), string(g.Result)))
	}
}
