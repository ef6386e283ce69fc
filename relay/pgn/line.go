package pgn

import (
	"errors"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/rules"
)

// Line is the main line of a game, played by the rules.
type Line struct {
	Variant  string // empty for standard chess, or [relay.Chess960]
	StartFEN string // empty for the standard position of standard chess
	Moves    []LineMove

	// Result is the [Game]'s. If it has none, it is the one that a DGT board's kings tell.
	Result relay.Result
	// Ended says that a DGT board's kings told the end of the game, see [Game.Play]. The Result may
	// still be [relay.Ongoing].
	Ended bool
}

// LineMove is one legal ply of a [Line].
type LineMove struct {
	SAN   string       // as the PGN standard writes it
	UCI   string       // in Chess960 castling is the king taking its rook
	Clock relay.Millis // what the mover had left, [relay.NoTime] if the text does not say
}

// Play plays the main line from the start position in the tags, as far as it is legal. An error is
// an [*Error] that says which move is illegal and why; the line then has the moves before it. If
// its Ply is 0, the line is empty: the variant is unknown or the start position impossible. If the
// game is [Game.Cut], a last move that is only the beginning of one is left out without an error.
//
// A last illegal king move to d4, d5, e4 or e5 is neither an error nor a move. It is how a DGT
// board learns that the game is over. If White has won, both kings go to light squares among these.
// If Black has, they go to dark ones; for a draw, to one of each (digitalgametechnology.com, "End
// of game: indicate result"). The text often has only the first king, since the board's software
// stops there. So the squares count as a result only if the text has no other. The two last moves
// must be such king moves, both illegal.
//
// If our own [Writer] ended the game before an illegal move, that is an error, too.
//
// A null move (--, Z0, @@@@) at the end is left out. The letters of the pieces may be those of
// another language, see languages.
//
// Play costs less than a microsecond for each move, and five allocations for each game.
func (g *Game) Play() (*Line, error) {
	l := &Line{Result: g.Result}
	pos, err := l.startPosition(g)
	if err != nil {
		return l, g.fault(0, err.Error())
	}
	if err := l.play(g, 0, pos); err != nil {
		return l, err
	}
	return l, g.playedIllegal()
}

// PlayAfter plays the moves behind the first n from the position of the FEN, to which an illegal
// move led. variant is that of a [Line].
func (g *Game) PlayAfter(n int, fen, variant string) (*Line, error) {
	l := &Line{Variant: variant, StartFEN: fen, Result: g.Result}
	pos, err := rules.ParseFENAfterIllegal(fen)
	if err != nil {
		return l, g.fault(0, err.Error())
	}
	return l, l.play(g, n, pos)
}

// play plays the moves from index first on. If English letters fail, it tries another language.
func (l *Line) play(g *Game, first int, pos rules.Position) error {
	before := *l
	err := l.playMoves(g, first, pos)
	fault, _ := errors.AsType[*Error](err)
	if fault == nil {
		return err
	}
	foreign := g.translated()
	if foreign == nil {
		return err
	}
	*l = before
	err = l.playMoves(foreign, first, pos)
	if fault, _ := errors.AsType[*Error](err); fault != nil {
		fault.Move = g.Moves[fault.Ply-1].SAN // as it is written
	}
	return err
}

func (l *Line) playMoves(g *Game, first int, pos rules.Position) (err error) {
	l.Moves = make([]LineMove, 0, len(g.Moves)-first)
	// The texts live and die together, so one string holds them.
	texts := make([]byte, 0, 12*len(g.Moves))
	ends := make([]int, 0, 2*len(g.Moves))
	for i := first; i < len(g.Moves); i++ {
		m, e := pos.Find(g.Moves[i].SAN)
		if e != nil {
			half := g.Cut && i == len(g.Moves)-1 && (errors.Is(e, rules.ErrText) || errors.Is(e, rules.ErrPromotion))
			switch null := isNull(g.Moves[i].SAN); {
			case half || null && i == len(g.Moves)-1 || l.endsWithKings(g, i):
				// Some programs end with a null move, to have a place for a comment.
			case null:
				err = g.fault(relay.Ply(i+1), "it is a null move, which gives one side two moves in a row: the game cannot go on after it")
			default:
				err = g.fault(relay.Ply(i+1), pos.Explain(e))
			}
			break
		}
		texts = pos.AppendSAN(texts, m)
		ends = append(ends, len(texts))
		if l.Variant == relay.Chess960 {
			texts = rules.AppendUCI960(texts, m)
		} else {
			texts = pos.AppendUCI(texts, m)
		}
		ends = append(ends, len(texts))
		l.Moves = append(l.Moves, LineMove{Clock: g.Moves[i].Clock})
		pos, _ = pos.Play(m) // what is found is legal
	}
	all, from := string(texts), 0
	for i := range l.Moves {
		san, uci := ends[2*i], ends[2*i+1]
		l.Moves[i].SAN, l.Moves[i].UCI = all[from:san], all[san:uci]
		from = uci
	}
	return err
}

