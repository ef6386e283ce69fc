package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/terminal"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/spf13/cobra"
)

// newWatchCommand is `chessrelay watch`: the moves in a terminal.
func newWatchCommand(env *environment) *cobra.Command {
	var round, token string
	var board int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "watch URL[,URL...] [--round ID] [--board N]",
		Short: "Shows the moves of a round as they come",
		Long: `Shows the moves of a round as they come, until interrupted. After a lost connection it resumes where it was, at the next node
if you give several.`,
		Args: exactArgs("the URL of a node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			nodes, err := parseNodes(args[0])
			if err != nil {
				return err
			}
			if board < 0 {
				return usagef("--board must be the number of a board, from 1, not %d", board)
			}
			c := env.client(nodes, client.Options{Token: token})
			defer c.Close()
			if round == "" {
				latest, err := latestRound(cmd.Context(), c)
				if err != nil {
					return err
				}
				round = string(latest)
			}
			screen := show{out: env.stdout, json: asJSON}
			return c.Watch(cmd.Context(), relay.RoundID(round), board, func(f client.Frame) error {
				if err := screen.frame(f); err != nil {
					return fmt.Errorf("print a move: %w", err)
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&round, "round", "", "the round with this `ID` (default: the newest one)")
	f.StringVar(&token, "token", "", "a `TOKEN` that may see what a delay holds back, or a private tournament")
	f.IntVar(&board, "board", 0, "only the board with the number `N`")
	f.BoolVar(&asJSON, "json", false, "print each frame as JSON, one per line")
	return cmd
}

// latestRound is the round that was opened last.
func latestRound(ctx context.Context, c *client.Client) (relay.RoundID, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	tournaments, err := c.Tournaments(ctx)
	if err != nil {
		return "", err
	}
	var latest client.Round
	for _, t := range tournaments {
		for _, r := range t.Rounds {
			if r.Index >= latest.Index {
				latest = r
			}
		}
	}
	if latest.ID == "" {
		return "", errors.New("there is no round yet")
	}
	return latest.ID, nil
}

// moveSAN is a move, as text for a terminal.
func moveSAN(m client.MoveText) string {
	if m.Illegal {
		return m.SAN + " (illegal)"
	}
	return m.SAN
}

// writtenResult is the result, and whether the game was not played out.
func writtenResult(b client.BoardState) string {
	if b.Forfeit {
		return string(b.Result) + " (forfeit)"
	}
	return string(b.Result)
}

// show prints frames, for a person or as they are.
type show struct {
	out  io.Writer
	json bool

	players map[int]string // by board
	stale   bool
}

// frame prints one frame. It ignores unknown types. It also ignores summaries: a user who asked for
// one board gets no others.
func (s *show) frame(f client.Frame) error {
	if s.json {
		_, err := fmt.Fprintf(s.out, "%s\n", f.Raw)
		return err
	}
	text := ""
	switch f.Type {
	case "snapshot":
		text = terminal.Clean(f.Round.TournamentName+", "+f.Round.Name) + "\n"
		for _, b := range f.Boards {
			text += s.board(b)
		}
	case "game":
		text = s.board(f.BoardState)
	case "move":
		text = s.line(f.Board, moveNumber(f.FEN)+" "+moveSAN(f.MoveText), clocks(f.Clock))
	case "takeback":
		text = s.line(f.Board, fmt.Sprintf("taken back to ply %d", f.Ply), clocks(f.Clock))
	case "deleted":
		if s.players[f.Board] != "" { // the board may be one that is not watched
			text = s.line(f.Board, "deleted", "")
			delete(s.players, f.Board)
		}
	case "clock":
		text = s.line(f.Board, "clock", clocks(f.Clock))
	case "correction":
		text = s.correction(f)
	case "round":
		text = terminal.Clean(f.Round.TournamentName+", "+f.Round.Name+": "+f.Round.Status) + "\n"
	case "result":
		text = s.line(f.Board, writtenResult(f.BoardState), "")
	case "status":
		if f.Stale != s.stale {
			text = "the node is in touch with the cluster again\n"
			if f.Stale {
				text = fmt.Sprintf("the node has been cut off from the cluster for %v; its boards may be stale\n", duration(f.Age))
			}
			s.stale = f.Stale
		}
	}
	_, err := io.WriteString(s.out, text)
	return err
}

// board prints where a board stands, and remembers who plays on it.
func (s *show) board(b client.BoardState) string {
	if s.players == nil {
		s.players = make(map[int]string)
	}
	s.players[b.Board] = strings.TrimSpace(b.White.Title+" "+b.White.Name) + " – " + strings.TrimSpace(b.Black.Title+" "+b.Black.Name)
	at := "no move yet"
	if b.LastMove != nil {
		at = moveNumber(b.FEN) + " " + moveSAN(*b.LastMove)
	}
	if b.Result != relay.Ongoing {
		at += "  " + writtenResult(b)
	}
	text := s.line(b.Board, at, clocks(b.Clock))
	if b.Warning != "" {
		text += "     ! " + terminal.Clean(b.Warning) + "\n"
	}
	return text
}

// correction prints the moves that replace others, and where the board stands then.
func (s *show) correction(f client.Frame) string {
	what := fmt.Sprintf("corrected after ply %d:", f.ToPly)
	for _, m := range f.Moves {
		what += " " + moveSAN(m)
	}
	if len(f.Moves) == 0 {
		what += " no move"
	}
	if f.Result != relay.Ongoing {
		what += "  " + writtenResult(f.BoardState)
	}
	return s.line(f.Board, what, clocks(f.Clock))
}

func (s *show) line(board int, what, clocks string) string {
	text := fmt.Sprintf("%3d  %-20s %-17s  %s", board, terminal.Clean(what), clocks, terminal.Clean(s.players[board]))
	return strings.TrimRight(text, " ") + "\n"
}

// moveNumber is the number of the move that led to a position, as on a score sheet: "12." if white
// played it, "12..." if black did.
func moveNumber(fen string) string {
	fields := strings.Fields(fen)
	if len(fields) != 6 {
		return ""
	}
	if fields[1] == "b" {
		return fields[5] + "."
	}
	var n int
	if _, err := fmt.Sscan(fields[5], &n); err != nil {
		return ""
	}
	return fmt.Sprintf("%d...", n-1)
}

// clocks shows the time left of white and black.
func clocks(c relay.Clock) string {
	if !c.Known() {
		return ""
	}
	return hms(c.White) + "  " + hms(c.Black)
}

func hms(left relay.Millis) string {
	if left == relay.NoTime {
		return "-:--:--"
	}
	s := int64(left / 1000)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

func duration(ms relay.Millis) time.Duration {
	return (time.Duration(ms) * time.Millisecond).Round(time.Second)
}
