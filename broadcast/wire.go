package broadcast

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/chessrelay/chessrelay/relay"
)

// Close codes, and what a client does about them.
const (
	CloseGoingAway    = 4000 // the node stops or is behind: return, here or elsewhere, with since
	CloseTooSlow      = 4001 // the client took nothing for too long: return with since
	CloseForbidden    = 4403 // the token is no longer valid: ask for another one
	CloseBadRequest   = 4400 // a wrong parameter or frame: do not repeat it
	CloseNoRound      = 4404 // there is no such round
	CloseOtherCluster = 4409 // the cursor is another cluster's: return without since and cluster
)

// The frames, server to client. Every one is a JSON object with "type" first; a
// WebSocket message is one of them or an array of them.
//
//	hello     once, first
//	snapshot  the whole round, or the boards asked for; replaces what the client has
//	move, takeback, correction, result, clock, game, round, deleted   one event each
//	summary   the boards that the client does not watch
//	evaluations, evaluation   see evaluations.go
//	status    at least every ten seconds, and at once when stale changes

type helloFrame struct {
	Type    string `json:"type"`
	Cluster string `json:"cluster"`
	Node    string `json:"node"`
	Index   uint64 `json:"index"` // how far this node is; never a cursor
	Now     int64  `json:"now"`
	// Delay is how many seconds late this client sees a round that the public sees later; absent
	// for all others.
	Delay *int `json:"delay,omitempty"`
	// Nodes are the URLs of other nodes, where the client may go on with its index.
	Nodes []string `json:"nodes,omitempty"`
}

type statusFrame struct {
	Type       string `json:"type"`
	Stale      bool   `json:"stale"`
	Age        int64  `json:"age"`        // ms since the boards were complete; 0 unless stale
	Spectators int64  `json:"spectators"` // of this node
	Now        int64  `json:"now"`
	Index      uint64 `json:"index,omitempty"` // see status.go
}

type roundInfo struct {
	ID             relay.RoundID      `json:"id"`
	Name           string             `json:"name"`
	Tournament     relay.TournamentID `json:"tournament"`
	TournamentName string             `json:"tournamentName,omitempty"`
	StartsAt       relay.Millis       `json:"startsAt,omitempty"`
	Delay          int                `json:"delay,omitempty"`
	Status         relay.RoundStatus  `json:"status"`
	Description    string             `json:"description,omitempty"`
	Evaluations    relay.Evaluations  `json:"evaluations,omitzero"` // false: they are switched off
}

func roundOf(r *relay.Round, t *relay.Tournament) roundInfo {
	info := roundInfo{
		ID: r.ID, Name: r.Name, Tournament: r.Tournament,
		StartsAt: r.StartsAt, Delay: r.Delay, Status: r.Status, Description: r.Description, Evaluations: r.Evaluations,
	}
	if t != nil {
		info.TournamentName = t.Name
	}
	return info
}

// boardInfo is a board in a snapshot and in a game event.
type boardInfo struct {
	Game relay.GameID `json:"game"`
	relay.Standing
	Index uint64 `json:"index"` // of the last change to the game
}

type moveFrame struct {
	Type  relay.EventType `json:"type"`
	Index uint64          `json:"index"`
	Game  relay.GameID    `json:"game"`
	Board int             `json:"board"`
	Ply   relay.Ply       `json:"ply"`
	SAN   string          `json:"san"`
	UCI   string          `json:"uci"`
	FEN   string          `json:"fen"`
	Clock relay.LiveClock `json:"clock"`
	At    relay.Millis    `json:"at"`
	// Illegal: see [relay.Move].
	Illegal bool `json:"illegal,omitempty"`
}

type takebackFrame struct {
	Type     relay.EventType `json:"type"`
	Index    uint64          `json:"index"`
	Game     relay.GameID    `json:"game"`
	Board    int             `json:"board"`
	Ply      relay.Ply       `json:"ply"`
	FEN      string          `json:"fen"`
	Clock    relay.LiveClock `json:"clock"`
	LastMove *relay.LastMove `json:"lastMove"`
	At       relay.Millis    `json:"at"`
	Reason   string          `json:"reason,omitempty"`
}

// correctionFrame replaces all moves after ToPly by Moves, and says how the board is then.
type correctionFrame struct {
	Type     relay.EventType `json:"type"`
	Index    uint64          `json:"index"`
	Game     relay.GameID    `json:"game"`
	Board    int             `json:"board"`
	ToPly    relay.Ply       `json:"toPly"`
	Moves    []relay.Move    `json:"moves"`
	Ply      relay.Ply       `json:"ply"`
	FEN      string          `json:"fen"`
	Clock    relay.LiveClock `json:"clock"`
	LastMove *relay.LastMove `json:"lastMove"`
	Result   relay.Result    `json:"result"`
	Forfeit  bool            `json:"forfeit,omitempty"`
	At       relay.Millis    `json:"at"` // of the last move, if there is one
	Reason   string          `json:"reason,omitempty"`
}

