package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/chessrelay/chessrelay/web/base"
)

// How far behind the group a ready node may be.
const (
	maxLag = 1000 // entries
	maxAge = 5 * time.Second
)

// boardsAge is how old this node's boards are.
type boardsAge struct {
	Newest uint64 `json:"newest"` // the highest index that this node knows to be committed
	AgeMs  int64  `json:"ageMs"`  // for how long the boards may have lacked something
	// Warnings are sentences about boards that differ between nodes, wrong clocks, and members that
	// are looked for at this node's address.
	Warnings []string `json:"warnings"`
}

func (s *Server) boardsAge() boardsAge {
	at, _ := s.Origin.Fresh()
	return boardsAge{
		Newest: max(s.Origin.Newest(), s.Origin.Applied()), AgeMs: max(0, time.Since(at).Milliseconds()),
		Warnings: append([]string{}, s.Origin.Warnings()...), // a list, not null
	}
}

// behind says why boards of that age are too old; empty: they are not.
func (a boardsAge) behind(applied uint64) string {
	lag := a.Newest - min(a.Newest, applied)
	switch old := time.Duration(a.AgeMs) * time.Millisecond; {
	case lag > maxLag:
		return fmt.Sprintf("catching up: %d entries behind the cluster, boards %v old", lag, old.Round(100*time.Millisecond))
	case old > maxAge:
		return fmt.Sprintf("the boards are %v old, %d entries behind what is known of the cluster", old.Round(100*time.Millisecond), lag)
	}
	return ""
}

// healthz is GET /healthz: 200 while the node's loops run.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	if err := s.Origin.Err(); err != nil {
		base.WriteJSON(w, http.StatusServiceUnavailable, map[string]any{"status": "stopped", "error": err.Error()})
		return
	}
	base.WriteJSON(w, http.StatusOK, map[string]any{"status": "ok"})
}

// readyz is GET /readyz: 200 while the node has a leader (an edge: an upstream) and shows boards
// that are up to date. The public is told its own index, see [relay.State.Shown].
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	n := s.Origin
	status, why := http.StatusOK, "ready"
	age := s.boardsAge()
	body := map[string]any{"node": n.Name(), "applied": n.Applied(), "commit": n.Commit(), "newest": age.Newest, "ageMs": age.AgeMs, "warnings": age.Warnings}
	if shown, delays := s.PublicIndex(); delays && !s.Access.Sees(r) {
		body["applied"], body["commit"], body["newest"] = shown, shown, shown
	}
	lost := ""
	if e := s.Edge; e != nil {
		report := e.Report()
		body["upstream"] = report.Upstream
		if report.Stale {
			lost = "no upstream is up to date"
		}
	} else {
		leader := s.Node.Leader()
		body["leader"] = leader
		if leader == 0 {
			lost = "no leader is known"
		}
	}
	switch {
	case n.Err() != nil:
		status, why = http.StatusServiceUnavailable, "this node has stopped: "+n.Err().Error()
	case n.Diverged() != "":
		status, why = http.StatusServiceUnavailable, n.Diverged()
	case lost != "":
		status, why = http.StatusServiceUnavailable, lost
	case n.Applied() == 0 && s.Edge == nil:
		status, why = http.StatusServiceUnavailable, "waiting for the first snapshot"
	default:
		if behind := age.behind(n.Applied()); behind != "" {
			status, why = http.StatusServiceUnavailable, behind
		}
	}
	body["status"] = why
	if s.cfg.Warning != "" {
		body["warning"] = s.cfg.Warning
	}
	if status != http.StatusOK {
		body["error"], body["code"] = why, "not_ready"
	}
	base.WriteJSON(w, status, body)
}

