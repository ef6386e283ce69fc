package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/relay"
)

// How many boards are opened at the same time.
const openAtOnce = 16

// A feeder plays the games of a file into one round, each on a board of its
// own. Make one, call open or attach, then play.
type feeder struct {
	// Static after construction.
	client *client.Client
	// anonymous: client has no token, so a delay holds back what the feeder reads.
	anonymous bool
	log       *slog.Logger
	games     []*feedGame
	// speed is how many times faster than the clocks; 0: as fast as it goes.
	speed float64
	// patience is how long one submission is tried for; 0: until the context ends.
	patience time.Duration

	// Static after open or attach.
	round relay.RoundID
	// skipped is how far the round had come when we attached, in the games' time. It is
	// the same for all boards, so that a board that was left behind catches up.
	skipped time.Duration

	// Owned by play.
	started time.Time
	tally   tally
}

// page is where spectators see the round.
func (f *feeder) page() string { return f.client.Node() + client.Path("/round", string(f.round)) }

// open makes a tournament with one round in it, and a board for each game.
// Without a name the tournament is named after the games' Event.
func (f *feeder) open(ctx context.Context, name string) error {
	first := f.games[0]
	t, err := f.client.CreateTournament(ctx, client.NewTournament{
		Name:     cmp.Or(name, first.event, "Chess"),
		Location: first.site,
	})
	if err != nil {
		return fmt.Errorf("make a tournament: %w", err)
	}
	roundName := "Round 1"
	if first.round != "" {
		roundName = "Round " + first.round
	}
	if f.round, err = f.client.CreateRound(ctx, t, roundName); err != nil {
		return fmt.Errorf("make a round: %w", err)
	}
	numberBoards(f.games, nil)
	return f.openBoards(ctx)
}

// attach takes the boards of a round that exists for the games, by the names of
// the players or else by the number of the board, and opens the boards that are
// missing.
func (f *feeder) attach(ctx context.Context, id relay.RoundID) error {
	f.round = id
	round, err := f.client.Round(ctx, id)
	if err != nil {
		return fmt.Errorf("read round %s: %w", id, err)
	}
	if round.Delay > 0 && f.anonymous {
		f.log.Warn("the round has a delay, and without a token nobody sees how it stands: if it has begun, it is taken up where its public is", "delay", round.Delay)
	}
	taken := make(map[int]bool)
	for _, there := range round.Games {
		taken[there.Board] = true
	}
	claimed := make(map[relay.GameID]bool)
	for _, same := range []func(*feedGame, client.Game) bool{samePlayers, sameBoard} {
		for _, g := range f.games {
			for _, there := range round.Games {
				if g.id == "" && !claimed[there.ID] && same(g, there) {
					g.id, g.Board = there.ID, there.Board
					claimed[there.ID] = true
				}
			}
		}
	}
	for _, g := range f.games {
		if g.id == "" {
			continue
		}
		if g.standing, err = f.client.Game(ctx, g.id); err != nil {
			return fmt.Errorf("read board %d: %w", g.Board, err)
		}
		if n := min(len(g.standing.Moves), len(g.at)); n > 0 {
			f.skipped = max(f.skipped, g.at[n-1])
		}
	}
	numberBoards(f.games, taken)
	return f.openBoards(ctx)
}

// openBoards opens a board for each game that has none yet. A game that is
// refused stays without an id, and is not played.
func (f *feeder) openBoards(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(openAtOnce)
	for _, g := range f.games {
		if g.id != "" {
			continue
		}
		group.Go(func() (err error) {
			g.id, err = f.client.CreateGame(ctx, f.round, g.NewGame)
			if isRefusedGame(err) {
				f.fail(g, 0, err)
				return nil
			}
			if err != nil {
				err = fmt.Errorf("open board %d for %s: %w", g.Board, g.players(), err)
			}
			return err
		})
	}
	return group.Wait()
}

// isRefusedGame reports whether a game was refused for what it is, such as a
// variant that the server does not play, so that another one may be taken.
func isRefusedGame(err error) bool {
	var refusal *client.Error
	if !errors.As(err, &refusal) {
		return false
	}
	switch refusal.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// numberBoards gives a number to each game that is on no board yet: the one the
// file says, if it says one for every game and no two are the same, or else the
// next one that is not taken, in the order of the file.
func numberBoards(games []*feedGame, taken map[int]bool) {
	used := make(map[int]bool)
	for n := range taken {
		used[n] = true
	}
	byFile := true
	for _, g := range games {
		if g.id == "" && (g.saysBoard == 0 || used[g.saysBoard]) {
			byFile = false
		}
		if g.id == "" {
			used[g.saysBoard] = true
		}
	}
	next := 1
	for _, g := range games {
		switch {
		case g.id != "":
		case byFile:
			g.Board = g.saysBoard
		default:
			for taken[next] {
				next++
			}
			g.Board = next
			next++
		}
	}
	slices.SortStableFunc(games, func(a, b *feedGame) int { return cmp.Compare(a.Board, b.Board) })
}

func samePlayers(g *feedGame, there client.Game) bool {
	white, black := relay.NameKey(g.White.Name), relay.NameKey(g.Black.Name)
	return white+black != "" && white == relay.NameKey(there.White.Name) && black == relay.NameKey(there.Black.Name)
}

// sameBoard compares boards only where the file says the number; the order in a file
// is too weak a sign to play into a game of other players.
func sameBoard(g *feedGame, there client.Game) bool {
	return g.saysBoard != 0 && g.saysBoard == there.Board
}
