package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

const (
	// maxStreams is how many streams of PGN a node has at a time: each formats whole games, so they cost
	// more than spectators do, whose frames are shared.
	maxStreams = 500
	// streamWrite is how long a client may take to take what is written.
	streamWrite = 10 * time.Second
)

// streamPGN is GET /api/stream/broadcast/round/{roundId}.pgn: every game, then each game
// again that changes, whole; a space now and then so that the connection is seen to live. It reads the
// hub's history by a cursor: a client that is slow gets fewer versions of a game, and none is kept for it.
func (s *Server) streamPGN(w http.ResponseWriter, r *http.Request) {
	noClocks, err := withoutClocks(r)
	var v view
	if err == nil {
		v, _, err = s.viewOfRound(relay.RoundID(chi.URLParam(r, "roundId")))
	}
	if err == nil && r.Method != http.MethodHead {
		err = s.streamRound(w, r, v, noClocks)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", pgnType)
}

// streamRound writes until the client or the hub is gone. It fails only before it has written anything.
func (s *Server) streamRound(w http.ResponseWriter, r *http.Request, v view, noClocks bool) error {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		return tooMany("this node has as many streams of PGN as it may have; ask another node, or watch /live")
	}
	follower, err := s.cfg.Hub.Follow(r, v.round.ID)
	if err != nil {
		return followError(err)
	}
	defer follower.Close()
	conn := http.NewResponseController(w)
	// A client that takes nothing does not hold up the node's end.
	var cut sync.WaitGroup
	ended := make(chan struct{})
	cut.Go(func() {
		select {
		case <-follower.Closing():
			_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		case <-ended:
		}
	})
	defer cut.Wait()
	defer close(ended)

	w.Header().Set("Content-Type", pgnType)
	format := pgn.NewWriter(nil)
	format.NoClocks = noClocks
	for {
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.StreamSilence)
		games, err := follower.Next(ctx)
		cancel()
		var text strings.Builder
		if len(games) > 0 { // the names above them may be others by now
			s.read(func(b *relay.State) { v = viewIn(b, games[0].Round) })
		}
		for _, g := range games {
			text.WriteString(format.Format(g, pgn.Event{Tournament: v.tournament, Round: v.round, Site: siteURL(r)}))
		}
		switch {
		case err == nil:
		case errors.Is(err, context.DeadlineExceeded) && r.Context().Err() == nil:
			text.WriteByte(' ')
		default:
			return nil // the client, the node or the round is gone
		}
		_ = conn.SetWriteDeadline(time.Now().Add(streamWrite))
		select {
		case <-follower.Closing():
			return nil
		default:
		}
		if _, err := w.Write([]byte(text.String())); err != nil || conn.Flush() != nil {
			return nil
		}
	}
}

// tooMany is the answer beyond a limit that another node may not have reached.
func tooMany(message string) *apiError {
	return &apiError{Status: http.StatusTooManyRequests, Code: "too_many", Message: message, RetryAfter: 10}
}

var errNodeCloses = &apiError{Status: http.StatusServiceUnavailable, Code: "going_away", Message: "this node is going away", RetryAfter: 1}

// followError is what the hub's refusal means outside.
func followError(err error) error {
	switch {
	case errors.Is(err, broadcast.ErrTooMany):
		return tooMany(err.Error())
	case errors.Is(err, broadcast.ErrClosed):
		return errNodeCloses
	}
	return err
}
