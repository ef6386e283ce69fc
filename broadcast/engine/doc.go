// Package engine evaluates positions with a UCI engine, such as Stockfish.
//
//	hub ── Want: positions ─► Engine ══ UCI ══ a process
//	 ▲                          │ Put
//	 └── Changed, Get ──────── Store ── After ─► edges below
//	                            ▲
//	                            └── Take ── the upstream, on an edge
//
// It is beside package broadcast, since the hub knows which boards are watched, and its spectators
// get the evaluations. It knows positions and no games. So a position is evaluated once, however
// many boards and spectators show it. And a delay needs no rule here: a client is shown the
// evaluations of the positions that it may see, and of no others.
//
// # Order
//
// [Engine.Want] takes the present position of each watched board, the newest first. It replaces the
// list before, so there is no queue that could grow. Each position is searched in stages, each
// longer than the one before. The engine takes the position with the fewest stages, and of these
// the newest. So every board has an evaluation soon, and a quiet round gets deep ones. A long
// search is stopped when a position comes that has none.
//
// # Bounds
//
// There is one process at a time, with a number of threads and a hash table that were set, and with
// a low priority. A [Store] keeps a number of positions. The position and its best line in SAN are
// made here, so nothing that an engine writes reaches a spectator unread: lines have a length,
// numbers a range, and moves must be legal.
//
// A process that dies, that does not answer in time, or that writes what no engine would, is killed
// and started again, each time after a longer pause. A position that kills it twice is left out.
//
// # Goroutines and locks
//
// An Engine has one goroutine, and one more for each process, which reads what the process writes.
// Close ends both, and the process. Engine.mu and Store.mu are leaves.
package engine
