package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/terminal"
)

const (
	// changeTimeout bounds a change of the membership, to which the cluster has to agree.
	changeTimeout = 30 * time.Second
	pollEvery     = 500 * time.Millisecond
)

// newVenueCommand is `chessrelay venue`: the membership, at runtime.
func newVenueCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "venue list|invite|add|remove|promote|demote URL ...",
		Short: "Lists and changes the members of a running cluster",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q; there are list, invite, add, remove, promote and demote", "venue "+args[0])
			}
			return usagef("the command is missing: list, invite, add, remove, promote or demote")
		},
	}
	cmd.AddCommand(newVenueListCommand(env), newVenueInviteCommand(env), newVenueAddCommand(env))
	cmd.AddCommand(newVenueChangeCommand(env, "remove", "Removes a member from the cluster for good",
		func(ctx context.Context, c *client.Client, m client.Member) error {
			return c.RemoveMember(ctx, memberKey(m))
		}))
	cmd.AddCommand(newVenueChangeCommand(env, "promote", "Makes a learner a voter",
		func(ctx context.Context, c *client.Client, m client.Member) error {
			return c.SetSuffrage(ctx, memberKey(m), "voter")
		}))
	cmd.AddCommand(newVenueChangeCommand(env, "demote", "Makes a voter a learner, which replicates but has no vote",
		func(ctx context.Context, c *client.Client, m client.Member) error {
			return c.SetSuffrage(ctx, memberKey(m), "learner")
		}))
	return cmd
}

func newVenueListCommand(env *environment) *cobra.Command {
	list := newStatusCommand(env)
	list.Use = "list URL[,URL...] [--token TOKEN] [--json] [--watch]"
	list.Short = "Lists the members, as status does"
	return list
}

// newVenueChangeCommand makes a command that changes one member.
func newVenueChangeCommand(env *environment, verb, short string, change func(context.Context, *client.Client, client.Member) error) *cobra.Command {
	var token string
	cmd := &cobra.Command{
		Use:   verb + " URL[,URL...] NAME|ID",
		Short: short,
		Args:  exactArgs("the URL of a node", "the name or the id of the member"),
		RunE: func(cmd *cobra.Command, args []string) error {
			nodes, err := parseNodes(args[0])
			if err != nil {
				return err
			}
			c := env.client(nodes, client.Options{Token: token})
			defer c.Close()
			s, err := askCluster(cmd.Context(), c)
			if err != nil {
				return err
			}
			m, err := findMember(s, args[1])
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), changeTimeout)
			defer cancel()
			if err := change(ctx, c, m); err != nil {
				return fmt.Errorf("%s %s: %w", verb, terminal.Clean(m.Name), err)
			}
			fmt.Fprintf(env.stdout, "%sd %s (%s)\n", verb, terminal.Clean(m.Name), terminal.Clean(memberKey(m)))
			// If a learner is left, it becomes a voter in its place.
			if voters := countVoters(s); m.Suffrage == "voter" && voters == len(s.Members) && voters <= 3 {
				fmt.Fprintf(env.stderr, "Voters left: %d. While one of them is away, nothing can be recorded.\n", voters-1)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&token, "token", "", "the `TOKEN` of an admin")
	return cmd
}

// countVoters counts the voters.
func countVoters(s client.Cluster) (n int) {
	for _, m := range s.Members {
		if m.Suffrage == "voter" {
			n++
		}
	}
	return n
}

// memberKey is the id; for the public, which sees no ids, it is the name.
func memberKey(m client.Member) string { return cmp.Or(string(m.ID), m.Name) }

// findMember finds a member by its name, otherwise by its id.
func findMember(s client.Cluster, nameOrID string) (client.Member, error) {
	for _, is := range []func(client.Member) bool{
		func(m client.Member) bool { return m.Name == nameOrID },
		func(m client.Member) bool { return string(m.ID) == nameOrID },
	} {
		if i := slices.IndexFunc(s.Members, is); i >= 0 {
			return s.Members[i], nil
		}
	}
	var names []string
	for _, m := range s.Members {
		names = append(names, m.Name)
	}
	return client.Member{}, fmt.Errorf("there is no member %q; the members are %s", nameOrID, terminal.Clean(strings.Join(names, ", ")))
}

