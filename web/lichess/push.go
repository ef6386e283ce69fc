package lichess

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/base"
)

// push is POST /api/broadcast/round/{roundId}/push: the whole state of a round's games as PGN,
// again and again. The node submits the differences to the boards, and answers after the commit.
//
// The broadcaster app takes any answer but 2xx for a success, and then sends nothing until a file
// changes. So if the fault is ours and passes, the node cuts the connection instead, and the app
// tries again.
func (s *Server) push(w http.ResponseWriter, r *http.Request) {
	a, err := s.pushed(w, r)
	if err == nil {
		base.WriteJSON(w, a.Status, a.Body)
		return
	}
	if errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	if base.TriesAgain(r, err) {
		s.Log.Warn("a push could not be recorded; the broadcaster will try again", "round", chi.URLParam(r, "roundId"), "err", err)
		panic(http.ErrAbortHandler)
	}
	s.Fail(w, r, err)
}

func (s *Server) pushed(w http.ResponseWriter, r *http.Request) (_ base.Answer, err error) {
	round := relay.RoundID(chi.URLParam(r, "roundId"))
	// The place in the queue is taken before the body is read. So of two pushes, the one that came
	// later counts.
	turn, leave, err := s.EnterPush(round)
	if err != nil {
		return base.Answer{}, err
	}
	defer leave()
	text, err := base.ReadBody(w, r, s.SubmitTimeout)
	if err != nil {
		return base.Answer{}, err
	}
	ctx, cancel := s.Deadline(r) // counted from here: the whole body is there
	defer cancel()
	p, err := readPush(s.memory, text, r.Header.Get("Content-Type"))
	if err != nil {
		return base.Answer{}, err
	}
	body := sha256.Sum256(text)
	place, late := turn.Number, false
	// This must run before the next push has its turn.
	defer func() {
		again := err == nil && base.IsBroadcaster(r) && r.Context().Err() != nil || err != nil && base.TriesAgain(r, err)
		if again && s.hasRound(round) {
			s.late.noteUnanswered(round, body, place, time.Now())
		}
		if err == nil && !late {
			s.late.took(round, place)
		}
	}()
	if err := turn.Wait(ctx); err != nil {
		return base.Answer{}, err
	}
	if place, late = s.late.begin(round, body, turn.Number, time.Now()); late {
		s.Log.Info("ignored a retried push: a newer one came before it", "round", round)
	}
	// This node must see what was committed elsewhere before this push came.
	if err := s.Node.ReadIndex(ctx); err != nil {
		return base.Answer{}, err
	}
	head, err := s.NewCommand(r)
	if err != nil {
		return base.Answer{}, err
	}
	if err := s.mirror(ctx, round, head, p, late); err != nil {
		return base.Answer{}, err
	}
	out := map[string]any{"games": p.answers}
	if len(p.warnings) > 0 {
		out["warnings"] = p.warnings
	}
	return base.OK(out)
}

func (s *Server) hasRound(id relay.RoundID) (found bool) {
	s.Truth(func(b relay.Reader) { _, found = b.Round(id) })
	return found
}

// mirror submits the differences until the round shows what the games say, and fills in the
// answers. For a late push it submits nothing.
func (s *Server) mirror(ctx context.Context, id relay.RoundID, head *relaypb.Command, p *pushing, late bool) error {
	var changes []mirror.Change
	err := mirror.Converge(func(first bool) (again bool, err error) {
		v, _, err := base.Reading(s.Truth).Round(id)
		if err != nil {
			return false, err
		}
		round := mirror.Round{
			ID: id, Games: v.Games, Deleted: v.Deleted, Shorten: v.Round.Shorten, Source: cmp.Or(head.Source, "push"), Players: s.players.Of(v.Tournament),
		}
		if first {
			p.warn(round)
		}
		changes = mirror.Diff(round, p.games)
		if late {
			return false, nil
		}
		for _, c := range changes {
			for _, command := range c.Commands {
				command.At, command.By, command.From, command.Token = head.At, head.By, head.From, head.Token
			}
		}
		p.refused, again, err = mirror.Submit(ctx, changes, s.SubmitWithin)
		return again, err
	})
	if err == nil {
		s.fillIn(changes, p)
	}
	return err
}

// warn says what is odd about the push as a whole.
func (p *pushing) warn(round mirror.Round) {
	if source, stands, foreign := mirror.OtherRound(round, p.games); len(foreign) > 0 {
		p.warnings = append(p.warnings, fmt.Sprintf(
			"%d games are of round %s, but the games of this round are of round %s: they get boards of their own; a new round is the better place for them",
			len(foreign), source, stands))
	}
}

// fillIn puts what the boards have now into the answers.
func (s *Server) fillIn(changes []mirror.Change, p *pushing) {
	s.Truth(func(b relay.Reader) {
		for i, c := range changes {
			a := &p.answers[p.of[i]]
			if g, found := b.Game(c.Game); found {
				a.Moves, a.Board = new(int(g.Ply())), g.Board
			}
			a.Locked = c.Locked
			if c.Warning == "" {
				a.Error = "" // the boards have recorded the illegal move that could not be read
			}
			if p.refused != nil && p.refused[i] != nil {
				a.Error = cmp.Or(a.Error, p.refused[i].Error())
			}
		}
	})
}