// playedIllegal is the error of a game that our own [Writer] ended before an illegal move.
func (g *Game) playedIllegal() error {
	comment := g.Comment
	if n := len(g.Moves); n > 0 {
		comment = g.Moves[n-1].Comment
	}
	_, played, found := strings.Cut(comment, illegalMark)
	if !found {
		return nil
	}
	played, _, _ = strings.Cut(played, ";")
	return &Error{Game: g.Number, Players: g.Players(), Line: g.Line, Ply: relay.Ply(len(g.Moves)) + 1, Reason: illegalMark + played}
}

// startPosition returns the start position and sets the variant, as [relay.SourceVariant] and
// [relay.RepairFEN] read them.
func (l *Line) startPosition(g *Game) (rules.Position, error) {
	var none rules.Position
	variant, err := relay.SourceVariant(g.Known("Variant"))
	if err != nil {
		return none, err
	}
	l.Variant = variant
	fen := g.Known("FEN")
	if fen == "" {
		if variant == relay.Chess960 {
			return none, errors.New("a game of Chess960 needs the tag FEN, for the position that it starts from")
		}
		return standard, nil
	}
	if fen, variant, err = relay.RepairFEN(fen, variant, g.castles()); err != nil {
		reason := err.Error()
		if field, ok := errors.AsType[*relay.BadCommandError](err); ok {
			reason = field.Reason
		}
		return none, errors.New("no game can begin from the tag FEN: " + reason)
	}
	pos, err := rules.ParseFEN(fen)
	if err != nil {
		return none, err
	}
	l.Variant, l.StartFEN = variant, fen
	if fen == relay.StartFEN && variant == "" {
		l.StartFEN = ""
	}
	return pos, nil
}

// castles reports whether a move of the game is castling.
func (g *Game) castles() bool {
	return slices.ContainsFunc(g.Moves, func(m Move) bool {
		return strings.HasPrefix(m.SAN, "O-O") || strings.HasPrefix(m.SAN, "0-0")
	})
}

var standard, _ = rules.ParseFEN(relay.StartFEN)

// endsWithKings reports whether the moves from i on are those by which a DGT board learns the end
// of a game. Then it sets Ended, and the result.
func (l *Line) endsWithKings(g *Game, i int) bool {
	last := g.Moves[i:]
	if len(last) > 2 {
		return false
	}
	light, before := 0, ""
	for j := range last {
		to, ok := kingToCentre(last[j].SAN)
		if !ok || to == before {
			return false
		}
		before = to
		if to == "e4" || to == "d5" {
			light++
		}
	}
	l.Ended = true
	if len(last) == 2 && l.Result == relay.Ongoing {
		l.Result = [...]relay.Result{relay.BlackWins, relay.Draw, relay.WhiteWins}[light]
	}
	return true
}

// kingToCentre takes Ke4, Kxe4 and Ke1-e4, and returns the square.
func kingToCentre(san string) (to string, ok bool) {
	san, ok = strings.CutPrefix(strings.TrimRight(san, "+#"), "K")
	if !ok || len(san) < 2 || strings.Trim(san[:len(san)-2], "abcdefgh12345678x-") != "" {
		return "", false
	}
	to = san[len(san)-2:]
	return to, to == "d4" || to == "d5" || to == "e4" || to == "e5"
}

// fault is the error of a ply, or of the tags if ply is 0.
func (g *Game) fault(ply relay.Ply, reason string) error {
	e := &Error{Game: g.Number, Players: g.Players(), Line: g.Line, Ply: ply, Reason: reason}
	if ply > 0 {
		m := &g.Moves[ply-1]
		e.Line, e.Move = m.Line, m.SAN
	}
	return e
}
