package mirror

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// matching is what match finds, one of each for every game of the source.
type matching struct {
	said  []said
	of    []*seat // nil: it is a new one
	board []int   // of a new one
}

// match finds the games of the source among those of the round, and numbers the new ones. The
// deleted games are in gone. They take part if the evidence is good, and have neither a place nor a
// number.
func match(seats, gone []*seat, games []Game) matching {
	m := matching{said: sayings(games), of: make([]*seat, len(games)), board: make([]int, len(games))}
	claimed := make(map[*seat]bool, len(seats))
	all := slices.Concat(seats, gone)
	for _, c := range m.candidates(all) {
		if m.of[c.game] == nil && !claimed[c.seat] {
			m.of[c.game], claimed[c.seat] = c.seat, true
		}
	}
	m.byPlace(seats, claimed)
	m.number(seats)
	m.rename(all)
	return m
}

// sayings are the games with what follows from the others.
func sayings(games []Game) []said {
	out, keys, boards := make([]said, len(games)), keys(games), trustedBoards(games)
	pairs := make(map[[2]string]int, len(games))
	for i := range games {
		g := &games[i]
		out[i] = said{Game: g, key: keys[i], board: boards[i], place: i + 1, head: heads(g), who: g.people()}
		pairs[out[i].pair()]++
	}
	for i := range out {
		out[i].twice = pairs[out[i].pair()] > 1
	}
	return out
}

// pair is the same for all games of the same two, in either colour.
func (s *said) pair() (pair [2]string) {
	for i := range s.who {
		if len(s.who[i].keys) > 0 {
			pair[i] = s.who[i].keys[0]
		}
	}
	if pair[0] > pair[1] {
		pair[0], pair[1] = pair[1], pair[0]
	}
	return pair
}

// A candidate is a game that may be that of a seat.
type candidate struct {
	game int
	seat *seat
	rank rank
	fit  int // of two with the same rank, the greater one is the likelier
}

// candidates are all for which there is evidence, the strongest first. Only those are looked at
// that have an id, a player or a board in common, so a round of a thousand boards costs little more
// than its moves.
func (m *matching) candidates(seats []*seat) []candidate {
	index := indexOf(seats)
	sitting := make(map[string][]int, 2*len(m.said)) // where the players of the source sit
	for i := range m.said {
		for j := range m.said[i].who {
			for _, key := range m.said[i].who[j].keys {
				sitting[key] = append(sitting[key], i)
			}
		}
	}
	ids := make(map[string]bool, len(m.said))
	for i := range m.said {
		ids[m.said[i].ID] = true
	}
	var out []candidate
	budget := 20_000 // seats that are looked at though they have nothing in common
	for i := range m.said {
		s := &m.said[i]
		near := &around{
			elsewhere: func(p *person) bool {
				return slices.ContainsFunc(p.keys, func(key string) bool {
					return slices.ContainsFunc(sitting[key], func(at int) bool { return at != i })
				})
			},
			seated: func(p *person, but *seat) bool {
				return slices.ContainsFunc(p.keys, func(key string) bool {
					at := index.byName[key]
					return slices.ContainsFunc(at[:min(len(at), 32)], func(g *seat) bool {
						return g != but && g.Deleted == nil && !g.over() && !differ(s.head.round, g.place.round)
					})
				})
			},
			shows: func(id string) bool { return ids[id] },
		}
		found, there := len(out), false // there: a board that was not deleted has the same players
		weigh := func(seats []*seat) {
			for _, g := range seats {
				rank := s.evidence(g, near)
				if rank == none || g.Deleted != nil && rank < likePair {
					continue
				}
				there = there || g.Deleted == nil && rank >= swapped
				out = append(out, candidate{i, g, rank, s.fit(g)})
			}
		}
		weigh(index.near(s))
		// Both names may be written otherwise.
		if len(out) == found && budget >= len(seats) {
			budget -= len(seats)
			weigh(seats)
		}
		if there {
			out = slices.DeleteFunc(out, func(c candidate) bool { return c.game == i && c.seat.Deleted != nil })
		}
	}
	slices.SortStableFunc(out, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(b.fit, a.fit), cmp.Compare(a.game, b.game), cmp.Compare(a.seat.Board, b.seat.Board))
	})
	return out
}

