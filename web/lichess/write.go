package lichess

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/base"
)

// newTour is POST /broadcast/new.
func (s *Server) newTour(r *http.Request) (base.Answer, error) {
	in, err := readTourForm(r, true)
	if err != nil {
		return base.Answer{}, err
	}
	c, err := s.NewCommand(r)
	if err != nil {
		return base.Answer{}, err
	}
	o, err := s.Create(r, func(id string) *relaypb.Command {
		c.Op = &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{
			Id: id, Name: orZero(in.name), Description: orZero(in.description), Location: orZero(in.location),
			Info: in.info.Command(), Settings: in.settings,
		}}
		return c
	})
	if err != nil {
		return base.Answer{}, err
	}
	return base.OK(shapeOf(r).withRounds(tourView{tournament: o.Tournament}))
}

// editTour is POST /broadcast/{tourId}/edit. Fields that are left out stay.
func (s *Server) editTour(r *http.Request) (base.Answer, error) {
	in, err := readTourForm(r, false)
	if err != nil {
		return base.Answer{}, err
	}
	c, err := s.NewCommand(r)
	if err != nil {
		return base.Answer{}, err
	}
	c.Op = &relaypb.Command_UpdateTournament{UpdateTournament: &relaypb.UpdateTournament{
		Tournament: chi.URLParam(r, "tourId"), Name: in.name, Description: in.description, Location: in.location,
		Info: in.info.Command(), Settings: in.settings,
	}}
	if _, err := s.SubmitOne(r, c); err != nil {
		return base.Answer{}, err
	}
	return base.OK(done)
}

// newRound is POST /broadcast/{tourId}/new.
func (s *Server) newRound(r *http.Request) (base.Answer, error) {
	in, err := readRoundForm(r, true)
	if err != nil {
		return base.Answer{}, err
	}
	settings, err := in.command(nil)
	if err != nil {
		return base.Answer{}, err
	}
	c, err := s.NewCommand(r)
	if err != nil {
		return base.Answer{}, err
	}
	tour := chi.URLParam(r, "tourId")
	o, err := s.Create(r, func(id string) *relaypb.Command {
		c.Op = &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{
			Id: id, Tournament: tour, Name: orZero(in.name), StartsAt: orZero(in.startsAt), DelaySeconds: orZero(in.delay), Settings: settings,
		}}
		return c
	})
	if err != nil {
		return base.Answer{}, err
	}
	if in.status != nil && *in.status != string(o.Round.Status) && !o.Duplicate {
		set := &relaypb.UpdateRound{Round: string(o.Round.ID), Status: in.status}
		next := base.Sibling(c, c.Request)
		next.Source, next.Op = "", &relaypb.Command_UpdateRound{UpdateRound: set}
		_, err := s.SubmitOne(r, next)
		if err != nil {
			return base.Answer{}, err
		}
	}
	out, _, err := s.roundWithGames(r, s.Truth, o.Round.ID)
	if err != nil {
		return base.Answer{}, err
	}
	return base.OK(out.roundOfJSON)
}

// editRound is POST /broadcast/round/{roundId}/edit. Fields that are left out stay.
func (s *Server) editRound(r *http.Request) (base.Answer, error) {
	in, err := readRoundForm(r, false)
	if err != nil {
		return base.Answer{}, err
	}
	id := chi.URLParam(r, "roundId")
	var sources []relay.Source
	s.Truth(func(b relay.Reader) {
		if round, ok := b.Round(relay.RoundID(id)); ok { // otherwise the boards here are behind, or there is no such round
			sources = round.Sources
		}
	})
	settings, err := in.command(sources)
	if err != nil {
		return base.Answer{}, err
	}
	c, err := s.NewCommand(r)
	if err != nil {
		return base.Answer{}, err
	}
	c.Op = &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{
		Round: id, Name: in.name, StartsAt: in.startsAt, DelaySeconds: in.delay, Status: in.status, Settings: settings,
	}}
	if _, err := s.SubmitOne(r, c); err != nil {
		return base.Answer{}, err
	}
	out, _, err := s.roundWithGames(r, s.Truth, relay.RoundID(id))
	if err != nil {
		return base.Answer{}, err
	}
	out.OK = true
	return base.OK(out)
}

// orZero returns what a pointer leads to, or the zero value.
func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

var done = map[string]any{"ok": true}

// resetRound is POST /api/broadcast/round/{roundId}/reset: every game goes back to its start. The
// boards stay, and the games' records keep what was played.
func (s *Server) resetRound(r *http.Request) (base.Answer, error) {
	ctx, cancel := s.Deadline(r)
	defer cancel()
	id := relay.RoundID(chi.URLParam(r, "roundId"))
	turn, leave, err := s.EnterPush(id)
	if err != nil {
		return base.Answer{}, err
	}
	defer leave()
	if err := turn.Wait(ctx); err != nil {
		return base.Answer{}, err
	}
	if err := s.Node.ReadIndex(ctx); err != nil {
		return base.Answer{}, err
	}
	v, _, err := base.Reading(s.Truth).Round(id)
	if err != nil {
		return base.Answer{}, err
	}
	head, err := s.NewCommand(r)
	if err != nil {
		return base.Answer{}, err
	}
	var commands []*relaypb.Command
	for _, g := range v.Games {
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
	if v.Round.StatusSet != "" {
		commands = append(commands, &relaypb.Command{
			At: head.At, By: head.By, Request: head.Request, Source: head.Source, From: head.From, Token: head.Token,
			Op: &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{
				Round: string(id), Status: new(string(relay.RoundNew)), Reason: "the round was reset",
			}},
		})
	}
	outcomes, err := mirror.SubmitAll(ctx, commands, s.SubmitWithin)
	if err != nil {
		return base.Answer{}, err
	}
	for _, o := range outcomes {
		if o.Err != nil {
			return base.Answer{}, o.Err
		}
	}
	return base.OK(done)
}
