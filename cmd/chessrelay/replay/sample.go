package replay

import _ "embed"

// SampleRound is a real round in PGN, of 12 games; sample/README.md says where it is from.
//
//go:embed sample/olympiad-2014-round-11.pgn
var SampleRound string
