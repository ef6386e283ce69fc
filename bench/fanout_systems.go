package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/relay"
)

// A fanSystem is a system that tells many spectators what happens.
type fanSystem struct {
	name  string
	about string
	// module is the module whose version the report names; empty: none.
	module string
	// path is the path that a spectator requests.
	path string
	// says are the messages that a spectator sends once it is connected.
	says []string
	// open serves spectators at l, which it owns, until the hub is closed.
	open func(v *venue, l net.Listener) (fanHub, error)
}

// A fanHub is a system in the process that it was opened in.
type fanHub interface {
	// publish sends the events of one log entry to all spectators. One goroutine at a time calls
	// it, in order.
	publish(events []relay.Event) error
	// spectators is how many spectators now get what is published.
	spectators() int
	close() error
}

// fanSystems are all systems that can be measured, in the order of the report.
var fanSystems []fanSystem

func init() {
	fanSystems = []fanSystem{
		{
			name: "chessrelay", about: "broadcast.Hub behind net/http, as `chessrelay serve` has it",
			path: "/live?round=" + string(venueRound), open: openFanRelay,
		},
		{
			name: "centrifuge", about: "defaults; its own protocol as JSON over its WebSocket handler, one channel in the memory broker; the snapshot is the data of the subscription",
			module: "github.com/centrifugal/centrifuge", path: "/live",
			says: []string{`{"id":1,"connect":{}}` + "\n" + `{"id":2,"subscribe":{"channel":"` + fanChannel + `"}}`},
			open: openFanCentrifuge,
		},
		{
			name: "gorilla-chat", about: "the design of gorilla/websocket's chat example: a hub goroutine, a channel of 256 and two goroutines a client; one whose channel is full is closed",
			module: "github.com/gorilla/websocket", path: "/live", open: openFanChat,
		},
		{
			name: "floor", about: "no hub but the least that could be done: one prepared frame, one write(2) a spectator in a loop, epoll for what they say",
			path: "/live", open: openFanFloor,
		},
	}
}

func findFanSystem(name string) (fanSystem, error) {
	for _, s := range fanSystems {
		if s.name == name {
			return s, nil
		}
	}
	return fanSystem{}, fmt.Errorf("there is no system %q for spectators", name)
}

// headerTimeout is how long a client may take for its request, as `chessrelay serve` has it.
const headerTimeout = 10 * time.Second

// fanHTTP serves one handler over HTTP.
type fanHTTP struct {
	server *http.Server
	served chan error
}

func serveFan(l net.Listener, live http.Handler) *fanHTTP {
	mux := http.NewServeMux()
	mux.Handle("GET /live", live)
	f := &fanHTTP{&http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}, make(chan error, 1)}
	go func() { f.served <- f.server.Serve(l) }()
	return f
}

func (f *fanHTTP) close() error {
	err := f.server.Close()
	if served := <-f.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// fanRelay is chessrelay.
type fanRelay struct {
	hub  *broadcast.Hub
	http *fanHTTP
}

func openFanRelay(v *venue, l net.Listener) (fanHub, error) {
	hub, err := broadcast.Open(broadcast.Config{Cluster: "bench", Node: "bench", Boards: v, MaxSpectators: maxFanSpectators})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &fanRelay{hub, serveFan(l, http.HandlerFunc(hub.Live))}, nil
}

func (f *fanRelay) publish(events []relay.Event) error { f.hub.Publish(events); return nil }
func (f *fanRelay) spectators() int                    { return f.hub.Stats().Spectators }
func (f *fanRelay) close() error                       { return errors.Join(f.hub.Close(), f.http.close()) }

// fanCentrifuge is centrifuge's node.
type fanCentrifuge struct {
	node *centrifuge.Node
	http *fanHTTP
}

const fanChannel = "live"

func openFanCentrifuge(v *venue, l net.Listener) (fanHub, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{}}, nil // everybody may connect
	})
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
			snap, err := v.snapshot()
			answer(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{Data: snap}}, err)
		})
	})
	if err := node.Run(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &fanCentrifuge{node, serveFan(l, centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{}))}, nil
}

func (f *fanCentrifuge) publish(events []relay.Event) error {
	return eachFanEvent(events, func(frame []byte) error {
		_, err := f.node.Publish(fanChannel, frame)
		return err
	})
}

func (f *fanCentrifuge) spectators() int { return f.node.Hub().NumSubscribers(fanChannel) }

func (f *fanCentrifuge) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace/2)
	defer cancel()
	return errors.Join(f.node.Shutdown(ctx), f.http.close())
}