// metrics is GET /metrics, in Prometheus' text format.
func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	n, hub := s.Origin, s.cfg.Hub.Stats()
	set := metrics.NewSet()
	gauge := func(name string, v float64) { set.NewGauge("chessrelay_"+name, func() float64 { return v }) }
	counter := func(name string, v uint64) { set.NewCounter("chessrelay_" + name).Set(v) }
	isLeader := 0.0
	if r := s.Node; r != nil {
		if r.Leader() == r.ID() {
			isLeader = 1
		}
		arrived, failed := r.Snapshots()
		counter("raft_strangers_total", r.Strangers())
		counter("raft_incredible_messages_total", r.Incredible())
		counter("raft_snapshots_arrived_total", arrived)
		counter("raft_snapshots_failed_total", failed)
	}
	gauge("raft_is_leader", isLeader)
	gauge("raft_commit_index", float64(n.Commit()))
	gauge("raft_applied_index", float64(n.Applied()))
	gauge("raft_leader_contact_seconds", time.Since(n.LastContact()).Seconds())
	age := s.boardsAge()
	diverged := 0.0
	if n.Diverged() != "" {
		diverged = 1
	}
	gauge("boards_diverged", diverged)
	gauge("boards_differences", float64(len(n.Differences())))
	gauge("boards_age_seconds", float64(age.AgeMs)/1000)
	gauge("clock_skew_seconds", n.Skew().Seconds())
	gauge("boards_lag_entries", float64(age.Newest-min(age.Newest, n.Applied())))
	s.edgeMetrics(gauge, counter)
	s.engineMetrics(gauge, counter)
	if s.cfg.Conns != nil {
		c := s.cfg.Conns.Stats()
		gauge("http_connections", float64(c.Open))
		counter("http_connections_displaced_total", c.Displaced)
		counter("http_connections_refused_total", c.Refused)
		counter("http_accept_errors_total", c.AcceptErrors)
	}
	gauge("spectators_limit", float64(s.cfg.Hub.Limit()))
	refused, limited := s.Access.RefusedTokens()
	counter("tokens_refused_total", refused)
	counter("tokens_limited_total", limited)
	gauge("spectators", float64(hub.Spectators))
	gauge("spectator_connections", float64(hub.Connections))
	gauge("live_rounds", float64(hub.Rounds))
	gauge("live_history_bytes", float64(hub.HistoryBytes))
	counter("events_published_total", hub.Events)
	counter("events_sent_total", hub.EventsSent)
	counter("messages_sent_total", hub.Messages)
	counter("messages_sent_bytes_total", hub.Bytes)
	counter("snapshots_sent_total", hub.SnapshotsSent)
	counter("snapshots_encoded_total", hub.SnapshotsEncoded)
	counter("summaries_sent_total", hub.Summaries)
	counter("spectators_joined_total", hub.Joined)
	counter("spectators_subscribed_total", hub.Subscribed)
	counter("spectators_moved_forward_total", hub.MovedForward)
	counter("spectators_refused_total", hub.RefusedLimit+hub.RefusedRate+hub.RefusedOrigin)
	counter("spectators_refused_limit_total", hub.RefusedLimit)
	counter("spectators_refused_rate_total", hub.RefusedRate)
	counter("spectators_refused_origin_total", hub.RefusedOrigin)
	counter("spectators_bad_request_total", hub.ClosedBad)
	counter("spectators_too_slow_total", hub.ClosedSlow)
	dropped := uint64(0)
	if s.cfg.LogDropped != nil {
		dropped = s.cfg.LogDropped()
	}
	counter("log_dropped_total", dropped)
	if s.Pull != nil {
		p := s.Pull.Stats()
		gauge("pull_sources", float64(p.Sources))
		counter("pull_polls_total", p.Polls)
		counter("pull_unchanged_total", p.Unchanged)
		counter("pull_errors_total", p.Errors)
		counter("pull_bytes_total", p.Bytes)
		counter("pull_commands_total", p.Commands)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = io.WriteString(w, ThisBuild().metric())
	set.WritePrometheus(w)
	metrics.WriteProcessMetrics(w)
}

// maxAnswer bounds how many bytes of another node's answer are read.
const maxAnswer = 1 << 20

func decodeLimited(r io.Reader, v any) error {
	return json.NewDecoder(io.LimitReader(r, maxAnswer)).Decode(v)
}
