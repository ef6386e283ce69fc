//go:build linux && !portable

package broadcast

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a connection's file descriptor, taken from package net: a connection's goroutines,
// buffers and deadlines cost more memory than the rest of a spectator. It belongs to one worker,
// and no call waits.
//
// A connection that is not plain TCP keeps its goroutines, see pair.
type socket struct {
	fd   int
	pair *pair // nil: plain TCP
}

// takeOver makes a socket of conn. It closes conn if that is plain TCP.
func takeOver(conn net.Conn, sendBuffer int, silence time.Duration) (socket, error) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		p := newPair(conn)
		if tcp, ok := underlying(conn).(*net.TCPConn); ok {
			p.setSendBuffer(sendBuffer)
			limitSilence(tcp, silence)
		}
		return socket{fd: -1, pair: p}, nil
	}
	defer tcp.Close()
	raw, err := tcp.SyscallConn()
	if err != nil {
		return socket{}, err
	}
	fd := -1
	controlled := raw.Control(func(own uintptr) {
		// The duplicate and the original share the connection, which is non-blocking.
		fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err = errors.Join(controlled, err); err != nil {
		return socket{}, err
	}
	s := socket{fd: fd}
	s.setSendBuffer(sendBuffer)
	setUserTimeout(fd, silence)
	return s, nil
}

// setUserTimeout sets how long sent bytes may be unacknowledged until the kernel takes the peer for
// dead (RFC 5482). If the kernel refuses, pings detect that, too.
func setUserTimeout(fd int, silence time.Duration) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silence.Milliseconds()))
}

func limitSilence(tcp *net.TCPConn, silence time.Duration) {
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { setUserTimeout(int(fd), silence) })
	}
}

// setSendBuffer asks the kernel for a send buffer of so many bytes. If the kernel refuses, its own
// choice will do.
func (s socket) setSendBuffer(bytes int) {
	if s.pair != nil {
		s.pair.setSendBuffer(bytes)
		return
	}
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, bytes)
}

// write sends as much of bufs as the kernel takes. If that is not all, the poller tells when there
// is room.
func (s socket) write(bufs [][]byte) (n int, err error) {
	if s.pair != nil {
		return s.pair.write(bufs)
	}
	for {
		if len(bufs) == 1 {
			n, err = unix.Write(s.fd, bufs[0])
		} else {
			n, err = unix.Writev(s.fd, bufs)
		}
		switch err {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return 0, nil
		}
		return max(n, 0), err
	}
}

// read reads what there is. It returns 0 and no error if there is nothing; the poller tells when
// there is.
func (s socket) read(p []byte) (n int, err error) {
	if s.pair != nil {
		return s.pair.read(p)
	}
	for {
		n, err = unix.Read(s.fd, p)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return 0, nil
		case err != nil:
			return 0, err
		case n == 0:
			return 0, errGone
		}
		return n, nil
	}
}

// finish tells the peer that nothing more follows.
func (s socket) finish() {
	if s.pair != nil {
		s.pair.finish()
		return
	}
	_ = unix.Shutdown(s.fd, unix.SHUT_WR)
}

func (s socket) close() {
	if s.pair != nil {
		s.pair.close()
		return
	}
	_ = unix.Close(s.fd)
}

// poller tells a worker which of its sockets can be read or written again. It has one epoll for all
// of them, which the runtime's own poller waits for, so it takes no thread.
type poller struct {
	fd   int
	file *os.File
	post func([]readiness)
	done sync.WaitGroup // of the goroutine, and of those of pairs
}

// newPoller starts a poller, which calls post from a goroutine of its own until close.
func newPoller(post func([]readiness)) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("epoll: %w", err)
	}
	p := &poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll"), post: post}
	raw, err := p.file.SyscallConn()
	if err != nil {
		p.file.Close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	p.done.Go(func() {
		var events [128]unix.EpollEvent
		var found [128]readiness
		for {
			n := 0
			err := raw.Read(func(fd uintptr) bool {
				n, err = unix.EpollWait(int(fd), events[:], 0)
				return n > 0
			})
			if err != nil {
				return // closed
			}
			for i, e := range events[:n] {
				found[i] = readiness{slot: e.Fd,
					writable: e.Events&(unix.EPOLLOUT|unix.EPOLLERR|unix.EPOLLHUP) != 0,
					readable: e.Events&(unix.EPOLLIN|unix.EPOLLERR|unix.EPOLLHUP|unix.EPOLLRDHUP) != 0}
			}
			post(found[:n])
		}
	})
	return p, nil
}

// watch polls s under the name of its slot until s is closed. Each change is told once
// (edge-triggered).
func (p *poller) watch(s socket, slot int32) error {
	if s.pair != nil {
		s.pair.start(&p.done, p.post, slot)
		return nil
	}
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: slot,
	})
}

// close ends the goroutine. The sockets' owner must have closed them.
func (p *poller) close() {
	p.file.Close()
	p.done.Wait()
}
