package web

import (
	"errors"
	"net/http"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/base"
	"github.com/go-chi/chi/v5"
)

// createTournament is POST /api/tournaments.
func (s *Server) createTournament(r *http.Request) (base.Answer, error) {
	var in struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Location    string `json:"location"`
		base.InfoIn
		base.TournamentSettingsIn
	}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	if err := in.TournamentSettingsIn.Check(); err != nil {
		return base.Answer{}, err
	}
	o, err := s.Create(r, func(id string) *relaypb.Command {
		c.Op = &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{
			Id: id, Name: in.Name, Description: in.Description, Location: in.Location, Info: in.InfoIn.Command(), Settings: in.TournamentSettingsIn.Command(),
		}}
		return c
	})
	if err != nil {
		return base.Answer{}, err
	}
	return base.Answer{Status: base.StatusOf(o), Body: withOutcome(o, tournamentJSON(o.Tournament, nil))}, nil
}

// createRound is POST /api/tournaments/{tid}/rounds.
func (s *Server) createRound(r *http.Request) (base.Answer, error) {
	var in struct {
		Name        string `json:"name"`
		StartsAt    int64  `json:"startsAt"`
		Delay       int32  `json:"delay"`
		Description string `json:"description"`
		Shorten     bool   `json:"shorten"`
		base.RoundSettingsIn
	}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	settings, err := in.RoundSettingsIn.Command()
	if err != nil {
		return base.Answer{}, err
	}
	o, err := s.Create(r, func(id string) *relaypb.Command {
		c.Op = &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{
			Id: id, Tournament: chi.URLParam(r, "tid"), Name: in.Name, StartsAt: in.StartsAt, DelaySeconds: in.Delay,
			Description: in.Description, Shorten: in.Shorten, Settings: settings,
		}}
		return c
	})
	if err != nil {
		return base.Answer{}, err
	}
	return base.Answer{Status: base.StatusOf(o), Body: withOutcome(o, roundJSON(o.Round, nil, nil))}, nil
}

// createGame is POST /api/rounds/{rid}/games.
func (s *Server) createGame(r *http.Request) (base.Answer, error) {
	var in struct {
		Board       int32              `json:"board"`
		White       relay.Player       `json:"white"`
		Black       relay.Player       `json:"black"`
		FEN         string             `json:"fen"`
		Variant     string             `json:"variant"`
		Position    *int32             `json:"startPosition"`
		TimeControl string             `json:"timeControl"`
		Tags        map[string]*string `json:"tags"`
	}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	o, err := s.Create(r, func(id string) *relaypb.Command {
		c.Op = &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
			Id: id, Round: chi.URLParam(r, "rid"), Board: in.Board,
			White: player(in.White), Black: player(in.Black),
			Fen: in.FEN, Variant: in.Variant, TimeControl: in.TimeControl, Tags: tags(in.Tags), StartPosition: in.Position,
		}}
		return c
	})
	if err != nil {
		return base.Answer{}, err
	}
	return base.Answer{Status: base.StatusOf(o), Body: withOutcome(o, o.Game)}, nil
}

func player(p relay.Player) *relaypb.Player {
	return &relaypb.Player{Name: p.Name, Title: p.Title, Rating: fitting(p.Rating), FideId: p.FideID, Federation: p.Federation, Team: p.Team}
}

// moveIn is one move as a client submits it.
type moveIn struct {
	Ply   int32    `json:"ply"`
	Move  string   `json:"move"`
	Clock *clockIn `json:"clock"`
	At    int64    `json:"at"`
	// Illegal: the move was played though it is not legal, and FEN is the position that followed.
	Illegal bool   `json:"illegal"`
	FEN     string `json:"fen"`
}

// clockIn is the time left, as a client submits it.
type clockIn struct {
	White *int64 `json:"white"`
	Black *int64 `json:"black"`
}

// maxMoves bounds the moves of one batch.
const maxMoves = 1000

// playMoves is POST /api/games/{gid}/moves, with one move or with {"moves":[…]}.
func (s *Server) playMoves(r *http.Request) (base.Answer, error) {
	var in struct {
		moveIn
		Moves []moveIn `json:"moves"`
	}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	game := chi.URLParam(r, "gid")
	switch {
	case in.Moves == nil && in.Move == "":
		return base.Answer{}, base.BadRequest("move is required, in SAN (Nf3) or UCI (g1f3)")
	case in.Moves == nil:
		outcomes, err := s.Submit(r, moveCommand(c, game, in.moveIn))
		if err == nil {
			err = outcomes[0].Err
		}
		if err != nil {
			return base.Answer{}, err
		}
		return base.Answer{Status: base.StatusOf(outcomes[0]), Body: moveJSON(outcomes[0])}, nil
	case in.moveIn != moveIn{}:
		return base.Answer{}, base.BadRequest(`either one move or "moves", not both`)
	case len(in.Moves) == 0:
		return base.Answer{}, base.BadRequest(`"moves" is empty`)
	case len(in.Moves) > maxMoves:
		return base.Answer{}, base.BadRequest(`"moves" has %d moves, and the limit is %d`, len(in.Moves), maxMoves)
	}
	commands := make([]*relaypb.Command, len(in.Moves))
	for i, m := range in.Moves {
		commands[i] = moveCommand(c, game, m)
	}
	outcomes, err := s.submitInOrder(r, commands)
	if err != nil {
		return base.Answer{}, err
	}
	return s.batchAnswer(r, outcomes), nil
}

