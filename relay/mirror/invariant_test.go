package mirror

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

// fixture is a tournament as it is really played: the pairings and the moves.
type fixture struct {
	r      *rand.Rand
	rounds [][]*gameOnPaper
	style  struct{ event, round, board, id bool } // which tags the source writes
	names  map[string]string                      // what the source calls a player now
	person map[string]string                      // who is meant by a name that was ever used
}

// gameOnPaper is one game, and how far it has come.
type gameOnPaper struct {
	round, board int
	white, black string
	sans         []string
	result       string
	shown        int // plies played so far
}

func newFixture(r *rand.Rand) *fixture {
	f := &fixture{r: r, names: map[string]string{}, person: map[string]string{}}
	f.style.event, f.style.round = r.IntN(3) > 0, r.IntN(4) > 0
	f.style.board, f.style.id = r.IntN(2) == 0, r.IntN(4) == 0
	family := []string{"Adler", "Brandt", "Castro", "Dumont", "Evans", "Fontana", "Grieg", "Horvat", "Ivanov", "Jansen"}
	n := 2 + 2*r.IntN(4)
	players := make([]string, n)
	for i := range players {
		players[i] = family[i] + ", " + []string{"Ada", "Ben", "Cid", "Dora"}[r.IntN(4)]
		f.names[players[i]], f.person[relay.NameKey(players[i])] = players[i], players[i]
	}
	for round := range 1 + r.IntN(3) {
		r.Shuffle(n, func(i, j int) { players[i], players[j] = players[j], players[i] })
		var games []*gameOnPaper
		for i := 0; i+1 < n; i += 2 {
			games = append(games, f.game(round+1, i/2+1, players[i], players[i+1]))
		}
		// the same two once more, with the other colours or the same
		if f.style.round && r.IntN(3) == 0 {
			g := games[r.IntN(len(games))]
			white, black := g.white, g.black
			if r.IntN(2) == 0 {
				white, black = black, white
			}
			games = append(games, f.game(round+1, len(games)+1, white, black))
		}
		f.rounds = append(f.rounds, games)
	}
	return f
}

func (f *fixture) game(round, board int, white, black string) *gameOnPaper {
	g := &gameOnPaper{round: round, board: board, white: white, black: black, sans: randomLine(f.r, nil, f.r.IntN(40))}
	g.result = []string{"1-0", "0-1", "1/2-1/2", "*"}[f.r.IntN(4)]
	return g
}

// pgn is the game as the source shows it now.
func (f *fixture) pgn(g *gameOnPaper) string {
	var b strings.Builder
	tag := func(name, value string) { fmt.Fprintf(&b, "[%s \"%s\"]\n", name, value) }
	if f.style.event {
		tag("Event", "Open")
	}
	switch {
	case f.style.round && f.style.board:
		tag("Round", fmt.Sprintf("%d.%d", g.round, g.board))
	case f.style.round:
		tag("Round", fmt.Sprint(g.round))
	}
	if f.style.id {
		tag("GameId", fmt.Sprintf("%d-%d", g.round, g.board))
	}
	tag("White", f.names[g.white])
	tag("Black", f.names[g.black])
	result := "*"
	if g.shown == len(g.sans) {
		result = g.result
	}
	tag("Result", result)
	b.WriteByte('\n')
	for i, san := range g.sans[:g.shown] {
		if i%2 == 0 {
			fmt.Fprintf(&b, "%d. ", i/2+1)
		}
		b.WriteString(san + " ")
	}
	b.WriteString(result + "\n\n")
	return b.String()
}

// rename makes the source write a name in another way: with a letter less, with an initial, or as
// it was.
func (f *fixture) rename() {
	var all []string
	for p := range f.names {
		all = append(all, p)
	}
	slices.Sort(all)
	p := all[f.r.IntN(len(all))]
	family, given, _ := strings.Cut(p, ", ")
	name := []string{p, family[:2] + family[3:] + ", " + given, family + ", " + given[:1] + "."}[f.r.IntN(3)]
	f.names[p], f.person[relay.NameKey(name)] = name, p
}

// persons are the real players at a board.
func (f *fixture) persons(g *relay.Game) [2]string {
	return [2]string{f.person[relay.NameKey(g.White.Name)], f.person[relay.NameKey(g.Black.Name)]}
}

