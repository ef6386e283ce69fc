package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// lichessNewTour is POST /broadcast/new.
func (s *Server) lichessNewTour(r *http.Request) (answer, error) {
	in, err := readTourForm(r, true)
	if err != nil {
		return answer{}, err
	}
	c, err := s.command(r)
	if err != nil {
		return answer{}, err
	}
	o, err := s.create(r, func(id string) *relaypb.Command {
		c.Op = &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{
			Id: id, Name: orZero(in.name), Description: orZero(in.description), Location: orZero(in.location),
			Info: in.info.command(), Settings: in.settings,
		}}
		return c
	})
	if err != nil {
		return answer{}, err
	}
	return ok(lichessFormOf(r).withRounds(tourView{tournament: o.Tournament}))
}

// lichessEditTour is POST /broadcast/{tourId}/edit. Fields that are left out stay.
func (s *Server) lichessEditTour(r *http.Request) (answer, error) {
	in, err := readTourForm(r, false)
	if err != nil {
		return answer{}, err
	}
	c, err := s.command(r)
	if err != nil {
		return answer{}, err
	}
	c.Op = &relaypb.Command_UpdateTournament{UpdateTournament: &relaypb.UpdateTournament{
		Tournament: chi.URLParam(r, "tourId"), Name: in.name, Description: in.description, Location: in.location,
		Info: in.info.command(), Settings: in.settings,
	}}
	if _, err := s.submitOne(r, c); err != nil {
		return answer{}, err
	}
	return ok(done)
}

// lichessNewRound is POST /broadcast/{tourId}/new.
func (s *Server) lichessNewRound(r *http.Request) (answer, error) {
	in, err := readRoundForm(r, true)
	if err != nil {
		return answer{}, err
	}
	settings, err := in.command(nil)
	if err != nil {
		return answer{}, err
	}
	c, err := s.command(r)
	if err != nil {
		return answer{}, err
	}
	tour := chi.URLParam(r, "tourId")
	o, err := s.create(r, func(id string) *relaypb.Command {
		c.Op = &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{
			Id: id, Tournament: tour, Name: orZero(in.name), StartsAt: orZero(in.startsAt), DelaySeconds: orZero(in.delay), Settings: settings,
		}}
		return c
	})
	if err != nil {
		return answer{}, err
	}
	if in.status != nil && *in.status != string(o.Round.Status) && !o.Duplicate {
		set := &relaypb.UpdateRound{Round: string(o.Round.ID), Status: in.status}
		next := under(c, c.Request)
		next.Source, next.Op = "", &relaypb.Command_UpdateRound{UpdateRound: set}
		_, err := s.submitOne(r, next)
		if err != nil {
			return answer{}, err
		}
	}
	out, _, err := s.roundWithGames(r, s.truth, o.Round.ID)
	if err != nil {
		return answer{}, err
	}
	return ok(out.lichessRoundOf)
}

// lichessEditRound is POST /broadcast/round/{roundId}/edit. Fields that are left out stay.
func (s *Server) lichessEditRound(r *http.Request) (answer, error) {
	in, err := readRoundForm(r, false)
	if err != nil {
		return answer{}, err
	}
	id := chi.URLParam(r, "roundId")
	var sources []relay.Source
	s.truth(func(b relay.Reader) {
		if round, ok := b.Round(relay.RoundID(id)); ok { // otherwise the boards here are behind, or there is no such round
			sources = round.Sources
		}
	})
	settings, err := in.command(sources)
	if err != nil {
		return answer{}, err
	}
	c, err := s.command(r)
	if err != nil {
		return answer{}, err
	}
	c.Op = &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{
		Round: id, Name: in.name, StartsAt: in.startsAt, DelaySeconds: in.delay, Status: in.status, Settings: settings,
	}}
	if _, err := s.submitOne(r, c); err != nil {
		return answer{}, err
	}
	out, _, err := s.roundWithGames(r, s.truth, relay.RoundID(id))
	if err != nil {
		return answer{}, err
	}
	out.OK = true
	return ok(out)
}

// orZero returns what a pointer leads to, or the zero value.
func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

var done = map[string]any{"ok": true}

// lichessReset is POST /api/broadcast/round/{roundId}/reset: every game goes back to its start. The
// boards stay, and the games' records keep what was played.
func (s *Server) lichessReset(r *http.Request) (answer, error) {
	ctx, cancel := s.deadline(r)
	defer cancel()
	id := relay.RoundID(chi.URLParam(r, "roundId"))
	turn, leave, err := s.enterPush(id)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	if err := turn.Wait(ctx); err != nil {
		return answer{}, err
	}
	if err := s.cfg.Node.ReadIndex(ctx); err != nil {
		return answer{}, err
	}
	v, _, err := reading(s.truth).round(id)
	if err != nil {
		return answer{}, err
	}
	head, err := s.command(r)
	if err != nil {
		return answer{}, err
	}
	var commands []*relaypb.Command
	for _, g := range v.games {
		if g.Ply() > 0 || g.Over() {
			commands = append(commands, &relaypb.Command{
				At: head.At, By: head.By, Request: head.Request, Source: head.Source, From: head.From, Token: head.Token,
				Op: &relaypb.Command_CorrectMoves{CorrectMoves: &relaypb.CorrectMoves{
					Game: string(g.ID), Result: string(relay.Ongoing), Reason: "the round was reset",
				}},
			}, &relaypb.Command{ // so that the next push may fill it again
				At: head.At, By: head.By, Request: head.Request + "/unlock", From: head.From, Token: head.Token,
				Op: &relaypb.Command_Unlock{Unlock: &relaypb.Unlock{
					Game: string(g.ID), Fields: []string{relay.LockMoves, relay.LockResult, relay.LockClock}, Reason: "the round was reset",
				}},
			})
		}
	}
	if v.round.StatusSet != "" {
		commands = append(commands, &relaypb.Command{
			At: head.At, By: head.By, Request: head.Request, Source: head.Source, From: head.From, Token: head.Token,
			Op: &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{
				Round: string(id), Status: new(string(relay.RoundNew)), Reason: "the round was reset",
			}},
		})
	}
	outcomes, err := mirror.SubmitAll(ctx, commands, s.submitWithin)
	if err != nil {
		return answer{}, err
	}
	for _, o := range outcomes {
		if o.Err != nil {
			return answer{}, o.Err
		}
	}
	return ok(done)
}
