package web

import (
	"maps"
	"net/http"
	"slices"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/base"
	"github.com/go-chi/chi/v5"
)

// correctMoves is POST /api/games/{gid}/correct.
func (s *Server) correctMoves(r *http.Request) (base.Answer, error) {
	var in struct {
		ToPly   *int32 `json:"toPly"`
		Result  string `json:"result"`
		Forfeit bool   `json:"forfeit"`
		Reason  string `json:"reason"`
		Moves   []struct {
			Move    string  `json:"move"`
			Clock   clockIn `json:"clock"`
			At      int64   `json:"at"`
			Illegal bool    `json:"illegal"`
			FEN     string  `json:"fen"`
		} `json:"moves"`
	}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	if in.ToPly == nil {
		return base.Answer{}, base.BadRequest("toPly is required: the last ply that stays, 0 for none")
	}
	op := &relaypb.CorrectMoves{Game: chi.URLParam(r, "gid"), ToPly: *in.ToPly, Result: in.Result, Forfeit: in.Forfeit, Reason: in.Reason}
	for _, m := range in.Moves {
		op.Moves = append(op.Moves, &relaypb.CorrectedMove{
			Move: m.Move, WhiteMs: m.Clock.White, BlackMs: m.Clock.Black, At: m.At, Illegal: m.Illegal, Fen: m.FEN,
		})
	}
	c.Op = &relaypb.Command_CorrectMoves{CorrectMoves: op}
	return s.changeGame(r, c)
}

// playerUpdate is the fields of a player to change; those that are left out stay.
type playerUpdate struct {
	Name       *string `json:"name"`
	Title      *string `json:"title"`
	Rating     *int    `json:"rating"`
	FideID     *int64  `json:"fideId"`
	Federation *string `json:"federation"`
	Team       *string `json:"team"`
}

func (p *playerUpdate) command() *relaypb.PlayerUpdate {
	if p == nil {
		return nil
	}
	out := &relaypb.PlayerUpdate{Name: p.Name, Title: p.Title, FideId: p.FideID, Federation: p.Federation, Team: p.Team}
	if p.Rating != nil {
		out.Rating = new(fitting(*p.Rating))
	}
	return out
}

// updateGame is PATCH /api/games/{gid}.
func (s *Server) updateGame(r *http.Request) (base.Answer, error) {
	var in struct {
		White       *playerUpdate      `json:"white"`
		Black       *playerUpdate      `json:"black"`
		TimeControl *string            `json:"timeControl"`
		Tags        map[string]*string `json:"tags"`
		FEN         *string            `json:"fen"`
		Variant     *string            `json:"variant"`
		Position    *int32             `json:"startPosition"`
		Source      *string            `json:"source"`
		Reason      string             `json:"reason"`
	}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	op := &relaypb.UpdateGame{
		Game: chi.URLParam(r, "gid"), White: in.White.command(), Black: in.Black.command(),
		TimeControl: in.TimeControl, Tags: tags(in.Tags), Fen: in.FEN, Variant: in.Variant, StartPosition: in.Position, Source: in.Source,
		Reason: in.Reason,
	}
	s.Truth(func(b relay.Reader) {
		if g, found := b.Game(relay.GameID(op.Game)); found {
			anotherPerson(&g.White, op.White)
			anotherPerson(&g.Black, op.Black)
		}
	})
	c.Op = &relaypb.Command_UpdateGame{UpdateGame: op}
	return s.changeBoard(r, c)
}

// anotherPerson extends an update that names another person: it clears title, rating, FIDE id,
// federation and team, unless the update sets them. They belonged to the person before.
func anotherPerson(stands *relay.Player, to *relaypb.PlayerUpdate) {
	if to == nil || to.Name == nil {
		return
	}
	was, is := relay.NameKey(stands.Name), relay.NameKey(*to.Name)
	if was == "" || is == "" || was == is || relay.SimilarKeys(was, is) {
		return
	}
	forget := func(to **string, stands string) {
		if *to == nil && stands != "" {
			*to = new(string)
		}
	}
	forget(&to.Title, stands.Title)
	forget(&to.Federation, stands.Federation)
	forget(&to.Team, stands.Team)
	if to.Rating == nil && stands.Rating != 0 {
		to.Rating = new(int32)
	}
	if to.FideId == nil && stands.FideID != 0 {
		to.FideId = new(int64)
	}
}