// newVenueInviteCommand prints an invitation, and nothing else on stdout. So scripts can use it.
func newVenueInviteCommand(env *environment) *cobra.Command {
	var token string
	var uses int
	var life time.Duration
	cmd := &cobra.Command{
		Use:   "invite URL[,URL...] [--uses N] [--expires TIME]",
		Short: "Prints an invitation, with which a new machine joins the cluster",
		Long: `Prints an invitation: one word for "chessrelay serve --join INVITATION …" on a new machine. It holds the members' addresses, the
cluster's authority and a secret. Anybody who has it can join until it is used up or expires. In a cluster without tokens, run
this on a member's machine, with a URL at 127.0.0.1.`,
		Args: exactArgs("the URL of a node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if life <= 0 {
				return usagef("--expires must be a time such as 1h, not %v", life)
			}
			nodes, err := parseNodes(args[0])
			if err != nil {
				return err
			}
			c := env.client(nodes, client.Options{Token: token, FailFast: true})
			defer c.Close()
			ctx, cancel := context.WithTimeout(cmd.Context(), changeTimeout)
			defer cancel()
			made, err := c.Invite(ctx, uses, life)
			if err != nil {
				return fmt.Errorf("invite: %w", err)
			}
			fmt.Fprintln(env.stdout, terminal.Clean(made.Invitation))
			fmt.Fprintf(env.stderr, "For %s until %s. Keep it secret.\n", counted(made.Uses, "node"), time.UnixMilli(made.ExpiresAt).Format(time.DateTime))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&token, "token", "", "the `TOKEN` of an admin")
	f.IntVar(&uses, "uses", 1, "`N` nodes may join with it")
	f.DurationVar(&life, "expires", 24*time.Hour, "it expires after `TIME`")
	return cmd
}

// counted is a number of things, in words.
func counted(n int, thing string) string {
	if n == 1 {
		return "one " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// newVenueAddCommand prints how to start a venue that enters the cluster. A venue adds itself, on
// the machine it runs on.
func newVenueAddCommand(env *environment) *cobra.Command {
	var cfg node.Config
	var wait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "add URL --name NAME [--http ADDR] [--peer ADDR] [--data DIR] [--wait]",
		Short: "Prints the command that starts a new venue, to be run on its machine",
		Long: `A venue joins the cluster by itself when it starts, at any time. This prints the command to run on the new machine, with an
invitation that is valid for a day. With --wait it then waits until the venue has joined and replicates.`,
		Args: exactArgs("the URL of a node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := needFlags(cmd, "name"); err != nil {
				return err
			}
			nodes, err := parseNodes(args[0])
			if err != nil {
				return err
			}
			cfg.Role, cfg.Voters = node.RoleVenue, node.DefaultVoters
			if cfg.Data == "" {
				cfg.Data = cfg.Name
			}
			if err := validate(&cfg); err != nil {
				return err
			}
			token := cfg.Token
			c := env.client(nodes, client.Options{Token: token, FailFast: true})
			defer c.Close()
			inviting, done := context.WithTimeout(cmd.Context(), changeTimeout)
			defer done()
			made, err := c.Invite(inviting, 1, 24*time.Hour)
			if err != nil {
				return fmt.Errorf("invite: %w", err)
			}
			cfg.Join, cfg.Token = made.Invitation, "" // the line is for another machine
			fmt.Fprintln(env.stdout, terminal.ShellLine("chessrelay", cfg.Args()...))
			if !wait {
				return nil
			}
			patient := env.client(nodes, client.Options{Token: token})
			defer patient.Close()
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return waitForMember(ctx, env, patient, cfg.Name)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Name, "name", "", "the new venue's `NAME`")
	f.StringVar(&cfg.HTTP, "http", ":8080", "the venue listens on `ADDR` for spectators")
	f.StringVar(&cfg.Peer, "peer", ":9080", "the venue listens on `ADDR` for the other nodes")
	f.StringVar(&cfg.AdvertiseHTTP, "advertise-http", "", "the `URL` where spectators reach it (default: where it listens)")
	f.StringVar(&cfg.AdvertisePeer, "advertise-peer", "", "the `ADDR` where the other nodes reach it (default: where it listens)")
	f.StringVar(&cfg.Data, "data", "", "the venue's folder, `DIR` (default: its name)")
	f.StringVar(&cfg.Token, "token", "", "the `TOKEN` of an admin, which makes the invitation")
	f.BoolVar(&wait, "wait", false, "wait until the venue has joined and replicates")
	f.DurationVar(&timeout, "timeout", 5*time.Minute, "with --wait, wait at most `TIME`")
	return cmd
}

// waitForMember waits until the member of this name replicates.
func waitForMember(ctx context.Context, env *environment, c *client.Client, name string) error {
	state := ""
	for {
		s, err := c.Cluster(ctx)
		if err != nil {
			return err
		}
		m, err := findMember(s, name)
		if err == nil && m.Replicates() {
			fmt.Fprintf(env.stdout, "%s replicates\n", name)
			return nil
		}
		if err == nil && m.State != state {
			state = m.State
			env.log.Info("the venue is a member", "name", m.Name, "state", m.State, "lag", m.Lag)
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return fmt.Errorf("%s does not replicate yet: %w", name, ctx.Err())
		}
	}
}
