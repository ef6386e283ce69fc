package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/web/base"

	"github.com/spf13/cobra"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/terminal"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// tokenOptions are the flags of the token commands.
type tokenOptions struct {
	token                         string // the token that authorizes the call
	name, role, tournament, round string
	expires                       string
	asJSON                        bool
}

// newTokenCommand is `chessrelay token`: who may do what.
func newTokenCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token create|list|revoke URL ... | generate",
		Short: "Makes, lists and revokes the tokens of a cluster",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q; there are create, list, revoke and generate", "token "+args[0])
			}
			return usagef("the command is missing: create, list, revoke or generate")
		},
	}
	cmd.AddCommand(newTokenCreateCommand(env), newTokenListCommand(env), newTokenRevokeCommand(env), newTokenGenerateCommand(env))
	return cmd
}

func newTokenCreateCommand(env *environment) *cobra.Command {
	var opts tokenOptions
	cmd := &cobra.Command{
		Use:   "create URL[,URL...] --name NAME --role ROLE [--tournament ID | --round ID] [--expires 30d]",
		Short: "Makes a token and prints it, once",
		Long: `Makes a token and prints it. The cluster keeps only a hash of it, so it is shown this once. The first token of a cluster must
be an admin's that does not expire. Once there is a token, every change needs one.

  admin      everything, including tokens, the audit trail and the membership
  organiser  tournaments, rounds, games and their sources
  arbiter    moves, results and corrections, which are locked against sources
  source     moves and results from a program, which locks nothing
  edge       following the log, for serve --role edge
  viewer     seeing what a delay holds back, and private tournaments; see "chessrelay link"`,
		Args: exactArgs("the URL of a node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := needFlags(cmd, "name", "role"); err != nil {
				return err
			}
			if err := excludeFlags(cmd, "tournament", "round"); err != nil {
				return err
			}
			in, err := opts.body()
			if err != nil {
				return err
			}
			var made struct {
				relay.Token
				Secret string `json:"token"`
			}
			if err := callTokens(cmd.Context(), env, args[0], opts.token, http.MethodPost, "/api/tokens", in, &made); err != nil {
				return err
			}
			if opts.asJSON {
				return printJSON(env.stdout, made)
			}
			_, err = fmt.Fprintln(env.stdout, made.Secret)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.name, "name", "", "the `NAME` of its owner, who is the author of all changes made with it")
	f.StringVar(&opts.role, "role", "", "what it may do: `admin|organiser|arbiter|source|edge|viewer`")
	f.StringVar(&opts.tournament, "tournament", "", "limit it to the tournament `ID`")
	f.StringVar(&opts.round, "round", "", "limit it to the round `ID`")
	f.StringVar(&opts.expires, "expires", "", "it expires after `TIME`, such as 30d or 12h (default: never)")
	tokenFlags(cmd, &opts)
	return cmd
}

// body is what the API is asked to make.
func (opts *tokenOptions) body() (map[string]any, error) {
	in := map[string]any{"name": opts.name, "role": opts.role}
	if opts.tournament != "" {
		in["tournament"] = opts.tournament
	}
	if opts.round != "" {
		in["round"] = opts.round
	}
	if opts.expires != "" {
		after, err := parseDays(opts.expires)
		if err != nil {
			return nil, err
		}
		in["expiresAt"] = time.Now().Add(after).UnixMilli()
	}
	return in, nil
}

func tokenFlags(cmd *cobra.Command, opts *tokenOptions) {
	cmd.Flags().StringVar(&opts.token, "token", "", "the `TOKEN` of an admin")
	cmd.Flags().BoolVar(&opts.asJSON, "json", false, "print JSON")
}

// callTokens asks one of the nodes.
func callTokens(ctx context.Context, env *environment, list, token, method, path string, in, out any) error {
	nodes, err := parseNodes(list)
	if err != nil {
		return err
	}
	c := env.client(nodes, client.Options{Token: token, FailFast: true})
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	return c.Do(ctx, method, path, in, out)
}

// parseDays reads a duration, which may be in days.
func parseDays(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		d = time.Duration(n * 24 * float64(time.Hour))
	}
	if err != nil || d <= 0 {
		return 0, usagef("--expires must be a time such as 30d or 12h, not %q", s)
	}
	return d, nil
}

func newTokenListCommand(env *environment) *cobra.Command {
	var opts tokenOptions
	cmd := &cobra.Command{
		Use:   "list URL[,URL...] [--json]",
		Short: "Lists the tokens, without their secrets",
		Args:  exactArgs("the URL of a node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var out struct {
				Tokens []relay.Token `json:"tokens"`
			}
			if err := callTokens(cmd.Context(), env, args[0], opts.token, http.MethodGet, "/api/tokens", nil, &out); err != nil {
				return err
			}
			if opts.asJSON {
				return printJSON(env.stdout, out)
			}
			columns, _ := terminal.NewDisplay(env.stdout).Size()
			_, err := fmt.Fprint(env.stdout, tokenTable(out.Tokens, columns))
			return err
		},
	}
	tokenFlags(cmd, &opts)
	return cmd
}

// tokenTable shows tokens. Their texts have no control characters, since the log refuses those.
func tokenTable(tokens []relay.Token, columns int) string {
	t := terminal.Table{Head: []string{"ID", "NAME", "ROLE", "SCOPE", "DELAY", "EXPIRES", "LAST USED", "CREATED BY", "LOGGED IN"}}
	day := func(at relay.Millis, none string) string {
		if at == 0 {
			return none
		}
		return time.UnixMilli(int64(at)).Format("2006-01-02 15:04")
	}
	for i := range tokens {
		k := &tokens[i]
		t.Rows = append(t.Rows, []string{
			k.ID, k.Name, string(k.Role), k.Scope(), delayText(k), day(k.ExpiresAt, "never"), day(k.LastUsed, "not yet"), k.CreatedBy, k.Client,
		})
	}
	t.Fit(columns, "CREATED BY", "LOGGED IN", "LAST USED")
	return t.String()
}

// delayText is how late a viewer sees; empty for all other roles.
func delayText(t *relay.Token) string {
	if t.Role != relay.RoleViewer {
		return ""
	}
	return (time.Duration(t.Delay) * time.Second).String()
}

func newTokenRevokeCommand(env *environment) *cobra.Command {
	var opts tokenOptions
	cmd := &cobra.Command{
		Use:   "revoke URL[,URL...] ID",
		Short: "Revokes a token and its grants, at every node",
		Args:  exactArgs("the URL of a node", "the id of the token"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := args[1]
			if shown, _, ok := relay.SplitToken(id); ok { // as it was printed
				id = shown
			}
			err := callTokens(cmd.Context(), env, args[0], opts.token, http.MethodDelete, "/api/tokens/"+url.PathEscape(id), nil, nil)
			if err == nil {
				_, err = fmt.Fprintf(env.stdout, "revoked %s\n", id)
			}
			return err
		},
	}
	tokenFlags(cmd, &opts)
	return cmd
}

func newTokenGenerateCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "generate",
		Short: "Prints a new token, for serve --bootstrap --token-file",
		Args:  exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(env.stdout, base.NewToken(new(relaypb.CreateToken)))
			return err
		},
	}
}
