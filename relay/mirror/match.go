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

// matching is the result of match. Each field has one element for each source game.
type matching struct {
	source   []sourceGame
	found    []*boardGame // nil: the game opens a board, or is refused
	newBoard []int        // the number of the board that it opens
}

// match finds the board game of each source game, and numbers the new boards. A deleted game takes
// part only if the evidence is good. It has neither a place nor a number.
func match(boards, deleted []*boardGame, shown []Game) matching {
	m := matching{source: sourceGames(shown), found: make([]*boardGame, len(shown)), newBoard: make([]int, len(shown))}
	taken := make(map[*boardGame]bool, len(boards))
	all := slices.Concat(boards, deleted)
	for _, c := range m.candidates(all) {
		if m.found[c.source] == nil && !taken[c.board] {
			m.found[c.source], taken[c.board] = c.board, true
		}
	}
	m.byPlace(boards, taken)
	m.numberNewGames(boards)
	m.distinguishRequests(all)
	return m
}

// sourceGames adds to each game what follows from the others.
func sourceGames(games []Game) []sourceGame {
	out, keys, boards := make([]sourceGame, len(games)), creationRequests(games), trustedBoards(games)
	pairs := make(map[[2]string]int, len(games))
	for i := range games {
		g := &games[i]
		out[i] = sourceGame{Game: g, creationRequest: keys[i], board: boards[i], place: i + 1, heading: headingOf(g), players: g.players()}
		pairs[out[i].pair()]++
	}
	for i := range out {
		out[i].pairRepeats = pairs[out[i].pair()] > 1
	}
	return out
}

// pair is the same for all games of the same two players, in either colour.
func (s *sourceGame) pair() (pair [2]string) {
	for i := range s.players {
		if len(s.players[i].nameKeys) > 0 {
			pair[i] = s.players[i].nameKeys[0]
		}
	}
	if pair[0] > pair[1] {
		pair[0], pair[1] = pair[1], pair[0]
	}
	return pair
}

// candidate is a board game that a source game may be.
type candidate struct {
	source   int
	board    *boardGame
	evidence evidence
	fit      int // decides between candidates with the same evidence; the greater wins
}

// candidates are all pairs with evidence, the strongest first. It compares only games that have an
// id, a player or a board in common. So a round of a thousand boards costs little more than its
// moves.
func (m *matching) candidates(boards []*boardGame) []candidate {
	index := newBoardIndex(boards)
	namesInSource := make(map[string][]int, 2*len(m.source))
	for i := range m.source {
		for j := range m.source[i].players {
			for _, key := range m.source[i].players[j].nameKeys {
				namesInSource[key] = append(namesInSource[key], i)
			}
		}
	}
	ids := make(map[string]bool, len(m.source))
	for i := range m.source {
		ids[m.source[i].ID] = true
	}
	var out []candidate
	comparisonsLeft := 20_000 // with boards that have nothing in common with a source game
	for i := range m.source {
		s := &m.source[i]
		others := &otherGames{
			elsewhereInSource: func(p *player) bool {
				return slices.ContainsFunc(p.nameKeys, func(key string) bool {
					return slices.ContainsFunc(namesInSource[key], func(at int) bool { return at != i })
				})
			},
			elsewhereInRound: func(p *player, but *boardGame) bool {
				return slices.ContainsFunc(p.nameKeys, func(key string) bool {
					at := index.byName[key]
					return slices.ContainsFunc(at[:min(len(at), 32)], func(b *boardGame) bool {
						return b != but && b.Deleted == nil && !b.decided() && !contradict(s.heading.round, b.heading.round)
					})
				})
			},
			sourceHasID: func(id string) bool { return ids[id] },
		}
		found, boardHasPlayers := len(out), false // a board that was not deleted has these players
		consider := func(boards []*boardGame) {
			for _, b := range boards {
				evidence := s.weigh(b, others)
				if evidence == noEvidence || b.Deleted != nil && evidence < similarPair {
					continue
				}
				boardHasPlayers = boardHasPlayers || b.Deleted == nil && evidence >= swappedPair
				out = append(out, candidate{i, b, evidence, s.fit(b)})
			}
		}
		consider(index.related(s))
		// Both names may have another spelling.
		if len(out) == found && comparisonsLeft >= len(boards) {
			comparisonsLeft -= len(boards)
			consider(boards)
		}
		if boardHasPlayers {
			out = slices.DeleteFunc(out, func(c candidate) bool { return c.source == i && c.board.Deleted != nil })
		}
	}
	slices.SortStableFunc(out, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.evidence, a.evidence), cmp.Compare(b.fit, a.fit), cmp.Compare(a.source, b.source), cmp.Compare(a.board.Board, b.board.Board))
	})
	return out
}

