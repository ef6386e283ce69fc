package relay

import (
	"encoding/binary"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// This file converts the domain's values to the records of a checkpoint and back. A value that
// follows from other fields is not stored: the ply of a move is its place, and rounds and games
// name their parent.

func tournamentRecord(t *Tournament) *relaypb.TournamentRecord {
	return &relaypb.TournamentRecord{
		Id: string(t.ID), Name: t.Name, Description: t.Description, Location: t.Location,
		CreatedAt: int64(t.CreatedAt), Request: t.Request, Index: t.Index, Term: t.Term,
		Updates: updateRecords(t.Updates), Info: infoRecord(t.TournamentInfo), Settings: t.TournamentSettings.record(),
		Deleted: deletedRecord(t.Deleted),
	}
}

func tournamentFrom(r *relaypb.TournamentRecord) *Tournament {
	return &Tournament{
		ID: TournamentID(r.Id), Name: r.Name, Description: r.Description, Location: r.Location,
		CreatedAt: Millis(r.CreatedAt), Request: r.Request, Index: r.Index, Term: r.Term,
		Updates: updatesFrom(r.Updates), TournamentInfo: infoFrom(r.Info), TournamentSettings: tournamentSettingsFrom(r.Settings),
		Deleted: deletedFrom(r.Deleted),
	}
}

func roundRecord(r *Round) *relaypb.RoundRecord {
	return &relaypb.RoundRecord{
		Id: string(r.ID), Tournament: string(r.Tournament), Name: r.Name,
		StartsAt: int64(r.StartsAt), DelaySeconds: int32(r.Delay),
		CreatedAt: int64(r.CreatedAt), Request: r.Request, Index: r.Index, Term: r.Term,
		Description: r.Description, Status: string(r.StatusSet), StatusIndex: r.StatusSetAt, Shorten: r.Shorten,
		Settings: r.RoundSettings.record(), Updates: updateRecords(r.Updates), Deleted: deletedRecord(r.Deleted),
	}
}

func roundFrom(r *relaypb.RoundRecord) *Round {
	return &Round{
		ID: RoundID(r.Id), Tournament: TournamentID(r.Tournament), Name: r.Name,
		StartsAt: Millis(r.StartsAt), Delay: int(r.DelaySeconds),
		CreatedAt: Millis(r.CreatedAt), Request: r.Request, Index: r.Index, Term: r.Term,
		Status: RoundNew, Description: r.Description, StatusSet: RoundStatus(r.Status), StatusSetAt: r.StatusIndex, Shorten: r.Shorten,
		RoundSettings: roundSettingsFrom(r.Settings), Updates: updatesFrom(r.Updates), Deleted: deletedFrom(r.Deleted),
	}
}

func playerRecord(p Player) *relaypb.Player {
	return &relaypb.Player{
		Name: p.Name, Title: p.Title, Rating: int32(p.Rating), FideId: p.FideID,
		Federation: p.Federation, Team: p.Team,
	}
}

func playerFrom(p *relaypb.Player) Player {
	return Player{
		Name: p.GetName(), Title: p.GetTitle(), Rating: int(p.GetRating()), FideID: p.GetFideId(),
		Federation: p.GetFederation(), Team: p.GetTeam(),
	}
}

func moveRecords(moves []Move) []*relaypb.MoveRecord {
	out := make([]*relaypb.MoveRecord, len(moves))
	for i, m := range moves {
		out[i] = &relaypb.MoveRecord{
			San: m.SAN, Uci: m.UCI, Fen: m.FEN, WhiteMs: optionalTime(m.Clock.White), BlackMs: optionalTime(m.Clock.Black),
			At: int64(m.At), Index: m.Index, Term: m.Term, Request: m.Request, Carried: uint32(m.Carried), Illegal: m.Illegal,
		}
	}
	return out
}

// movesFrom numbers the moves from first.
func movesFrom(records []*relaypb.MoveRecord, first Ply) []Move {
	if len(records) == 0 {
		return nil
	}
	out := make([]Move, len(records))
	for i, r := range records {
		out[i] = moveFrom(r, first+Ply(i))
	}
	return out
}

func moveFrom(r *relaypb.MoveRecord, ply Ply) Move {
	return Move{
		Ply: ply, SAN: r.San, UCI: r.Uci, FEN: r.Fen,
		Clock: Clock{timeFrom(r.WhiteMs), timeFrom(r.BlackMs)},
		At:    Millis(r.At), Index: r.Index, Term: r.Term, Request: r.Request, Carried: Sides(r.Carried), Illegal: r.Illegal,
	}
}

func optionalTime(t Millis) *int64 {
	if t < 0 {
		return nil
	}
	return new(int64(t))
}

func timeFrom(t *int64) Millis {
	if t == nil {
		return NoTime
	}
	return Millis(*t)
}

// headRecord returns the game without its moves and its audit trail.
func headRecord(g *Game) *relaypb.GameRecord {
	return &relaypb.GameRecord{
		Id: string(g.ID), Round: string(g.Round), Board: int32(g.Board),
		White: playerRecord(g.White), Black: playerRecord(g.Black),
		StartFen: g.StartFEN, Variant: g.Variant, TimeControl: g.TimeControl, Result: string(g.Result),
		CreatedAt: int64(g.CreatedAt), CreatedIndex: g.CreatedAtIx, CreatedTerm: g.CreatedTerm,
		Request: g.Request, Index: g.Index, Tags: tagRecords(g.Tags), Forfeit: g.Forfeit,
		Clock: g.clocks.record(), Locks: lockRecords(g.Locks()), Source: g.Source, Note: g.Note().record(), Automatic: g.Automatic,
		LockedPly: max(g.lockedMoves-1, 0), LockedMoves: g.lockedMoves > 0, LockedBy: g.currentOverrides().lockedBy,
		Deleted: deletedRecord(g.Deleted),
	}
}

// gameRecord returns the whole game.
func gameRecord(g *Game) *relaypb.GameRecord {
	r := headRecord(g)
	r.Moves = moveRecords(g.Moves())
	for _, c := range g.Changes {
		r.Changes = append(r.Changes, changeRecord(c))
	}
	return r
}

func changeRecord(c Change) *relaypb.ChangeRecord {
	return &relaypb.ChangeRecord{
		Request: c.Request, At: int64(c.At), By: c.By, Reason: c.Reason,
		FromPly: int32(c.FromPly), ToPly: int32(c.ToPly), Result: string(c.Result), Was: string(c.Was),
		Index: c.Index, Term: c.Term, Removed: moveRecords(c.Removed),
		Kind: kindNumbers[c.Kind], Added: int32(c.Added), Fields: fieldRecords(c.Fields), Forfeit: c.Forfeit, Source: c.Source,
	}
}

func changeFrom(c *relaypb.ChangeRecord) Change {
	return Change{
		Request: c.Request, At: Millis(c.At), By: c.By, Reason: c.Reason,
		FromPly: Ply(c.FromPly), ToPly: Ply(c.ToPly), Result: Result(c.Result), Was: Result(c.Was),
		Index: c.Index, Term: c.Term, Removed: movesFrom(c.Removed, Ply(c.ToPly)+1),
		Kind: kindFrom(c), Added: int(c.Added), Fields: fieldsFrom(c.Fields), Forfeit: c.Forfeit, Source: c.Source,
	}
}

// gameFrom returns the game of a record, without its moves.
func gameFrom(r *relaypb.GameRecord) *Game {
	g := &Game{
		Pairing: &Pairing{
			ID: GameID(r.Id), Round: RoundID(r.Round), Board: int(r.Board),
			White: playerFrom(r.White), Black: playerFrom(r.Black),
			StartFEN: r.StartFen, Variant: r.Variant, TimeControl: r.TimeControl,
			CreatedAt: Millis(r.CreatedAt), CreatedAtIx: r.CreatedIndex, CreatedTerm: r.CreatedTerm,
			Request: r.Request, Tags: tagsFrom(r.Tags), Source: r.Source, Deleted: deletedFrom(r.Deleted),
		},
		Result: Result(r.Result), Forfeit: r.Forfeit, Automatic: r.Automatic, Index: r.Index,
		clocks: clockSetFrom(r.Clock), overrides: overridesFrom(r),
	}
	if r.LockedMoves {
		g.lockedMoves = r.LockedPly + 1
	}
	for _, c := range r.Changes {
		g.Changes = append(g.Changes, changeFrom(c))
	}
	return g
}

// The functions below append a field of protobuf, whose number must be below 16.

func appendString(b []byte, field byte, s string) []byte {
	switch {
	case s == "":
		return b
	case len(s) < 1<<7:
		b = append(b, field<<3|bytesType, byte(len(s)))
	default:
		b = binary.AppendUvarint(append(b, field<<3|bytesType), uint64(len(s)))
	}
	return append(b, s...)
}

func appendNonZero(b []byte, field byte, v uint64) []byte {
	if v == 0 {
		return b
	}
	return appendNumber(b, field, v)
}

func appendNumber(b []byte, field byte, v uint64) []byte {
	return binary.AppendUvarint(append(b, field<<3|varintType), v)
}
