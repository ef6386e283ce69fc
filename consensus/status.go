package consensus

import (
	"context"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
)

// Status is the group as one node sees it. Only the leader knows each follower's progress.
type Status struct {
	// Peer is the address of this node's peer port for others.
	Peer      string         `json:"peer"`
	ClusterID string         `json:"clusterId"`
	Node      string         `json:"node"` // the name of the answering node
	NodeID    MemberID       `json:"nodeId"`
	Leader    string         `json:"leader"` // its name; empty: none is known
	LeaderID  MemberID       `json:"leaderId,omitzero"`
	Term      uint64         `json:"term"`
	Commit    uint64         `json:"commit"`
	Applied   uint64         `json:"applied"`
	Members   []MemberStatus `json:"members"`
}

// MemberStatus is one member and its replication. To the leader, State is "leader", "probe",
// "replicate", "snapshot" or "unreachable". A follower knows only "leader" and "unknown".
type MemberStatus struct {
	Member
	Suffrage string `json:"suffrage"` // "voter" or "learner"
	State    string `json:"state"`
	Match    uint64 `json:"match"`
	Next     uint64 `json:"next"`
	// Leads says why a venue leads: LeadsLastResort or LeadsByHand.
	Leads string `json:"leads,omitempty"`
	// Inflight is how many appends to it are unanswered, of at most InflightLimit.
	Inflight      int    `json:"inflight"`
	InflightLimit int    `json:"inflightLimit"`
	Lag           uint64 `json:"lag"` // entries that it does not have on disk
	// LagMs is how long ago the first of those came into the leader's log, or the leader came to
	// lead if that was later, in ms. 0: it has all.
	LagMs int64 `json:"lagMs"`
	// LastContactMs is how long ago it was heard from, in ms; -1: never.
	LastContactMs int64  `json:"lastContactMs"`
	RTTMicros     int64  `json:"rttMicros,omitempty"`
	SentBytes     uint64 `json:"sentBytes"`
	// SkewMs is how far its clock is ahead of the middle one, in ms, negative if behind. Of two
	// clocks the earlier one counts as the middle.
	SkewMs int64 `json:"skewMs"`
	// Diverged says that its boards are wrong, as far as this node knows.
	Diverged bool `json:"diverged"`
	// SnapshotFrom is the name of the member that is sending it the boards.
	SnapshotFrom string `json:"snapshotFrom,omitempty"`
	// SnapshotBytes is how much of them has arrived, in bytes on the wire, updated once a second.
	SnapshotBytes uint64 `json:"snapshotBytes,omitempty"`
	// SnapshotError is why the last snapshot to it did not arrive. It is sent again while it is
	// needed.
	SnapshotError string `json:"snapshotError,omitempty"`
}

// Why a venue leads, [MemberStatus.Leads].
const (
	// LeadsLastResort: no recorder could. Leadership goes back once a recorder is fit.
	LeadsLastResort = "last_resort"
	// LeadsByHand: TransferLeadership made it the leader, for as long as it leads.
	LeadsByHand = "by_hand"
)

// Status returns the group as this node sees it.
func (n *Node) Status(ctx context.Context) (Status, error) {
	var rs raft.Status
	var why string
	since := map[MemberID]time.Time{} // of the first entry that a member lacks
	if err := n.runOnRaftLoop(ctx, func(r *raft.RawNode) {
		rs = r.Status()
		for id, p := range rs.Progress {
			since[MemberID(id)] = n.entryTimes.since(p.Match + 1)
		}
		if n.cfg.Role == Venue && rs.RaftState == raft.StateLeader {
			why = LeadsLastResort
			if n.manualTransfer.keeps {
				why = LeadsByHand
			}
		}
	}); err != nil {
		return Status{}, err
	}
	s := Status{
		Peer:      n.advertise,
		ClusterID: n.clusterID, Node: n.cfg.Name, NodeID: n.id,
		LeaderID: MemberID(rs.Lead), Term: rs.Term, Commit: rs.Commit, Applied: n.Applied(),
	}
	voters := rs.Config.Voters.IDs()
	last := uint64(0)
	if p, ok := rs.Progress[rs.ID]; ok {
		last = max(p.Match, rs.Commit)
	}
	times := n.Times()
	for _, m := range n.roster.list() {
		ms := MemberStatus{Member: m.public(), Suffrage: "learner", State: "unknown", LastContactMs: -1}
		if _, ok := voters[uint64(m.ID)]; ok {
			ms.Suffrage = "voter"
		}
		if m.ID == s.LeaderID {
			ms.State = "leader"
		}
		ms.Diverged = n.isWrong(m.ID)
		n.describePeer(&ms)
		if ahead, _, known := times.skew(m.ID, n.id); known {
			ms.SkewMs = ahead.Milliseconds()
		}
		if p, ok := rs.Progress[uint64(m.ID)]; ok {
			describeProgress(&ms, p, last)
			if ms.State != "leader" {
				ms.InflightLimit = n.cfg.MaxInflightMsgs
			}
			if p.State != tracker.StateReplicate { // otherwise it needs none
				ms.SnapshotBytes, ms.SnapshotError = n.servers.state(m.ID)
			}
			if ms.Lag > 0 {
				ms.LagMs = time.Since(since[m.ID]).Milliseconds()
			}
			if !n.reachable(m.ID) {
				ms.State = "unreachable"
			}
		}
		if m.ID == n.id {
			ms.LastContactMs, ms.Leads = 0, why
		}
		s.Members = append(s.Members, ms)
	}
	if m, err := n.FindMember(s.LeaderID.String()); err == nil {
		s.Leader = m.Name
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
	if last > p.Match {
		ms.Lag = last - p.Match
	}
	if ms.State == "leader" {
		return
	}
	if p.Inflights != nil {
		ms.Inflight = p.Inflights.Count()
	}
	ms.State = map[tracker.StateType]string{
		tracker.StateProbe:     "probe",
		tracker.StateReplicate: "replicate",
		tracker.StateSnapshot:  "snapshot",
	}[p.State]
}
