package consensus

import (
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A line is dead when nothing gets through, not when it is slow. Bytes that were written may be in
// the kernel's buffers for minutes, and the next ping is behind them. So the dialer cannot tell the
// difference, but the listener can. During a long message it reports now and then how much it has
// read. The dialer gives up only a listener that is silent.

// progressConn is the listener's side of a connection. A Read may take as long as silence. If bytes
// have come, and the dialer has not had a message for a while, it reports progress. One goroutine
// reads and writes.
type progressConn struct {
	net.Conn
	timeout  time.Duration
	read     uint64
	lastSent time.Time // when the dialer last got a message
}

func newProgressConn(c net.Conn) *progressConn {
	return &progressConn{Conn: c, timeout: deadAfter, lastSent: time.Now()}
}

func (c *progressConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.read += uint64(n)
	// An idle line has its pongs, one per ping.
	if err == nil && time.Since(c.lastSent) > 2*pingEvery {
		err = c.sendMessage(kindProgress, binary.BigEndian.AppendUint64(nil, c.read))
	}
	return n, err
}

// sendMessage writes a message to the dialer.
func (c *progressConn) sendMessage(kind byte, payload []byte) error {
	c.lastSent = time.Now()
	if err := c.SetWriteDeadline(c.lastSent.Add(c.timeout)); err != nil {
		return err
	}
	return writeMessage(c.Conn, kind, payload)
}

// silenceConn is a reader that fails after a silence of snapshotTimeout. It counts what it reads.
type silenceConn struct {
	net.Conn
	read atomic.Uint64
}

func (c *silenceConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(snapshotTimeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.read.Add(uint64(n))
	return n, err
}

// reportProgress writes a kindProgress message to c every pingEvery until stop is called. stop
// waits for the last of them, so that the caller may write again.
func reportProgress(c net.Conn, done func() uint64) (stop func()) {
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		every := time.NewTicker(pingEvery)
		defer every.Stop()
		for {
			select {
			case <-end:
				return
			case <-every.C:
			}
			if c.SetWriteDeadline(time.Now().Add(snapshotTimeout)) != nil ||
				writeMessage(c, kindProgress, binary.BigEndian.AppendUint64(nil, done())) != nil {
				return // the readers of c will notice, too
			}
		}
	})
	return sync.OnceFunc(func() { close(end); wg.Wait() })
}
