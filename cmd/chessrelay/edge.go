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
		Long: `Prints an invitation: one word for "chessrelay serve --role edge --name NAME --join INVITATION". It names members to follow and
the cluster's authority, by which an edge recognises other members. If the cluster has tokens, it holds one of the role edge.
The edge shows that token each time it connects. So the invitation is valid as long as the token, for any number of edges.
In a cluster without tokens, run this on a member's machine, with a URL at 127.0.0.1.`,
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
	f.StringVar(&name, "name", "edge", "the `NAME` of the token in it")
	f.StringVar(&expires, "expires", "", "the token expires after `TIME`, such as 30d or 12h (default: never)")
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
		b.WriteString("The cluster has no tokens, so the invitation holds none.\n")
	case i.ExpiresAt == 0:
		fmt.Fprintf(&b, "Keep it secret. To end it: chessrelay token revoke URL %s\n", terminal.Clean(i.TokenID))
	default:
		fmt.Fprintf(&b, "Valid until %s. Keep it secret. To end it earlier: chessrelay token revoke URL %s\n",
			time.UnixMilli(i.ExpiresAt).Format(time.DateTime), terminal.Clean(i.TokenID))
	}
	word, err := consensus.ParseEdgeInvitation(i.Invitation)
	if err == nil && slices.ContainsFunc(word.Upstreams, isLocalURL) {
		b.WriteString("It names a node at localhost, so it works on this machine only. For others, start the members with --advertise-http.\n")
	}
	return b.String()
}

func isLocalURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && isLoopback(u.Hostname())
}
