// Package samples has real game files for the tests of relay and its subpackages. The project
// carries them, so that every clone tests the same. testdata/README.md names their sources.
//
// Tests that run over all games also run over the .pgn files of a folder of your own:
//
//	CHESSRELAY_PGN=$HOME/pgn go test ./relay/...
package samples
