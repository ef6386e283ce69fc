package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/relay"
)

// play replays all games at the same time and returns when each of them has
// come to its end, or failed, or ctx ended. A game that fails leaves the others alone.
func (f *feeder) play(ctx context.Context) {
	f.started = time.Now()
	f.tally.begin(f.games)

	progress, stop := context.WithCancel(ctx)
	var reporting, playing sync.WaitGroup
	reporting.Go(func() { f.reportProgress(progress) })
	for _, g := range f.games {
		if g.id == "" {
			continue // refused when its board was to be opened
		}
		playing.Go(func() { f.playGame(ctx, g) })
	}
	playing.Wait()
	stop()
	reporting.Wait()
	f.tally.end(time.Since(f.started), ctx.Err() != nil)
}

// playGame submits a game's plies in order, each when it is due, and then its
// result. The server is the judge of what stands already: from the first ply
// that it does not spell as the file does, everything is sent.
func (f *feeder) playGame(ctx context.Context, g *feedGame) {
	first := g.agreement()
	f.tally.skip(first)
	for i := first; i < len(g.moves); i++ {
		if !f.sleepUntilDue(ctx, g.at[i]) {
			return
		}
		began := time.Now()
		answer, err := f.submit(ctx, g, i)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			f.fail(g, relay.Ply(i+1), err)
			return
		default:
			f.tally.accept(time.Since(began), answer.Duplicate)
		}
	}
	if g.broken != nil {
		f.fail(g, 0, g.broken)
		return
	}
	if g.result != relay.Ongoing && g.result != g.standing.Result {
		err := f.patiently(ctx, func(ctx context.Context) error { return f.client.SetResult(ctx, g.id, g.result) })
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			f.fail(g, 0, fmt.Errorf("the result %s: %w", g.result, err))
			return
		}
	}
	f.tally.complete()
}

// submit sends ply i+1 of a game with what both clocks show after it.
func (f *feeder) submit(ctx context.Context, g *feedGame, i int) (answer client.Accepted, err error) {
	move := client.NewMove{Ply: relay.Ply(i + 1), Move: g.moves[i], Clock: g.clock(i)}
	err = f.patiently(ctx, func(ctx context.Context) (err error) {
		answer, err = f.client.PlayMove(ctx, g.id, move)
		return err
	})
	return answer, err
}

// patiently bounds one submission by the feeder's patience.
func (f *feeder) patiently(ctx context.Context, submit func(context.Context) error) error {
	if f.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.patience)
		defer cancel()
	}
	return submit(ctx)
}

// sleepUntilDue waits until a ply is due that was played at this time of its
// game. All of them count from the start of the replay, so that a board that was held
// up by an outage catches up with its game, as an arbiter would.
func (f *feeder) sleepUntilDue(ctx context.Context, at time.Duration) bool {
	if f.speed == 0 {
		return ctx.Err() == nil
	}
	due := time.Duration(float64(at-f.skipped) / f.speed)
	return sleep(ctx, due-time.Since(f.started))
}

// fail records why a game stopped: at one of its plies, with ply 0 at its result, or before it
// was on a board.
func (f *feeder) fail(g *feedGame, ply relay.Ply, err error) {
	failure := feedFailure{Game: g.number, Board: g.Board, Players: g.players(), Ply: ply, Error: err.Error()}
	if ply > 0 {
		failure.Move = g.moves[ply-1]
	}
	f.tally.fail(failure)
	f.log.Error("a game stops here; the others go on", "game", failure.Game, "board", failure.Board,
		"ply", failure.Ply, "move", failure.Move, "err", failure.Error)
}

// agreement is how many plies from the start stand on the server as the file
// has them.
func (g *feedGame) agreement() int {
	n := 0
	for n < len(g.moves) && n < len(g.standing.Moves) && bareSAN(g.moves[n]) == bareSAN(g.standing.Moves[n].SAN) {
		n++
	}
	return n
}

// bareSAN is a SAN without the signs that say nothing about which move it is.
func bareSAN(san string) string { return strings.TrimRight(san, "+#!?") }
