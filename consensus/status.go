package consensus

import (
	"context"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
)

// Status is the group as one node sees it. Only the leader knows how far each
// follower is.
type Status struct {
	ClusterID string         `json:"clusterId"`
	Node      string         `json:"node"` // the name of the node that says so
	NodeID    MemberID       `json:"nodeId"`
	Leader    string         `json:"leader"` // its name; empty: none is known
	LeaderID  MemberID       `json:"leaderId,omitzero"`
	Term      uint64         `json:"term"`
	Commit    uint64         `json:"commit"`
	Applied   uint64         `json:"applied"`
	Members   []MemberStatus `json:"members"`
}

// MemberStatus is one member, and what this node knows of its replication.
// State is "leader", or, as the leader sees it, "probe", "replicate",
// "snapshot" or "unreachable"; a follower can only tell "unknown".
type MemberStatus struct {
	Member
	Suffrage string `json:"suffrage"` // "voter" or "learner"
	State    string `json:"state"`
	Match    uint64 `json:"match"`
	Next     uint64 `json:"next"`
	Inflight int    `json:"inflight"` // appends on their way to it
	Lag      uint64 `json:"lag"`      // entries that it does not have on disk
	// LastContactMs is how long ago it was heard from, -1: never.
	LastContactMs int64  `json:"lastContactMs"`
	RTTMicros     int64  `json:"rttMicros,omitempty"`
	SentBytes     uint64 `json:"sentBytes"`
	// SnapshotFrom is the name of the member that sends it the boards at the moment.
	SnapshotFrom string `json:"snapshotFrom,omitempty"`
}

// Status returns the group as this node sees it.
func (n *Node) Status(ctx context.Context) (Status, error) {
	var rs raft.Status
	if err := n.do(ctx, func(r *raft.RawNode) { rs = r.Status() }); err != nil {
		return Status{}, err
	}
	s := Status{
		ClusterID: n.clusterID, Node: n.cfg.Name, NodeID: n.id,
		LeaderID: MemberID(rs.Lead), Term: rs.GetTerm(), Commit: rs.GetCommit(), Applied: n.Applied(),
	}
	voters := rs.Config.Voters.IDs()
	last := uint64(0)
	if p, ok := rs.Progress[rs.ID]; ok {
		last = max(p.Match, rs.GetCommit())
	}
	for _, m := range n.roster.list() {
		ms := MemberStatus{Member: m, Suffrage: "learner", State: "unknown", LastContactMs: -1}
		if _, ok := voters[uint64(m.ID)]; ok {
			ms.Suffrage = "voter"
		}
		if m.ID == s.LeaderID {
			s.Leader, ms.State = m.Name, "leader"
		}
		n.describePeer(&ms)
		if p, ok := rs.Progress[uint64(m.ID)]; ok {
			describeProgress(&ms, p, last)
			if !n.reachable(m.ID) {
				ms.State = "unreachable"
			}
		}
		if m.ID == n.id {
			ms.LastContactMs = 0
		}
		s.Members = append(s.Members, ms)
	}
	return s, nil
}

func (n *Node) describePeer(ms *MemberStatus) {
	r := n.peers.get(ms.ID)
	if r == nil {
		return
	}
	if at := r.lastContact.Load(); at != 0 {
		ms.LastContactMs = time.Since(time.Unix(0, at)).Milliseconds()
	}
	ms.RTTMicros = r.rtt.Load() / int64(time.Microsecond)
	ms.SentBytes = r.sentBytes.Load()
	if by, ok := n.roster.get(MemberID(r.servedBy.Load())); ok {
		ms.SnapshotFrom = by.Name
	}
}

func describeProgress(ms *MemberStatus, p tracker.Progress, last uint64) {
	ms.Match, ms.Next = p.Match, p.Next
	if p.Inflights != nil {
		ms.Inflight = p.Inflights.Count()
	}
	if last > p.Match {
		ms.Lag = last - p.Match
	}
	if ms.State == "leader" {
		return
	}
	ms.State = map[tracker.StateType]string{
		tracker.StateProbe:     "probe",
		tracker.StateReplicate: "replicate",
		tracker.StateSnapshot:  "snapshot",
	}[p.State]
}
