package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/terminal"
	"github.com/chessrelay/chessrelay/consensus"
)

// newEdgeCommand is `chessrelay edge`: invitations for edges.
func newEdgeCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "edge invite URL ...",
		Short: "Invites edges, which follow a cluster from outside",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q; there is invite", "edge "+args[0])
			}
			return usagef("the command is missing: invite")
		},
	}
	cmd.AddCommand(newEdgeInviteCommand(env))
	return cmd
}

// invitedEdge is an edge's invitation as the API returns it.
type invitedEdge struct {
	Invitation string `json:"invitation"`
	TokenID    string `json:"tokenId"`
	ExpiresAt  int64  `json:"expiresAt"` // Unix ms; 0: it does not expire
}

// newEdgeInviteCommand prints an invitation, and nothing else on stdout. So scripts can use it.
func newEdgeInviteCommand(env *environment) *cobra.Command {
	var token, name, expires string
	cmd := &cobra.Command{
		Use:   "invite URL[,URL...] [--name NAME] [--expires 30d]",
		Short: "Prints an invitation, with which an edge follows the cluster",
		Long: `Prints an invitation: one word that an edge starts with, as "chessrelay serve --role edge --name NAME --join INVITATION". It names
members to follow, tells the edge by what to know others, and holds a token of the role edge if the cluster has tokens. The
edge shows that token each time it connects, so the word is good for as long as the token, and for more than one edge. In a
cluster without tokens invitations are made on the machine of a member, at its 127.0.0.1.`,
		Args: exactArgs("the URL of a node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := map[string]any{"name": name}
			if expires != "" {
				after, err := parseDays(expires)
				if err != nil {
					return err
				}
				in["expiresIn"] = after.Seconds()
			}
			made, err := askEdgeInvitation(cmd.Context(), env, args[0], token, in)
			if err != nil {
				return fmt.Errorf("invite: %w", err)
			}
			fmt.Fprintln(env.stdout, terminal.Clean(made.Invitation))
			fmt.Fprint(env.stderr, made.describe())
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&token, "token", "", "the `TOKEN` of an admin")
	f.StringVar(&name, "name", "edge", "the `NAME` of the token that is in it")
	f.StringVar(&expires, "expires", "", "the token ends after this `TIME`, such as 30d or 12h (default: it does not)")
	return cmd
}

func askEdgeInvitation(ctx context.Context, env *environment, list, token string, in map[string]any) (made invitedEdge, err error) {
	nodes, err := parseNodes(list)
	if err != nil {
		return made, err
	}
	c := env.client(nodes, client.Options{Token: token, FailFast: true})
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	return made, c.Do(ctx, http.MethodPost, "/api/cluster/edges", in, &made)
}

// describe says how to handle the invitation.
func (i invitedEdge) describe() string {
	var b strings.Builder
	switch {
	case i.TokenID == "":
		b.WriteString("The cluster has no tokens, so there is none in it.\n")
	case i.ExpiresAt == 0:
		fmt.Fprintf(&b, "Keep it secret. It ends by `chessrelay token revoke URL %s`.\n", terminal.Clean(i.TokenID))
	default:
		fmt.Fprintf(&b, "Good until %s. Keep it secret. It ends earlier by `chessrelay token revoke URL %s`.\n",
			time.UnixMilli(i.ExpiresAt).Format(time.DateTime), terminal.Clean(i.TokenID))
	}
	word, err := consensus.ParseEdgeInvitation(i.Invitation)
	if err == nil && slices.ContainsFunc(word.Upstreams, isLocalURL) {
		b.WriteString("It names a node at localhost, so it is good on this machine only: start the members with --advertise-http for others.\n")
	}
	return b.String()
}

func isLocalURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && isLoopback(u.Hostname())
}