// fit prefers a board whose moves agree. Next comes a board without moves for a game without moves,
// then the same board number.
func (s *sourceGame) fit(b *boardGame) int {
	r, fit := s.relation(b), 0
	switch {
	case r.agree():
		fit = 8 + 4*r.common - (r.recorded - r.common)
	case r.recorded == 0 && r.shown == 0:
		fit = 6
	case r.recorded == 0:
		fit = 4
	case r.shown > 0:
		fit = 2
	}
	fit *= 4
	if s.creationRequest == b.creationRequest() {
		fit += 2
	}
	if s.hasBoardOf(b) || s.board == 0 && s.place == b.Board {
		fit++
	}
	return fit
}

// boardIndex finds the boards that have something in common with a source game.
type boardIndex struct {
	byID, byName map[string][]*boardGame
	byCreation   map[string][]*boardGame // by creationRequest
	byFIDE       map[int64][]*boardGame
	byBoard      map[int][]*boardGame
}

func newBoardIndex(boards []*boardGame) boardIndex {
	x := boardIndex{map[string][]*boardGame{}, map[string][]*boardGame{}, map[string][]*boardGame{}, map[int64][]*boardGame{}, map[int][]*boardGame{}}
	for _, b := range boards {
		if b.sourceID != "" {
			x.byID[b.sourceID] = append(x.byID[b.sourceID], b)
		}
		x.byCreation[b.creationRequest()] = append(x.byCreation[b.creationRequest()], b)
		x.byBoard[b.Board] = append(x.byBoard[b.Board], b)
		if b.taggedBoard > 0 && b.taggedBoard != b.Board {
			x.byBoard[b.taggedBoard] = append(x.byBoard[b.taggedBoard], b)
		}
		for i := range b.players {
			for _, key := range b.players[i].nameKeys {
				x.byName[key] = append(x.byName[key], b)
			}
			if id := b.players[i].fideID; id != 0 {
				x.byFIDE[id] = append(x.byFIDE[id], b)
			}
		}
	}
	return x
}

// related are the boards that the game may be at, each once.
func (x *boardIndex) related(s *sourceGame) []*boardGame {
	var out []*boardGame
	seen := make(map[*boardGame]bool, 4)
	// Bounds the cost of a source where all players have one name.
	const enough = 32
	add := func(boards []*boardGame) {
		for _, b := range boards[:min(len(boards), enough)] {
			if !seen[b] {
				seen[b] = true
				out = append(out, b)
			}
		}
	}
	if s.ID != "" {
		add(x.byID[s.ID])
	}
	add(x.byCreation[s.creationRequest])
	if s.board > 0 {
		add(x.byBoard[s.board])
	}
	for i := range s.players {
		for _, key := range s.players[i].nameKeys {
			add(x.byName[key])
		}
		if id := s.players[i].fideID; id != 0 {
			add(x.byFIDE[id])
		}
	}
	return out
}

// byPlace matches what is left by the place in the source, or by the board number alone. It does so
// only if the round was evidently made from this list. Then evidence matches other games of it, and
// all games left continue the moves recorded at their places.
func (m *matching) byPlace(boards []*boardGame, taken map[*boardGame]bool) {
	byBoard := make(map[int]*boardGame, len(boards))
	for _, b := range boards {
		byBoard[b.Board] = b
	}
	known, inPlace, left := 0, 0, 0
	at := make([]*boardGame, len(m.found))
	for i := range m.source {
		s := &m.source[i]
		b := byBoard[cmp.Or(s.board, s.place)]
		if m.found[i] != nil {
			known++
			if m.found[i] == b {
				inPlace++
			}
			continue
		}
		if b == nil || taken[b] || !s.mayBeAtItsPlace(b) {
			continue
		}
		at[i] = b
		left++
	}
	if left == 0 || known == 0 || 2*inPlace < known {
		return
	}
	for i, b := range at {
		if b == nil {
			continue
		}
		s := &m.source[i]
		// Two strangers must not get the recorded moves.
		if s.players[0].likenessTo(&b.players[0]) >= unknownPlayer || s.players[1].likenessTo(&b.players[1]) >= unknownPlayer {
			m.found[i], taken[b] = b, true
		}
	}
}

