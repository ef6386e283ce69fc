package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/consensus"
)

const (
	// briefly is how long an invitation lasts that a node asks for and uses at once.
	briefly = 10 * time.Minute
	// An invitation in a file lasts for fileInvited and is for fileUses nodes. It is checked every
	// fileChecked. A new one replaces it once it is used up or half of its time is over.
	fileInvited = 7 * 24 * time.Hour
	fileUses    = 20
	fileChecked = time.Second
	// askTimeout bounds a question to another node. renewTimeout bounds a new invitation, to which
	// the cluster has to agree.
	askTimeout   = 5 * time.Second
	renewTimeout = 30 * time.Second
)

// invitation is the one that --join names. Until ctx ends, it waits for a file that is not there
// yet, and for the member at a URL.
func (c *Config) invitation(ctx context.Context, log *slog.Logger) (consensus.Invitation, error) {
	switch {
	case consensus.IsInvitation(c.Join):
		return consensus.ParseInvitation(c.Join)
	case strings.Contains(c.Join, "://"):
		at := client.New([]string{c.Join}, client.Options{Token: c.Token, Roots: c.Roots, Log: log})
		defer at.Close()
		made, err := at.Invite(ctx, 1, briefly)
		if err != nil {
			return consensus.Invitation{}, err
		}
		return consensus.ParseInvitation(made.Invitation)
	}
	if IsAddress(c.Join) {
		return consensus.Invitation{}, fmt.Errorf("--join: a member's address is enough only for a node that is a member already; " +
			"a new node needs an invitation: run `chessrelay venue invite URL` at a member")
	}
	for told := false; ; told = true {
		text, err := os.ReadFile(c.Join)
		if err == nil {
			return consensus.ParseInvitation(string(text))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return consensus.Invitation{}, fmt.Errorf("--join: %w", err)
		}
		if !told {
			log.Info("waiting for the file with the invitation", "file", c.Join)
		}
		select {
		case <-time.After(fileChecked):
		case <-ctx.Done():
			return consensus.Invitation{}, fmt.Errorf("--join: %s holds no invitation: %w", c.Join, ctx.Err())
		}
	}
}

// IsAddress reports whether join is a host and a port, and not a file.
func IsAddress(join string) bool {
	host, port, err := net.SplitHostPort(join)
	return err == nil && host != "" && port != "" && !strings.ContainsAny(join, "/\\")
}

// MeetAt is where --join says that members listen for other nodes.
func (c *Config) MeetAt(ctx context.Context) []string {
	switch {
	case IsAddress(c.Join):
		return []string{c.Join}
	case strings.Contains(c.Join, "://"):
		// This shows no token: when members look for each other, another program may listen there.
		// On this machine the question needs none.
		at := client.New([]string{c.Join}, client.Options{Roots: c.Roots, FailFast: true})
		defer at.Close()
		if s, err := at.Cluster(ctx); err == nil && s.Peer != "" {
			return []string{s.Peer}
		}
		if u, err := url.Parse(c.Join); err == nil && u.Port() != "" { // a --peer address may be meant
			return []string{u.Host}
		}
		return nil
	}
	i, err := consensus.ParseInvitation(c.Join)
	if text, unread := os.ReadFile(c.Join); err != nil && unread == nil {
		i, err = consensus.ParseInvitation(string(text))
	}
	if err != nil {
		return nil
	}
	return i.Addresses
}

// compareClusters logs an error if --join names another cluster than the data directory's. This
// node goes on nevertheless: its own cluster may depend on its vote. compareClusters does not wait
// for a member that does not answer now.
func (n *Node) compareClusters(ctx context.Context, cfg Config) {
	named := ""
	if i, err := consensus.ParseInvitation(cfg.Join); err == nil {
		named = i.ClusterID
	} else if strings.Contains(cfg.Join, "://") {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		c := client.New([]string{cfg.Join}, client.Options{Roots: cfg.Roots, FailFast: true})
		defer c.Close()
		if s, err := c.Cluster(ctx); err == nil {
			named = string(s.ClusterID)
		}
	}
	if named != "" && named != n.Raft.ClusterID() {
		n.log.Error("--join is ignored: the data directory holds a node of another cluster, which runs on; "+
			"to join, start with an empty data directory", "data", cfg.Data, "cluster", n.Raft.ClusterID(), "joinCluster", named)
	}
}

// keepInvitation keeps an invitation in a file until ctx ends. Anybody who may read the folder may
// use it.
func (n *Node) keepInvitation(ctx context.Context, file string) {
	check := time.NewTicker(fileChecked)
	defer check.Stop()
	for {
		if err := n.renewInvitation(ctx, file); err != nil && ctx.Err() == nil {
			n.log.Warn("cannot write the invitation yet", "file", file, "err", err)
		}
		select {
		case <-check.C:
		case <-ctx.Done():
			return
		}
	}
}

// isKept reports whether the file holds an invitation that is valid for some time yet, and whose
// content is still true.
func (n *Node) isKept(file string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	i, err := consensus.ParseInvitation(string(text))
	if err != nil || i.NoTokens == n.HasTokens() || !slices.Contains(i.Addresses, n.Raft.PeerAddr()) {
		return false
	}
	until := time.Now().Add(fileInvited / 2).UnixMilli()
	return slices.ContainsFunc(n.Raft.Invitations(), func(s consensus.InvitationState) bool {
		return s.ID == i.ID && s.ExpiresAt > until
	})
}

// renewInvitation writes another invitation to the file, unless the one in it is still good.
func (n *Node) renewInvitation(ctx context.Context, file string) error {
	if n.isKept(file) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, renewTimeout)
	defer cancel()
	// A node that has just started may not know the log's newest entries yet. If it made a new
	// invitation each time, a node that often starts would use up their limit.
	if err := n.Raft.ReadIndex(ctx); err != nil || n.isKept(file) {
		return err
	}
	i, _, err := n.Raft.Invite(ctx, fileUses, fileInvited)
	if err != nil {
		return err
	}
	i.NoTokens = !n.HasTokens()
	draft := file + ".new"
	if err := os.WriteFile(draft, []byte(i.String()+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, file)
}
