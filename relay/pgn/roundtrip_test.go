package pgn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/internal/samples"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// told is what of a game goes through the boards: all of it must come out again.
type told struct {
	Board                          int
	White, Black                   relay.Player
	Variant, StartFEN, TimeControl string
	Moves                          []LineMove
	Result                         relay.Result
	Forfeit                        bool
	Tags                           []relay.Tag
}

// tell takes it from a game that was read.
func tell(tb testing.TB, g *Game) told {
	tb.Helper()
	line, err := g.Play()
	if err != nil {
		tb.Fatal(err)
	}
	var tags []relay.Tag
	for _, t := range g.Tags {
		switch t.Name {
		case "Round", "Termination", "BroadcastName", "BroadcastURL", "GameURL":
		default:
			if known := g.Known(t.Name); known != "" && !relay.OwnTag(t.Name) {
				// a date in PGN's form
				tags = append(tags, relay.Tag{Name: t.Name, Value: valueOf(t.Name, known)})
			}
		}
	}
	slices.SortFunc(tags, func(a, b relay.Tag) int { return strings.Compare(a.Name, b.Name) })
	return told{
		g.Board(), g.Player("White"), g.Player("Black"), line.Variant, line.StartFEN, g.Known("TimeControl"),
		line.Moves, line.Result, g.Forfeit, tags,
	}
}

// boards are a state with one round.
type boards struct {
	testing.TB
	*relay.State
	index uint64
	event Event
}

func newBoards(tb testing.TB) *boards {
	b := &boards{TB: tb, State: relay.NewState()}
	t := b.must(&relaypb.Command{Request: "t", Op: &relaypb.Command_CreateTournament{
		CreateTournament: &relaypb.CreateTournament{Id: "tournam1", Name: "T"}}})
	r := b.must(&relaypb.Command{Request: "r", Op: &relaypb.Command_CreateRound{
		CreateRound: &relaypb.CreateRound{Id: "round001", Tournament: "tournam1", Name: "Round 7", StartsAt: 1_407_927_600_000}}})
	b.event = Event{Tournament: t.Tournament, Round: r.Round, Site: "https://chess.example"}
	return b
}

func (b *boards) must(c *relaypb.Command) relay.Outcome {
	b.Helper()
	out := b.do(c)
	if out.Err != nil {
		b.Fatal(out.Err)
	}
	return out
}

func (b *boards) do(c *relaypb.Command) relay.Outcome {
	b.Helper()
	data, err := relay.EncodeCommand(c)
	if err != nil {
		b.Fatal(err)
	}
	b.index++
	return b.Apply(b.index, 1, data)
}

// play opens a board for the game and plays it there.
func (b *boards) play(g *told) *relay.Game {
	b.Helper()
	id := fmt.Sprintf("G%07d", b.index)
	player := func(p relay.Player) *relaypb.Player {
		return &relaypb.Player{Name: p.Name, Title: p.Title, Rating: int32(p.Rating), FideId: p.FideID, Federation: p.Federation, Team: p.Team}
	}
	var tags []*relaypb.Tag
	for _, t := range g.Tags {
		tags = append(tags, &relaypb.Tag{Name: t.Name, Value: t.Value})
	}
	game := b.do(&relaypb.Command{Request: id, Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
		Id: id, Round: "round001", Board: int32(g.Board), White: player(g.White), Black: player(g.Black),
		Fen: g.StartFEN, Variant: g.Variant, TimeControl: g.TimeControl, Tags: tags,
	}}})
	if game.Err != nil {
		b.Fatal(game.Err)
	}
	for i, m := range g.Moves {
		move := &relaypb.PlayMove{Game: id, Ply: int32(i + 1), Move: m.UCI}
		if m.Clock != relay.NoTime {
			if game.Game.WhitePlays(relay.Ply(i + 1)) {
				move.WhiteMs = new(int64(m.Clock))
			} else {
				move.BlackMs = new(int64(m.Clock))
			}
		}
		game = b.must(&relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: move}})
	}
	if g.Result != relay.Ongoing {
		game = b.must(&relaypb.Command{Request: id + "r", Op: &relaypb.Command_SetResult{SetResult: &relaypb.SetResult{Game: id, Result: string(g.Result), Forfeit: g.Forfeit}}})
	}
	return game.Game
}

// TestRoundTrip reads each sample file, plays its games on the boards, writes these and reads that
// again.
func TestRoundTrip(t *testing.T) {
	for _, file := range samples.All(t) {
		t.Run(file.Name, func(t *testing.T) {
			b, writer := newBoards(t), NewWriter(nil)
			games, _ := readAll(t, strings.NewReader(file.Text))
			var want []told
			var written []string
			for i, g := range games {
				if g.Tag("Variant") == "Antichess" {
					continue
				}
				w := tell(t, g)
				w.Board = i + 1 // some files number no boards, or not in the order of the text
				w.White.Name, w.Black.Name = cmp.Or(w.White.Name, "A"), cmp.Or(w.Black.Name, "B")
				text := writer.Format(b.play(&w), b.event)
				written = append(written, text)
				want = append(want, w)
			}
			all := strings.Join(written, "")
			again, errs := readAll(t, strings.NewReader(all))
			if len(again) != len(want) || errs != nil {
				t.Fatalf("%d games of %d, %v", len(again), len(want), errs)
			}
			if parts := strings.Split(all, "\n\n\n"); len(parts) != len(want)+1 || parts[len(want)] != "" {
				t.Errorf("split as clients do, it is %d games of %d", len(parts)-1, len(want))
			}
			for i, g := range again {
				got := tell(t, g)
				// what the writer knows besides
				got.Tags = slices.DeleteFunc(got.Tags, func(t relay.Tag) bool {
					return !slices.ContainsFunc(want[i].Tags, func(w relay.Tag) bool { return w.Name == t.Name })
				})
				if diff := gocmp.Diff(want[i], got); diff != "" {
					t.Fatalf("game %d: %s", i+1, diff)
				}
				if g.Truncated || g.ResultText != string(got.Result) || g.Tag("Result") != string(got.Result) {
					t.Errorf("game %d ends with %q, and its tag with %q", i+1, g.ResultText, g.Tag("Result"))
				}
			}
			b2 := newBoards(t)
			for i, g := range again {
				w := tell(t, g)
				if text := writer.Format(b2.play(&w), b2.event); text != written[i] {
					t.Errorf("written again, game %d is another: %s", i+1, gocmp.Diff(written[i], text))
				}
			}
		})
	}
}
