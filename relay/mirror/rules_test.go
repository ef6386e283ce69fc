package mirror

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tagged is a PGN of tags such as "Round=1.1 White=North,_Ada", and of moves that end with the
// result.
func tagged(tags, moves string) string {
	var b strings.Builder
	for _, tag := range strings.Fields(tags) {
		name, value, _ := strings.Cut(tag, "=")
		b.WriteString("[" + name + " \"" + strings.ReplaceAll(value, "_", " ") + "\"]\n")
	}
	fields := strings.Fields(moves)
	return b.String() + "[Result \"" + fields[len(fields)-1] + "\"]\n\n" + moves + "\n\n"
}

// TestRules reads like the rules of doc.go: pushes one after the other, and the round after each.
func TestRules(t *testing.T) {
	const round1, round2 = "Event=Open Round=1.", "Event=Open Round=2."
	for _, tc := range []struct {
		rule   string
		pushes []string
		want   string
	}{
		{"1: the same GameId is the same game, with one of the players", []string{
			tagged("GameId=x White=A Black=B", "1. e4 *"), tagged("GameId=x White=A Black=Clara", "1. e4 e5 *"),
		}, "1 A-Clara e4 e5 *\n"},
		{"1: or with none, while nothing is recorded", []string{
			tagged("GameId=x White=A Black=B", "*"), tagged("GameId=x White=C Black=D", "1. e4 e5 *"),
		}, "1 C-D e4 e5 *\n"},
		{"1: an id that is used again is none", []string{
			tagged("GameId=1 Round=1 White=A Black=B", "1. e4 e5 2. Nf3 1-0"), tagged("GameId=1 Round=2 White=A Black=C", "*"),
			tagged("GameId=1 White=C Black=D", "1. e4 e5 2. Nf3 Nc6 *"),
		}, "1 A-B e4 e5 Nf3 1-0\n2 C-D e4 e5 Nf3 Nc6 *\n"},
		{"1: two GameIds are two games", []string{
			tagged("GameId=x White=A Black=B", "1. e4 *"), tagged("GameId=y White=A Black=B", "1. e4 *") + tagged("GameId=x White=A Black=B", "1. e4 *"),
		}, "1 A-B e4 *\n2 A-B e4 *\n"},
		{"1: unless the source makes new ids", []string{
			tagged("GameId=x White=A Black=B", "1. e4 *"), tagged("GameId=y White=A Black=B", "1. e4 e5 *"),
		}, "1 A-B e4 e5 *\n"},
		{"2: the same event, round and players are the same game, in any order", []string{
			tagged(round1+"1 White=A Black=B", "1. e4 *") + tagged(round1+"2 White=C Black=D", "1. d4 *"),
			tagged(round1+"2 White=D,_Black Black=C", "*") + tagged("Event=Open Round=1 White=C Black=D", "1. d4 d5 *") + tagged(round1+"7 White=A Black=B", "1. e4 e5 *"),
		}, "1 A-B e4 e5 *\n2 C-D d4 d5 *\n3 D, Black-C *\n"},
		{"2: by FIDE id, if both have one", []string{
			tagged("White=Lake Black=Hill WhiteFideId=101 BlackFideId=102", "1. e4 *"),
			tagged("White=Laik Black=Heel WhiteFideId=101 BlackFideId=102", "1. e4 c5 *"),
		}, "1 Laik-Heel e4 c5 *\n"},
		{"2: a name in any form", []string{
			tagged("White=Carlsen,_Magnus Black=Müller", "1. e4 *"), tagged("White=MAGNUS_CARLSEN Black=Mu\u0308ller", "1. e4 e5 *"),
		}, "1 MAGNUS CARLSEN-Mu\u0308ller e4 e5 *\n"},
		{"2: colours are corrected", []string{
			tagged(round1+"1 White=Lake Black=Hill", "1. e4 e5 *") + tagged(round1+"2 White=Dale Black=Cove", "*"),
			tagged(round1+"1 White=Hill Black=Lake", "1. e4 e5 2. Nf3 1-0") + tagged(round1+"2 White=Cove Black=Dale", "1. d4 *"),
		}, "1 Hill-Lake e4 e5 Nf3 1-0\n2 Cove-Dale d4 *\n"},
		{"2: the same players in another round are another game", []string{
			tagged(round1+"1 White=A Black=B", "1. e4 *"), tagged(round2+"1 White=A Black=B", "1. e4 e5 *"),
		}, "1 A-B e4 *\n2 A-B e4 e5 *\n"},
		{"2: a game that is over is not begun again", []string{
			tagged(round1+"1 White=A Black=B", "1. e4 e5 1-0"), tagged(round1+"1 White=A Black=B", "1. d4 *"),
			tagged(round1+"1 White=A Black=B", "1. d4 d5 *"),
		}, "1 A-B e4 e5 1-0\n2 A-B d4 d5 *\n"},
		{"2: the same pair several times, the newer game first", []string{
			tagged("Event=Finals Round=6 White=Lake Black=Hill", "1. e4 e5 2. Nf3 Nc6 3. Bb5 Nf6 4. O-O Nxe4 1/2-1/2"),
			tagged("Event=Finals Round=6 White=Lake Black=Hill", "1. d4 d5 2. c4 *") +
				tagged("Event=Finals Round=6 White=Lake Black=Hill", "1. e4 e5 2. Nf3 Nc6 3. Bb5 Nf6 4. O-O Nxe4 1/2-1/2"),
			tagged("Event=Finals Round=6 White=Hill Black=Lake", "1. c4 *") +
				tagged("Event=Finals Round=6 White=Lake Black=Hill", "1. d4 d5 2. c4 e6 1-0"),
		}, "1 Lake-Hill e4 e5 Nf3 Nc6 Bb5 Nf6 O-O Nxe4 1/2-1/2\n2 Lake-Hill d4 d5 c4 e6 1-0\n3 Hill-Lake c4 *\n"},
		{"3: a name that is written otherwise", []string{
			tagged("White=Karlsen Black=B", "1. e4 *"), tagged("White=Carlsen Black=B", "1. e4 e5 *"),
			tagged("White=Carlsen,_Magnus Black=B", "1. e4 e5 2. f4 *"),
		}, "1 Carlsen, Magnus-B e4 e5 f4 *\n"},
		{"4: the same board with one player", []string{
			tagged(round1+"1 White=Lake Black=Hill", "*") + tagged(round1+"2 White=Dale Black=Cove", "*"),
			tagged(round1+"1 White=Moor Black=Hill", "1. e4 *") + tagged(round1+"2 White=Dale Black=Cove", "1. d4 *"),
		}, "1 Moor-Hill e4 *\n2 Dale-Cove d4 *\n"},
		{"4: but not if the other one sits elsewhere now", []string{
			tagged(round1+"1 White=A Black=B", "*"),
			tagged(round1+"1 White=A Black=X", "*") + tagged(round1+"2 White=B Black=Y", "*"),
		}, "1 A-B *\n2 B-Y *\n3 A-X *\n"},
		{"4: nor against a result that stands", []string{
			tagged("Board=1 White=A Black=B", "1. e4 e5 1-0"), tagged("Board=1 White=A Black=C", "1. e4 e5 *"),
		}, "1 A-B e4 e5 1-0\n2 A-C e4 e5 *\n"},
		{"4: nor on another day", []string{
			tagged("Board=1 Date=2026.03.01 White=A Black=B", "1. e4 *"), tagged("Board=1 Date=2026.03.02 White=A Black=C", "1. e4 *"),
		}, "1 A-B e4 *\n2 A-C e4 *\n"},
		{"4: without moves there is nothing that agrees", []string{
			tagged("Board=1 White=A Black=B", "1. e4 *"), tagged("Board=1 White=C Black=D", "*"),
		}, "1 A-B e4 *\n2 C-D *\n"},
		{"5: the place counts where the list is evidently the same", []string{
			tagged("White=A Black=B", "1. e4 *") + tagged("White=C Black=D", "1. d4 *"),
			tagged("White=A Black=X", "1. e4 e5 *") + tagged("White=C Black=D", "1. d4 d5 *"),
		}, "1 A-X e4 e5 *\n2 C-D d4 d5 *\n"},
		{"5: not where no other game is known", []string{
			tagged("White=A Black=B", "1. e4 *") + tagged("White=C Black=D", "1. d4 *"),
			tagged("White=E Black=F", "1. e4 e5 *") + tagged("White=G Black=H", "1. d4 d5 *"),
		}, "1 A-B e4 *\n2 C-D d4 *\n3 E-F e4 e5 *\n4 G-H d4 d5 *\n"},
		{"5: nor of a game that comes alone", []string{
			tagged("White=A Black=B", "1. e4 *"), tagged("White=A Black=X", "1. e4 e5 *"),
		}, "1 A-B e4 *\n2 A-X e4 e5 *\n"},
		{"6: one game a push, without a round and a board", []string{
			tagged("White=North,_Ada Black=South,_Ben", "1. e4 *"), tagged("White=East,_Cid Black=West,_Dora", "1. e4 f6 2. d4 g5 3. Qh5# 1-0"),
		}, "1 North, Ada-South, Ben e4 *\n2 East, Cid-West, Dora e4 f6 d4 g5 Qh5# 1-0\n"},
		{"6: and before the first move", []string{
			tagged("White=North,_Ada Black=South,_Ben", "*"), tagged("White=East,_Cid Black=West,_Dora", "*"),
		}, "1 North, Ada-South, Ben *\n2 East, Cid-West, Dora *\n"},
		{"6: the file turns to the next round", []string{
			tagged(round1+"1 White=North Black=South", "1. e4 e5 2. Nf3 1-0") + tagged(round1+"2 White=East Black=West", "1. d4 d5 1/2-1/2"),
			tagged(round2+"1 White=West Black=North", "*") + tagged(round2+"2 White=South Black=East", "*"),
			tagged(round2+"1 White=West Black=North", "1. c4 g6 *") + tagged(round2+"2 White=South Black=East", "1. d4 Nf6 *"),
		}, "1 North-South e4 e5 Nf3 1-0\n2 East-West d4 d5 1/2-1/2\n3 West-North c4 g6 *\n4 South-East d4 Nf6 *\n"},
		{"7: no board without White or Black", []string{
			"[White \"A\"]\n\n1. e4 *\n\n", tagged("White=? Black=?", "*"), tagged("White=C Black=?", "1. d4 *"),
		}, "1 C-? d4 *\n"},
		{"7: a board whose players come later", []string{
			tagged("Board=3 White=? Black=?", "1. e4 *"), tagged("Board=3 White=A Black=B", "1. e4 e5 *"),
		}, "3 A-B e4 e5 *\n"},
		{"7: the source that forgets a name takes none away", []string{
			tagged(round1+"1 White=A Black=B", "1. e4 *"), tagged(round1+"1 White=A Black=NN", "1. e4 e5 *"),
		}, "1 A-B e4 e5 *\n"},
		{"8: moves are lost only by a correction that keeps the beginning", []string{
			tagged(round1+"1 White=A Black=B", "1. e4 e5 2. Nf3 Nc6 *"), tagged(round1+"1 White=A Black=B", "1. e4 e5 2. Nc3 *"),
			tagged(round1+"1 White=A Black=B", "1. e4 *"),
		}, "1 A-B e4 e5 Nc3 *\n"},
		{"8: or of a game that has but a move", []string{
			tagged("White=A Black=B", "1. e3 *"), tagged("White=A Black=B", "1. e4 *"),
		}, "1 A-B e4 *\n"},
		{"8: not of one that has more", []string{
			tagged("White=A Black=B", "1. e4 e5 2. Nf3 *"), tagged("White=A Black=B", "1. d4 *"), tagged("White=A Black=B", "1. d4 d5 *"),
		}, "1 A-B e4 e5 Nf3 *\n2 A-B d4 d5 *\n"},
		{"2: a bye is one board", []string{
			tagged("White=A Black=Bye", "1-0") + tagged("White=B Black=C", "1. e4 *"),
			tagged("White=A Black=Bye", "1-0") + tagged("White=B Black=C", "1. e4 e5 *"),
		}, "1 A-Bye 1-0\n2 B-C e4 e5 *\n"},
		{"2: also with a GameId, which a next bye of another player may use again", []string{
			tagged("GameId=x White=A Black=Bye", "1-0"), tagged("GameId=x White=A Black=Bye", "1-0"),
			tagged("GameId=x White=B Black=Bye", "1-0"),
		}, "1 A-Bye 1-0\n2 B-Bye 1-0\n"},
		{"3: in other letters", []string{
			tagged("Round=1.1 White=Müller,_Jörg Black=Юферов,_Сергей", "1. e4 *"),
			tagged("Round=1.1 White=Mueller,_Joerg Black=Yuferov,_Sergey", "1. e4 e5 *"),
		}, "1 Mueller, Joerg-Yuferov, Sergey e4 e5 *\n"},
		{"4: strangers get no moves, however many agree", []string{
			tagged("Board=1 White=A Black=B", "1. e4 e5 2. Nf3 Nc6 3. Bb5 Nf6 4. O-O Nxe4 5. Re1 Nd6 1/2-1/2"),
			tagged("Board=1 White=C Black=D", "1. e4 e5 2. Nf3 Nc6 3. Bb5 Nf6 4. O-O Nxe4 5. Re1 Nd6 6. Nxe5 *"),
		}, "1 A-B e4 e5 Nf3 Nc6 Bb5 Nf6 O-O Nxe4 Re1 Nd6 1/2-1/2\n2 C-D e4 e5 Nf3 Nc6 Bb5 Nf6 O-O Nxe4 Re1 Nd6 Nxe5 *\n"},
		{"4: nor who sits at another board", []string{
			tagged("Board=1 White=A Black=B", "1. e4 e5 2. Nf3 *") + tagged("Board=2 White=C Black=D", "1. d4 *"),
			tagged("Board=1 White=A Black=C", "1. e4 e5 *"),
		}, "1 A-B e4 e5 Nf3 *\n2 C-D d4 *\n3 A-C e4 e5 *\n"},
		{"8: a result is not undone by the next game with the same opening", []string{
			tagged("White=A Black=B", "1. e4 e5 2. Nf3 Nc6 3. Bb5 Nf6 4. O-O Nxe4 5. Re1 Nd6 6. Nxe5 Be7 1/2-1/2"),
			tagged("White=A Black=B", "1. e4 e5 2. Nf3 Nc6 3. Bb5 Nf6 4. O-O Nxe4 5. Re1 Nd6 6. Nc3 *"),
		}, "1 A-B e4 e5 Nf3 Nc6 Bb5 Nf6 O-O Nxe4 Re1 Nd6 Nxe5 Be7 1/2-1/2\n2 A-B e4 e5 Nf3 Nc6 Bb5 Nf6 O-O Nxe4 Re1 Nd6 Nc3 *\n"},
		{"8: another start is another game", []string{
			tagged("White=A Black=B", "1. e4 e5 *"),
			tagged("White=A Black=B SetUp=1 FEN=4k3/8/8/8/8/8/4P3/4K3_w_-_-_0_1", "1. e4 *"),
		}, "1 A-B e4 e5 *\n2 A-B e4 *\n"},
		{"8: unless no move is recorded: the start position comes late", []string{
			tagged(round1+"1 White=A Black=B", "*"),
			tagged(round1+"1 White=A Black=B FEN=brkrnqnb/pppppppp/8/8/8/8/PPPPPPPP/BRKRNQNB_w_DBdb_-_0_1 SetUp=1 Variant=Fischerandom", "*"),
			tagged(round1+"1 White=A Black=B FEN=brkrnqnb/pppppppp/8/8/8/8/PPPPPPPP/BRKRNQNB_w_DBdb_-_0_1 SetUp=1 Variant=Fischerandom", "1. f4 b6 2. b3 *"),
		}, "1 A-B f4 b6 b3 *\n"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			w := newWorld(t)
			for _, text := range tc.pushes {
				w.push(text)
			}
			if got := w.summary(); got != tc.want {
				t.Errorf("the round stands\n%swant\n%s", got, tc.want)
			}
		})
	}
}

