package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/spf13/cobra"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/relay"
)

// silenceLimit is how long a node may say nothing. It sends a status at least
// every ten seconds, so this is a connection that is dead.
const silenceLimit = 30 * time.Second

// newWatchCommand is `chessrelay watch`: the moves in a terminal.
func newWatchCommand(env *environment) *cobra.Command {
	var round, token string
	var board int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "watch URL[,URL...] [--round ID] [--board N]",
		Short: "Shows the moves of a round as they come",
		Long: `Shows the moves of a round as they come, until interrupted. When the connection is lost, it goes on where it was, at the next
node if several are given.`,
		Args: exactArgs("the URL of a node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			nodes, err := parseNodes(args[0])
			if err != nil {
				return err
			}
			if board < 0 {
				return usagef("--board is the number of a board, from 1, not %d", board)
			}
			w := &watcher{
				nodes: nodes, log: env.log, roots: env.roots, token: token, round: relay.RoundID(round), board: board,
				show: show{out: env.stdout, json: asJSON},
			}
			if w.round == "" {
				c := env.client(nodes, token)
				defer c.Close()
				if w.round, err = latestRound(cmd.Context(), c); err != nil {
					return err
				}
			}
			return w.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&round, "round", "", "the round with this `ID` (default the one that was opened last)")
	f.StringVar(&token, "token", "", "the `TOKEN` of who may see what a delay holds back, or a private tournament")
	f.IntVar(&board, "board", 0, "only the board with the number `N`")
	f.BoolVar(&asJSON, "json", false, "print each frame as JSON, one a line")
	return cmd
}

// latestRound is the round that was opened last.
func latestRound(ctx context.Context, c *client) (relay.RoundID, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	tournaments, err := c.tournaments(ctx)
	if err != nil {
		return "", err
	}
	var latest roundState
	for _, t := range tournaments {
		for _, r := range t.Rounds {
			if r.Index >= latest.Index {
				latest = r
			}
		}
	}
	if latest.ID == "" {
		return "", errors.New("there is no round yet")
	}
	return latest.ID, nil
}

// A watcher follows one round, through any of several nodes, without a gap and
// without a repeat.
type watcher struct {
	// Static after construction.
	nodes []string
	log   *slog.Logger
	roots *x509.CertPool // of --tls-ca
	token string
	round relay.RoundID
	board int // 0: all

	// Owned by run.
	show    show
	cluster string
	since   uint64 // everything up to this index was shown; 0: nothing was
}

// run shows the round until ctx ends, which is no error, or a node refuses for good.
func (w *watcher) run(ctx context.Context) error {
	var pause backoff
	for n := 0; ; n++ {
		node := w.nodes[n%len(w.nodes)]
		before := w.since
		err := w.follow(ctx, node)
		if ctx.Err() != nil {
			return nil
		}
		var refusal *refusedError
		if errors.As(err, &refusal) {
			return err
		}
		if w.since != before {
			pause.reset()
		}
		if websocket.IsCloseError(err, broadcast.CloseOtherCluster) {
			w.log.Warn("the node is of another cluster now; starting over", "node", node)
			w.cluster, w.since = "", 0
		}
		wait := pause.next()
		w.log.Warn("the connection is lost; coming back", "node", node, "since", w.since, "wait", wait, "err", err)
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

// refusedError is a node's refusal that would be the same the next time.
type refusedError struct{ msg string }

func (e *refusedError) Error() string { return e.msg }

// follow shows what one connection to one node brings, and returns why it ended.
func (w *watcher) follow(ctx context.Context, node string) error {
	conn, res, err := w.dialer().DialContext(ctx, w.url(node), w.header())
	if err != nil {
		if res != nil && res.StatusCode >= 400 && res.StatusCode < 500 && res.StatusCode != http.StatusTooManyRequests {
			return &refusedError{fmt.Sprintf("%s answered %s to a spectator", node, clean(res.Status))}
		}
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() {
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
		conn.Close() // ends the read below
	})
	defer stop()

	for {
		if err := conn.SetReadDeadline(time.Now().Add(silenceLimit)); err != nil {
			return err
		}
		_, message, err := conn.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) && slices.Contains([]int{broadcast.CloseBadRequest, broadcast.CloseForbidden, broadcast.CloseNoRound}, closed.Code) {
			return &refusedError{fmt.Sprintf("%s refuses: %s", node, clean(closed.Text))}
		}
		if err != nil {
			return err
		}
		frames, err := splitFrames(message)
		if err != nil {
			return fmt.Errorf("read a frame of %s: %w", node, err)
		}
		for _, f := range frames {
			if err := w.take(f); err != nil {
				return err
			}
		}
	}
}

// header has the token, by which a node shows what a delay holds back.
func (w *watcher) header() http.Header {
	if w.token == "" {
		return nil
	}
	return http.Header{"Authorization": {"Bearer " + w.token}}
}

func (w *watcher) dialer() *websocket.Dialer {
	d := *websocket.DefaultDialer
	d.TLSClientConfig = &tls.Config{RootCAs: w.roots}
	return &d
}

// take shows one frame and moves the cursor past it.
func (w *watcher) take(f liveFrame) error {
	if f.Type == "hello" {
		w.cluster = f.Cluster // its index is no cursor: it is how far the node is
	} else {
		w.since = max(w.since, f.Index)
	}
	if err := w.show.frame(f); err != nil {
		return &refusedError{fmt.Sprintf("print a move: %v", err)}
	}
	return nil
}

// url is where the spectators of the round connect, with our cursor if we have one.
func (w *watcher) url(node string) string {
	q := url.Values{"round": {string(w.round)}}
	if w.board != 0 {
		q.Set("boards", strconv.Itoa(w.board))
	}
	if w.since != 0 {
		q.Set("since", strconv.FormatUint(w.since, 10))
		q.Set("cluster", w.cluster)
	}
	return "ws" + strings.TrimPrefix(node, "http") + "/live?" + q.Encode()
}