type roundFrame struct {
	Type  relay.EventType `json:"type"`
	Index uint64          `json:"index"`
	Round roundInfo       `json:"round"`
}

type resultFrame struct {
	Type    relay.EventType `json:"type"`
	Index   uint64          `json:"index"`
	Game    relay.GameID    `json:"game"`
	Board   int             `json:"board"`
	Result  relay.Result    `json:"result"`
	Forfeit bool            `json:"forfeit,omitempty"`
	// Automatic: the result follows from the position. Nobody has set it.
	Automatic bool            `json:"automatic,omitempty"`
	Clock     relay.LiveClock `json:"clock"`
	At        relay.Millis    `json:"at"`
}

// clockFrame replaces the clocks as of At.
type clockFrame struct {
	Type  relay.EventType `json:"type"`
	Index uint64          `json:"index"`
	Game  relay.GameID    `json:"game"`
	Board int             `json:"board"`
	Clock relay.LiveClock `json:"clock"`
	At    relay.Millis    `json:"at"`
}

// deletedFrame is about a board or, without one, about a whole round in the feed.
type deletedFrame struct {
	Type  relay.EventType `json:"type"`
	Index uint64          `json:"index"`
	Game  relay.GameID    `json:"game,omitempty"`
	Board int             `json:"board,omitempty"`
}

type gameFrame struct {
	Type  relay.EventType `json:"type"`
	Index uint64          `json:"index"`
	boardInfo
}

// encodeEvent encodes the frame of one event.
func encodeEvent(e *relay.Event) ([]byte, error) {
	g := e.Game
	switch e.Type {
	case relay.EventMove:
		m, _ := g.LastMove()
		return json.Marshal(moveFrame{
			Type: e.Type, Index: e.Index, Game: g.ID, Board: g.Board,
			Ply: m.Ply, SAN: m.SAN, UCI: m.UCI, FEN: m.FEN, Clock: g.LiveClock(), At: e.At, Illegal: m.Illegal,
		})
	case relay.EventTakeback:
		return json.Marshal(takebackFrame{
			Type: e.Type, Index: e.Index, Game: g.ID, Board: g.Board,
			Ply: g.Ply(), FEN: g.FEN(), Clock: g.LiveClock(), LastMove: g.Standing().LastMove, At: e.At, Reason: reasonOf(g),
		})
	case relay.EventCorrection:
		at := g.Standing()
		to, moves := g.Corrected()
		return json.Marshal(correctionFrame{
			Type: e.Type, Index: e.Index, Game: g.ID, Board: g.Board, ToPly: to, Moves: append([]relay.Move{}, moves...),
			Ply: at.Ply, FEN: at.FEN, Clock: at.Clock, LastMove: at.LastMove, Result: at.Result, Forfeit: at.Forfeit, At: cmp.Or(at.At, e.At),
			Reason: reasonOf(g),
		})
	case relay.EventRound:
		return json.Marshal(roundFrame{Type: e.Type, Index: e.Index, Round: roundOf(e.Round, e.Tournament)})
	case relay.EventResult:
		return json.Marshal(resultFrame{
			Type: e.Type, Index: e.Index, Game: g.ID, Board: g.Board, Result: g.Result, Forfeit: g.Forfeit, Automatic: g.Automatic, Clock: g.LiveClock(), At: e.At,
		})
	case relay.EventClock:
		return json.Marshal(clockFrame{Type: e.Type, Index: e.Index, Game: g.ID, Board: g.Board, Clock: g.LiveClock(), At: e.At})
	case relay.EventDeleted:
		f := deletedFrame{Type: e.Type, Index: e.Index}
		if g != nil {
			f.Game, f.Board = g.ID, g.Board
		}
		return json.Marshal(f)
	case relay.EventGame:
		return json.Marshal(gameFrame{Type: e.Type, Index: e.Index, boardInfo: boardOf(g)})
	}
	return nil, fmt.Errorf("event %d has the unknown type %q", e.Index, e.Type)
}

// reasonOf returns why the game was last changed: the game is as the event left it.
func reasonOf(g *relay.Game) string {
	if n := len(g.Changes); n > 0 {
		return g.Changes[n-1].Reason
	}
	return ""
}

func boardOf(g *relay.Game) boardInfo { return boardInfo{g.ID, g.Standing(), g.Index} }
