package relay

import "encoding/binary"

// Ahead is how many commands [State.LookAhead] looks at.
const Ahead = 16

// LookAhead reads what the next commands, [Ahead] of them at most, will need, and changes nothing. Where thousands of
// games are played side by side, what a move needs is in no cache of the processor when its turn comes: the game, its
// version, the position, each found by way of the one before. Here they are fetched for many commands at once, so that
// the processor waits for all of them in the time of one.
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
	s.ahead = sum // so that nothing of it is left out
}

// gameOf is the game of a command that plays a move, in the form that moveDecoder knows.
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
