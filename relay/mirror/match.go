package mirror

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/chessrelay/chessrelay/relay"
)

// idTag is the tag that keeps what the source calls a game.
const idTag = "GameId"

// matching is what match finds, one of each for every game of the source.
type matching struct {
	of    []*seat  // nil: it is a new one
	board []int    // of a new one
	key   []string // the request id of its creation
}

// match finds the games of the source among those of the round, and numbers the new ones.
func match(seats []*seat, games []Game) matching {
	m := matching{board: make([]int, len(games)), key: keys(games)}
	boards := trustedBoards(games)
	// Of a source that has other games than the round, the places are others too.
	m.of = m.find(seats, games, boards, len(games) == len(seats))
	if slices.Contains(m.of, nil) {
		m.of = m.find(seats, games, boards, false)
	}
	m.number(seats, boards)
	m.rename(seats)
	return m
}

// find tries the signs one after the other on all games; places: whether those in the source are a sign.
func (m *matching) find(seats []*seat, games []Game, boards []int, places bool) []*seat {
	of := make([]*seat, len(games))
	claimed := make(map[*seat]bool, len(seats))
	for _, same := range signs {
		for i := range games {
			if of[i] != nil {
				continue
			}
			s := said{&games[i], m.key[i], boards[i], 0}
			if places {
				s.place = i + 1
			}
			for _, g := range seats {
				if !claimed[g] && !otherID(s.ID, valueOf(g.Tags, idTag)) && same(&s, g) {
					of[i] = g
					claimed[g] = true
					break
				}
			}
		}
	}
	return of
}

// rename gives a new game another request id where one of the round has its own: that is another game now, and
// the creation would be taken for the same one sent again.
func (m *matching) rename(seats []*seat) {
	taken := make(map[string]bool, len(seats))
	for _, g := range seats {
		taken[g.Request] = true
	}
	for i, key := range m.key {
		if m.of[i] != nil {
			continue
		}
		for n := 1; taken[m.key[i]]; n++ {
			m.key[i] = key + "/again/" + strconv.Itoa(n)
		}
		taken[m.key[i]] = true
	}
}

// seat is a game of the round, with its moves at hand.
type seat struct {
	*relay.Game
	moves []relay.Move
}

func seatsOf(games []*relay.Game) []*seat {
	out := make([]*seat, len(games))
	for i, g := range games {
		out[i] = &seat{g, g.Moves()}
	}
	return out
}

// said is a game of the source with what follows from the games around it.
type said struct {
	*Game
	key   string
	board int // 0: none that can be believed
	place int // in the source, from 1; 0 if it says nothing
}

// signs are tried one after the other on all games, the surest first.
var signs = []func(s *said, g *seat) bool{
	func(s *said, g *seat) bool {
		return s.ID != "" && s.ID == valueOf(g.Tags, idTag)
	},
	func(s *said, g *seat) bool { return s.key == g.Request },
	func(s *said, g *seat) bool { return s.players(g) == 2 && s.at(g) && s.agrees(g) },
	func(s *said, g *seat) bool { return s.players(g) == 2 && s.agrees(g) },
	func(s *said, g *seat) bool { return s.players(g) == 2 && s.at(g) },
	func(s *said, g *seat) bool { return s.players(g) == 2 },
	func(s *said, g *seat) bool { return s.players(g) == 1 && s.at(g) },
	func(s *said, g *seat) bool {
		return s.players(g) == 1 && s.agrees(g) && len(g.moves) >= tellingPlies && len(s.Moves) >= tellingPlies
	},
	func(s *said, g *seat) bool { return s.at(g) && s.agrees(g) },
}

// tellingPlies are so many that two games of one round that have them in common are probably one.
const tellingPlies = 10

// at reports whether the game is at the board that the source says, or, where it says
// none, at the same place.
func (s *said) at(g *seat) bool {
	return cmp.Or(s.board, s.place) == g.Board
}

// players counts the players that are the same, by their names or their FIDE ids.
func (s *said) players(g *seat) int {
	n := 0
	for _, p := range [2][2]*relay.Player{{&s.White, &g.White}, {&s.Black, &g.Black}} {
		if samePlayer(p[0], p[1]) {
			n++
		}
	}
	return n
}

func samePlayer(a, b *relay.Player) bool {
	k := nameKey(a.Name)
	return k != "" && k == nameKey(b.Name) || a.FideID != 0 && a.FideID == b.FideID
}

// agrees reports whether one of the two games can be the other one a while ago.
func (s *said) agrees(g *seat) bool {
	return sameStart(g, s.Game) && common(g, s.Game) == min(len(g.moves), len(s.Moves))
}

// common is the number of plies that both have at the start.
func common(g *seat, s *Game) int {
	n := min(len(g.moves), len(s.Moves))
	for i := range n {
		if !sameMove(&g.moves[i], &s.Moves[i]) {
			return i
		}
	}
	return n
}

// sameMove also takes the two ways to write castling for one: as the king's step, and as the king taking its
// rook, which is how it is written in Chess960. That starts from the usual position too, now and then.
func sameMove(stands *relay.Move, told *Move) bool {
	if stands.Illegal || told.FEN != "" {
		return stands.Illegal && stands.SAN == told.UCI && stands.FEN == told.FEN
	}
	return stands.UCI == told.UCI ||
		strings.HasPrefix(stands.SAN, "O-O") && kingTakesRook.Replace(stands.UCI) == kingTakesRook.Replace(told.UCI)
}

var kingTakesRook = strings.NewReplacer("e1g1", "e1h1", "e1c1", "e1a1", "e8g8", "e8h8", "e8c8", "e8a8")

// nameKey is the same for all the ways in which a name is written: "Carlsen, Magnus"
// and "Magnus Carlsen". It is empty for an unknown player.
func nameKey(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	slices.Sort(words)
	return strings.Join(words, " ")
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
			white, black = nameKey(white), nameKey(black)
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

// otherID reports whether the source names both, and differently.
func otherID(a, b string) bool {
	return a != "" && b != "" && a != b
}

func valueOf(tags []relay.Tag, name string) string {
	for _, t := range tags {
		if t.Name == name {
			return t.Value
		}
	}
	return ""
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
func (m *matching) number(seats []*seat, boards []int) {
	taken := make(map[int]bool, len(seats)+len(m.of))
	for _, g := range seats {
		taken[g.Board] = true
	}
	for _, wanted := range []func(int) int{
		func(i int) int { return boards[i] },
		func(i int) int { return i + 1 },
	} {
		for i := range m.of {
			if w := wanted(i); m.of[i] == nil && m.board[i] == 0 && w > 0 && !taken[w] {
				m.board[i], taken[w] = w, true
			}
		}
	}
	next := 1
	for i := range m.of {
		if m.of[i] != nil || m.board[i] != 0 {
			continue
		}
		for taken[next] {
			next++
		}
		m.board[i], taken[next] = next, true
	}
}
