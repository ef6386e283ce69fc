package consensus

import (
	"errors"
	"net"
	"time"
)

// maxStrangers is how many connections may be in their handshake at a time. Each member has a place
// of its own for each channel.
const maxStrangers = 64

// inbound is the connections that other nodes have opened to this one. Its owner guards it by a
// lock.
type inbound struct {
	strangers map[net.Conn]stranger     // during the handshake
	members   map[inboundPlace]net.Conn // after the handshake
	places    map[net.Conn]inboundPlace // the reverse of members
	refused   uint64                    // strangers that did not become members
}

// stranger is a connection that has not proved to be a member's.
type stranger struct {
	host  string
	since time.Time
}

// inboundPlace is the one place of a member and a channel.
type inboundPlace struct {
	from MemberID
	channel
}

func newInbound() inbound {
	return inbound{strangers: map[net.Conn]stranger{}, members: map[inboundPlace]net.Conn{}, places: map[net.Conn]inboundPlace{}}
}

// add takes an accepted connection. If too many are in their handshake, it closes one: the oldest
// of the host that has the most.
func (i *inbound) add(c net.Conn) {
	if len(i.strangers) >= maxStrangers {
		i.closeOldestStranger()
	}
	host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	i.strangers[c] = stranger{host, time.Now()}
}

func (i *inbound) closeOldestStranger() {
	of := map[string]int{}
	for _, s := range i.strangers {
		of[s.host]++
	}
	var oldest net.Conn
	var was stranger
	for c, s := range i.strangers {
		if oldest == nil || of[s.host] > of[was.host] || of[s.host] == of[was.host] && s.since.Before(was.since) {
			oldest, was = c, s
		}
	}
	i.remove(oldest)
	_ = oldest.Close()
}

// promote gives c the place of a member. It closes the connection that had the place, whose other
// end is gone or about to go.
func (i *inbound) promote(c net.Conn, from MemberID, ch channel) {
	delete(i.strangers, c)
	place := inboundPlace{from, ch}
	if old := i.members[place]; old != nil {
		delete(i.places, old)
		_ = old.Close()
	}
	i.members[place], i.places[c] = c, place
}

// remove forgets a connection that has ended.
func (i *inbound) remove(c net.Conn) {
	if _, ok := i.strangers[c]; ok {
		i.refused++
		delete(i.strangers, c)
	}
	if place, ok := i.places[c]; ok {
		delete(i.places, c)
		delete(i.members, place)
	}
}

// closeOf closes the connections of one member. Their readers remove them.
func (i *inbound) closeOf(id MemberID) {
	for place, c := range i.members {
		if place.from == id {
			_ = c.Close()
		}
	}
}

func (i *inbound) closeAll() {
	for c := range i.strangers {
		_ = c.Close()
	}
	for c := range i.places {
		_ = c.Close()
	}
}

// strangerError is why a connection failed in the handshake.
type strangerError struct{ error }

func (e *strangerError) Unwrap() error { return e.error }

// noteEnd logs why a connection ended. Anyone can connect, so strangers are counted and logged only
// at the debug level.
func (n *Node) noteEnd(c net.Conn, err error) {
	if _, stranger := errors.AsType[*strangerError](err); stranger {
		n.log.Debug("connection refused", "address", c.RemoteAddr(), "err", err)
		return
	}
	n.log.Info("connection from peer ended", "address", c.RemoteAddr(), "err", err)
}

// Strangers returns how many connections to the peer port ended before they proved to be a
// member's.
func (n *Node) Strangers() uint64 {
	n.peers.mu.Lock()
	defer n.peers.mu.Unlock()
	return n.peers.inbound.refused
}
