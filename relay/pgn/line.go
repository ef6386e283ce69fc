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

	// Result is that of the [Game], or what the kings of a DGT board told of a game without one.
	Result relay.Result
	// Ended: the kings of a DGT board told that the game is over, see [Game.Play]. The
	// Result may be [relay.Ongoing] all the same, if nobody told it.
	Ended bool
}

// LineMove is one legal ply of a [Line].
type LineMove struct {
	SAN   string       // as the PGN standard writes it
	UCI   string       // in Chess960 castling is the king taking its rook
	Clock relay.Millis // what the mover had left, [relay.NoTime] if the text does not say
}

// Play plays the main line from the position that the tags tell, as far as it is
// legal. An error is an [*Error] that says which move is not, and why; the line then has the
// moves before it. Where its Ply is 0 the line has none, since the variant or the position at the
// start cannot be had. The last move of a text that is [Game.Cut] is left out without an error if it is but the beginning of one.
//
// A last king move to d4, d5, e4 or e5 that is not legal is neither an error nor a move. By it a
// DGT board is told that the game is over: both kings go to the light squares among these if White has won, to the dark
// ones if Black has, one to each kind for a draw (digitalgametechnology.com, "End of game: indicate
// result"). The text often has the first king only, since the board's software stops there. So the kings'
// squares count as a result only if the text has no other, and both kings went there by the two last
// moves, of which neither is legal.
//
// A game that our own [Writer] ended before an illegal move, since no other program could read on, has that as its error, too.
//
// A null move (--, Z0, @@@@) at the end is left out. The letters of the pieces may be German, French, Spanish or Italian, if the game as it is
// written has only those of one of them: see languages.
//
// It costs less than a microsecond a move, and five allocations a game.
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

// PlayAfter plays the moves behind the first n from the position of the FEN, which an illegal move led to, as
// [Game.Play] does. The variant is that of a [Line].
func (g *Game) PlayAfter(n int, fen, variant string) (*Line, error) {
	l := &Line{Variant: variant, StartFEN: fen, Result: g.Result}
	pos, err := rules.ParseFENAfterIllegal(fen)
	if err != nil {
		return l, g.fault(0, err.Error())
	}
	return l, l.play(g, n, pos)
}

// play plays the moves from index first on, in the letters of another language if they are not English.
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
			case half || null && i == len(g.Moves)-1 || l.endsWithKings(g, i): // a null move at the end bears a comment
			case null:
				err = g.fault(relay.Ply(i+1), "it is a null move, which leaves the same side to move twice: what follows is no game")
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

// playedIllegal is the error of a game that our own [Writer] had to end, since what was played next is not legal.
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

// startPosition settles the variant and the position that the game starts from, as [relay.SourceVariant]
// and [relay.RepairFEN] read them.
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

// endsWithKings reports whether the text ends, with the moves from i on, as a DGT board does that was
// told that the game is over, and notes so.
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
		if before = to; to == "e4" || to == "d5" {
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

// fault is the error of a ply, or of what stands before the first one.
func (g *Game) fault(ply relay.Ply, reason string) error {
	e := &Error{Game: g.Number, Players: g.Players(), Line: g.Line, Ply: ply, Reason: reason}
	if ply > 0 {
		m := &g.Moves[ply-1]
		e.Line, e.Move = m.Line, m.SAN
	}
	return e
}