func eachFanEvent(events []relay.Event, do func(frame []byte) error) error {
	for i := range events {
		frame, err := encodeFanEvent(&events[i])
		if err == nil {
			err = do(frame)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fanChat is a hub like the one in gorilla's widely copied chat example. One goroutine owns a map
// of all clients, and each client has a buffered channel.
type fanChat struct {
	venue *venue
	http  *fanHTTP
	up    websocket.Upgrader

	come, leave chan *chatClient
	messages    chan []byte
	quit        chan struct{}
	wg          sync.WaitGroup // the hub's goroutine
	inside      atomic.Int64
}

type chatClient struct {
	conn *websocket.Conn
	send chan []byte // closed by the hub
}

// These are the example's figures.
const (
	chatQueue     = 256
	chatBuffer    = 1024
	chatWriteWait = 10 * time.Second
	chatPongWait  = 60 * time.Second
	chatPingEvery = 54 * time.Second
	chatMaxSaid   = 512
)

func openFanChat(v *venue, l net.Listener) (fanHub, error) {
	f := &fanChat{
		venue: v, up: websocket.Upgrader{ReadBufferSize: chatBuffer, WriteBufferSize: chatBuffer},
		come: make(chan *chatClient), leave: make(chan *chatClient), messages: make(chan []byte), quit: make(chan struct{}),
	}
	f.wg.Go(f.run)
	f.http = serveFan(l, http.HandlerFunc(f.live))
	return f, nil
}

// run owns the clients.
func (f *fanChat) run() {
	clients := map[*chatClient]struct{}{}
	drop := func(c *chatClient) {
		if _, ok := clients[c]; ok {
			delete(clients, c)
			close(c.send)
			f.inside.Add(-1)
		}
	}
	for {
		select {
		case c := <-f.come:
			clients[c] = struct{}{}
			f.inside.Add(1)
		case c := <-f.leave:
			drop(c)
		case m := <-f.messages:
			for c := range clients {
				select {
				case c.send <- m:
				default:
					drop(c)
				}
			}
		case <-f.quit:
			for c := range clients {
				drop(c)
			}
			return
		}
	}
}

func (f *fanChat) live(w http.ResponseWriter, r *http.Request) {
	conn, err := f.up.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	snap, err := f.venue.snapshot()
	if err != nil {
		_ = conn.Close()
		return
	}
	c := &chatClient{conn, make(chan []byte, chatQueue)}
	c.send <- snap
	select {
	case f.come <- c:
	case <-f.quit:
		_ = conn.Close()
		return
	}
	go f.write(c)
	go f.read(c)
}

// read discards what a client says, and notices when it has gone.
func (f *fanChat) read(c *chatClient) {
	defer c.conn.Close()
	c.conn.SetReadLimit(chatMaxSaid)
	alive := func(string) error { return c.conn.SetReadDeadline(time.Now().Add(chatPongWait)) }
	_ = alive("")
	c.conn.SetPongHandler(alive)
	for {
		if _, _, err := c.conn.ReadMessage(); err != nil {
			break
		}
	}
	select {
	case f.leave <- c:
	case <-f.quit:
	}
}

// write makes one message of everything that waits.
func (f *fanChat) write(c *chatClient) {
	ping := time.NewTicker(chatPingEvery)
	defer ping.Stop()
	defer c.conn.Close()
	for {
		select {
		case m, ok := <-c.send:
			_ = c.conn.SetWriteDeadline(time.Now().Add(chatWriteWait))
			if !ok {
				_ = c.conn.WriteMessage(websocket.CloseMessage, nil)
				return
			}
			w, err := c.conn.NextWriter(websocket.TextMessage)
			if err != nil {
				return
			}
			_, _ = w.Write(m)
			for range len(c.send) {
				_, _ = w.Write([]byte{'\n'})
				_, _ = w.Write(<-c.send)
			}
			if w.Close() != nil {
				return
			}
		case <-ping.C:
			_ = c.conn.SetWriteDeadline(time.Now().Add(chatWriteWait))
			if c.conn.WriteMessage(websocket.PingMessage, nil) != nil {
				return
			}
		}
	}
}

func (f *fanChat) publish(events []relay.Event) error {
	return eachFanEvent(events, func(frame []byte) error { f.messages <- frame; return nil })
}

func (f *fanChat) spectators() int { return int(f.inside.Load()) }

func (f *fanChat) close() error {
	close(f.quit)
	f.wg.Wait()
	return f.http.close()
}
