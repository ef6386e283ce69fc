package consensus

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// soughtFor is how long a node warns of a member that was sought at its address. Members seek one
// another again within seconds.
const soughtFor = time.Minute

// sought is the members that others have looked for at this node's address, though it is another
// member. Such a member may have lost its data, and this node may have been founded in its place.
type sought struct {
	mu   sync.Mutex
	last map[string]time.Time // guarded by mu: when each was sought, by the name in memberDNS
}

// add takes a name that was sought, and reports whether it is a new one. A stranger can seek any
// name, so at most maxUnknown count.
func (s *sought) add(name string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	_, known := s.last[name]
	if !known && len(s.last) >= maxUnknown {
		return false
	}
	if s.last == nil {
		s.last = map[string]time.Time{}
	}
	s.last[name] = now
	return !known
}

// newest returns the name that was sought last, and how many others were. Without one it is empty.
func (s *sought) newest(now time.Time) (name string, others int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	for other, at := range s.last {
		if name == "" || at.After(s.last[name]) {
			name = other
		}
	}
	return name, max(0, len(s.last)-1)
}

// expire forgets what was sought too long ago. The caller holds mu.
func (s *sought) expire(now time.Time) {
	for name, at := range s.last {
		if now.Sub(at) > soughtFor {
			delete(s.last, name)
		}
	}
}

// splitMemberName returns the member and the cluster of a name in memberDNS.
func splitMemberName(name string) (id MemberID, cluster string, ok bool) {
	name, ok = strings.CutSuffix(name, memberDomain)
	member, cluster, whole := strings.Cut(name, ".")
	id, err := ParseMemberID(member)
	if !ok || !whole || err != nil {
		return 0, "", false
	}
	if _, err := ParseMemberID(cluster); err != nil { // clusters have ids of the same form
		return 0, "", false
	}
	return id, cluster, true
}

// noteSought takes the name that a dialer has asked for, and logs it if it is another member's.
func (n *Node) noteSought(c net.Conn, name string) {
	id, cluster, ok := splitMemberName(name)
	if !ok || name == memberDNS(n.clusterID, n.id) || !n.sought.add(name, time.Now()) {
		return
	}
	n.log.Warn("a node looks here for another member; if this machine was that one, its data is lost: see docs/operations.md",
		"address", c.RemoteAddr(), "member", id, "cluster", cluster)
}

// soughtWarnings returns a sentence if other nodes look here for another member.
func (n *Node) soughtWarnings() []string {
	name, others := n.sought.newest(time.Now())
	id, cluster, ok := splitMemberName(name)
	if !ok {
		return nil
	}
	and := ""
	if others > 0 {
		and = fmt.Sprintf(" (and for %d more)", others)
	}
	return []string{fmt.Sprintf("a node looks at the address of %s for member %s of cluster %s%s; if this machine was that member, its data is lost, "+
		"and this cluster, %s, has taken its place: see docs/operations.md, \"A recorder without its data\"", n.cfg.Name, id, cluster, and, n.clusterID)}
}

// Warnings returns sentences about boards that differ between members, clocks that are wrong, and
// members that are looked for at this node's address. They name no stranger.
func (n *Node) Warnings() []string {
	return slices.Concat(n.Differences(), n.ClockWarnings(), n.soughtWarnings())
}
