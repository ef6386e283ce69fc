package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/spf13/cobra"
)

// newServeCommand is `chessrelay serve`: one node, until it is told to stop.
func newServeCommand(env *environment) *cobra.Command {
	var cfg node.Config
	var upstreams, proxies []string
	cmd := &cobra.Command{
		Use:   "serve --name NAME --role recorder|venue|edge (--data DIR [--bootstrap | --join INVITATION] | --join INVITATION | --upstream URL[,URL...])",
		Short: "Runs one node: a recorder, a venue or an edge",
		Long: `Runs one node until SIGINT or SIGTERM. --bootstrap makes a new cluster. --join joins one with an invitation, which
"chessrelay venue invite URL" prints, or with a file that holds one. On the machine of a member, the member's URL is enough.
If the data folder holds a node already, both flags are ignored: the same line starts a node and restarts it.

A leader sends appends without waiting for the answers, up to --max-inflight-msgs and --max-inflight-bytes to each node. For
a distant venue the window should hold what the line carries in one round trip: bytes a second × seconds there and back. The
default, 16 MiB, fills 1 Gbit/s at 128 ms.

An edge is not a member of the cluster. It follows a venue or another edge, serves spectators as a venue does, and keeps
nothing on disk. It starts with an invitation of its own, which "chessrelay edge invite URL" prints, or with --upstream and
--token. If its upstream fails, it goes on at the next one that was named, or at one that it has learnt of. It forwards
submissions to the cluster.

Tokens say who may change something; the cluster keeps them (chessrelay token). --bootstrap on an address that other
machines reach makes the first one, an admin's, and prints it once, or takes that of --token or --token-file. While a cluster
has no token, anybody may write. So a node then listens only on 127.0.0.1, unless --open says that this is intended.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := needFlags(cmd, "name", "role"); err != nil {
				return err
			}
			if err := flagsOfRole(cmd, cfg.Role, upstreams, &cfg); err != nil {
				return err
			}
			if err := excludeFlags(cmd, "bootstrap", "join"); err != nil {
				return err
			}
			if cfg.TrustProxies, err = parseProxies(proxies); err != nil {
				return err
			}
			if err := validate(&cfg); err != nil {
				return err
			}
			cfg.Roots = env.roots
			return runServe(cmd.Context(), env, cfg)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Name, "name", "", "the node's `NAME`, unique in its cluster")
	f.StringVar(&cfg.Role, "role", "", "`recorder|venue|edge`: recorders lead, venues serve spectators, edges do so outside the cluster")
	f.StringVar(&cfg.Data, "data", "", "the node's own folder, `DIR`; made if it is missing")
	f.StringVar(&cfg.HTTP, "http", ":8080", "listen on `ADDR` for arbiters and spectators")
	f.StringVar(&cfg.Peer, "peer", ":9080", "listen on `ADDR` for the other nodes")
	f.StringVar(&cfg.AdvertiseHTTP, "advertise-http", "", "the `URL` where others reach --http (default: where it listens)")
	f.StringVar(&cfg.AdvertisePeer, "advertise-peer", "", "the `ADDR` where the other nodes reach --peer (default: where it listens)")
	f.BoolVar(&cfg.Bootstrap, "bootstrap", false, "make a new cluster of this node")
	f.StringVar(&cfg.Join, "join", "", "join a cluster with an `INVITATION`, a file that holds one, or the URL of a member on this machine; for a member whose cluster has moved, a --peer address of another one")
	f.StringVar(&cfg.InviteTo, "invite-to", "", "write an invitation to `FILE`, such as one in a shared volume, for nodes that --join it")
	f.StringArrayVar(&upstreams, "upstream", nil, "an edge follows the node at `URL`, or the next one if that fails; may be repeated")
	f.IntVar(&cfg.Voters, "voters", node.DefaultVoters, "the first venues vote, too, until the cluster has `N` voters")
	f.StringVar(&cfg.Token, "token", "", "with --bootstrap, make this `TOKEN` the first admin's; with --join URL or --upstream, show it there")
	f.StringVar(&cfg.TokenFile, "token-file", "", "read the token from `FILE`, which takes precedence over --token; with --bootstrap, a missing file gets a new token")
	f.BoolVar(&cfg.Open, "open", false, "while the cluster has no token, let anybody who reaches this node write")
	f.StringVar(&cfg.AccessLog, "access-log", "", "write a line of JSON for each request to `FILE`, or to stdout if it is -")
	f.StringVar(&cfg.Engine, "engine", "", "evaluate the boards that are watched with the UCI engine at `PATH`, such as /usr/games/stockfish (default: none)")
	f.IntVar(&cfg.EngineThreads, "engine-threads", 1, "with `N` threads, at a low priority")
	f.StringVar(&cfg.PullAllow, "pull-allow", "", "fetch the sources of rounds from these hosts of the local network too, `HOST[:PORT],CIDR…` (default: from the public internet only)")
	f.IntVar(&cfg.MaxSpectators, "max-spectators", 0, "serve at most `N` spectators at a time; 0: as many as the open files allow (ulimit -n) less 500, at most 100000; -1: as many as these allow")
	f.IntVar(&cfg.MaxPerAddress, "max-per-address", 1000, "serve at most `N` spectators at one address, and as many other connections; -1: no limit")
	f.IntVar(&cfg.MaxJoins, "max-joins", 0, "admit at most `N` spectators a second; the others come back a little later (default 20000); -1: no limit")
	f.IntVar(&cfg.HistoryEvents, "history-events", 0, "keep the last `N` events of a round for spectators who come back; those who lack more get a snapshot (default 4096)")
	f.IntVar(&cfg.HistoryBytes, "history-bytes", 0, "and at most `N` bytes of them (default 4194304)")
	f.StringSliceVar(&cfg.AllowOrigins, "allow-origin", nil, "let pages of this site watch too, `ORIGIN[,ORIGIN…]` such as https://club.example; *: of all sites (default: the node's own pages only)")
	f.StringSliceVar(&proxies, "trust-proxy", nil, "trust the X-Forwarded-For of proxies in these networks, `CIDR[,CIDR…]`: --max-per-address then counts the clients behind them")
	f.StringSliceVar(&cfg.AllowHosts, "allow-host", nil, "accept submissions for this `HOST[,HOST…]`, as a node behind a proxy must (default: the hosts that nodes advertise, IP addresses and localhost)")
	f.StringVar(&cfg.TLSCert, "tls-cert", "", "speak TLS at --http, with the certificate in `FILE` and its chain, in PEM; read again when it changes")
	f.StringVar(&cfg.TLSKey, "tls-key", "", "the key of --tls-cert, a `FILE` in PEM")
	f.StringSliceVar(&cfg.ACME, "acme", nil, "speak TLS, with a certificate for `HOST[,HOST…]` that Let's Encrypt issues and renews; it must reach the node's port 443, or --http-redirect at port 80")
	f.StringVar(&cfg.ACMEDirectory, "acme-directory", "", "ask the CA whose ACME directory is at `URL` instead")
	f.StringVar(&cfg.ACMECache, "acme-cache", "", "keep the account and the certificates in `DIR` (default: acme in --data)")
	f.StringVar(&cfg.HTTPRedirect, "http-redirect", "", "redirect browsers that come to `ADDR`, such as :80, from plain HTTP to TLS")
	f.StringVar(&cfg.AdminHTTP, "admin-http", "", "serve /metrics, the whole of /api/cluster and /debug/pprof at `ADDR`, such as 127.0.0.1:6060, in plain HTTP; keep it from the public (default: at --http, without profiles, for this machine and for the token)")
	f.IntVar(&cfg.MaxInflightMsgs, "max-inflight-msgs", 0, "as leader, have at most `N` unanswered appends on the way to a node (default 256)")
	f.Uint64Var(&cfg.MaxInflightBytes, "max-inflight-bytes", 0, "and at most `N` bytes in them (default 16777216)")
	return cmd
}

// gcPercent is GOGC for a node, unless it is set. The live heap is small, a few tens of MB, but a
// high rate of moves makes much garbage. Collecting it less often saves a tenth of the CPU time.
const gcPercent = 400

// listenFirst is twice the pause of a member between two attempts to reach another one.
const listenFirst = 2 * time.Second

// runServe opens the node that cfg describes and runs it until ctx ends.
func runServe(ctx context.Context, env *environment, cfg node.Config) error {
	if env.getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	cfg.FoundAfter = listenFirst
	if env.logs != nil {
		cfg.LogDropped = env.logs.Dropped
	}
	if err := cfg.ReadToken(); err != nil {
		return err
	}
	cfg.Stdout = env.stdout
	n, err := node.Open(ctx, cfg, env.log, 0)
	if err != nil {
		return err
	}
	err = n.Run(ctx)
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w (make room on the disk of --data %s and start the node again: it has everything that it acknowledged)", err, cfg.Data)
	}
	return errors.Join(err, n.Close())
}
