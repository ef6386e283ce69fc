package replay

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/relay"
)

// Play plays all games. It returns when each has ended or failed, or when ctx ends. A game that
// fails does not stop the others.
func (p *Player) Play(ctx context.Context) {
	p.started = time.Now()
	p.tally.begin(p.Games)

	progress, stop := context.WithCancel(ctx)
	var reporting, playing sync.WaitGroup
	reporting.Go(func() { p.reportProgress(progress) })
	for _, g := range p.Games {
		if g.id == "" {
			continue // refused by Prepare
		}
		playing.Go(func() { p.playGame(ctx, g) })
	}
	playing.Wait()
	stop()
	reporting.Wait()
	p.tally.end(time.Since(p.started), ctx.Err() != nil)
}

// playGame submits a game's plies in order, each when it is due, and then its result. It skips the
// plies that the server has, up to the first one with another spelling.
func (p *Player) playGame(ctx context.Context, g *Game) {
	first := g.agreement()
	p.tally.skip(first)
	for i := first; i < len(g.moves); i++ {
		if !p.sleepUntilDue(ctx, g.at[i]) {
			return
		}
		began := time.Now()
		answer, err := p.submit(ctx, g, i)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.fail(g, relay.Ply(i+1), err)
			return
		default:
			p.tally.accept(time.Since(began), answer.Duplicate)
		}
	}
	if g.broken != nil {
		p.fail(g, 0, g.broken)
		return
	}
	if g.result != relay.Ongoing && g.result != g.standing.Result {
		err := p.patiently(ctx, func(ctx context.Context) error { return p.Client.SetResult(ctx, g.id, g.result) })
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			p.fail(g, 0, fmt.Errorf("the result %s: %w", g.result, err))
			return
		}
	}
	p.tally.complete()
}

// submit sends ply i+1 of a game with both clocks after it.
func (p *Player) submit(ctx context.Context, g *Game, i int) (answer client.Accepted, err error) {
	move := client.NewMove{Ply: relay.Ply(i + 1), Move: g.moves[i], Clock: g.clock(i)}
	err = p.patiently(ctx, func(ctx context.Context) (err error) {
		answer, err = p.Client.PlayMove(ctx, g.id, move)
		return err
	})
	return answer, err
}

// patiently bounds one submission by Patience.
func (p *Player) patiently(ctx context.Context, submit func(context.Context) error) error {
	if p.Patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.Patience)
		defer cancel()
	}
	return submit(ctx)
}

// sleepUntilDue waits until a ply is due. at is when it was played in its game. Times count from
// the start of the replay, so a board that an outage has delayed catches up.
func (p *Player) sleepUntilDue(ctx context.Context, at time.Duration) bool {
	if p.Speed == 0 {
		return ctx.Err() == nil
	}
	due := time.Duration(float64(at-p.skipped) / p.Speed)
	wait := time.NewTimer(due - time.Since(p.started))
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// fail records why a game stopped. ply is 0 if it failed at its result or before it had a board.
func (p *Player) fail(g *Game, ply relay.Ply, err error) {
	failure := Failure{Game: g.number, Board: g.Board, Players: g.players(), Ply: ply, Error: err.Error()}
	if ply > 0 {
		failure.Move = g.moves[ply-1]
	}
	p.tally.fail(failure)
	p.Log.Error("a game stops here; the others go on", "game", failure.Game, "board", failure.Board,
		"ply", failure.Ply, "move", failure.Move, "err", failure.Error)
}

// agreement returns how many plies, from the start, are the same on the server and in the file.
func (g *Game) agreement() int {
	n := 0
	for n < len(g.moves) && n < len(g.standing.Moves) && bareSAN(g.moves[n]) == bareSAN(g.standing.Moves[n].SAN) {
		n++
	}
	return n
}

// bareSAN is a SAN without the signs that do not identify the move.
func bareSAN(san string) string { return strings.TrimRight(san, "+#!?") }
