// Command corpus writes many games as PGN through the real writer, and what other programs must
// read of them, as one JSON array to the standard output. Its arguments are PGN files whose games
// it adds.
//
// What must be read is told apart from the writer: it is what the corpus gave the game, never what
// the writer made of it.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// sample is a game, and what is to be read of it.
type sample struct {
	Name string `json:"name"`
	PGN  string `json:"pgn"`

	Tags       map[string]string `json:"tags"`       // with these values, among others
	Absent     []string          `json:"absent"`     // tags that must not be there
	Terminator string            `json:"terminator"` // that the moves end with
	Moves      []string          `json:"moves"`      // SAN, up to the first illegal one
	Clocks     []*int64          `json:"clocks"`     // milliseconds that the mover had left, for each move
	FEN        string            `json:"fen"`        // after the last move
	Start      string            `json:"start"`      // FEN before the first move
	Comment    string            `json:"comment"`    // that is part of the last move's comment
	Chess960   bool              `json:"chess960"`
}

// A game is what a sample is made of.
type game struct {
	name    string
	pairing relay.Pairing
	result  relay.Result
	forfeit bool
	moves   []relay.Move
	tags    map[string]string // to be read, besides those that follow from the pairing
	absent  []string
}

var event = pgn.Event{
	Tournament: &relay.Tournament{ID: "tournam1", Name: "The Open", Location: "Tromsø"},
	Round:      &relay.Round{ID: "round001", Name: "Round 11", StartsAt: 1_407_927_600_000},
	Site:       "https://chess.example",
}

func main() {
	log.SetFlags(0)
	games := append(handmade(), random()...)
	for _, name := range os.Args[1:] {
		games = append(games, fromFile(name)...)
	}
	samples := make([]sample, len(games))
	for i := range games {
		games[i].pairing.Board = i + 1
		samples[i] = write(&games[i])
	}
	out := bufio.NewWriter(os.Stdout)
	if err := json.NewEncoder(out).Encode(samples); err != nil {
		log.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

// write writes the game, and tells what is to be read.
func write(in *game) sample {
	p := in.pairing
	p.ID, p.Round = relay.GameID(fmt.Sprintf("game%04d", p.Board)), event.Round.ID
	g, err := relay.NewGame(p, in.result, in.moves)
	if err != nil {
		log.Fatalf("%s: %v", in.name, err)
	}
	g.Forfeit = in.forfeit
	s := sample{
		Name: in.name, PGN: pgn.NewWriter(nil).Format(g, event), Tags: map[string]string{}, Absent: []string{"Warning"},
		Terminator: "*", Moves: []string{}, Clocks: []*int64{}, Chess960: p.Variant == relay.Chess960, Start: g.FENAt(0),
	}
	s.Absent = append(s.Absent, in.absent...)
	switch in.result {
	case relay.WhiteWins, relay.BlackWins, relay.Draw:
		s.Terminator = string(in.result)
	}
	for name, value := range map[string]string{
		"Event": "The Open", "Site": "Tromsø", "Date": "2014.08.13", "Round": fmt.Sprintf("11.%d", p.Board),
		"White": p.White.Name, "Black": p.Black.Name, "Result": string(in.result),
		"WhiteTitle": p.White.Title, "WhiteTeam": p.White.Team, "TimeControl": p.TimeControl, "BroadcastName": "The Open",
		"GameURL": fmt.Sprintf("https://chess.example/round/round001/%d", p.Board),
	} {
		if value != "" {
			s.Tags[name] = value
		}
	}
	for name, number := range map[string]int64{"WhiteElo": int64(p.White.Rating), "WhiteFideId": p.White.FideID} {
		if number > 0 {
			s.Tags[name] = fmt.Sprint(number)
		}
	}
	if in.forfeit {
		s.Tags["Termination"] = "forfeit"
	}
	for _, t := range p.Tags {
		s.Tags[t.Name] = t.Value
	}
	for name, value := range in.tags {
		s.Tags[name] = value
	}
	for _, name := range s.Absent {
		delete(s.Tags, name)
	}
	blackFirst := strings.Contains(p.StartFEN, " b ")
	for i, m := range g.Moves() {
		if m.Illegal {
			s.Comment = "Illegal move was played: "
			break
		}
		told, side := in.moves[i].Clock.White, relay.WhiteSide
		if blackFirst == (i%2 == 0) {
			told, side = in.moves[i].Clock.Black, relay.BlackSide
		}
		var left *int64
		if told != relay.NoTime && in.moves[i].Carried&side == 0 {
			left = new(int64(told))
		}
		s.Moves, s.Clocks = append(s.Moves, m.SAN), append(s.Clocks, left)
	}
	s.FEN = g.FENAt(relay.Ply(len(s.Moves)))
	return s
}

// fromFile are the games of a PGN file, as far as they are legal.
func fromFile(name string) (games []game) {
	f, err := os.Open(name)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	for r := pgn.NewReader(f); ; {
		in, err := r.Next()
		if in == nil {
			if _, broken := errors.AsType[*pgn.Error](err); broken {
				continue
			}
			return games
		}
		line, _ := in.Play()
		if line.Variant == relay.Chess960 && line.StartFEN == "" {
			continue
		}
		g := game{
			name: fmt.Sprintf("%s, game %d", name, in.Number), result: line.Result, forfeit: in.Forfeit,
			pairing: relay.Pairing{White: in.Player("White"), Black: in.Player("Black"),
				StartFEN: line.StartFEN, Variant: line.Variant, TimeControl: in.Known("TimeControl")},
			tags: map[string]string{},
		}
		for tag, value := range map[string]string{
			"White": g.pairing.White.Name, "Black": g.pairing.Black.Name, "WhiteTeam": g.pairing.White.Team, "TimeControl": g.pairing.TimeControl,
		} {
			if value != "" {
				g.tags[tag] = strings.NewReplacer(`"`, "'", `\`, "/").Replace(value)
			} else if tag == "White" || tag == "Black" {
				g.tags[tag] = "?"
			}
		}
		white := !strings.Contains(line.StartFEN, " b ")
		for _, m := range line.Moves {
			g.moves = append(g.moves, relay.Move{UCI: m.UCI, Clock: clockOf(white, m.Clock)})
			white = !white
		}
		games = append(games, g)
	}
}

// clockOf is a clock of which one side is known.
func clockOf(white bool, left relay.Millis) relay.Clock {
	c := relay.NoClock()
	if white {
		c.White = left
	} else {
		c.Black = left
	}
	return c
}
