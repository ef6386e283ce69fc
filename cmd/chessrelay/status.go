package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/terminal"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/spf13/cobra"
)

const (
	// answerTimeout bounds a question while somebody waits for the answer at a terminal.
	answerTimeout = 5 * time.Second
	watchEvery    = time.Second
)

// newStatusCommand is `chessrelay status`: the members of the cluster, and how
// far each of them is.
func newStatusCommand(env *environment) *cobra.Command {
	var asJSON, again, ready bool
	var token string
	cmd := &cobra.Command{
		Use:   "status URL[,URL...] [--token TOKEN] [--json] [--watch | --ready]",
		Short: "Shows the members, the replicators and their lag, and the rounds' sources",
		Long: `Shows the members, the replicators and their lag, and the state of the rounds' sources, if any. With --ready it
only asks whether the node is ready to serve, and exits with 1 if it is not: use it as the health check of a container.`,
		Args: exactArgs("the URL of a node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			nodes, err := parseNodes(args[0])
			if err != nil {
				return err
			}
			opts := client.Options{Token: token, FailFast: true}
			if again && !asJSON && !ready {
				opts.Log = slog.New(slog.DiscardHandler) // the screen says it
			}
			c := env.client(nodes, opts)
			defer c.Close()
			if ready {
				return askReady(cmd.Context(), env, c)
			}
			if again && asJSON {
				return watchJSON(cmd.Context(), env, c)
			}
			if again {
				return watchStatus(cmd.Context(), env, c)
			}
			if asJSON {
				s, err := askJSON(cmd.Context(), c)
				if err != nil {
					return err
				}
				return printJSON(env.stdout, s)
			}
			s, err := askCluster(cmd.Context(), c)
			if err != nil {
				return err
			}
			columns, _ := terminal.NewDisplay(env.stdout).Size()
			_, err = fmt.Fprint(env.stdout, describeCluster(s, columns))
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&token, "token", "", "a `TOKEN` of the cluster: without one a node that runs elsewhere shows only names, roles and whether boards are stale")
	f.BoolVar(&asJSON, "json", false, "print JSON; with --watch, one object per line")
	f.BoolVar(&again, "watch", false, "show it again every second, until interrupted")
	f.BoolVar(&ready, "ready", false, "only print whether the node is ready, and exit with 1 if it is not")
	return cmd
}

// askReady fails unless a node says that it is ready.
func askReady(ctx context.Context, env *environment, c *client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var answer struct {
		Status string `json:"status"`
	}
	if err := c.Do(ctx, http.MethodGet, "/readyz", nil, &answer); err != nil {
		return err
	}
	_, err := fmt.Fprintln(env.stdout, terminal.Clean(answer.Status))
	return err
}

// askCluster asks for the state of the cluster, and gives up soon.
func askCluster(ctx context.Context, c *client.Client) (client.Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return c.Cluster(ctx)
}

// askJSON asks for the state of the cluster as the node sends it, including fields that this
// program does not know.
func askJSON(ctx context.Context, c *client.Client) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var s json.RawMessage
	return s, c.Do(ctx, http.MethodGet, "/api/cluster", nil, &s)
}

