package mirror

import (
	"regexp"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// idTag is the tag that keeps the source's name for a game.
const idTag = "GameId"

// boardGame is a game of the round, with what the comparison needs of it.
type boardGame struct {
	*relay.Game
	moves []relay.Played // as relay.Game.Line returns them

	sourceID string
	heading  heading
	// the number in its Round tag, which is another one if that was taken; 0: none
	taggedBoard int
	players     [2]player // White, Black
	// replaced are lines, in UCI, that a person has changed. A source may have shown them until
	// then, and may still show them.
	replaced [][]string
}

// heading is where a game belongs, by its tags. An empty field is unknown, and contradicts nothing.
type heading struct{ event, round, date, site string }

// player is one of the two at a board, as far as a source can tell players apart.
type player struct {
	fideID   int64    // 0: unknown
	nameKeys []string // one for each name that the player goes by; none: the player is unknown
}

// likeness is how surely two players are the same.
type likeness uint8

const (
	otherPlayer   likeness = iota // they are two players
	unknownPlayer                 // one of them is unknown
	similarPlayer                 // their names may be two spellings of one name
	samePlayer
)

func boardGames(games []*relay.Game) []*boardGame {
	out := make([]*boardGame, len(games))
	for i, g := range games {
		s := &boardGame{Game: g, moves: g.Line(), sourceID: valueOf(g.Tags, idTag)}
		s.heading = heading{s.tag("Event"), s.tag("Round"), s.tag("Date"), s.tag("Site")}.normal()
		s.taggedBoard = (&pgn.Game{Tags: []pgn.Tag{{Name: "Round", Value: s.tag("Round")}}}).Board()
		s.replaced = s.replacedLines()
		s.players = [2]player{s.player("white", &g.White), s.player("black", &g.Black)}
		out[i] = s
	}
	return out
}

// replacedLines returns the source's moves in the note, if any, and then the lines that a person
// has changed, the newest first.
func (s *boardGame) replacedLines() (out [][]string) {
	add := func(to relay.Ply, n int, uci func(i int) string) {
		const enough = 4
		if int(to) > len(s.moves) || n == 0 || len(out) == enough {
			return
		}
		moves := make([]string, 0, int(to)+n)
		for i := range s.moves[:to] {
			moves = append(moves, s.moves[i].UCI())
		}
		for i := range n {
			moves = append(moves, uci(i))
		}
		out = append(out, moves)
	}
	if n := s.Note(); n != nil && n.HasMoves {
		add(n.ToPly, len(n.Moves), func(i int) string { return n.Moves[i].UCI })
	}
	for _, c := range slices.Backward(s.Changes) {
		if c.Source == "" {
			add(c.ToPly, len(c.Removed), func(i int) string { return c.Removed[i].UCI })
		}
	}
	return out
}

// tag is a tag's value; empty if a person has set it.
func (s *boardGame) tag(name string) string {
	if _, locked := s.Lock("tags." + name); locked {
		return ""
	}
	return valueOf(s.Tags, name)
}

// player also knows the names that the source used before a person set the name.
func (s *boardGame) player(side string, p *relay.Player) player {
	out := player{fideID: p.FideID}
	if _, locked := s.Lock(side + ".fideId"); locked {
		out.fideID = 0
	}
	out.addName(p.Name)
	if _, locked := s.Lock(side + ".name"); !locked {
		return out
	}
	for i := range s.Changes {
		if c := &s.Changes[i]; c.Source == "" {
			for _, f := range c.Fields {
				if f.Name == side+".name" {
					out.addName(f.Was)
				}
			}
		}
	}
	return out
}

func (p *player) addName(name string) {
	if key := relay.NameKey(name); key != "" && !slices.Contains(p.nameKeys, key) {
		p.nameKeys = append(p.nameKeys, key)
	}
}

// players are those of a source game, by their replaced names and by the source's own.
func (g *Game) players() [2]player {
	white, black := g.sourceNames()
	out := [2]player{{fideID: g.White.FideID}, {fideID: g.Black.FideID}}
	out[0].addName(g.White.Name)
	out[0].addName(white)
	out[1].addName(g.Black.Name)
	out[1].addName(black)
	return out
}

// likenessTo compares FIDE ids first, then names.
func (p *player) likenessTo(q *player) likeness {
	sameName := slices.ContainsFunc(p.nameKeys, func(key string) bool { return slices.Contains(q.nameKeys, key) })
	switch {
	case p.fideID != 0 && p.fideID == q.fideID, sameName && (p.fideID == 0 || q.fideID == 0):
		return samePlayer
	case sameName:
		return similarPlayer // one of the ids is wrong, or two players have that name
	case len(p.nameKeys) == 0 || len(q.nameKeys) == 0:
		return unknownPlayer
	case p.fideID != 0 && q.fideID != 0:
		return otherPlayer
	case slices.ContainsFunc(p.nameKeys, func(a string) bool {
		return slices.ContainsFunc(q.nameKeys, func(b string) bool { return relay.SimilarKeys(a, b) })
	}):
		return similarPlayer
	}
	return otherPlayer
}

// normal brings the heading into the one form in which headings are compared.
func (h heading) normal() heading {
	h.event, h.site = relay.TeamKey(h.event), relay.TeamKey(h.site)
	h.round = roundKey(h.round)
	if strings.ContainsAny(h.date, "?") {
		h.date = ""
	}
	return h
}

var roundForm = regexp.MustCompile(`^(\D*)0*(\d+)(?:\.(\d+)\.\d.*|[ .,(-].*)?$`)

// roundKey is the round of a Round tag, without the board: "5" of "5.12", "05" and "Round 5". It is
// "5.2" of "5.2.1", the second match of the round. Any other form, such as "1/8 final", is its
// text.
func roundKey(tag string) string {
	m := roundForm.FindStringSubmatch(tag)
	if m == nil {
		return relay.TeamKey(tag)
	}
	number := m[2]
	if m[3] != "" {
		number += "." + m[3]
	}
	switch before := relay.TeamKey(m[1]); before {
	case "round", "r", "rd", "runde", "ronda", "ronde", "tour", "turno":
		return number
	default:
		return before + number
	}
}

func headingOf(g *Game) heading {
	return heading{g.Event, g.Round, valueOf(g.Tags, "Date"), valueOf(g.Tags, "Site")}.normal()
}

// contradict reports whether both values are known and differ.
func contradict(a, b string) bool { return a != "" && b != "" && a != b }

func valueOf(tags []relay.Tag, name string) string {
	for _, t := range tags {
		if t.Name == name {
			return t.Value
		}
	}
	return ""
}
