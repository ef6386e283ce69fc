package lichess

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/web/base"
)

const (
	// maxStreams is how many streams of PGN a node has at a time. Each formats whole games, so it
	// costs more than a spectator, whose frames are shared.
	maxStreams = 500
	// streamWrite is how long a client may take to accept what is written.
	streamWrite = 10 * time.Second
)

// streamPGN is GET /api/stream/broadcast/round/{roundId}.pgn: every game, then each game again,
// whole, when it changes. A space now and then shows that the connection lives. The stream reads
// the hub's history by a cursor. A slow client gets fewer versions of a game, and none is kept for
// it.
func (s *Server) streamPGN(w http.ResponseWriter, r *http.Request) {
	id := relay.RoundID(chi.URLParam(r, "roundId"))
	s.stream(w, r, func() (gameReader, error) {
		if _, _, err := s.SeenBy(r).Round(id); err != nil {
			return nil, err
		}
		return s.readGames(r, id)
	})
}

// gameReader returns the games that change; see [broadcast.GameReader].
type gameReader interface {
	Next(ctx context.Context) ([]*relay.Game, error)
	Closing() <-chan struct{}
	Close()
}

func (s *Server) readGames(r *http.Request, id relay.RoundID) (gameReader, error) {
	f, err := s.cfg.Hub.ReadGames(r, id)
	if err != nil {
		return nil, gameReaderError(err)
	}
	return f, nil
}

// stream answers with the games that the reader returns.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, open func() (gameReader, error)) {
	opts, err := s.pgnOptions(r)
	if err == nil {
		err = s.streamGames(w, r, open, opts)
	}
	if err != nil {
		s.Fail(w, r, err)
	}
}

// streamGames writes until the client or the hub is gone. It fails only before it has written
// anything.
func (s *Server) streamGames(w http.ResponseWriter, r *http.Request, open func() (gameReader, error), opts pgnOptions) error {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		return base.TooMany("this node has as many streams of PGN as its limit allows; use another node, or watch /live")
	}
	reader, err := open()
	if err != nil {
		return err
	}
	defer reader.Close()
	w.Header().Set("Content-Type", pgnType)
	if r.Method == http.MethodHead {
		return nil
	}
	conn := http.NewResponseController(w)
	// A client that accepts nothing must not delay the node's shutdown.
	var cut sync.WaitGroup
	ended := make(chan struct{})
	cut.Go(func() {
		select {
		case <-reader.Closing():
			_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		case <-ended:
		}
	})
	defer cut.Wait()
	defer close(ended)

	_ = conn.Flush() // the client sees that the stream has begun, even if nothing comes for long
	format := pgn.NewWriter(nil)
	format.NoClocks, format.Evaluations = opts.noClocks, opts.evaluations
	sent := map[relay.GameID]*relay.Game{} // as last written
	written := time.Now()
	for {
		ctx, cancel := context.WithDeadline(r.Context(), written.Add(s.cfg.StreamSilence))
		games, err := reader.Next(ctx)
		cancel()
		games = slices.DeleteFunc(games, func(g *relay.Game) bool { return sent[g.ID] != nil && sameText(sent[g.ID], g, opts.noClocks) })
		if err == nil && len(games) == 0 {
			continue // the text does not show the clocks that changed
		}
		var text strings.Builder
		var v base.View
		if len(games) > 0 { // the names of the tournament and the round may have changed
			s.SeenBy(r)(func(b relay.Reader) { v = base.ViewIn(b, games[0].Round) })
		}
		for _, g := range games {
			sent[g.ID] = g
			text.WriteString(format.Format(g, pgn.Event{Tournament: v.Tournament, Round: v.Round, Site: base.SiteURL(r)}))
		}
		switch {
		case err == nil:
		case errors.Is(err, context.DeadlineExceeded) && r.Context().Err() == nil:
			text.WriteByte(' ')
		default:
			return nil // the client, the node or the round is gone
		}
		written = time.Now()
		_ = conn.SetWriteDeadline(written.Add(streamWrite))
		select {
		case <-reader.Closing():
			return nil
		default:
		}
		if _, err := w.Write([]byte(text.String())); err != nil || conn.Flush() != nil {
			return nil
		}
	}
}

// sameText reports whether the PGN of a game is the same as before, apart from the names of its
// tournament and round. It is if only clocks have changed that the PGN does not show: those of the
// side to move, or all if noClocks is set.
func sameText(before, now *relay.Game, noClocks bool) bool {
	if before.Pairing != now.Pairing || before.Result != now.Result || before.Forfeit != now.Forfeit ||
		len(before.Changes) != len(now.Changes) || before.Ply() != now.Ply() {
		return false
	}
	a, played := before.LastMove()
	b, _ := now.LastMove()
	switch {
	case !played:
		return true
	case a.Index != b.Index:
		return false
	case noClocks:
		return true
	case now.WhitePlays(b.Ply):
		return a.Clock.White == b.Clock.White && (a.Carried^b.Carried)&relay.WhiteSide == 0
	}
	return a.Clock.Black == b.Clock.Black && (a.Carried^b.Carried)&relay.BlackSide == 0
}

var errNodeCloses = &base.Error{Status: http.StatusServiceUnavailable, Code: "going_away", Message: "this node is shutting down", RetryAfter: 1}

// gameReaderError returns the API's error for an error of the hub.
func gameReaderError(err error) error {
	switch {
	case errors.Is(err, broadcast.ErrTooMany):
		return base.TooMany(err.Error())
	case errors.Is(err, broadcast.ErrClosed):
		return errNodeCloses
	}
	return err
}