// TestAnotherPerson: title, rating, FIDE id, federation and team belong to the player and not to
// the board.
func TestAnotherPerson(t *testing.T) {
	lake := "WhiteTitle=GM WhiteElo=2700 WhiteFideId=101 WhiteFed=NED WhiteTeam=Reds"
	w := newWorld(t)
	w.push(tagged("Round=1.1 White=Lake Black=Hill BlackTitle=IM BlackElo=2400 "+lake, "*"))
	w.push(tagged("Round=1.1 White=Moor Black=Hill", "1. e4 *"))
	if p := w.games()[0].White; p.Name != "Moor" || p.Title+p.Federation+p.Team != "" || p.Rating != 0 || p.FideID != 0 {
		t.Errorf("Moor is %+v", p)
	}
	if p := w.games()[0].Black; p.Title != "IM" || p.Rating != 2400 {
		t.Errorf("Hill is %+v, although the source said nothing new", p)
	}
	w = newWorld(t)
	w.push(tagged("Round=1.1 White=Lake Black=Hill BlackElo=2400 "+lake, "1. e4 e5 *"))
	w.push(tagged("Round=1.1 White=Hill Black=Lake", "1. e4 e5 2. Nf3 1-0"))
	if g := w.games()[0]; g.White.Rating != 2400 || g.White.Title != "" || g.White.FideID != 0 || g.Black.Title != "GM" || g.Black.FideID != 101 || g.Black.Team != "Reds" {
		t.Errorf("they have changed colours: %+v, %+v", g.White, g.Black)
	}
	w.push(tagged("Round=1.1 White=Hil Black=Lake", "1. e4 e5 2. Nf3 1-0"))
	if p := w.games()[0].White; p.Rating != 2400 {
		t.Errorf("a name that is written otherwise has lost %+v", p)
	}
}

// TestOtherRound: a source that has gone on to another round is recognised.
func TestOtherRound(t *testing.T) {
	w := newWorld(t)
	w.push(tagged("Round=1.1 White=A Black=B", "1. e4 *") + tagged("Round=1.2 White=C Black=D", "*"))
	for _, tc := range []struct {
		text    string
		foreign []int
	}{
		{tagged("Round=2.1 White=B Black=C", "*") + tagged("Round=2.2 White=A Black=D", "*"), []int{0, 1}},
		{tagged("Round=1.1 White=B Black=C", "*") + tagged("Round=2.2 White=A Black=D", "*"), []int{1}},
		{tagged("White=A Black=Bye", "1-0") + tagged("Round=2.1.1 White=B Black=C", "*"), []int{1}},
		{tagged("Round=01 White=B Black=C", "*"), nil},
		{tagged("White=B Black=C", "*"), nil},
	} {
		from, to, foreign := OtherRound(Round{Games: w.games()}, read(t, tc.text))
		if diff := cmp.Diff(tc.foreign, foreign); diff != "" || foreign != nil && (from != "2" || to != "1") {
			t.Errorf("%s%q %q %v", tc.text, from, to, foreign)
		}
	}
}