// fit prefers the seat whose moves are those of the game, then one without moves for one without,
// then the same board.
func (s *said) fit(g *seat) int {
	r, fit := s.relation(g), 0
	switch {
	case r.agree():
		fit = 8 + 4*r.common - (r.stands - r.common)
	case r.stands == 0 && r.told == 0:
		fit = 6
	case r.stands == 0:
		fit = 4
	case r.told > 0:
		fit = 2
	}
	fit *= 4
	if s.key == g.key() {
		fit += 2
	}
	if s.at(g) || s.board == 0 && s.place == g.Board {
		fit++
	}
	return fit
}

// seatIndex finds the seats that have something in common with a game.
type seatIndex struct {
	byID, byName map[string][]*seat
	byKey        map[string][]*seat // what the games were known by when they were created
	byFIDE       map[int64][]*seat
	byBoard      map[int][]*seat
}

func indexOf(seats []*seat) seatIndex {
	x := seatIndex{map[string][]*seat{}, map[string][]*seat{}, map[string][]*seat{}, map[int64][]*seat{}, map[int][]*seat{}}
	for _, g := range seats {
		if g.id != "" {
			x.byID[g.id] = append(x.byID[g.id], g)
		}
		x.byKey[g.key()] = append(x.byKey[g.key()], g)
		x.byBoard[g.Board] = append(x.byBoard[g.Board], g)
		if g.board > 0 && g.board != g.Board {
			x.byBoard[g.board] = append(x.byBoard[g.board], g)
		}
		for i := range g.who {
			for _, key := range g.who[i].keys {
				x.byName[key] = append(x.byName[key], g)
			}
			if id := g.who[i].id; id != 0 {
				x.byFIDE[id] = append(x.byFIDE[id], g)
			}
		}
	}
	return x
}

// near are the seats that the game may be at, each once.
func (x *seatIndex) near(s *said) []*seat {
	var out []*seat
	seen := make(map[*seat]bool, 4)
	// A source that calls everybody the same must not cost the square of its games.
	const enough = 32
	add := func(seats []*seat) {
		for _, g := range seats[:min(len(seats), enough)] {
			if !seen[g] {
				seen[g] = true
				out = append(out, g)
			}
		}
	}
	if s.ID != "" {
		add(x.byID[s.ID])
	}
	add(x.byKey[s.key])
	if s.board > 0 {
		add(x.byBoard[s.board])
	}
	for i := range s.who {
		for _, key := range s.who[i].keys {
			add(x.byName[key])
		}
		if id := s.who[i].id; id != 0 {
			add(x.byFIDE[id])
		}
	}
	return out
}

// byPlace matches what is left by the place in the source, or by the board alone, where the source
// is evidently the list that the round was made of: other games of it are known by evidence, and
// all those that are left go on from the moves that stand at their places.
func (m *matching) byPlace(seats []*seat, claimed map[*seat]bool) {
	byBoard := make(map[int]*seat, len(seats))
	for _, g := range seats {
		byBoard[g.Board] = g
	}
	known, inPlace, left := 0, 0, 0
	at := make([]*seat, len(m.of))
	for i := range m.said {
		s := &m.said[i]
		g := byBoard[cmp.Or(s.board, s.place)]
		if m.of[i] != nil {
			known++
			if m.of[i] == g {
				inPlace++
			}
			continue
		}
		if g == nil || claimed[g] || !s.mayBeAt(g) {
			continue
		}
		at[i] = g
		left++
	}
	if left == 0 || known == 0 || 2*inPlace < known {
		return
	}
	for i, g := range at {
		if g == nil {
			continue
		}
		s := &m.said[i]
		// Nobody's moves are given to two strangers.
		if s.who[0].like(&g.who[0]) >= unknown || s.who[1].like(&g.who[1]) >= unknown {
			m.of[i], claimed[g] = g, true
		}
	}
}

