package broadcast

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// What Follow and Next fail with.
var (
	// ErrClosed is returned when the hub is closed, or while it is.
	ErrClosed = errClosed
	// ErrTooMany is returned when there are as many spectators as there may be, in
	// all or from one address.
	ErrTooMany = errors.New("too many spectators")
	// ErrNoRound is returned when the boards know no such round.
	ErrNoRound = errNoRound
	// ErrTokenEnded is returned by Next when the client's token has expired, was revoked, or now
	// shows another view of the round.
	ErrTokenEnded = errors.New("the token no longer holds")
)

// A Follower is a spectator within this process: who wants the games of a round themselves
// and not the frames. It is what the stream of PGN reads. Like every spectator it
// is a cursor into the round's history and has no queue, so however slowly it
// reads, Publish does not wait and nothing piles up: several changes of one game
// that it has not read are one. It belongs to one goroutine.
type Follower struct {
	hub     *Hub
	round   *round
	viewer  Viewer
	address string

	index uint64                       // everything up to it was returned
	epoch uint32                       // of the history then
	seen  map[relay.GameID]*relay.Game // as last returned
	at    map[int]relay.GameID         // the board's game
}

// Follow begins to follow a round for the client of r, who counts as a spectator. Close must follow.
func (h *Hub) Follow(r *http.Request, id relay.RoundID) (*Follower, error) {
	viewer := h.cfg.Viewer(r)
	sight := viewer.sees(id)
	known, delayed := false, false
	h.cfg.Boards.Read(func(_ uint64, s *relay.State) {
		known = missingRound(s, id, sight) == nil
		delayed = s.HasDelay(id)
	})
	if !known {
		return nil, ErrNoRound
	}
	f := &Follower{hub: h, viewer: viewer, address: h.cfg.address(r), seen: map[relay.GameID]*relay.Game{}, at: map[int]relay.GameID{}}
	if err := h.gate.enter(f.address); err != nil {
		if !errors.Is(err, errClosed) {
			h.counted.refusedLimit.Add(1)
			err = errors.Join(ErrTooMany, err)
		}
		return nil, err
	}
	h.mu.Lock()
	f.round = h.table.join(topic{id, sight}, delayed)
	h.mu.Unlock()
	h.counted.joined.Add(1)
	h.counted.spectators.Add(1)
	return f, nil
}

// Close ends it.
func (f *Follower) Close() {
	f.hub.counted.spectators.Add(-1)
	f.hub.leaveRound(f.round)
	f.hub.gate.leave(f.address)
}

// Closing is closed when the hub begins to close, which waits for Close.
func (f *Follower) Closing() <-chan struct{} { return f.hub.Closing() }

// Closing is closed when the hub begins to close.
func (h *Hub) Closing() <-chan struct{} { return h.gate.closing }

// Next returns the games that have changed since the last call, by board, as they
// stand now; at first all of them. If there are none it waits, until ctx ends or
// the hub is closed.
func (f *Follower) Next(ctx context.Context) ([]*relay.Game, error) {
	for first := f.index == 0; ; first = false {
		if f.viewer != nil && f.viewer(f.round.id) != f.round.sight {
			return nil, ErrTokenEnded
		}
		v := f.round.history.view.Load()
		var frames []*frame
		var changed []*relay.Game
		var err error
		behind := f.index < v.floor || f.epoch != v.epoch
		f.epoch = v.epoch
		switch {
		case first || behind:
			changed, err = f.all(v)
		default:
			if frames = v.after(f.index); len(frames) > 0 {
				changed, err = f.some(v, frames)
			}
		}
		if err != nil || len(changed) > 0 || first {
			return changed, err
		}
		if len(frames) > 0 || behind {
			continue // look again
		}
		var again <-chan time.Time // to look whether the token still holds
		if f.viewer != nil {
			again = time.After(f.hub.cfg.StatusEvery)
		}
		select {
		case <-again:
		case <-f.round.history.wait(v):
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.hub.gate.closing:
			return nil, ErrClosed
		}
	}
}

// all compares the whole round.
func (f *Follower) all(v *view) (changed []*relay.Game, err error) {
	err = ErrNoRound
	index := f.round.read(f.hub.cfg.Boards, func(s relay.Reader) {
		r, ok := s.Round(f.round.id)
		if !ok {
			return
		}
		err = nil
		was := f.seen
		f.seen, f.at = make(map[relay.GameID]*relay.Game, len(r.Games)), make(map[int]relay.GameID, len(r.Games))
		for _, id := range r.Games {
			if g, ok := s.Game(id); ok {
				f.seen[id], f.at[g.Board] = g, id
				if was[id] != g {
					changed = append(changed, g)
				}
			}
		}
	})
	f.index = max(index, v.floor, 1)
	return changed, err
}

// some looks at the boards of the frames only. A game may be ahead of its frame; when
// the cursor comes to what it showed already, it is the same and not returned.
func (f *Follower) some(v *view, frames []*frame) (changed []*relay.Game, err error) {
	for _, fr := range frames {
		for i := range fr.parts {
			if _, ok := f.at[fr.parts[i].board]; !ok || fr.parts[i].seats {
				return f.all(v) // a new board, or another game at it
			}
		}
	}
	f.round.read(f.hub.cfg.Boards, func(s relay.Reader) {
		for _, fr := range frames {
			for i := range fr.parts {
				id := f.at[fr.parts[i].board]
				if g, ok := s.Game(id); ok && f.seen[id] != g {
					f.seen[id] = g
					changed = append(changed, g)
				}
			}
		}
	})
	f.index = frames[len(frames)-1].index
	return changed, nil
}
