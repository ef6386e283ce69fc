package replay

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

const (
	// openAtOnce bounds the boards that are opened at the same time.
	openAtOnce = 16
	// firstContact bounds the wait for the cluster. It is short, since a mistyped URL shows here.
	firstContact = 30 * time.Second
)

// Config says what a [Player] plays, and where.
type Config struct {
	Client *client.Client
	// Anonymous is set if Client has no token. In that case a delay holds back what the player
	// reads.
	Anonymous bool
	Log       *slog.Logger
	// Games are played at the same time, each on a board of its own.
	Games []*Game
	// Speed is how many times faster than the clocks the games are played. Zero: as fast as
	// possible.
	Speed float64
	// Patience bounds the tries of one submission. Zero: until the context ends.
	Patience time.Duration
}

// A Player plays games into one round: create it with [New], call [Player.Prepare], then
// [Player.Play].
type Player struct {
	Config

	// Immutable after Prepare.
	round relay.RoundID
	// skipped is how far the round had come before Prepare, in the games' time. It is the same for
	// all boards, so a board that is behind catches up.
	skipped time.Duration

	// Owned by Play.
	started time.Time
	tally   tally
}

// New returns a player.
func New(cfg Config) *Player { return &Player{Config: cfg} }

// Prepare opens a tournament with one round, and a board for each game. If round is not empty, it
// takes the boards of that round and opens the missing ones. name names a new tournament. If it is
// empty, the tournament has the name of the first game's event.
func (p *Player) Prepare(ctx context.Context, round relay.RoundID, name string) error {
	ctx, cancel := context.WithTimeout(ctx, firstContact)
	defer cancel()
	if round != "" {
		return p.attach(ctx, round)
	}
	return p.open(ctx, name)
}

// Round is the id of the round, after Prepare.
func (p *Player) Round() relay.RoundID { return p.round }

// Page is the URL at which spectators see the round.
func (p *Player) Page() string { return p.Client.Node() + client.Path("/round", string(p.round)) }

// open creates a tournament with one round, and a board for each game. Without a name, the
// tournament has that of the first game's event.
func (p *Player) open(ctx context.Context, name string) error {
	first := p.Games[0]
	t, err := p.Client.CreateTournament(ctx, client.NewTournament{
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
	if p.round, err = p.Client.CreateRound(ctx, t, roundName); err != nil {
		return fmt.Errorf("make a round: %w", err)
	}
	numberBoards(p.Games, nil)
	return p.openBoards(ctx)
}

// attach matches the boards of an existing round with the games, by the players' names, then by the
// board's number. It opens the boards that are missing.
func (p *Player) attach(ctx context.Context, id relay.RoundID) error {
	p.round = id
	round, err := p.Client.Round(ctx, id)
	if err != nil {
		return fmt.Errorf("read round %s: %w", id, err)
	}
	if round.Delay > 0 && p.Anonymous {
		p.Log.Warn("the round has a delay, and without a token the replay sees it late: a round that has begun goes on from what the public sees", "delay", round.Delay)
	}
	taken := make(map[int]bool)
	for _, there := range round.Games {
		taken[there.Board] = true
	}
	claimed := make(map[relay.GameID]bool)
	for _, same := range []func(*Game, client.Game) bool{samePlayers, sameBoard} {
		for _, g := range p.Games {
			for _, there := range round.Games {
				if g.id == "" && !claimed[there.ID] && same(g, there) {
					g.id, g.Board = there.ID, there.Board
					claimed[there.ID] = true
				}
			}
		}
	}
	for _, g := range p.Games {
		if g.id == "" {
			continue
		}
		if g.standing, err = p.Client.Game(ctx, g.id); err != nil {
			return fmt.Errorf("read board %d: %w", g.Board, err)
		}
		if n := min(len(g.standing.Moves), len(g.at)); n > 0 {
			p.skipped = max(p.skipped, g.at[n-1])
		}
	}
	numberBoards(p.Games, taken)
	return p.openBoards(ctx)
}

// openBoards opens a board for each game without one. A game that is refused has no id and is not
// played.
func (p *Player) openBoards(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(openAtOnce)
	for _, g := range p.Games {
		if g.id != "" {
			continue
		}
		group.Go(func() (err error) {
			g.id, err = p.Client.CreateGame(ctx, p.round, g.NewGame)
			if isRefusedGame(err) {
				p.fail(g, 0, err)
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

// isRefusedGame reports whether the server refused the game itself, such as a variant that it does
// not know. The other games can go on.
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

// numberBoards numbers the games that have no board yet. It takes the file's numbers if each game
// has one and all differ. Otherwise it takes the next free numbers, in the order of the file.
func numberBoards(games []*Game, taken map[int]bool) {
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
	slices.SortStableFunc(games, func(a, b *Game) int { return cmp.Compare(a.Board, b.Board) })
}

func samePlayers(g *Game, there client.Game) bool {
	white, black := relay.NameKey(g.White.Name), relay.NameKey(g.Black.Name)
	return white+black != "" && white == relay.NameKey(there.White.Name) && black == relay.NameKey(there.Black.Name)
}

// sameBoard compares boards only if the file says the number. The order of games in a file is too
// weak evidence: the replay could play into a game of other players.
func sameBoard(g *Game, there client.Game) bool {
	return g.saysBoard != 0 && g.saysBoard == there.Board
}