// mayBeAtItsPlace reports whether nothing contradicts that the game is the one at its place.
func (s *sourceGame) mayBeAtItsPlace(b *boardGame) bool {
	return s.relation(b).agree() && !b.decided() && !contradict(s.heading.event, b.heading.event) && !contradict(s.heading.round, b.heading.round) &&
		!contradict(s.heading.date, b.heading.date) && !contradict(s.ID, b.sourceID)
}

// distinguishRequests gives a new game another request id if a board was created with the same one.
// Otherwise the log would take the creation for a repeated one.
func (m *matching) distinguishRequests(boards []*boardGame) {
	taken := make(map[string]bool, len(boards))
	for _, b := range boards {
		taken[b.Request] = true
	}
	for i := range m.source {
		if m.found[i] != nil {
			continue
		}
		s := &m.source[i]
		key := s.creationRequest
		for n := 1; taken[s.creationRequest]; n++ {
			s.creationRequest = key + againSuffix + strconv.Itoa(n)
		}
		taken[s.creationRequest] = true
	}
}

const againSuffix = "/again/"

// creationRequest is the request id of the game's creation, without the suffix.
func (b *boardGame) creationRequest() string {
	key, _, _ := strings.Cut(b.Request, againSuffix)
	return key
}

// creationRequests returns the request ids with which the games would be created. The boards keep
// them for ever. Equal games get different ids, by their order.
func creationRequests(games []Game) []string {
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

// withDistinctIDs returns the games with their ids cut to what a tag can keep. Ids that several
// games have are removed.
func withDistinctIDs(games []Game) []Game {
	out, times := slices.Clone(games), make(map[string]int, len(games))
	for i := range out {
		out[i].ID = cleanText(out[i].ID, relay.MaxTagValue)
		times[out[i].ID]++
	}
	for i := range out {
		if times[out[i].ID] > 1 {
			out[i].ID = ""
		}
	}
	return out
}

// digest is a short text that depends on all parts.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(strconv.AppendInt(nil, int64(len(p)), 10))
		h.Write([]byte{':'})
		h.Write([]byte(p))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// trustedBoards are the source's board numbers. They are all zero if two are the same: then they
// are the boards of team matches, counted from 1 in each.
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

// numberNewGames numbers the new boards: by the source's number, otherwise by the place in the
// source, otherwise with the lowest free number.
func (m *matching) numberNewGames(boards []*boardGame) {
	taken := make(map[int]bool, len(boards)+len(m.found))
	for _, b := range boards {
		taken[b.Board] = true
	}
	for _, wanted := range []func(s *sourceGame) int{
		func(s *sourceGame) int { return s.board },
		func(s *sourceGame) int { return s.place },
	} {
		for i := range m.found {
			if w := wanted(&m.source[i]); m.found[i] == nil && m.opensBoard(i) && m.newBoard[i] == 0 && w > 0 && !taken[w] {
				m.newBoard[i], taken[w] = w, true
			}
		}
	}
	next := 1
	for i := range m.found {
		if m.found[i] != nil || m.newBoard[i] != 0 || !m.opensBoard(i) {
			continue
		}
		for taken[next] {
			next++
		}
		m.newBoard[i], taken[next] = next, true
	}
}

// opensBoard reports whether the game may open a board. The source must name White and Black. If
// both players are unknown, the game must have moves or a board number.
func (m *matching) opensBoard(i int) bool {
	s := &m.source[i]
	if s.Unnamed {
		return false
	}
	return !s.playersUnknown() || len(s.Moves) > 0 || s.board > 0
}
