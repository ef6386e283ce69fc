package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"text/tabwriter"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
	"github.com/spf13/cobra"
)

const (
	// askTimeout bounds a question whose answer somebody waits for at a terminal.
	askTimeout = 5 * time.Second
	watchEvery = time.Second
)

// newStatusCommand is `chessrelay status`: the members of the cluster, and how
// far each of them is.
func newStatusCommand(env *environment) *cobra.Command {
	var asJSON, again, ready bool
	cmd := &cobra.Command{
		Use:   "status URL[,URL...] [--json] [--watch | --ready]",
		Short: "Shows the members, the replicators and their lag",
		Long: `Shows the members, the replicators and their lag. With --ready it only asks whether the node takes part and shows what it
knows, and exits with 1 if it does not: the health check of a container.`,
		Args: exactArgs("the URL of a node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			nodes, err := parseNodes(args[0])
			if err != nil {
				return err
			}
			c := newClient(nodes, "", env.log)
			defer c.Close()
			c.hasty = true
			if ready {
				return askReady(cmd.Context(), env, c)
			}
			if again {
				return watchStatus(cmd.Context(), env, c, asJSON)
			}
			s, err := askCluster(cmd.Context(), c)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(env.stdout, s)
			}
			return s.print(env.stdout)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print it as JSON; with --watch, one object a line")
	f.BoolVar(&again, "watch", false, "show it anew every second, until interrupted")
	f.BoolVar(&ready, "ready", false, "only tell whether the node is ready, by the exit code too")
	return cmd
}

// askReady fails unless a node says that it is ready.
func askReady(ctx context.Context, env *environment, c *client) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var answer struct {
		Status string `json:"status"`
	}
	if err := c.call(ctx, http.MethodGet, "/readyz", nil, &answer); err != nil {
		return err
	}
	_, err := fmt.Fprintln(env.stdout, answer.Status)
	return err
}

// askCluster asks for the state of the cluster, and does not try for long.
func askCluster(ctx context.Context, c *client) (clusterState, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return c.cluster(ctx)
}

// watchStatus shows the state of the cluster until ctx ends. That no node
// answers is shown, and is no reason to stop.
func watchStatus(ctx context.Context, env *environment, c *client, asJSON bool) error {
	clear := ""
	if isTerminal(env.stdout) {
		clear = "\x1b[H\x1b[2J"
	}
	for ok := true; ok; ok = sleep(ctx, watchEvery) {
		s, err := askCluster(ctx, c)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			fmt.Fprintf(env.stderr, "%s %v\n", time.Now().Format(time.TimeOnly), err)
		case asJSON:
			if err := json.NewEncoder(env.stdout).Encode(s); err != nil {
				return fmt.Errorf("print the state: %w", err)
			}
		default:
			fmt.Fprint(env.stdout, clear)
			if err := s.print(env.stdout); err != nil {
				return err
			}
			fmt.Fprintln(env.stdout)
		}
	}
	return nil
}

// print prints the cluster as a table. The leader is marked with a star.
func (s clusterState) print(w io.Writer) error {
	leader := "nobody leads at the moment"
	for _, m := range s.Members {
		if m.leads(s) {
			leader = m.Name + " leads" + map[string]string{
				consensus.LeadsLastResort: " until a recorder can",
				consensus.LeadsByHand:     ", chosen by hand",
			}[m.Leads]
		}
	}
	fmt.Fprintf(w, "cluster %s: %s, term %d, commit %d, applied %d\n\n", s.ClusterID, leader, s.Term, s.Commit, s.Applied)

	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tNAME\tROLE\tSUFFRAGE\tSTATE\tMATCH\tNEXT\tLAG\tBEHIND\tINFLIGHT\tRTT\tSENT\tLAST CONTACT\tHTTP")
	for _, m := range s.Members {
		mark, behind, inflight, rtt, sent, contact := "", ago(m.LagMs), fmt.Sprintf("%d/%d", m.Inflight, m.InflightLimit), "-", byteSize(m.SentBytes), ago(m.LastContactMs)
		if m.RTTMicros > 0 {
			rtt = (time.Duration(m.RTTMicros) * time.Microsecond).String()
		}
		if m.leads(s) {
			mark, behind, inflight, rtt, sent, contact = "*", "-", "-", "-", "-", "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n",
			mark, m.Name, m.Role, m.Suffrage, m.State, m.Match, m.Next, m.Lag, behind, inflight, rtt, sent, contact, m.HTTP)
	}
	return t.Flush()
}

func (m memberState) leads(s clusterState) bool {
	return m.State == "leader" || s.Leader != "" && (m.Name == string(s.Leader) || m.ID == s.Leader)
}

// replicates reports whether the member takes every entry as it comes.
func (m memberState) replicates() bool { return m.State == "replicate" || m.State == "leader" }

// byteSize is an amount of data, as a person reads it.
func byteSize(n uint64) string {
	size, units := float64(n), []string{"B", "kB", "MB", "GB", "TB"}
	for size >= 999.5 && len(units) > 1 {
		size, units = size/1000, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", size, units[0])
}

// ago is a time since, as a person reads it; negative is never.
func ago(ms int64) string {
	switch d := time.Duration(ms) * time.Millisecond; {
	case ms < 0:
		return "never"
	case d < time.Second:
		return d.String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// isTerminal reports whether what is written to w is looked at as it comes.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
