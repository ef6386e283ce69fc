package main

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
)

// listen runs serve with each connection to a new address, until the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

// delayed connects to what serve serves, over a line with this delay.
func delayed(t *testing.T, delay time.Duration, serve func(net.Conn)) net.Conn {
	t.Helper()
	d, err := newDelayLine(listen(t, serve), delay)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	c, err := net.Dial("tcp", d.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestDelay: each way takes the delay, and hardly more.
func TestDelay(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Millisecond, 10 * time.Millisecond} {
		c := delayed(t, delay, func(c net.Conn) { _, _ = io.Copy(c, c) })
		var times []time.Duration
		buf := make([]byte, node.PayloadSize)
		for range 25 {
			began := time.Now()
			if _, err := c.Write(buf); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, buf); err != nil {
				t.Fatal(err)
			}
			took := time.Since(began)
			if took < 2*delay {
				t.Fatalf("%v there and back, which takes %v", took, 2*delay)
			}
			times = append(times, took)
		}
		// Other programs may use the machine, so the limit is wide. On a quiet machine the median
		// is some 0.3 ms above the delay.
		if got := median(times); got > 2*delay+5*time.Millisecond {
			t.Errorf("%v there and back, which takes %v", got, 2*delay)
		}
	}
}

// TestDelayDoesNotStopAndWait: many small writes, far more than one in a delay, arrive one delay
// later and in order. None waits until another has arrived.
func TestDelayDoesNotStopAndWait(t *testing.T) {
	const delay, writes, every = 50 * time.Millisecond, 500, 200 * time.Microsecond
	got := make(chan time.Time, 1)
	c := delayed(t, delay, func(c net.Conn) {
		defer func() { got <- time.Now() }()
		for want := range uint64(writes) {
			var b [8]byte
			if _, err := io.ReadFull(c, b[:]); err != nil {
				t.Error(err)
				return
			}
			if n := binary.BigEndian.Uint64(b[:]); n != want {
				t.Errorf("number %d instead of %d", n, want)
				return
			}
		}
	})
	for i := range uint64(writes) {
		if _, err := c.Write(binary.BigEndian.AppendUint64(nil, i)); err != nil {
			t.Fatal(err)
		}
		if err := node.Wait(t.Context(), every); err != nil { // so they are chunks of their own
			t.Fatal(err)
		}
	}
	sent := time.Now()
	if took := (<-got).Sub(sent); took < delay/2 || took > 10*delay {
		t.Errorf("the last one came %v after it was sent", took)
	}
}

// TestDelayHoldsMoreThanTheBuffers: much more data may be on its way than the sockets' buffers
// hold.
func TestDelayHoldsMoreThanTheBuffers(t *testing.T) {
	const delay, size = 100 * time.Millisecond, 32 << 20
	sum := make(chan int, 1)
	c := delayed(t, delay, func(c net.Conn) {
		n, _ := io.Copy(io.Discard, c)
		sum <- int(n)
	})
	began := time.Now()
	if _, err := c.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n := <-sum; n != size {
		t.Errorf("%d bytes of %d", n, size)
	}
	// If each chunk of 32 KiB waited for the one before to arrive, this would take 1,024 delays.
	if took := time.Since(began); took < delay || took > 20*delay {
		t.Errorf("all was there after %v", took)
	}
}

// TestDelayToADeadTarget: a target that is not there ends the connection.
func TestDelayToADeadTarget(t *testing.T) {
	nobody, err := freeAddrs(1)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDelayLine(nobody[0], time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	c, err := net.Dial("tcp", d.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes of nobody", n)
	}
}
