package relay

import (
	"strings"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

func checkID(id string) error {
	if !ValidID(id) {
		return bad("id", "must be 8 characters of [A-Za-z0-9], not %q", clip(id, 32))
	}
	return nil
}

func (s *State) createTournament(c *relaypb.Command, op *relaypb.CreateTournament, out *Outcome) error {
	if id, ok := s.creations[creationKey{"", c.Request}]; ok {
		out.Tournament = s.tournaments[TournamentID(id)]
		out.Index, out.Term, out.Duplicate = out.Tournament.Index, out.Tournament.Term, true
		return nil
	}
	var settings TournamentSettings
	if err := firstError(
		checkID(op.Id),
		checkName("name", op.Name),
		checkText("description", op.Description, MaxDescription, true),
		checkText("location", op.Location, MaxName, false),
		checkInfo(infoFrom(op.Info)),
		new(diff).tournament(&settings, op.Settings),
	); err != nil {
		return err
	}
	if s.idTaken(op.Id) {
		return refuse(ErrIDTaken, "the id %s is taken", op.Id)
	}
	t := &Tournament{
		ID: TournamentID(op.Id), Name: op.Name, Description: op.Description, Location: op.Location, TournamentInfo: infoFrom(op.Info),
		TournamentSettings: settings,
		CreatedAt:          Millis(c.At), Index: out.Index, Term: out.Term, Request: c.Request,
	}
	s.putTournament(t)
	s.changed.tournaments = append(s.changed.tournaments, t)
	out.Tournament = t
	return nil
}

func (s *State) createRound(c *relaypb.Command, op *relaypb.CreateRound, out *Outcome) error {
	t, ok := s.tournaments[TournamentID(op.Tournament)]
	if !ok {
		return &NotFoundError{"tournament", clip(op.Tournament, 32)}
	}
	if id, ok := s.creations[creationKey{string(t.ID), c.Request}]; ok {
		r := s.rounds[RoundID(id)]
		out.Round = r
		out.Index, out.Term, out.Duplicate = r.Index, r.Term, true
		return nil
	}
	var settings RoundSettings
	if err := firstError(
		checkID(op.Id),
		checkName("name", op.Name),
		checkTime("startsAt", op.StartsAt),
		checkRange("delay", int64(op.DelaySeconds), 0, MaxDelay),
		checkText("description", op.Description, MaxDescription, true),
		new(diff).round(s, nil, &settings, op.Settings),
	); err != nil {
		return err
	}
	if s.idTaken(op.Id) {
		return refuse(ErrIDTaken, "the id %s is taken", op.Id)
	}
	if len(t.Rounds) >= MaxRounds {
		return refuse(ErrLimit, "the tournament has %d rounds, which is the limit", len(t.Rounds))
	}
	r := &Round{
		ID: RoundID(op.Id), Tournament: t.ID, Name: op.Name,
		StartsAt: Millis(op.StartsAt), Delay: int(op.DelaySeconds),
		Status: RoundNew, Description: op.Description, Shorten: op.Shorten, RoundSettings: settings,
		CreatedAt: Millis(c.At), Index: out.Index, Term: out.Term, Request: c.Request,
	}
	s.addRound(r)
	if r.Delay > 0 && !s.isPublic {
		s.beginDelay(r, r.Delay)
	}
	s.changed.rounds = append(s.changed.rounds, r)
	out.Round = r
	return nil
}

func (s *State) createGame(c *relaypb.Command, op *relaypb.CreateGame, out *Outcome) error {
	r, ok := s.rounds[RoundID(op.Round)]
	if !ok {
		return &NotFoundError{"round", clip(op.Round, 32)}
	}
	if id, ok := s.creations[creationKey{string(r.ID), c.Request}]; ok {
		g := s.games.get(GameID(id))
		out.Game = g.Game
		out.Index, out.Term, out.Duplicate = g.CreatedAtIx, g.CreatedTerm, true
		return nil
	}
	tags, err := new(diff).tags(nil, op.Tags)
	if err := firstError(
		err,
		checkID(op.Id),
		checkRange("board", int64(op.Board), 1, MaxBoard),
		checkPlayer("white", op.White),
		checkPlayer("black", op.Black),
		checkText("timeControl", op.TimeControl, MaxTimeControl, false),
		checkText("source", op.Source, MaxTagName, false),
	); err != nil {
		return err
	}
	variant, err := ParseVariant(op.Variant)
	if err != nil {
		return err
	}
	fen, err := startFEN(op, variant)
	if err != nil {
		return err
	}
	fen, pos, err := startPosition(fen, variant)
	if err != nil {
		return err
	}
	if s.idTaken(op.Id) {
		return refuse(ErrIDTaken, "the id %s is taken", op.Id)
	}
	if at, taken := s.findBoard(r, int(op.Board)); taken {
		return refuse(ErrBoardTaken, "board %d of this round is taken by game %s", op.Board, r.Games[at])
	}
	g := &liveGame{Game: &Game{
		Pairing: &Pairing{
			ID: GameID(op.Id), Round: r.ID, Board: int(op.Board),
			White: playerFrom(op.White), Black: playerFrom(op.Black),
			StartFEN: fen, Variant: variant, TimeControl: op.TimeControl, Tags: tags,
			CreatedAt: Millis(c.At), CreatedAtIx: out.Index, CreatedTerm: out.Term, Request: c.Request, Source: op.Source,
		},
		Result: Ongoing, Index: out.Index, moves: moveList{after: pos},
	}, delayed: s.delayed[r.ID], private: s.tournaments[r.Tournament].Private}
	if byPerson(c) {
		g.setLocks(g.lock(c, givenFields(op)...))
	}
	s.addGame(g)
	if r.Status == RoundFinished { // otherwise a new game changes no status
		s.updateStatus(r.ID, out)
	}
	s.touch(g)
	out.Game, out.delayed, out.private = g.Game, g.delayed, g.private
	out.tell(tellGame, c.At)
	return nil
}

// startPosition reads the FEN that a game starts from. It returns an empty FEN for the standard
// position, however that was written.
func startPosition(fen, variant string) (string, position, error) {
	if strings.Trim(fen, " ") == "" || fen == StartFEN {
		return "", standardPosition, nil
	}
	pos, err := parsePosition(fen, variant)
	if err != nil {
		return "", position{}, err
	}
	if pos.FullMoves() > maxStartFullMoves || pos.HalfMoves() > maxStartHalfMoves {
		return "", position{}, badFEN("its counters must not exceed %d and %d", maxStartHalfMoves, maxStartFullMoves)
	}
	if fen = pos.fen(); fen == StartFEN {
		fen = ""
	}
	return fen, pos, nil
}

func checkPlayer(side string, p *relaypb.Player) error {
	return firstError(
		checkName(side+".name", p.GetName()),
		checkText(side+".title", p.GetTitle(), MaxTitle, false),
		checkRange(side+".rating", int64(p.GetRating()), 0, MaxRating),
		checkRange(side+".fideId", p.GetFideId(), 0, MaxFideID),
		checkText(side+".federation", p.GetFederation(), MaxShortText, false),
		checkText(side+".team", p.GetTeam(), MaxName, false),
	)
}
