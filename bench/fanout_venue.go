package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	whole "github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

const (
	venueRound = relay.RoundID("fanround")
	// venueBoards is how many boards the spectators watch.
	venueBoards = 20
)

// A venue is the boards of a whole node, on which real games are played: one move on each board in
// turn. When a game is over, it is taken back and played again. So every log entry is one event,
// and the boards do not grow.
type venue struct {
	*whole.Boards
	games [][]string // the moves of each board, in SAN; static

	// Owned by the caller of play.
	plies   []int
	next    int // the board whose turn it is
	applied uint64

	snapshotMu sync.Mutex
	snapshotAt uint64 // guarded by snapshotMu, as is snap
	snap       []byte
}

var _ broadcast.View = (*venue)(nil)

// newVenue opens the round and its boards.
func newVenue(games [][]string) (*venue, error) {
	v := &venue{Boards: whole.NewBoards(nil), plies: make([]int, venueBoards)}
	commands := []*relaypb.Command{
		{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: "fancup00", Name: "Bench Open"}}},
		{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: string(venueRound), Tournament: "fancup00", Name: "Round 1"}}},
	}
	for i := range venueBoards {
		v.games = append(v.games, games[i%len(games)])
		commands = append(commands, &relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
			Id: string(boardGame(i)), Round: string(venueRound), Board: int32(i + 1),
			White: &relaypb.Player{Name: fmt.Sprintf("White %d", i+1)}, Black: &relaypb.Player{Name: fmt.Sprintf("Black %d", i+1)},
		}}})
	}
	for _, c := range commands {
		if _, err := v.apply(c); err != nil {
			return nil, err
		}
	}
	_, err := v.play() // the first move also begins the round, so it is two events
	return v, err
}

func boardGame(board int) relay.GameID { return relay.GameID(fmt.Sprintf("fangam%02d", board+1)) }

// apply has the state take a command, as the apply loop of a node does. It returns the command's
// event, if any.
func (v *venue) apply(c *relaypb.Command) ([]relay.Event, error) {
	c.At, c.By = time.Now().UnixMilli(), "bench"
	c.Request = strconv.FormatUint(v.applied+1, 36) // only the caller of play writes it
	data, err := relay.EncodeCommand(c)
	if err != nil {
		return nil, err
	}
	v.applied++
	batch := []consensus.Command{{Index: v.applied, Term: 1, Data: data}}
	v.Apply(batch)
	out := batch[0].Outcome.(*relay.Outcome)
	if out.Err != nil {
		return nil, fmt.Errorf("entry %d: %w", v.applied, out.Err)
	}
	return out.AppendEvents(nil), nil
}

// play plays the next move, on the next board, and returns its event. Its index is one more than
// the last.
func (v *venue) play() ([]relay.Event, error) {
	board := v.next
	v.next = (v.next + 1) % len(v.games)
	game, moves := string(boardGame(board)), v.games[board]
	if v.plies[board] == len(moves) {
		v.plies[board] = 0
		return v.apply(&relaypb.Command{Op: &relaypb.Command_TakeBack{TakeBack: &relaypb.TakeBack{Game: game, ToPly: 0}}})
	}
	ply := v.plies[board]
	v.plies[board]++
	white, black := int64(5_400_000-ply*7_000), int64(5_400_000-ply*6_000)
	return v.apply(&relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{
		Game: game, Ply: int32(ply) + 1, Move: moves[ply], WhiteMs: &white, BlackMs: &black,
	}}})
}

// index is the index of the last applied entry.
func (v *venue) index() (at uint64) {
	v.Read(func(applied uint64, _ *relay.State) { at = applied })
	return at
}

// eventFrame is an event as chessrelay's spectators get it. The peers must carry the same bytes;
// TestFanoutEvents checks that.
type eventFrame struct {
	Type     relay.EventType `json:"type"`
	Index    uint64          `json:"index"`
	Game     relay.GameID    `json:"game"`
	Board    int             `json:"board"`
	Ply      relay.Ply       `json:"ply"`
	SAN      string          `json:"san,omitempty"`
	UCI      string          `json:"uci,omitempty"`
	FEN      string          `json:"fen"`
	Clock    relay.LiveClock `json:"clock"`
	LastMove json.RawMessage `json:"lastMove,omitempty"`
	At       relay.Millis    `json:"at"`
}

func encodeFanEvent(e *relay.Event) ([]byte, error) {
	g := e.Game
	f := eventFrame{Type: e.Type, Index: e.Index, Game: g.ID, Board: g.Board, Ply: g.Ply(), FEN: g.FEN(), Clock: g.LiveClock(), At: e.At}
	switch e.Type {
	case relay.EventMove:
		m, _ := g.LastMove()
		f.SAN, f.UCI = m.SAN, m.UCI
	case relay.EventTakeback:
		f.LastMove = json.RawMessage("null") // it goes back to the start
	default:
		return nil, fmt.Errorf("no events of type %q were expected", e.Type)
	}
	return json.Marshal(f)
}

// snapshot is the current round, for the peers: they must greet a spectator with the same data as
// chessrelay. It is encoded once for all spectators that come while nothing happens.
func (v *venue) snapshot() ([]byte, error) {
	v.snapshotMu.Lock()
	defer v.snapshotMu.Unlock()
	var games []*relay.Game
	var at uint64
	v.Read(func(applied uint64, s *relay.State) {
		if at = applied; at == v.snapshotAt {
			return
		}
		for i := range v.games {
			g, _ := s.Game(boardGame(i))
			games = append(games, g)
		}
	})
	if at == v.snapshotAt {
		return v.snap, nil
	}
	type board struct {
		Game relay.GameID `json:"game"`
		relay.Standing
	}
	frame := struct {
		Type   string  `json:"type"`
		Index  uint64  `json:"index"`
		Boards []board `json:"boards"`
	}{Type: "snapshot", Index: at}
	for _, g := range games {
		frame.Boards = append(frame.Boards, board{g.ID, g.Standing()})
	}
	snap, err := json.Marshal(frame)
	if err == nil {
		v.snap, v.snapshotAt = snap, at
	}
	return snap, err
}