// TestNothingRecordedIsLost pushes what sources show of random tournaments: round after round into
// one file, one game at a time, some of them, in any order, with names that change. A game with
// moves or a result never gets two new players. It loses moves only by a correction that keeps the
// beginning. A game that the source stops showing stays. If the source tells the round, each game
// has one board in the end.
func TestNothingRecordedIsLost(t *testing.T) {
	runs := 130
	if *long {
		runs = 400
	}
	for seed := range uint64(runs) {
		f := newFixture(rand.New(rand.NewPCG(seed, 13)))
		w := newWorld(t)
		for _, round := range f.rounds {
			for range 1 + f.r.IntN(6) {
				for _, g := range round {
					g.shown = min(g.shown+f.r.IntN(12), len(g.sans))
				}
				if f.r.IntN(4) == 0 {
					f.rename()
				}
				f.pushSome(w, round, seed)
			}
		}
		if !f.style.round {
			continue
		}
		games := 0
		for _, round := range f.rounds {
			for _, g := range round {
				g.shown = len(g.sans)
			}
			f.push(w, round, seed)
			games += len(round)
		}
		if n := len(w.games()); n != games {
			t.Fatalf("seed %d: %d boards of %d games\n%s", seed, n, games, w.summary())
		}
		for _, round := range f.rounds {
			for _, g := range round {
				f.wantsBoard(w, g, seed)
			}
		}
	}
}

// pushSome pushes what a source may show at one moment.
func (f *fixture) pushSome(w *world, round []*gameOnPaper, seed uint64) {
	games := slices.Clone(round)
	switch f.r.IntN(5) {
	case 0: // one at a time
		for _, g := range games {
			f.push(w, []*gameOnPaper{g}, seed)
		}
		return
	case 1: // a part
		games = games[:1+f.r.IntN(len(games))]
	case 2: // in another order
		f.r.Shuffle(len(games), func(i, j int) { games[i], games[j] = games[j], games[i] })
	case 3: // with the round before
		if n := round[0].round; n > 1 && f.style.round {
			games = append(games, f.rounds[n-2]...)
		}
	}
	f.push(w, games, seed)
}

func (f *fixture) push(w *world, games []*gameOnPaper, seed uint64) {
	var text strings.Builder
	for _, g := range games {
		text.WriteString(f.pgn(g))
	}
	before := w.games()
	shown := map[relay.GameID]bool{}
	for _, c := range w.push(text.String()) {
		shown[c.Game] = true
	}
	for _, was := range before {
		now, ok := w.state.Game(was.ID)
		fail := func(what string) {
			w.t.Fatalf("seed %d: %s: board %d was %s-%s %d plies %s\npushed\n%s\nnow\n%s", seed, what, was.Board, was.White.Name, was.Black.Name, was.Ply(), was.Result, text.String(), w.summary())
		}
		if !ok || now.Board != was.Board {
			fail("the board is gone")
		}
		if !shown[was.ID] && now != was {
			fail("a board changed that the source did not show")
		}
		if was.Ply() == 0 && !was.Over() {
			continue
		}
		old, is := f.persons(was), f.persons(now)
		if is[0] != old[0] && is[0] != old[1] && is[1] != old[0] && is[1] != old[1] {
			fail("neither of the players was there")
		}
		a, b := was.Line(), now.Line()
		same := 0
		for same < min(len(a), len(b)) && a[same].Is(b[same].UCI()) {
			same++
		}
		if same < len(a) && same == 0 && len(a) > 4 { // a first move may have been entered wrongly
			fail("the moves are lost")
		}
	}
}

// wantsBoard fails unless a board has the whole game.
func (f *fixture) wantsBoard(w *world, g *gameOnPaper, seed uint64) {
	found := 0
	for _, is := range w.games() {
		if f.persons(is) != [2]string{g.white, g.black} || int(is.Ply()) != len(g.sans) || string(is.Result) != g.result && !is.Automatic {
			continue
		}
		if m, ok := is.LastMove(); !ok || m.SAN == g.sans[len(g.sans)-1] {
			found++
		}
	}
	if found == 0 {
		w.t.Fatalf("seed %d: no board has\n%s\nthere are\n%s", seed, f.pgn(g), w.summary())
	}
}
