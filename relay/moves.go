package relay

import (
	"encoding/binary"
	"slices"

	"github.com/chessrelay/chessrelay/relay/rules"
)

// A moveList is the moves of one version of a game. They are kept as the records that a checkpoint
// writes (MovesRecord in relay.proto). So a move is a few dozen bytes after the one before, without
// a pointer, and a checkpoint copies bytes. SAN and FEN are made on demand, from a position at
// hand.
//
// Versions share what they have in common. A longer version goes on in the same array where a
// shorter one ends, and the shorter one never looks there. A list that was cut has no capacity
// left, so adding to it copies.
type moveList struct {
	blocks []block // of complete records
	tail   []byte  // the records of the moves after the blocks

	n     int32
	last  rules.Move // the move at n; none if it is illegal
	after position   // the position after it; see Game.position
}

// A block is movesPerRecord moves.
type block struct {
	records []byte
	end     position // after the last of them
}

// maxMoveRecord is the longest record of a legal move, without its request.
const maxMoveRecord = 64

// add adds a move. For a legal one, played is the move in the list's last position; m's SAN, UCI
// and FEN are not read. An illegal one must come from [illegalMove]; played is not read.
func (l *moveList) add(m *Move, played rules.Move) {
	before := &l.after
	var buf [maxMoveRecord + MaxRequest]byte
	var b []byte
	if m.Illegal {
		b = appendString(appendString(appendString(buf[:0], 1, m.SAN), 2, m.UCI), 3, m.FEN)
	} else {
		b = before.appendUCI(append(buf[:0], 2<<3|bytesType, 0), played)
		b[1] = byte(len(b) - 2)
	}
	if m.Clock.White >= 0 {
		b = appendNumber(b, 4, uint64(m.Clock.White))
	}
	if m.Clock.Black >= 0 {
		b = appendNumber(b, 5, uint64(m.Clock.Black))
	}
	b = appendNonZero(b, 6, uint64(m.At))
	b = appendNonZero(b, 7, m.Index)
	b = appendNonZero(b, 8, m.Term)
	b = appendString(b, 9, m.Request)
	b = appendNonZero(b, 10, uint64(m.Carried))
	if m.Illegal {
		b = appendNumber(b, 11, 1)
	}

	if len(l.tail) == 0 { // also after a takeback: the next bytes are another version's
		l.tail = make([]byte, 0, movesPerRecord*(len(b)+3))
	}
	l.tail = binary.AppendUvarint(append(l.tail, movesField<<3|bytesType), uint64(len(b)))
	l.tail = append(l.tail, b...)
	l.n++
	l.last = played
	if m.Illegal {
		l.after = before.afterIllegal(m.FEN)
	} else {
		l.after.undo = l.after.Make(played)
	}
	if l.n%movesPerRecord == 0 {
		l.blocks = append(l.blocks, block{slices.Clip(l.tail), l.after})
		l.tail = nil
	}
}

// movesField is the number of a MovesRecord's only field.
const movesField = 1

// nextRecord cuts off the first record. It reads no more than that.
func nextRecord(records []byte) (first, rest []byte) {
	n, size := binary.Uvarint(records[1:])
	at := 1 + size
	return records[at : at+int(n)], records[at+int(n):]
}

// records returns the records of the moves from ply to the end of its block.
func (l *moveList) records(ply Ply) []byte {
	i := int(ply-1) / movesPerRecord
	records := l.tail
	if i < len(l.blocks) {
		records = l.blocks[i].records
	}
	for range int(ply-1) % movesPerRecord {
		_, records = nextRecord(records)
	}
	return records
}

// record returns the record of the move at ply.
func (l *moveList) record(ply Ply) []byte {
	first, _ := nextRecord(l.records(ply))
	return first
}

// isIllegal reports whether the record is an illegal move's. Only those begin with a text.
func isIllegal(record []byte) bool { return record[0] == 1<<3|bytesType }

// readMove reads a record. A legal move has no SAN and FEN then.
func readMove(record []byte, ply Ply) Move {
	text, at := string(record), 0
	m := Move{Ply: ply, Illegal: isIllegal(record), Clock: NoClock()}
	if m.Illegal {
		m.SAN, at = nextText(record, text, at, 1)
	}
	m.UCI, at = nextText(record, text, at, 2)
	if m.Illegal {
		m.FEN, at = nextText(record, text, at, 3)
	}
	m.Clock, m.At, at = nextTimes(record, at)
	m.Index, at = nextNumber(record, at, 7)
	m.Term, at = nextNumber(record, at, 8)
	m.Request, at = nextText(record, text, at, 9)
	n, _ := nextNumber(record, at, 10)
	m.Carried = Sides(n)
	return m
}

// complete derives the rest of the move from the position before it, and returns the position after
// it.
func (m *Move) complete(before *position) position {
	if m.Illegal {
		return before.afterIllegal(m.FEN)
	}
	played, _ := before.Find(m.UCI) // it was found when it was played
	return m.describe(before, played)
}

func (m *Move) describe(before *position, played rules.Move) position {
	after := before.afterMove(played)
	var buf [maxFEN + maxMoveText]byte
	b := before.AppendSAN(buf[:0], played)
	san := len(b)
	text := string(after.AppendFEN(b))
	m.SAN, m.FEN = text[:san], text[san:]
	return after
}

