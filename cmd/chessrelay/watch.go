package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/relay"
)

// newWatchCommand is `chessrelay watch`: the moves in a terminal.
func newWatchCommand(env *environment) *cobra.Command {
	var round, token string
	var board int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "watch URL[,URL...] [--round ID] [--board N]",
		Short: "Shows the moves of a round as they come",
		Long: `Shows the moves of a round as they come, until interrupted. When the connection is lost, it goes on where it was, at the next
node if several are given.`,
		Args: exactArgs("the URL of a node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			nodes, err := parseNodes(args[0])
			if err != nil {
				return err
			}
			if board < 0 {
				return usagef("--board is the number of a board, from 1, not %d", board)
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
	f.StringVar(&round, "round", "", "the round with this `ID` (default the one that was opened last)")
	f.StringVar(&token, "token", "", "the `TOKEN` of who may see what a delay holds back, or a private tournament")
	f.IntVar(&board, "board", 0, "only the board with the number `N`")
	f.BoolVar(&asJSON, "json", false, "print each frame as JSON, one a line")
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
