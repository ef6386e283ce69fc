package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
	"github.com/chessrelay/chessrelay/relay"
)

type feedOptions struct {
	to       string
	round    string
	name     string
	speed    float64
	asap     bool
	token    string
	patience time.Duration
	json     bool
}

// newFeedCommand is `chessrelay feed`, which plays a PGN file into a round.
func newFeedCommand(env *environment) *cobra.Command {
	var opts feedOptions
	cmd := &cobra.Command{
		Use:   "feed --to URL[,URL...] [--round ID | --new NAME] [--speed X | --asap] FILE.pgn|-",
		Short: "Plays a PGN file into a round, as an arbiter would",
		Long: `Plays all games of a PGN file at the same time, each on its own board: by their clocks, faster, or as fast as possible.
With several URLs, it goes on at the next node when one does not answer.

With --round it uses the boards of an existing round. It finds them by the players' names or the board's number, opens
those that are missing, and continues each game where it stands. Use it to resume an interrupted feed.`,
		Example: `  chessrelay feed --to http://recorder:8080 --new "City Championship" --speed 10 round-1.pgn
  chessrelay feed --to http://recorder:8080,http://venue-1:8080 --round AbCd1234 --asap round-1.pgn`,
		Args: exactArgs("the PGN file, or - for stdin,"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := needFlags(cmd, "to"); err != nil {
				return err
			}
			if err := excludeFlags(cmd, "round", "new"); err != nil {
				return err
			}
			if err := excludeFlags(cmd, "speed", "asap"); err != nil {
				return err
			}
			if !(opts.speed > 0) {
				return usagef("--speed must be more than 0, not %v", opts.speed)
			}
			return runFeed(cmd.Context(), env, opts, args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.to, "to", "", "the nodes to feed: `URL[,URL...]`")
	f.StringVar(&opts.round, "round", "", "feed the round with this `ID`")
	f.StringVar(&opts.name, "new", "", "make a tournament with this `NAME` and a round in it (default: the event of the games)")
	f.Float64Var(&opts.speed, "speed", 1, "`X` times faster than the clocks of the games")
	f.BoolVar(&opts.asap, "asap", false, "as fast as possible, without regard to clocks")
	f.StringVar(&opts.token, "token", "", "a `TOKEN` that may submit")
	f.DurationVar(&opts.patience, "patience", 10*time.Minute, "give up a game when one submission has failed for `TIME`; 0: never")
	f.BoolVar(&opts.json, "json", false, "print the summary as JSON")
	return cmd
}

func runFeed(ctx context.Context, env *environment, opts feedOptions, file string) error {
	nodes, err := parseNodes(opts.to)
	if err != nil {
		return err
	}
	games, broken, err := readFeedFile(env.stdin, file)
	if err != nil {
		return err
	}
	c := env.client(nodes, client.Options{Token: opts.token, Source: "feed"})
	defer c.Close()
	p := replay.New(replay.Config{
		Client: c, Anonymous: opts.token == "", Log: env.log, Games: games, Speed: opts.speed, Patience: opts.patience,
	})
	if opts.asap {
		p.Speed = 0
	}
	for _, failure := range broken {
		p.Unreadable(failure)
		env.log.Error("a game cannot be read; the others go on", "game", failure.Game, "err", failure.Error)
	}
	if err := p.Prepare(ctx, relay.RoundID(opts.round), opts.name); err != nil {
		return err
	}
	env.log.Info("the round is open", "round", p.Round(), "boards", len(games), "page", p.Page())

	p.Play(ctx)
	s := p.Summary()
	if opts.json {
		err = printJSON(env.stdout, s)
	} else {
		s.Print(env.stdout)
	}
	switch {
	case err != nil:
		return err
	case s.Interrupted:
		return fmt.Errorf("interrupted; to resume, use --round %s", s.Round)
	case len(s.Failures) > 0:
		return fmt.Errorf("%d of %d games stopped before their end", len(s.Failures), s.Games)
	}
	return nil
}

// readFeedFile reads all games of a file, or of stdin if its name is "-". It returns games that
// cannot be read as failures.
func readFeedFile(stdin io.Reader, name string) ([]*replay.Game, []replay.Failure, error) {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, nil, err
		}
		defer file.Close()
		in = file
	}
	games, broken, err := replay.Read(in)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(games) == 0 {
		if len(broken) > 0 {
			return nil, nil, fmt.Errorf("no game in %s can be read; %v", name, broken[0])
		}
		return nil, nil, fmt.Errorf("there is no game in %s", name)
	}
	return games, broken, nil
}

// printJSON prints v to w, indented.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print the JSON: %w", err)
	}
	return nil
}