// position returns the position after ply. 0 <= ply <= g.Ply(). It goes from the nearest kept
// position before, which is less than movesPerRecord moves away.
func (g *Game) position(ply Ply) *position {
	l := &g.moves
	switch {
	case ply == Ply(l.n) && l.after.FullMoves() > 0:
		return &l.after
	case ply == Ply(l.n)-1 && l.last != rules.Move{}:
		pos := l.after.beforeMove(l.last)
		return &pos
	case ply == 0 && g.StartFEN == "" && g.Variant == "":
		return &standardPosition
	case ply == 0:
		pos, _ := parsePosition(g.FENAt(0), g.Variant) // it was read when the game was created
		return &pos
	case ply%movesPerRecord == 0:
		return &l.blocks[ply/movesPerRecord-1].end
	}
	from := ply / movesPerRecord * movesPerRecord
	pos := *g.position(from)
	records := l.records(from + 1)
	for range ply - from {
		var record []byte
		record, records = nextRecord(records)
		if isIllegal(record) {
			pos = pos.afterIllegal(readMove(record, 0).FEN)
			continue
		}
		head := record[:min(2+maxUCI, len(record))]
		uci, _ := nextText(head, string(head), 0, 2)
		played, _ := pos.Find(uci)
		pos = pos.afterMove(played)
	}
	return &pos
}

// Moves returns all moves in order: the one at i has ply i+1. They are made for the caller, at less
// than a microsecond each.
func (g *Game) Moves() []Move { return g.movesAfter(0) }

// movesAfter returns the moves after ply; nil if there is none.
func (g *Game) movesAfter(ply Ply) []Move {
	n := g.Ply()
	if ply == n {
		return nil
	}
	out := make([]Move, n-ply)
	pos := *g.position(ply)
	var records []byte
	for i := range out {
		if at := ply + Ply(i); i == 0 || at%movesPerRecord == 0 {
			records = g.moves.records(at + 1)
		}
		var record []byte
		record, records = nextRecord(records)
		out[i] = readMove(record, ply+Ply(i)+1)
		pos = out[i].complete(&pos)
	}
	return out
}

// MoveAt returns the move at ply. 1 <= ply <= g.Ply().
func (g *Game) MoveAt(ply Ply) Move {
	m := readMove(g.moves.record(ply), ply)
	m.complete(g.position(ply - 1))
	return m
}

// cut returns the moves up to ply. 0 <= ply < g.Ply().
func (g *Game) cut(ply Ply) moveList {
	whole := int(ply) / movesPerRecord
	l := moveList{blocks: slices.Clip(g.moves.blocks[:min(whole, len(g.moves.blocks))]), n: int32(ply), after: *g.position(ply)}
	if rest := int(ply) % movesPerRecord; rest > 0 {
		from := g.moves.records(ply - Ply(rest) + 1)
		l.tail = slices.Clip(from[:len(from)-len(g.moves.records(ply+1))])
	}
	if ply > 0 {
		if m := readMove(g.moves.record(ply), ply); !m.Illegal {
			pos := g.position(ply - 1)
			l.last, _ = pos.Find(m.UCI) // it was found when it was played
			l.after = pos.afterMove(l.last)
		}
	}
	return l
}

// Played is a move as it is recorded, without SAN and FEN.
type Played struct {
	Clock   Clock
	At      Millis
	Illegal bool // see Move.Illegal; then the UCI is empty, and [Game.MoveAt] has the move

	uci [maxUCI]byte
	n   uint8
}

// Is reports whether this is the legal move of that UCI.
func (p *Played) Is(uci string) bool { return string(p.uci[:p.n]) == uci && !p.Illegal }

// UCI returns the move's UCI; empty for an illegal one.
func (p *Played) UCI() string { return string(p.uci[:p.n]) }

// Line returns all moves in order, for a comparison with those of a source. It costs a twentieth of
// [Game.Moves].
func (g *Game) Line() []Played {
	n := int(g.moves.n)
	if n == 0 {
		return nil
	}
	out := make([]Played, n)
	var records []byte
	for i := range out {
		if i%movesPerRecord == 0 {
			records = g.moves.records(Ply(i) + 1)
		}
		var record []byte
		record, records = nextRecord(records)
		out[i].read(record)
	}
	return out
}

// read reads a record as readMove does, and keeps no part of it.
func (p *Played) read(record []byte) {
	at := 0
	if p.Illegal = isIllegal(record); p.Illegal {
		for field := byte(1); field <= 3; field++ {
			length, begin := nextLength(record, at, field)
			at = begin + length
		}
	} else {
		length, begin := nextLength(record, at, 2)
		p.n = uint8(copy(p.uci[:], record[begin:begin+length]))
		at = begin + length
	}
	p.Clock, p.At, _ = nextTimes(record, at)
}

// nextTimes reads the clocks of a move's record and when the move was played.
func nextTimes(record []byte, at int) (clock Clock, played Millis, end int) {
	clock = NoClock()
	var n uint64
	if comes(record, at, 4, varintType) {
		n, at = nextNumber(record, at, 4)
		clock.White = Millis(n)
	}
	if comes(record, at, 5, varintType) {
		n, at = nextNumber(record, at, 5)
		clock.Black = Millis(n)
	}
	n, at = nextNumber(record, at, 6)
	return clock, Millis(n), at
}