// watchJSON prints the state of the cluster, one object a line, until ctx ends. If no node answers,
// it reports that on stderr and goes on.
func watchJSON(ctx context.Context, env *environment, c *client.Client) error {
	every := time.NewTicker(watchEvery)
	defer every.Stop()
	for {
		s, err := askJSON(ctx, c)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			fmt.Fprintf(env.stderr, "%s %v\n", time.Now().Format(time.TimeOnly), err)
		default:
			if err := json.NewEncoder(env.stdout).Encode(s); err != nil {
				return fmt.Errorf("print the state: %w", err)
			}
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// watchStatus shows the state of the cluster until ctx ends. While no node answers, it shows the
// last state, and says so.
func watchStatus(ctx context.Context, env *environment, c *client.Client) error {
	display := terminal.NewDisplay(env.stdout)
	picture, at := "", time.Now() // the last picture, and when it was drawn
	every := time.NewTicker(watchEvery)
	defer every.Stop()
	for {
		s, err := askCluster(ctx, c)
		if ctx.Err() != nil {
			return nil
		}
		now := time.Now()
		columns, _ := display.Size()
		head := fmt.Sprintf("%s  every second, until Ctrl-C", now.Format(time.TimeOnly))
		switch {
		case err == nil:
			picture, at = describeCluster(s, columns), now
		case picture == "":
			head = fmt.Sprintf("%s  %v. Trying again, until Ctrl-C.", now.Format(time.TimeOnly), err)
		default:
			head = fmt.Sprintf("%s  %v. Trying again, until Ctrl-C. What follows is %s old.", now.Format(time.TimeOnly), err, ago(now.Sub(at).Milliseconds()))
		}
		if err := display.Show(terminal.Wrap(head, columns) + "\n\n" + picture); err != nil {
			return fmt.Errorf("print the state: %w", err)
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// describeCluster is the cluster as a table, with remarks about single members below it. Lines have
// at most this many columns; 0: no limit. A star marks the leader.
func describeCluster(s client.Cluster, columns int) string {
	if s.Public {
		return describePublic(s, columns)
	}
	leader := "nobody leads at the moment"
	for _, m := range s.Members {
		if isLeader(m, s) {
			leader = m.Name + " leads" + map[string]string{
				consensus.LeadsLastResort: " until a recorder can",
				consensus.LeadsByHand:     ", chosen by hand",
			}[m.Leads]
		}
	}
	head := terminal.Clean(fmt.Sprintf("cluster %s: %s, term %d, commit %d, applied %d", s.ClusterID, leader, s.Term, s.Commit, s.Applied)) + "\n"

	t := terminal.Table{Head: []string{" ", "NAME", "ROLE", "SUFFRAGE", "STATE", "MATCH", "NEXT", "LAG", "BEHIND", "INFLIGHT", "RTT", "SENT", "LAST CONTACT", "HTTP"}}
	var notes []string
	if leads, err := findMember(s, string(s.Leader)); err == nil && leads.Next == 0 {
		notes = append(notes, fmt.Sprintf("Only the leader knows how far each node is, and %s could not be reached. If it is gone, another one takes over in a second or two.", s.Leader))
	}
	if old := time.Duration(s.AgeMs) * time.Millisecond; old > node.StaleAfter {
		notes = append(notes, fmt.Sprintf("The boards of %s are %s old: it is %d entries behind.", s.Node, ago(s.AgeMs), s.Newest-min(s.Newest, s.Applied)))
	}
	for _, warning := range s.Warnings {
		notes = append(notes, "Warning: "+warning+".")
	}
	for _, m := range s.Members {
		t.Rows = append(t.Rows, memberRow(m, s))
		if m.SnapshotFrom != "" {
			notes = append(notes, fmt.Sprintf("%s gets the boards from %s, %s so far.", m.Name, m.SnapshotFrom, byteSize(m.SnapshotBytes)))
		}
		if m.SnapshotError != "" {
			notes = append(notes, fmt.Sprintf("%s: the last try to send the boards failed, and is repeated: %s", m.Name, m.SnapshotError))
		}
	}
	if left := t.Fit(columns, "HTTP", "SENT", "SUFFRAGE", "NEXT", "LAST CONTACT", "ROLE", "RTT", "MATCH", "INFLIGHT", "BEHIND", "LAG"); len(left) > 0 {
		notes = append(notes, fmt.Sprintf("There is no room for %s; a wider terminal or --json shows them.", strings.ToLower(strings.Join(left, ", "))))
	}
	for _, src := range s.Sources {
		notes = append(notes, sourceText(src))
	}
	for i := range notes {
		notes[i] = terminal.Clean(notes[i])
	}
	if len(t.Rows) == 0 && s.Upstream != nil {
		return describeEdge(s, columns)
	}
	text := terminal.Wrap(head, columns) + "\n" + t.String() + describeEdges(s, columns)
	if len(notes) > 0 {
		text += "\n" + terminal.Wrap(strings.Join(notes, "\n")+"\n", columns)
	}
	return text
}

// describePublic is what everybody may see.
func describePublic(s client.Cluster, columns int) string {
	head := fmt.Sprintf("cluster %s: ", s.ClusterID)
	if s.Leader == "" {
		head += "nobody leads at the moment. "
	} else {
		head += string(s.Leader) + " leads. "
	}
	head += fmt.Sprintf("%s (%s) shows ", s.Node, s.Role)
	if s.Stale {
		head += "stale boards."
	} else {
		head += "current boards."
	}
	t := terminal.Table{Head: []string{" ", "NAME", "ROLE", "BOARDS"}}
	for _, m := range s.Members {
		row := []string{" ", m.Name, m.Role, "unknown"}
		if isLeader(m, s) {
			row[0] = "*"
		}
		if m.Stale != nil {
			row[3] = map[bool]string{false: "current", true: "stale"}[*m.Stale]
		}
		t.Rows = append(t.Rows, row)
	}
	text := terminal.Wrap(head+"\n", columns)
	if len(t.Rows) > 0 {
		text += "\n" + t.String()
	}
	return text + "\n" + terminal.Wrap("This is what the public sees. With --token, operators see all of it.\n", columns)
}

// sourceText is a sentence about the source.
func sourceText(s client.Source) string {
	text := fmt.Sprintf("%s, %s: its source %s ", s.Tournament, s.Name, s.URL)
	if s.URL == "" { // it has a delay
		text, s.LastError = fmt.Sprintf("%s, %s: its source, which a token shows, ", s.Tournament, s.Name), cmp.Or(s.LastError, "a token shows why")
	}
	next := "the next poll is in " + ago(s.NextPollMs)
	if s.NextPollMs == 0 {
		next = "the next poll is now"
	}
	switch {
	case strings.HasPrefix(s.State, "stopped: "), strings.HasPrefix(s.State, "waiting: "):
		_, why, _ := strings.Cut(s.State, ": ")
		return text + "is not polled now: " + why + "."
	case s.FailingMs > 0:
		return text + fmt.Sprintf("has failed for %s; %s: %s.", ago(s.FailingMs), next, strings.TrimSuffix(s.LastError, "."))
	case s.LastPollMs < 0:
		return text + "has not been polled yet."
	}
	text += fmt.Sprintf("answered %s ago; %s", ago(s.LastPollMs), next)
	if s.Problems > 0 {
		text += fmt.Sprintf("; some of its games could not be recorded: see /api/rounds/%s", s.Round)
	}
	return text + "."
}

// memberRow is the member's row of the table.
func memberRow(m client.Member, s client.Cluster) []string {
	row := []string{" ", m.Name, m.Role, m.Suffrage, m.State}
	if m.Diverged {
		row[4] += ", diverged"
	}
	if isLeader(m, s) {
		row[0] = "*"
	}
	if m.State == "unknown" || m.Next == 0 { // only the leader knows
		return append(row, "-", "-", "-", "-", "-", "-", "-", "-", m.HTTP)
	}
	behind := ago(m.LagMs)
	if m.Match == 0 { // this leader has not heard from it yet, so it does not know
		row, behind = append(row, "?", fmt.Sprint(m.Next), "?"), "?"
	} else {
		row = append(row, fmt.Sprint(m.Match), fmt.Sprint(m.Next), fmt.Sprint(m.Lag))
	}
	if isLeader(m, s) {
		return append(row, "-", "-", "-", "-", "-", m.HTTP)
	}
	rtt := "-"
	if m.RTTMicros > 0 && m.State != "unreachable" { // an earlier measurement says nothing about now
		rtt = (time.Duration(m.RTTMicros) * time.Microsecond).String()
	}
	return append(row, behind, fmt.Sprintf("%d/%d", m.Inflight, m.InflightLimit), rtt, byteSize(m.SentBytes), ago(m.LastContactMs), m.HTTP)
}

func isLeader(m client.Member, s client.Cluster) bool {
	return m.State == "leader" || s.Leader != "" && (m.Name == string(s.Leader) || m.ID == s.Leader)
}

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

// ago is the time since something, as a person reads it; negative is never.
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

// describeEdge is what an edge says of itself.
func describeEdge(s client.Cluster, columns int) string {
	u := s.Upstream
	way := make([]string, len(u.Path))
	for i, h := range u.Path {
		way[i] = h.Name
	}
	leader := "nobody leads at the moment"
	if s.Leader != "" {
		leader = string(s.Leader) + " leads"
	}
	head := terminal.Clean(fmt.Sprintf("cluster %s: %s, applied %d. This is an edge, at depth %d: %s.", s.ClusterID, leader, s.Applied, u.Depth, strings.Join(way, " > ")))
	how := fmt.Sprintf("It has been %d entries behind for %s; its boards are as the cluster's were %s ago.", u.Lag, ago(u.LagMs), ago(u.AgeMs))
	if u.Lag == 0 {
		how = fmt.Sprintf("As far as it knows, it is up to date; its boards are as the cluster's were %s ago.", ago(u.AgeMs))
	}
	if u.Stale {
		how += " That is too long: they are stale."
	}
	for _, warning := range s.Warnings {
		how += " Warning: " + warning + "."
	}
	t := terminal.Table{Head: []string{" ", "UPSTREAM", "FROM", "STATE", "WHY NOT"}}
	for _, x := range u.Upstreams {
		row := []string{" ", x.URL, "learnt", x.State, x.Error}
		if x.Named {
			row[2] = "named"
		}
		if x.State == "followed" {
			row[0] = "*"
		}
		t.Rows = append(t.Rows, row)
	}
	t.Fit(columns, "WHY NOT", "FROM")
	return terminal.Wrap(head+"\n"+how+"\n", columns) + "\n" + t.String() + describeEdges(s, columns)
}

// describeEdges are the edges that follow the node that answered.
func describeEdges(s client.Cluster, columns int) string {
	if len(s.Edges) == 0 {
		return describeEngine(s, columns)
	}
	t := terminal.Table{Head: []string{"EDGE", "SENT UP TO", "UNSENT", "SENT", "FOR", "ADDRESS", "HTTP"}}
	for _, e := range s.Edges {
		t.Rows = append(t.Rows, []string{e.Name, fmt.Sprint(e.Sent), fmt.Sprint(e.Lag), byteSize(e.SentBytes), ago(e.ConnectedMs), e.Address, e.HTTP})
	}
	t.Fit(columns, "ADDRESS", "FOR", "SENT", "HTTP")
	return "\n" + t.String() + describeEngine(s, columns)
}

// describeEngine is the engine of the node that answered.
func describeEngine(s client.Cluster, columns int) string {
	e := s.Engine
	if e == nil {
		return ""
	}
	name, state := e.Name, "runs"
	if name == "" {
		name = "the engine"
	}
	if !e.Running {
		state = "does not run"
	}
	text := fmt.Sprintf("%s has an engine: %s %s. Threads: %d; evaluations: %d; boards that wait: %d; restarts: %d.",
		s.Node, name, state, e.Threads, e.Evaluations, e.Queue, e.Restarts)
	return "\n" + terminal.Wrap(terminal.Clean(text)+"\n", columns)
}
