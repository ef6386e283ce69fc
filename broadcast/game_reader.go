package broadcast

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// The errors of ReadGames and Next.
var (
	// ErrClosed is returned when the hub is closed, or while it is.
	ErrClosed = errClosed
	// ErrTooMany is returned when the hub or the client's address has as many spectators as it may
	// have.
	ErrTooMany = errors.New("too many spectators")
	// ErrNoRound is returned when the boards know no such round.
	ErrNoRound = errNoRound
	// ErrTokenEnded is returned by Next when the client's token has expired, was revoked, or now
	// shows another view of the round.
	ErrTokenEnded = errors.New("the token is no longer valid")
)

// A GameReader is a spectator within this process that reads the games of a round instead of
// frames. The stream of PGN uses it. Like every spectator it is a cursor into a history and has no
// queue, so Publish never waits for it. Several changes of one game between two reads come as one.
// It belongs to one goroutine.
type GameReader struct {
	hub     *Hub
	topic   *topic
	viewer  Viewer
	address string

	index      uint64                       // the cursor: everything up to it was returned
	epoch      uint32                       // the history's epoch then
	lastRead   map[relay.GameID]*relay.Game // as last returned
	boardGames map[int]relay.GameID         // the board's game
}

// ReadGames returns a reader of the round for the client of r, which counts as a spectator. The
// caller must close the reader.
func (h *Hub) ReadGames(r *http.Request, id relay.RoundID) (*GameReader, error) {
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
	gr := &GameReader{hub: h, viewer: viewer, address: h.cfg.address(r), lastRead: map[relay.GameID]*relay.Game{}, boardGames: map[int]relay.GameID{}}
	if err := h.gate.enter(gr.address); err != nil {
		if !errors.Is(err, errClosed) {
			h.counted.refusedLimit.Add(1)
			err = errors.Join(ErrTooMany, err)
		}
		return nil, err
	}
	h.mu.Lock()
	gr.topic = h.table.join(topicKey{id, sight}, delayed)
	h.mu.Unlock()
	h.counted.joined.Add(1)
	h.counted.spectators.Add(1)
	return gr, nil
}

// Close ends the reader.
func (gr *GameReader) Close() {
	gr.hub.counted.spectators.Add(-1)
	gr.hub.leaveTopic(gr.topic)
	gr.hub.gate.leave(gr.address)
}

// Closing is closed when the hub begins to close. The hub waits for Close.
func (gr *GameReader) Closing() <-chan struct{} { return gr.hub.Closing() }

// Closing is closed when the hub begins to close.
func (h *Hub) Closing() <-chan struct{} { return h.gate.closing }

// Next returns the games that have changed since the last call, by board, as they are now. The
// first call returns all games. If there are none, Next waits until ctx ends or the hub is closed.
func (gr *GameReader) Next(ctx context.Context) ([]*relay.Game, error) {
	for first := gr.index == 0; ; first = false {
		if gr.viewer != nil && gr.viewer(gr.topic.id) != gr.topic.sight {
			return nil, ErrTokenEnded
		}
		v := gr.topic.history.newest.Load()
		var frames []*frame
		var changed []*relay.Game
		var err error
		behind := gr.index < v.floor || gr.epoch != v.epoch
		gr.epoch = v.epoch
		switch {
		case first || behind:
			changed, err = gr.readAll(v)
		default:
			if frames = v.after(gr.index); len(frames) > 0 {
				changed, err = gr.readChanged(v, frames)
			}
		}
		if err != nil || len(changed) > 0 || first {
			return changed, err
		}
		if len(frames) > 0 || behind {
			continue // the frames changed nothing
		}
		var again <-chan time.Time // to check the token
		if gr.viewer != nil {
			again = time.After(gr.hub.cfg.StatusEvery)
		}
		select {
		case <-again:
		case <-gr.topic.history.wait(v):
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-gr.hub.gate.closing:
			return nil, ErrClosed
		}
	}
}

// readAll compares the whole round.
func (gr *GameReader) readAll(v *moment) (changed []*relay.Game, err error) {
	err = ErrNoRound
	index := gr.topic.read(gr.hub.cfg.Boards, func(s relay.Reader) {
		r, ok := s.Round(gr.topic.id)
		if !ok {
			return
		}
		err = nil
		was := gr.lastRead
		gr.lastRead, gr.boardGames = make(map[relay.GameID]*relay.Game, len(r.Games)), make(map[int]relay.GameID, len(r.Games))
		for _, id := range r.Games {
			if g, ok := s.Game(id); ok {
				gr.lastRead[id], gr.boardGames[g.Board] = g, id
				if was[id] != g {
					changed = append(changed, g)
				}
			}
		}
	})
	gr.index = max(index, v.floor, 1)
	return changed, err
}

// readChanged reads only the boards of the frames. A game may be ahead of its frame. When the
// cursor reaches what was returned before, the game is the same, and is not returned again.
func (gr *GameReader) readChanged(v *moment, frames []*frame) (changed []*relay.Game, err error) {
	for _, fr := range frames {
		for i := range fr.parts {
			if _, ok := gr.boardGames[fr.parts[i].board]; !ok || fr.parts[i].changesGame {
				return gr.readAll(v) // a new board, or another game at it
			}
		}
	}
	gr.topic.read(gr.hub.cfg.Boards, func(s relay.Reader) {
		for _, fr := range frames {
			for i := range fr.parts {
				id := gr.boardGames[fr.parts[i].board]
				if g, ok := s.Game(id); ok && gr.lastRead[id] != g {
					gr.lastRead[id] = g
					changed = append(changed, g)
				}
			}
		}
	})
	gr.index = frames[len(frames)-1].index
	return changed, nil
}
