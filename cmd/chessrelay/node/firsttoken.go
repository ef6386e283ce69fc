package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/web/base"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// This file keeps strangers from writing, from the first moment. A node on an address that others
// can reach has tokens, or its flags say that anybody may write.

// errOpen is the error of a node that stops because it would let anybody write.
var errOpen = errors.New("this cluster has no token, so anybody who reaches this node could change everything; " +
	"start its first node with --bootstrap on an address of its own, which makes the first token, or create one there " +
	"(chessrelay token create --role admin), or listen on 127.0.0.1, or use --open if anybody may write")

// firstTokenFile keeps a new token until it was printed.
const firstTokenFile = "first-token"

// onLoopback reports whether only this machine reaches the address.
func onLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// HasTokens reports whether the boards of this node have any.
func (n *Node) HasTokens() (has bool) {
	n.Boards.Read(func(_ uint64, s *relay.State) { has = s.HasTokens() })
	return has
}

// settleTokens makes the first token, if this node has to. It stops the node if others can reach it
// and there is no token. Until then the node takes no changes. This may take as long as the cluster
// has no majority.
func (n *Node) settleTokens(ctx context.Context, cfg Config, open bool) {
	if open {
		return
	}
	for !n.HasTokens() {
		try, cancel := context.WithTimeout(ctx, tokenTry)
		err := n.Raft.ReadIndex(try)
		if err == nil && !n.HasTokens() {
			if !cfg.Bootstrap {
				cancel()
				n.stopWith(errOpen)
				return
			}
			if err = n.makeFirstToken(try, cfg); err != nil {
				n.log.Info("the first token cannot be made yet", "err", err)
			}
		}
		cancel()
		if err == nil {
			continue
		}
		select {
		case <-time.After(tokenRetry):
		case <-ctx.Done():
			return
		}
	}
	n.tellFirstToken(cfg)
}

const (
	// tokenTry bounds one try of settleTokens; tokenRetry is the pause between two.
	tokenTry   = 12 * time.Second
	tokenRetry = 200 * time.Millisecond
)

// makeFirstToken makes an admin's token, that of --token or a new one.
func (n *Node) makeFirstToken(ctx context.Context, cfg Config) error {
	text := cfg.Token
	file := filepath.Join(cfg.Data, firstTokenFile)
	if text == "" {
		// The file keeps it until it was printed, so a crash does not lose it.
		text = base.NewToken(new(relaypb.CreateToken))
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			n.stopWith(fmt.Errorf("keep the first token: %w", err))
			return err
		}
	}
	id, secret, _ := relay.SplitToken(text)
	op := &relaypb.CreateToken{Id: id, Name: "admin", Role: string(relay.RoleAdmin)}
	base.Hash(op, secret)
	c := &relaypb.Command{
		At: n.Boards.now().UnixMilli(), By: cfg.Name, Request: "first-token-" + rand.Text(),
		Op: &relaypb.Command_CreateToken{CreateToken: op},
	}
	out, err := base.Propose(ctx, n.Raft, c)
	if err == nil {
		err = out[0].Err
	}
	if err != nil {
		return err
	}
	n.log.Info("the first token was made", "id", id, "role", op.Role)
	if cfg.TokenMade && cfg.Stdout != nil {
		_, _ = fmt.Fprintf(cfg.Stdout, "The admin token, kept in %s and shown this once: %s\n", cfg.TokenFile, text)
	}
	return nil
}

// tellFirstToken prints a token that was made and not printed yet.
func (n *Node) tellFirstToken(cfg Config) {
	file := filepath.Join(cfg.Data, firstTokenFile)
	text, err := os.ReadFile(file)
	if err != nil {
		return // nearly always: there is none
	}
	if id, _, ok := relay.SplitToken(strings.TrimSpace(string(text))); ok && cfg.Stdout != nil {
		var made bool
		n.Boards.Read(func(_ uint64, s *relay.State) { _, made = s.Token(id) })
		if made {
			if _, err := fmt.Fprintf(cfg.Stdout, "The admin token, shown this once: %s\n", text[:len(text)-1]); err != nil {
				n.log.Error("the first token could not be printed; it stays in a file", "file", file, "err", err)
				return
			}
		}
	}
	if err := os.Remove(file); err != nil {
		n.log.Error("the file with the first token could not be removed; remove it by hand", "file", file, "err", err)
	}
}

// stopWith ends the node with that error.
func (n *Node) stopWith(err error) {
	select {
	case n.outdated <- err:
	default:
	}
}