// fieldsIn names fields of a game, as its locks and its sourceHas do; none means all.
type fieldsIn struct {
	Fields []string `json:"fields"`
	Reason string   `json:"reason"`
}

// unlockGame is POST /api/games/{gid}/unlock: it gives fields back to the source.
func (s *Server) unlockGame(r *http.Request) (base.Answer, error) {
	var in fieldsIn
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	c.Op = &relaypb.Command_Unlock{Unlock: &relaypb.Unlock{Game: chi.URLParam(r, "gid"), Fields: in.Fields, Reason: in.Reason}}
	return s.changeBoard(r, c)
}

// acceptSource is POST /api/games/{gid}/accept: it takes over the source's values.
func (s *Server) acceptSource(r *http.Request) (base.Answer, error) {
	var in fieldsIn
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	c.Op = &relaypb.Command_AcceptSource{AcceptSource: &relaypb.AcceptSource{Game: chi.URLParam(r, "gid"), Fields: in.Fields, Reason: in.Reason}}
	return s.changeBoard(r, c)
}

// changeBoard submits a change of a game, and answers with its board.
func (s *Server) changeBoard(r *http.Request, c *relaypb.Command) (base.Answer, error) {
	o, err := s.SubmitOne(r, c)
	if err != nil {
		return base.Answer{}, err
	}
	body := withOutcome(o, boardOf(o.Game))
	if c.Source == "" {
		return base.OK(body)
	}
	// Locked fields of a source's update were passed over; the answer names them.
	var locked []string
	for _, field := range relay.UpdatedFields(c.GetUpdateGame()) {
		if _, is := o.Game.Lock(field); is {
			locked = append(locked, field)
		}
	}
	if locked != nil {
		body = merge(body, fields{"locked": locked})
	}
	return base.OK(body)
}

// tags returns the tags of an object, sorted by name. An empty or null value removes the tag.
func tags(in map[string]*string) []*relaypb.Tag {
	var out []*relaypb.Tag
	for _, name := range slices.Sorted(maps.Keys(in)) {
		t := &relaypb.Tag{Name: name}
		if v := in[name]; v != nil {
			t.Value = *v
		}
		out = append(out, t)
	}
	return out
}

// updateRound is PATCH /api/rounds/{rid}.
func (s *Server) updateRound(r *http.Request) (base.Answer, error) {
	var in struct {
		Name        *string `json:"name"`
		StartsAt    *int64  `json:"startsAt"`
		Delay       *int32  `json:"delay"`
		Description *string `json:"description"`
		Status      *string `json:"status"`
		Shorten     *bool   `json:"shorten"`
		base.RoundSettingsIn
		Reason string `json:"reason"`
	}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	settings, err := in.RoundSettingsIn.Command()
	if err != nil {
		return base.Answer{}, err
	}
	c.Op = &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{
		Round: chi.URLParam(r, "rid"), Name: in.Name, StartsAt: in.StartsAt, DelaySeconds: in.Delay,
		Description: in.Description, Status: in.Status, Shorten: in.Shorten, Settings: settings, Reason: in.Reason,
	}}
	o, err := s.SubmitOne(r, c)
	if err != nil {
		return base.Answer{}, err
	}
	return base.OK(withOutcome(o, shownRound{o.Round, base.FirstSource(o.Round)}))
}

// updateTournament is PATCH /api/tournaments/{tid}.
func (s *Server) updateTournament(r *http.Request) (base.Answer, error) {
	var in struct {
		Name        *string `json:"name"`
		Description *string `json:"description"`
		Location    *string `json:"location"`
		base.InfoIn
		base.TournamentSettingsIn
		Reason string `json:"reason"`
	}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	if err := in.TournamentSettingsIn.Check(); err != nil {
		return base.Answer{}, err
	}
	c.Op = &relaypb.Command_UpdateTournament{UpdateTournament: &relaypb.UpdateTournament{
		Tournament: chi.URLParam(r, "tid"), Name: in.Name, Description: in.Description, Location: in.Location,
		Info: in.InfoIn.Command(), Settings: in.TournamentSettingsIn.Command(), Reason: in.Reason,
	}}
	o, err := s.SubmitOne(r, c)
	if err != nil {
		return base.Answer{}, err
	}
	return base.OK(withOutcome(o, o.Tournament))
}

// fitting returns a rating that fits. It does not wrap one that does not fit; the boards refuse it.
func fitting(rating int) int32 { return int32(max(min(rating, relay.MaxRating+1), -1)) }
