package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/terminal"
	"github.com/chessrelay/chessrelay/relay"
)

// newLinkCommand is `chessrelay link`. It prints the link, and nothing else on stdout. So scripts
// can use it.
func newLinkCommand(env *environment) *cobra.Command {
	var opts tokenOptions
	var delay time.Duration
	cmd := &cobra.Command{
		Use:   "link URL[,URL...] (--round ID | --tournament ID) [--delay 5m] [--expires 1d] [--name NAME]",
		Short: "Prints a viewing link, which shows a round before the public sees it, or a private tournament",
		Long: `Prints a viewing link: an address at which a browser shows a round with a delay earlier than the public sees it, or a private
tournament. Without --delay it shows the boards as they are. With --delay 5m it shows them five minutes late, where the public
sees them later still. The link begins with the URL that you give, so give the one that the viewers use. Anybody who has the link
sees what it covers. "chessrelay token list" shows it as a viewer's token, and "chessrelay token revoke" ends it.`,
		Args: exactArgs("the URL of a node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := excludeFlags(cmd, "tournament", "round"); err != nil {
				return err
			}
			if opts.tournament == "" && opts.round == "" {
				return usagef("the round or the tournament of the link is missing: --round ID or --tournament ID")
			}
			if delay < 0 || delay > relay.MaxDelay*time.Second || delay%time.Second != 0 {
				return usagef("--delay must be a time in whole seconds up to %v, such as 5m, not %v", relay.MaxDelay*time.Second, delay)
			}
			opts.role, opts.name = string(relay.RoleViewer), cmp.Or(opts.name, "viewing link")
			in, err := opts.body()
			if err != nil {
				return err
			}
			in["delay"] = int(delay.Seconds())
			var made struct {
				relay.Token
				Link string `json:"link"`
			}
			if err := callTokens(cmd.Context(), env, args[0], opts.token, http.MethodPost, "/api/tokens", in, &made); err != nil {
				return err
			}
			if opts.asJSON {
				return printJSON(env.stdout, made)
			}
			fmt.Fprintln(env.stdout, terminal.Clean(made.Link))
			opts.warnOfEarlyRounds(cmd.Context(), env, args[0], delay)
			fmt.Fprintf(env.stderr, "To end it: chessrelay token revoke %s %s\n", args[0], terminal.Clean(made.ID))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.round, "round", "", "show the round `ID`")
	f.StringVar(&opts.tournament, "tournament", "", "show the tournament `ID`")
	f.DurationVar(&delay, "delay", 0, "show rounds that have a delay `TIME` late, such as 5m (default: as they are)")
	f.StringVar(&opts.name, "name", "", "the viewer's `NAME`, as \"chessrelay token list\" shows it")
	f.StringVar(&opts.expires, "expires", "", "it expires after `TIME`, such as 1d or 12h (default: never)")
	tokenFlags(cmd, &opts)
	return cmd
}

// warnOfEarlyRounds warns of rounds that the link shows sooner than its delay says, because the
// round's own delay is shorter.
func (opts *tokenOptions) warnOfEarlyRounds(ctx context.Context, env *environment, list string, delay time.Duration) {
	var t struct {
		Rounds []client.Round `json:"rounds"`
	}
	var err error
	if opts.tournament != "" {
		err = callTokens(ctx, env, list, opts.token, http.MethodGet, "/api/tournaments/"+url.PathEscape(opts.tournament), nil, &t)
	} else {
		t.Rounds = make([]client.Round, 1)
		err = callTokens(ctx, env, list, opts.token, http.MethodGet, "/api/rounds/"+url.PathEscape(opts.round), nil, &t.Rounds[0])
	}
	if err != nil {
		return // the link is made nevertheless
	}
	for _, r := range t.Rounds {
		if own := time.Duration(r.Delay) * time.Second; own < delay {
			fmt.Fprintf(env.stderr, "Warning: the round %s (%s) has a delay of only %v, so the link shows it that late. Give the round the longest delay that any viewer needs.\n", terminal.Clean(r.Name), r.ID, own)
		}
	}
}
