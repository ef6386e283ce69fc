package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// The Ruy Lopez, in which White's bishop goes like a knight.
const (
	afterIllegal = "r1bqkbnr/pppp1ppp/2n5/4p3/4P3/2B2N2/PPPP1PPP/RNBQK2R b KQkq - 3 3"
	afterPass    = "r1bqkb1r/pppp1ppp/2n2n2/4p3/4P3/2B2N2/PPPP1PPP/RNBQK2R b KQkq - 4 4"
)

// handmade are games for each thing that a reader may stumble over.
func handmade() (games []game) {
	add := func(name string, g game) {
		g.name = name
		if g.pairing.White.Name == "" {
			g.pairing.White.Name = "Carlsen, Magnus"
		}
		if g.pairing.Black.Name == "" {
			g.pairing.Black.Name = "Caruana, Fabiano"
		}
		if g.result == "" {
			g.result = relay.Ongoing
		}
		games = append(games, g)
	}
	for _, r := range []relay.Result{
		relay.Ongoing, relay.WhiteWins, relay.BlackWins, relay.Draw, relay.BothLose, relay.WhiteHalf, relay.BlackHalf,
	} {
		for _, forfeit := range []bool{false, true} {
			if forfeit && r == relay.Ongoing {
				continue
			}
			of := fmt.Sprintf("result %s, forfeit %v", r, forfeit)
			add(of+", no moves", game{result: r, forfeit: forfeit})
			add(of+", two moves", game{result: r, forfeit: forfeit, moves: moves("e4 e5")})
			// The last move lets either side castle.
			add(of+", where 0-0 is legal", game{result: r, forfeit: forfeit, moves: moves("Nf3 Nf6 g3 g6 Bg2 Bg7")})
			add(of+", after a move with a clock", game{result: r, forfeit: forfeit,
				moves: timed(moves("e4 e5 Nf3"), 5_400_000, 30_000)})
		}
	}
	for given, read := range map[string]string{
		`Anna "Ace" Berg`:                   `Anna 'Ace' Berg`,
		`"`:                                 `'`,
		`back\slash`:                        `back/slash`,
		`ends with \`:                       `ends with /`,
		`both \"`:                           `both /'`,
		"two\nlines":                        "two lines",
		"a tab\tand\r\nmore":                "a tab and more",
		"  spaces \u00a0 in \u2003 between": "spaces in between",
		"a\u2028line\u2029separator":        "a line separator",
		"]":                                 "]",
		"[White \u2013 Black]":              "[White \u2013 Black]",
		"{a comment}":                       "{a comment}",
		"} 1-0":                             "} 1-0",
		"; the rest":                        "; the rest",
		"% escape":                          "% escape",
		"(1. e4) $1 *":                      "(1. e4) $1 *",
		"O'Kelly de Galway, Albéric":        "O'Kelly de Galway, Albéric",
		"Žižek, Łukasz Čapek Őry":           "Žižek, Łukasz Čapek Őry",
		"Каспаров, Гарри":                   "Каспаров, Гарри",
		"丁立人 🐎":                             "丁立人 🐎",
		"e\u0301 and \u200b and \u202f":     "e\u0301 and \u200b and",
		"محمد אברהם":                        "محمد אברהם",
		strings.Repeat("long name ", 19):    strings.TrimSpace(strings.Repeat("long name ", 19)),
		"&lt;b&gt; <script>":                "&lt;b&gt; <script>",
		"1-0":                               "1-0",
		"*":                                 "*",
		"--":                                "--",
		"constructor":                       "constructor",
	} {
		add(fmt.Sprintf("the name %q", given), game{
			pairing: relay.Pairing{White: relay.Player{Name: given, Team: given}, Black: relay.Player{Name: given}, TimeControl: given,
				Tags: []relay.Tag{{Name: "Event", Value: given}, {Name: "Annotator", Value: given}}},
			tags:   map[string]string{"White": read, "WhiteTeam": read, "Black": read, "TimeControl": read, "Event": read, "Annotator": read},
			moves:  timed(moves("d4 d5 c4"), 60_000, 0),
			result: relay.Draw,
		})
	}
	full := relay.Player{Name: "Carlsen, Magnus", Title: "GM", Rating: 2877, FideID: 1503014, Federation: "NOR", Team: "Norway"}
	add("every tag", game{
		pairing: relay.Pairing{White: full, Black: full, TimeControl: "40/5400+30:1800+30", Tags: []relay.Tag{
			{Name: "Annotator", Value: "N.N."}, {Name: "Date", Value: "2026-02-24"}, {Name: "ECO", Value: "C65"}, {Name: "EventDate", Value: "24.02.2026"},
			{Name: "Opening", Value: "Spanish"}, {Name: "PlyCount", Value: "5"}, {Name: "Section", Value: "A"}, {Name: "Stage", Value: "Final"},
			{Name: "UTCDate", Value: "2026/2/24"}, {Name: "Warning", Value: "for the arbiter"},
			{Name: "_Private", Value: "1"}, {Name: "ECO2", Value: "2"}, {Name: "Team_No", Value: "3"},
		}},
		tags:   map[string]string{"Date": "2026.02.24", "EventDate": "2026.02.24", "UTCDate": "2026.02.24", "Variant": "Standard"},
		absent: []string{"_Private", "ECO2", "Team_No"},
		moves:  moves("e4 e5 Nf3 Nc6 Bb5"),
	})
	long := strings.Repeat("40/7200:", 17) + "900+30"
	add("a long time control", game{pairing: relay.Pairing{TimeControl: long}, moves: moves("e4")})

	for name, m := range map[string][]relay.Move{
		"clocks of both":         timed(moves("e4 e5 Nf3 Nc6"), 5_400_000, 30_000),
		"clocks in tenths":       timed(moves("e4 e5 Nf3 Nc6"), 178_900, 0),
		"clocks in milliseconds": timed(moves("e4 e5 Nf3 Nc6"), 59_999, 0),
		"a clock at zero":        {{SAN: "e4", Clock: relay.Clock{White: 0, Black: 0}}, {SAN: "e5", Clock: relay.Clock{White: 0, Black: 0}}},
		"a clock of ten days":    {{SAN: "e4", Clock: relay.Clock{White: relay.MaxClock, Black: relay.MaxClock}}},
		"clocks of one side": {
			{SAN: "e4", Clock: relay.Clock{White: 60_000, Black: relay.NoTime}}, {SAN: "e5", Clock: relay.Clock{White: 60_000, Black: relay.NoTime}},
			{SAN: "Nf3", Clock: relay.Clock{White: 50_000, Black: relay.NoTime}},
		},
		"clocks that are carried over": {
			{SAN: "e4", Clock: relay.Clock{White: 60_000, Black: 60_000}, Carried: relay.BlackSide},
			{SAN: "e5", Clock: relay.Clock{White: 60_000, Black: 60_000}, Carried: relay.WhiteSide | relay.BlackSide},
			{SAN: "Nf3", Clock: relay.Clock{White: 60_000, Black: 60_000}, Carried: relay.WhiteSide | relay.BlackSide},
		},
	} {
		add(name, game{moves: m, result: relay.BlackWins})
	}

	for name, fen := range map[string]string{
		"Black begins":      "4k3/8/8/8/8/8/4P3/4K3 b - - 3 40|Kd7 e4 Kd6",
		"Black has castled": "r3k2r/8/8/8/8/8/8/R3K2R b KQkq - 3 20|O-O O-O-O Rxa1",
		"en passant":        "rnbqkbnr/ppp1pppp/8/8/3pP3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 3|dxe3 fxe3",
		"promotions":        "1n5k/P1P5/8/8/8/8/p1p5/1N5K w - - 0 1|axb8=N cxb1=Q+ Kh2 a1=R c8=B",
		"mate":              "7k/5Q2/6K1/8/8/8/8/8 w - - 0 1|Qg7#",
		"stalemate":         "7k/8/8/6K1/5Q2/8/8/8 w - - 0 1|Qf7",
		"squares to tell":   "8/8/1k6/8/4Q2Q/8/8/K6Q w - - 0 1|Qh4e1 Kc5",
		"no moves yet":      "4k3/8/8/8/8/8/4P3/4K3 b - - 0 1|",
		"large counters":    "4k3/8/8/8/8/8/4P3/4K3 w - - 120 5000|Kd2 Kd7",
	} {
		fen, san, _ := strings.Cut(fen, "|")
		start := relay.Pairing{StartFEN: fen}
		black := relay.Pairing{StartFEN: fen, White: relay.Player{Name: "Žižek \"Z\""}}
		add(name, game{pairing: start, moves: moves(san)})
		add(name+", with clocks", game{pairing: black, tags: map[string]string{"White": "Žižek 'Z'"}, moves: timed(moves(san), 90_500, 0), result: relay.BothLose})
	}
	for n, san := range map[int]string{518: "e4 e5 Nf3 Nf6 Bc4 Bc5 O-O O-O", 0: "f3 f6", 959: "b3 b6"} {
		add(fmt.Sprintf("Chess960, position %d", n), game{
			pairing: relay.Pairing{Variant: relay.Chess960, StartFEN: relay.StartFEN960(n)}, moves: timed(moves(san), 600_000, 0),
			tags: map[string]string{"Variant": relay.Chess960},
		})
	}
	for name, fen := range map[string]string{
		"castling": "1rk1r3/pppppppp/8/8/8/8/PPPPPPPP/1RK1R3 w KQkq - 0 1|O-O O-O-O", "an inner rook": "7k/8/8/8/8/8/8/R1RK4 w C - 0 1|O-O-O Kg7",
	} {
		fen, san, _ := strings.Cut(fen, "|")
		add("Chess960, "+name, game{pairing: relay.Pairing{Variant: relay.Chess960, StartFEN: fen}, moves: moves(san), result: relay.WhiteHalf})
	}

	ruy := timed(moves("e4 e5 Nf3 Nc6"), 5_400_000, 30_000)
	bishop := relay.Move{SAN: "Bc3", FEN: afterIllegal, Illegal: true, Clock: relay.Clock{White: 1000, Black: 2000}}
	illegal := func(name string, legal []relay.Move, more ...relay.Move) {
		for _, r := range []relay.Result{relay.WhiteWins, relay.Ongoing, relay.BothLose} {
			add(fmt.Sprintf("illegal: %s, %s", name, r), game{moves: append(append([]relay.Move{}, legal...), more...), result: r})
		}
	}
	illegal("the last one", ruy, bishop)
	illegal("without clocks", moves("e4 e5 Nf3 Nc6"), bishop)
	illegal("the game goes on", ruy, append([]relay.Move{bishop}, moves("Nf6 O-O")...)...)
	illegal("and a second one", ruy, bishop, moves("Nf6")[0], relay.Move{SAN: "--", FEN: afterPass, Illegal: true, Clock: relay.NoClock()})
	illegal("the first one", nil, relay.Move{SAN: "e5", FEN: "rnbqkbnr/pppppppp/8/4P3/8/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1", Illegal: true, Clock: relay.NoClock()})
	for _, text := range []string{`"`, `\`, ";", "%", "(1.", "$1", "1-0", "*", "0-0", "Bc3!?", "Ф:в3"} {
		m := bishop
		m.SAN = text
		illegal(fmt.Sprintf("the text %q", text), ruy, m)
	}

	shuffle := strings.Repeat("Nf3 Nf6 Ng1 Ng8 ", relay.MaxPlies/4)
	add("the longest game", game{moves: timed(moves(shuffle), 1_200_000, 0), result: relay.Draw})
	slices.SortFunc(games, func(a, b game) int { return strings.Compare(a.name, b.name) }) // some came out of maps
	return games
}

func moves(san string) (list []relay.Move) {
	for _, s := range strings.Fields(san) {
		list = append(list, relay.Move{SAN: s, Clock: relay.NoClock()})
	}
	return list
}

// timed gives each move a clock, of which a part goes by with each move.
func timed(list []relay.Move, start, increment relay.Millis) []relay.Move {
	for i := range list {
		left := start - start*relay.Millis(i)/2000 + increment
		if start == 178_900 { // in tenths
			left = start - 700*relay.Millis(i)
		}
		list[i].Clock = relay.Clock{White: left, Black: left}
	}
	return list
}
