package main

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/chessrelay/chessrelay/relay"
)

// fanFloor writes one frame to each socket in turn, and does nothing else: no queues, no pings, no
// limits. It closes a socket that is full.
type fanFloor struct {
	venue  *venue
	listen *os.File
	epoll  int
	wake   int // an eventfd
	ended  chan struct{}

	mu     sync.Mutex // held while a frame is written to all sockets
	inside []int32    // the sockets that get what is published
	place  []int32    // by socket: its place in inside, plus one; 0: none
}

func openFanFloor(v *venue, l net.Listener) (fanHub, error) {
	defer l.Close() // the duplicate stays
	f := &fanFloor{venue: v, ended: make(chan struct{})}
	var err error
	if f.listen, err = l.(*net.TCPListener).File(); err != nil {
		return nil, err
	}
	fd := int(f.listen.Fd()) // Fd makes it blocking, so it is called once
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	if f.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if f.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, err
	}
	for _, fd := range []int{fd, f.wake} {
		if err := unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			return nil, err
		}
	}
	go f.run(int32(fd))
	return f, nil
}

func (f *fanFloor) run(listen int32) {
	defer close(f.ended)
	events := make([]unix.EpollEvent, 128)
	said := make([]byte, 4096)
	for {
		n, err := unix.EpollWait(f.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			fmt.Fprintln(os.Stderr, "epoll:", err)
			return
		}
		for _, e := range events[:max(n, 0)] {
			switch e.Fd {
			case listen:
				f.accept(int(listen))
			case int32(f.wake):
				return
			default:
				f.read(int(e.Fd), said)
			}
		}
	}
}

// accept accepts all waiting spectators.
func (f *fanFloor) accept(listen int) {
	for {
		fd, _, err := unix.Accept4(listen, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return // until epoll reports another one
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}) != nil {
			_ = unix.Close(fd)
		}
	}
}

// read takes a request, which came in one piece. Later it discards what a spectator says.
func (f *fanFloor) read(fd int, said []byte) {
	n, err := unix.Read(fd, said)
	if err == unix.EAGAIN {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if n <= 0 {
		f.drop(fd)
		return
	}
	if fd < len(f.place) && f.place[fd] != 0 {
		return
	}
	answer, err := upgradeAnswer(string(said[:n]))
	if err == nil {
		var snap []byte
		if snap, err = f.venue.snapshot(); err == nil {
			_, err = unix.Write(fd, appendFrame(answer, snap))
		}
	}
	if err != nil {
		f.drop(fd)
		return
	}
	for len(f.place) <= fd {
		f.place = append(f.place, 0)
	}
	f.inside = append(f.inside, int32(fd))
	f.place[fd] = int32(len(f.inside))
}

// drop closes a socket; f.mu is held.
func (f *fanFloor) drop(fd int) {
	if fd < len(f.place) && f.place[fd] != 0 {
		at, last := f.place[fd]-1, f.inside[len(f.inside)-1]
		f.inside[at], f.place[last] = last, at+1
		f.inside = f.inside[:len(f.inside)-1]
		f.place[fd] = 0
	}
	_ = unix.Close(fd)
}

// upgradeAnswer is the answer to a WebSocket's handshake.
func upgradeAnswer(request string) ([]byte, error) {
	_, key, ok := strings.Cut(request, "Sec-WebSocket-Key: ")
	key, _, ended := strings.Cut(key, "\r\n")
	if !ok || !ended || !strings.HasSuffix(request, "\r\n\r\n") {
		return nil, errors.New("no handshake")
	}
	accept := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(accept[:]) + "\r\n\r\n"), nil
}

// appendFrame appends a server's text frame.
func appendFrame(b, payload []byte) []byte {
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x81, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x81, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x81, 127), uint64(n))
	}
	return append(b, payload...)
}

func (f *fanFloor) publish(events []relay.Event) error {
	return eachFanEvent(events, func(payload []byte) error {
		frame := appendFrame(nil, payload)
		f.mu.Lock()
		defer f.mu.Unlock()
		for i := len(f.inside) - 1; i >= 0; i-- {
			fd := int(f.inside[i])
			if n, err := unix.Write(fd, frame); n < len(frame) || err != nil {
				f.drop(fd)
			}
		}
		return nil
	})
}

func (f *fanFloor) spectators() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.inside)
}

func (f *fanFloor) close() error {
	_, err := unix.Write(f.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	<-f.ended
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.inside) > 0 {
		f.drop(int(f.inside[0]))
	}
	return errors.Join(err, f.listen.Close(), unix.Close(f.wake), unix.Close(f.epoll))
}
