package lichess

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/base"
)

const (
	// maxReadRounds is how many rounds one stream reads. Each counts as a spectator.
	maxReadRounds = 100
	// recently is how long ago a round may have finished and still be in a stream that begins.
	recently = time.Hour
	// lookForRounds is how often a stream looks for rounds that have begun.
	lookForRounds = time.Second
)

// streamTour is GET /api/stream/broadcast/tour/{tourId}.pgn: the games of every round that is being
// played or has finished recently, and of rounds that begin later.
func (s *Server) streamTour(w http.ResponseWriter, r *http.Request) {
	id := relay.TournamentID(chi.URLParam(r, "tourId"))
	s.stream(w, r, func() (gameReader, error) {
		return s.readTours(r, func(relay.Reader) []relay.TournamentID { return []relay.TournamentID{id} }, "tournament", string(id))
	})
}

// streamGroup is GET /api/stream/broadcast/group/{groupId}.pgn: the same for all tournaments of a
// group.
func (s *Server) streamGroup(w http.ResponseWriter, r *http.Request) {
	id := relay.TournamentID(chi.URLParam(r, "groupId"))
	s.stream(w, r, func() (gameReader, error) {
		return s.readTours(r, func(b relay.Reader) []relay.TournamentID {
			if g := s.groupings(r, b)[id]; g != nil {
				return g.tours
			}
			return nil
		}, "group", string(id))
	})
}

// tourReader reads the rounds of several tournaments as one.
type tourReader struct {
	s     *Server
	r     *http.Request
	tours func(relay.Reader) []relay.TournamentID

	cancel  context.CancelFunc
	wg      sync.WaitGroup
	changed chan []*relay.Game // each batch is of one round
	failed  chan error         // of one: why the stream ends
	closing <-chan struct{}

	// reading and count are owned by watch, and by readTours before it. A false round was found to
	// be over.
	reading map[relay.RoundID]bool
	count   int // of those that are true
}

// readTours opens a reader of the tournaments. It fails if none of them exists.
func (s *Server) readTours(r *http.Request, tours func(relay.Reader) []relay.TournamentID, what, id string) (gameReader, error) {
	found := false
	s.SeenBy(r)(func(b relay.Reader) {
		for _, id := range tours(b) {
			_, ok := b.Tournament(id)
			found = found || ok
		}
	})
	if !found {
		return nil, &relay.NotFoundError{What: what, ID: id}
	}
	ctx, cancel := context.WithCancel(r.Context())
	f := &tourReader{
		s: s, r: r, tours: tours, cancel: cancel, changed: make(chan []*relay.Game), failed: make(chan error, 1),
		closing: s.cfg.Hub.Closing(), reading: map[relay.RoundID]bool{},
	}
	if err := f.look(ctx, time.Now().Add(-recently)); err != nil {
		f.Close()
		return nil, err
	}
	f.wg.Go(func() { f.watch(ctx) })
	return f, nil
}

// look begins to read each round that is not read yet, if it is being played or has finished since
// then.
func (f *tourReader) look(ctx context.Context, since time.Time) error {
	var begin []relay.RoundID
	there := false
	f.s.SeenBy(f.r)(func(b relay.Reader) {
		for _, id := range f.tours(b) {
			t, ok := b.Tournament(id)
			if !ok {
				continue
			}
			there = true
			for _, round := range base.RoundsOf(b, t) {
				_, known := f.reading[round.ID]
				finished := round.Status == relay.RoundFinished
				switch {
				case f.reading[round.ID] || len(begin) == maxReadRounds || finished && known:
				case round.Status == relay.RoundStarted, finished && int64(finishedAt(round, base.GamesOf(b, round))) > since.UnixMilli():
					begin = append(begin, round.ID)
				case finished:
					f.reading[round.ID] = false
				}
			}
		}
	})
	if !there { // deleted, or the token no longer sees it
		return broadcast.ErrNoRound
	}
	for _, id := range begin {
		if f.count == maxReadRounds {
			return nil
		}
		one, err := f.s.readGames(f.r, id)
		if err != nil {
			return err
		}
		f.reading[id] = true
		f.count++
		f.wg.Go(func() {
			defer one.Close()
			f.pass(ctx, one)
		})
	}
	return nil
}

// watch looks for rounds that begin.
func (f *tourReader) watch(ctx context.Context) {
	every := time.NewTicker(lookForRounds)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		if err := f.look(ctx, time.Now().Add(-lookForRounds*2)); err != nil {
			f.fail(err)
			return
		}
	}
}

// pass passes the changes of one round on. If the round is gone, the other rounds go on.
func (f *tourReader) pass(ctx context.Context, one gameReader) {
	for {
		games, err := one.Next(ctx)
		if err != nil {
			if !errors.Is(err, broadcast.ErrNoRound) {
				f.fail(err)
			}
			return
		}
		if len(games) == 0 {
			continue
		}
		select {
		case f.changed <- games:
		case <-ctx.Done():
			return
		}
	}
}

func (f *tourReader) fail(err error) {
	select {
	case f.failed <- err:
	default:
	}
}

// Next implements gameReader.
func (f *tourReader) Next(ctx context.Context) ([]*relay.Game, error) {
	select {
	case games := <-f.changed:
		return games, nil
	case err := <-f.failed:
		return nil, err
	case <-f.closing:
		return nil, broadcast.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Closing implements gameReader.
func (f *tourReader) Closing() <-chan struct{} { return f.closing }

// Close implements gameReader.
func (f *tourReader) Close() {
	f.cancel()
	f.wg.Wait()
}
