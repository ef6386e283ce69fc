package rules

// LegalMoves yields every legal move once.
func (p *Position) LegalMoves(yield func(Move) bool) { p.legalMoves(yield) }
