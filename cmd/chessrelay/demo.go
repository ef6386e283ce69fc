package main

import (
	"io"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/demo"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
)

// newDemoCommand is `chessrelay demo`: a recorder and venues as real processes, into which it
// replays a round.
func newDemoCommand(env *environment) *cobra.Command {
	var opts demo.Config
	var pgn string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Starts a recorder and venues on this machine and replays a real round into them",
		Long: `Starts a recorder and venues on this machine, each a process of its own, and replays a round into them by the games' clocks.
It prints the pages to open, and for each process how to start it again after a kill. Ctrl-C ends all of it.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(opts.HTTP); err != nil {
				return usagef("--http must be an address to listen on, such as 127.0.0.1:8080, not %q", opts.HTTP)
			}
			if !(opts.Speed > 0) {
				return usagef("--speed must be more than 0, not %v", opts.Speed)
			}
			if opts.Venues < 0 || opts.Venues > 20 {
				return usagef("--venues must be from 0 to 20, not %d", opts.Venues)
			}
			games, broken, err := demoGames(env.stdin, pgn)
			if err != nil {
				return err
			}
			for _, b := range broken {
				env.log.Warn("a game cannot be read and is left out", "game", b.Game, "err", b.Error)
			}
			opts.Games = games
			return demo.Run(cmd.Context(), opts, env.stdout, env.log)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.HTTP, "http", "127.0.0.1:8080", "the recorder listens on `ADDR`, the venues on the ports after it; ports in use are skipped")
	f.Float64Var(&opts.Speed, "speed", 30, "`X` times faster than the clocks of the games")
	f.IntVar(&opts.Venues, "venues", 2, "start `N` venues")
	f.StringVar(&pgn, "pgn", "", "replay the games of `FILE` (default: a round of the 2014 chess Olympiad)")
	f.StringVar(&opts.Data, "data", "", "keep the nodes' data and logs in a new folder under `DIR` (default: a temporary one, removed at the end)")
	return cmd
}

func demoGames(stdin io.Reader, file string) ([]*replay.Game, []replay.Failure, error) {
	if file != "" {
		return readFeedFile(stdin, file)
	}
	return replay.Read(strings.NewReader(replay.SampleRound))
}