// mayBeAt reports whether nothing speaks against the game being the one at its place.
func (s *said) mayBeAt(g *seat) bool {
	return s.relation(g).agree() && !g.over() && !differ(s.head.event, g.place.event) && !differ(s.head.round, g.place.round) &&
		!differ(s.head.date, g.place.date) && !differ(s.ID, g.id)
}

// rename gives a new game another request id where one of the round has its own: that is another
// game now, and the creation would be taken for the same one sent again.
func (m *matching) rename(seats []*seat) {
	taken := make(map[string]bool, len(seats))
	for _, g := range seats {
		taken[g.Request] = true
	}
	for i := range m.said {
		if m.of[i] != nil {
			continue
		}
		s := &m.said[i]
		key := s.key
		for n := 1; taken[s.key]; n++ {
			s.key = key + again + strconv.Itoa(n)
		}
		taken[s.key] = true
	}
}

const again = "/again/"

// key is what the game was known by when it was created.
func (g *seat) key() string {
	key, _, _ := strings.Cut(g.Request, again)
	return key
}

// keys are the request ids of the games' creations, which say by what they are known. They stay with
// the games for ever. Equal games have different ones, by their order.
func keys(games []Game) []string {
	out := make([]string, len(games))
	times := make(map[string]int, len(games))
	for i := range games {
		g := &games[i]
		key := "mirror/id/" + digest(g.ID)
		if g.ID == "" {
			place := ""
			white, black := g.sourceNames()
			white, black = relay.NameKey(white), relay.NameKey(black)
			if white == "" || black == "" {
				place = strconv.Itoa(i)
			}
			key = "mirror/" + digest(g.Event, g.Round, strconv.Itoa(g.Board), white, black, place)
		}
		if times[key]++; times[key] > 1 {
			key += "/" + strconv.Itoa(times[key])
		}
		out[i] = key
	}
	return out
}

// withDistinctIDs returns the games without the ids that more than one has, and with those as a tag can keep them.
func withDistinctIDs(games []Game) []Game {
	out, times := slices.Clone(games), make(map[string]int, len(games))
	for i := range out {
		out[i].ID = text(out[i].ID, relay.MaxTagValue)
		times[out[i].ID]++
	}
	for i := range out {
		if times[out[i].ID] > 1 {
			out[i].ID = ""
		}
	}
	return out
}

// digest is a short text that differs where the parts do.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(strconv.AppendInt(nil, int64(len(p)), 10))
		h.Write([]byte{':'})
		h.Write([]byte(p))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// trustedBoards are the numbers of the boards as the source has them, or zeros if two are
// the same: the boards of a team match, counted from 1 in each.
func trustedBoards(games []Game) []int {
	out := make([]int, len(games))
	seen := make(map[int]bool, len(games))
	for i := range games {
		b := games[i].Board
		if b < 1 || b > relay.MaxBoard {
			continue
		}
		if seen[b] {
			return make([]int, len(games))
		}
		seen[b] = true
		out[i] = b
	}
	return out
}

// number gives the new games their boards: the one that the source says, or that of their
// place, and if it is taken the lowest that is free.
func (m *matching) number(seats []*seat) {
	taken := make(map[int]bool, len(seats)+len(m.of))
	for _, g := range seats {
		taken[g.Board] = true
	}
	for _, wanted := range []func(s *said) int{
		func(s *said) int { return s.board },
		func(s *said) int { return s.place },
	} {
		for i := range m.of {
			if w := wanted(&m.said[i]); m.of[i] == nil && m.opens(i) && m.board[i] == 0 && w > 0 && !taken[w] {
				m.board[i], taken[w] = w, true
			}
		}
	}
	next := 1
	for i := range m.of {
		if m.of[i] != nil || m.board[i] != 0 || !m.opens(i) {
			continue
		}
		for taken[next] {
			next++
		}
		m.board[i], taken[next] = next, true
	}
}

// opens reports whether the game may open a board: one of which the source does not even name the
// players is not there yet, and one of nobody in particular must have something to show.
func (m *matching) opens(i int) bool {
	s := &m.said[i]
	if s.Unnamed {
		return false
	}
	return !s.nobody() || len(s.Moves) > 0 || s.board > 0
}
