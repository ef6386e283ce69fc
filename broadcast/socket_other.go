//go:build !linux || portable

package broadcast

import (
	"net"
	"sync"
	"time"
)

// socket is a connection with two goroutines, where there is no epoll. It behaves the same and
// takes more memory. The tests run with it, too: go test -tags portable.
type socket struct{ *pair }

func takeOver(conn net.Conn, sendBuffer int, _ time.Duration) (socket, error) {
	s := socket{newPair(conn)}
	s.setSendBuffer(sendBuffer)
	return s, nil
}

// poller starts each socket's goroutines, and waits for them.
type poller struct {
	post func([]readiness)
	done sync.WaitGroup
}

func newPoller(post func([]readiness)) (*poller, error) { return &poller{post: post}, nil }

func (p *poller) watch(s socket, slot int32) error {
	s.start(&p.done, p.post, slot)
	return nil
}

func (p *poller) close() { p.done.Wait() }
