package relay

import "encoding/binary"

// Ahead is how many commands [State.LookAhead] looks at.
const Ahead = 16

// LookAhead reads what the next commands, at most [Ahead] of them, will need, and changes nothing.
// With thousands of games side by side, a move's game, version and position are in no cache. Each
// is found by way of the one before. LookAhead fetches those of many commands at once, so the
// processor waits for all of them in the time of one.
func (s *State) LookAhead(n int, command func(i int) []byte) {
	n = min(n, Ahead)
	if s.games.n == 0 {
		return
	}
	var ids [Ahead]idNumber
	var live [Ahead]*liveGame
	var games [Ahead]*Game
	for i := range n {
		ids[i] = gameOf(command(i))
	}
	for i := range n {
		live[i] = s.games.find(ids[i]).game
	}
	for i := range n {
		if live[i] != nil {
			games[i] = live[i].Game
		}
	}
	var at [Ahead]*position
	sum := 0
	for i := range n {
		if games[i] != nil {
			at[i] = &games[i].moves.after
			sum += len(games[i].Result)
		}
	}
	for i := range n {
		if at[i] != nil {
			sum += at[i].FullMoves() + int(at[i].Turn())
			if l := &games[i].moves; len(l.tail) > 0 {
				sum += int(l.tail[len(l.tail)-1])
			}
		}
	}
	s.ahead = sum // so that the compiler keeps the loads
}

// gameOf returns the game of a command that plays a move, in the form that moveDecoder knows.
func gameOf(command []byte) idNumber {
	_, at := nextNumber(command, 0, 1)
	_, at = nextNumber(command, at, 2)
	by, at := nextLength(command, at, 3)
	request, at := nextLength(command, at+by, 4)
	source, at := nextLength(command, at+request, 5)
	from, at := nextLength(command, at+source, 6)
	token, at := nextLength(command, at+from, 7)
	_, at = nextLength(command, at+token, 13)
	if n, at := nextLength(command, at, 1); n == idLen {
		return idNumber(binary.LittleEndian.Uint64(command[at:]))
	}
	return 0
}
