package relay

import (
	"fmt"

	"github.com/chessrelay/chessrelay/relay/rules"
)

// A Position is what an engine evaluates: a FEN without its counters, and the variant. It can be
// compared and be a map's key, so equal positions of several games have one evaluation.
type Position struct {
	board    rules.Position
	chess960 bool
}

// Position returns what is on the board of the game now.
func (g *Game) Position() Position { return g.position(g.Ply()).bare() }

// Positions returns the positions from the start on: the one at i is that after ply i.
func (g *Game) Positions() []Position {
	out := make([]Position, g.Ply()+1)
	pos := *g.position(0)
	out[0] = pos.bare()
	var records []byte
	for i := range g.Ply() {
		if i%movesPerRecord == 0 {
			records = g.moves.records(i + 1)
		}
		var record []byte
		record, records = nextRecord(records)
		m := readMove(record, i+1)
		if m.Illegal {
			pos = pos.afterIllegal(m.FEN)
		} else {
			played, _ := pos.Find(m.UCI) // it was found when it was played
			pos = pos.afterMove(played)
		}
		out[i+1] = pos.bare()
	}
	return out
}

func (pos *position) bare() Position { return Position{pos.WithoutCounters(), pos.chess960} }

// ParsePosition reads what [Position.FEN] writes.
func ParsePosition(fen string, chess960 bool) (Position, error) {
	p, err := rules.ParseFENAfterIllegal(fen)
	if err != nil {
		return Position{}, err
	}
	return Position{p.WithoutCounters(), chess960}, nil
}

// FEN writes the position for an engine, with counters as at the beginning of a game.
func (p Position) FEN() string {
	if p.chess960 {
		return string(p.board.AppendShredderFEN(nil))
	}
	return p.board.FEN()
}

// Chess960 reports whether castling is that of Chess960.
func (p Position) Chess960() bool { return p.chess960 }

// BlackToMove reports whose turn it is.
func (p Position) BlackToMove() bool { return p.board.Turn() == rules.Black }

// Playable reports whether an engine can search the position: there is a legal move, and no king
// can be taken. The latter happens after an illegal move only.
func (p Position) Playable() bool {
	_, err := rules.ParseFEN(p.FEN())
	return err == nil && p.board.HasMove()
}

// Line returns the SAN of moves in UCI that follow each other, at most the given number of them. It
// ends before the first move that is not legal.
func (p Position) Line(uci []string, most int) []string {
	var line []string
	board := p.board
	for _, text := range uci[:min(most, len(uci))] {
		m, err := board.Find(text)
		if err != nil {
			break
		}
		line = append(line, string(board.AppendSAN(nil, m)))
		board = board.After(m)
	}
	return line
}

// An Evaluation is what an engine thinks of a position, from White's point of view. Immutable.
type Evaluation struct {
	CP    int // in hundredths of a pawn; 0 if Mate is not
	Mate  int // moves until White mates; negative: until Black does; 0: there is no mate
	Depth int // in plies
	PV    []string
}

// MaxPV is how many moves of an engine's best line are kept, in SAN.
const MaxPV = 8

// String is the evaluation as PGN writes it: 0.17, -1.50, #3 or #-3.
func (e *Evaluation) String() string {
	if e.Mate != 0 {
		return fmt.Sprintf("#%d", e.Mate)
	}
	return fmt.Sprintf("%.2f", float64(e.CP)/100)
}

// Score is an evaluation in JSON: cp or mate.
type Score struct {
	CP    *int     `json:"cp,omitempty"`
	Mate  int      `json:"mate,omitempty"`
	Depth int      `json:"depth"`
	PV    []string `json:"pv"`
}

// Score returns the evaluation for JSON.
func (e *Evaluation) Score() Score {
	s := Score{Mate: e.Mate, Depth: e.Depth, PV: e.PV}
	if e.Mate == 0 {
		s.CP = &e.CP
	}
	if s.PV == nil {
		s.PV = []string{}
	}
	return s
}

// EvaluationsOff reports whether the arbiter has switched evaluations off for the round. It holds
// at once for every sight, also in a round with a delay.
func (s *State) EvaluationsOff(id RoundID) bool {
	r := s.rounds[id]
	return r != nil && r.Evaluations.Off
}
