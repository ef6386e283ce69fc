package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
	whole "github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

var chessSystem = system{
	name:      "chessrelay-chess",
	about:     "chessrelay whole, but for HTTP: real games, each move judged and applied on all three nodes",
	durable:   true,
	converges: true,
	open:      openChess,
}

// chess is a node whose state machine is relay's boards.
type chess struct {
	*chessrelay
	boards *countedBoards
	games  [][]string // the moves of real games, in SAN
}

func openChess(ctx context.Context, cfg nodeConfig) (node.Node, error) {
	b := &countedBoards{Boards: whole.NewBoards(nil)}
	c, err := openChessrelay(ctx, cfg, b)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	games, err := readGames(cfg.Chessrelay.PGN)
	return &chess{chessrelay: c, boards: b, games: games}, err
}

// readGames reads the moves of all games in a PGN file. It skips games without moves, and games
// with a start position of their own.
func readGames(path string) (games [][]string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := pgn.NewReader(f)
	for {
		g, err := r.Next()
		if g == nil {
			if len(games) == 0 {
				err = errors.Join(err, fmt.Errorf("%s: no games", path))
				return nil, err
			}
			return games, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		var moves []string
		for _, m := range g.Moves {
			moves = append(moves, m.SAN)
		}
		if len(moves) > 0 && g.Known("FEN") == "" {
			// The strings lie side by side, as if read from a connection, instead of each in a cold
			// place of memory.
			games = append(games, strings.Fields(strings.Join(moves, " ")))
		}
	}
}

// chessWorker plays one game after another, in a tournament of its own.
type chessWorker struct {
	c          *chess
	tournament string
	round      string
	board      int32 // of the current game
	game       string
	moves      []string // all moves of the current game
	ply        int      // how many of them were played
	next       int      // which game is next

	// These belong to the current move.
	command      relaypb.Command
	op           relaypb.Command_PlayMove
	move         relaypb.PlayMove
	white, black int64
}

func (c *chess) Submitter(worker int) (func(context.Context) error, error) {
	w := &chessWorker{c: c, next: worker, board: relay.MaxBoard}
	w.move.WhiteMs, w.move.BlackMs = &w.white, &w.black
	w.op.PlayMove, w.command.Op = &w.move, &w.op
	return w.submit, nil
}

// submit plays one move. When a game is over, it opens the next one instead. That does not count.
func (w *chessWorker) submit(ctx context.Context) error {
	if w.ply == len(w.moves) {
		if err := w.open(ctx); err != nil {
			return err
		}
		return node.ErrNotCounted
	}
	w.white, w.black = int64(5_400_000-w.ply*7_000), int64(5_400_000-w.ply*6_000)
	w.move.Game, w.move.Ply, w.move.Move = w.game, int32(w.ply)+1, w.moves[w.ply]
	err := w.propose(ctx, "", &w.command)
	w.ply++
	return err
}

// open opens the worker's next game, and what it needs around it.
func (w *chessWorker) open(ctx context.Context) error {
	if w.tournament == "" {
		w.tournament = relay.FormatID(rand.Uint64())
		if err := w.propose(ctx, "t", &relaypb.Command{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{
			Id: w.tournament, Name: "Bench",
		}}}); err != nil {
			return err
		}
	}
	if w.board++; w.board > relay.MaxBoard {
		w.round, w.board = relay.FormatID(rand.Uint64()), 1
		if err := w.propose(ctx, "r", &relaypb.Command{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{
			Id: w.round, Tournament: w.tournament, Name: "Round",
		}}}); err != nil {
			return err
		}
	}
	w.game, w.ply = relay.FormatID(rand.Uint64()), 0
	w.moves = w.c.games[w.next%len(w.c.games)]
	w.next++
	return w.propose(ctx, "g", &relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
		Id: w.game, Round: w.round, Board: w.board,
		White: &relaypb.Player{Name: "White"}, Black: &relaypb.Player{Name: "Black"},
	}}})
}

// propose submits a command as a server would, and fails unless the boards took it as new.
func (w *chessWorker) propose(ctx context.Context, kind string, c *relaypb.Command) error {
	c.At, c.By = time.Now().UnixMilli(), "bench"
	c.Request = kind + strconv.FormatUint(rand.Uint64(), 32)
	data, err := relay.EncodeCommand(c)
	if err != nil {
		return err
	}
	outcomes, err := w.c.Propose(ctx, data)
	if err != nil {
		return err
	}
	o, ok := outcomes[0].Value.(*relay.Outcome)
	switch {
	case !ok:
		return fmt.Errorf("no outcome but %T", outcomes[0].Value)
	case o.Err != nil:
		return fmt.Errorf("refused: %w", o.Err)
	case o.Duplicate || !o.Changed() && kind == "":
		return errors.New("nothing was changed by it")
	}
	return nil
}

// HasApplied implements node.Counted.
func (c *chess) HasApplied() (a node.Applied) {
	c.boards.Read(func(_ uint64, s *relay.State) {
		hash := s.Hash()
		a = node.Applied{Count: c.boards.count.Load(), Hash: hex.EncodeToString(hash[:])}
	})
	return a
}

// Close closes the node and its boards.
func (c *chess) Close() error { return errors.Join(c.chessrelay.Close(), c.boards.Close()) }

// countedBoards is a whole node's state machine, which also counts its commands.
type countedBoards struct {
	*whole.Boards
	count atomic.Uint64
}

// Apply implements consensus.StateMachine.
func (b *countedBoards) Apply(batch []consensus.Command) {
	b.Boards.Apply(batch)
	b.count.Add(uint64(len(batch)))
}

// Restore implements consensus.StateMachine. The count begins again.
func (b *countedBoards) Restore(applied uint64, load func(func(key string, value []byte) error) error) error {
	b.count.Store(0)
	return b.Boards.Restore(applied, load)
}
