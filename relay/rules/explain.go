package rules

import "errors"

// Explain says, for the sender of a text, why it means no move of the position. err is the one of
// [Position.Find].
func (p *Position) Explain(err error) string {
	var either *AmbiguousError
	switch {
	case errors.Is(err, ErrText):
		return "it is neither SAN (such as Nf3) nor UCI (such as g1f3)"
	case errors.As(err, &either):
		return "it could be " + string(p.AppendSAN(nil, either.First)) +
			" or " + string(p.AppendSAN(nil, either.Second))
	case errors.Is(err, ErrPromotion):
		return "it must name the piece that the pawn becomes (such as e8=Q)"
	case !p.HasMove():
		return "the position has no legal move: it is mate or stalemate"
	}
	return "it is not legal in the position " + p.FEN()
}