func moveCommand(head *relaypb.Command, game string, m moveIn) *relaypb.Command {
	p := &relaypb.PlayMove{Game: game, Ply: m.Ply, Move: m.Move, At: m.At, Illegal: m.Illegal, Fen: m.FEN}
	if m.Clock != nil {
		p.WhiteMs, p.BlackMs = m.Clock.White, m.Clock.Black
	}
	c := base.Sibling(head, head.Request)
	c.Op = &relaypb.Command_PlayMove{PlayMove: p}
	return c
}

// submitInOrder is submit for moves that build on each other. If a leader is lost in the middle,
// some moves of a batch may be proposed again. A later move can then reach the log before an
// earlier one and find a gap. Such moves are submitted again, as long as that advances the game.
func (s *Server) submitInOrder(r *http.Request, commands []*relaypb.Command) ([]relay.Outcome, error) {
	outcomes, err := s.Submit(r, commands...)
	if err != nil {
		return nil, err
	}
	for {
		var again []int
		for i, o := range outcomes {
			c, ok := errors.AsType[*relay.PlyConflictError](o.Err)
			if ok && c.Current.Ply == 0 && i > 0 && outcomes[i-1].Err == nil {
				for ; i < len(outcomes); i++ {
					again = append(again, i)
				}
				break
			}
		}
		if len(again) == 0 {
			return outcomes, nil
		}
		first := again[0]
		if commands[first].GetPlayMove().Ply != commands[first-1].GetPlayMove().Ply+1 {
			return outcomes, nil // the client itself left the gap
		}
		rest, err := s.Submit(r, commands[first:]...)
		if err != nil {
			return nil, err
		}
		copy(outcomes[first:], rest)
		if rest[0].Err != nil {
			return outcomes, nil
		}
	}
}

// batchAnswer has one answer for each move. Its status is that of the first refusal, otherwise 201
// if a move is new, otherwise 200.
func (s *Server) batchAnswer(r *http.Request, outcomes []relay.Outcome) base.Answer {
	status, refused := http.StatusOK, 0
	list := make([]any, len(outcomes))
	for i, o := range outcomes {
		if o.Err != nil {
			e := base.Describe(s.Explain(r, o.Err))
			body := e.JSON()
			body["status"] = e.Status
			list[i] = body
			if refused == 0 {
				refused = e.Status
			}
			continue
		}
		list[i] = moveJSON(o)
		if !o.Duplicate {
			status = http.StatusCreated
		}
	}
	body := map[string]any{"moves": list}
	if refused != 0 {
		status = refused
		body["error"], body["code"] = "not every move was accepted; see the answer of each", "batch_refused"
	}
	return base.Answer{Status: status, Body: body}
}

// takeBack is POST /api/games/{gid}/takeback.
func (s *Server) takeBack(r *http.Request) (base.Answer, error) {
	var in struct {
		ToPly  *int32 `json:"toPly"`
		Reason string `json:"reason"`
	}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	if in.ToPly == nil {
		return base.Answer{}, base.BadRequest("toPly is required: the last ply that stays, 0 for the start")
	}
	c.Op = &relaypb.Command_TakeBack{TakeBack: &relaypb.TakeBack{Game: chi.URLParam(r, "gid"), ToPly: *in.ToPly, Reason: in.Reason}}
	return s.changeGame(r, c)
}

// setClock is POST /api/games/{gid}/clock.
func (s *Server) setClock(r *http.Request) (base.Answer, error) {
	var in struct {
		clockIn
		At int64 `json:"at"`
	}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	c.Op = &relaypb.Command_SetClock{SetClock: &relaypb.SetClock{
		Game: chi.URLParam(r, "gid"), WhiteMs: in.White, BlackMs: in.Black, At: in.At,
	}}
	return s.changeGame(r, c)
}

// setResult is POST /api/games/{gid}/result.
func (s *Server) setResult(r *http.Request) (base.Answer, error) {
	var in struct {
		Result  string `json:"result"`
		Forfeit bool   `json:"forfeit"`
		Reason  string `json:"reason"`
	}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	c.Op = &relaypb.Command_SetResult{SetResult: &relaypb.SetResult{
		Game: chi.URLParam(r, "gid"), Result: in.Result, Forfeit: in.Forfeit, Reason: in.Reason,
	}}
	return s.changeGame(r, c)
}

func (s *Server) changeGame(r *http.Request, c *relaypb.Command) (base.Answer, error) {
	o, err := s.SubmitOne(r, c)
	if err != nil {
		return base.Answer{}, err
	}
	g := o.Game
	body := map[string]any{"game": g.ID, "ply": g.Ply(), "fen": g.FEN(), "clock": g.Clock(), "result": g.Result}
	if g.Forfeit {
		body["forfeit"] = true
	}
	return base.Answer{Status: base.StatusOf(o), Body: withOutcome(o, body)}, nil
}
