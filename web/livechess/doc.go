// Package livechess serves every tournament as DGT LiveChess Cloud does, for viewers and programs
// that poll it. Package lcc has the format:
//
//	GET /get/{uuid}/tournament.json
//	GET /get/{uuid}/round-{n}/index.json
//	GET /get/{uuid}/round-{n}/game-{m}.json
//
// The package has no goroutines and no locks. Package web mounts its routes, and answers with its
// documents.
package livechess
