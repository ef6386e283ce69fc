package consensus

import (
	"bufio"
	"crypto/tls"
	"net"
	"sync"
)

// The cost of TLS is not the cipher. It reads each record by two system calls and writes each by
// one, and a record has at most 16 KiB. A line below TLS reads what has come by one system call,
// and writes the records of one Write by one. BenchmarkTLSLine has the figures.

// lineBuffer has room for the largest record and several small ones.
const lineBuffer = 64 << 10

// tlsLine is a connection below TLS. One goroutine reads.
type tlsLine struct {
	net.Conn
	in *bufio.Reader

	mu     sync.Mutex
	corked bool   // guarded by mu
	out    []byte // guarded by mu; what was written while corked
}

func newTLSLine(c net.Conn) *tlsLine {
	return &tlsLine{Conn: c, in: bufio.NewReaderSize(c, lineBuffer)}
}

func (l *tlsLine) Read(p []byte) (int, error) { return l.in.Read(p) }

func (l *tlsLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	if l.corked {
		l.out = append(l.out, p...)
		l.mu.Unlock()
		return len(p), nil
	}
	l.mu.Unlock()
	return l.Conn.Write(p)
}

// cork keeps back what is written until uncork.
func (l *tlsLine) cork() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.corked = true
}

func (l *tlsLine) uncork() error {
	l.mu.Lock()
	out := l.out
	l.corked, l.out = false, nil
	l.mu.Unlock()
	_, err := l.Conn.Write(out)
	if cap(out) <= 4*maxWrite { // do not keep the memory of one huge append
		l.mu.Lock()
		l.out = out[:0]
		l.mu.Unlock()
	}
	return err
}

// tlsConn is TLS over a line. One goroutine writes.
type tlsConn struct {
	*tls.Conn
	line *tlsLine
}

// maxRecord is the size of a full TLS record.
const maxRecord = 16 << 10

// Write writes p, and returns when the kernel has all of it.
func (c *tlsConn) Write(p []byte) (int, error) {
	if len(p) <= maxRecord {
		return c.Conn.Write(p)
	}
	c.line.cork()
	n, err := c.Conn.Write(p)
	if out := c.line.uncork(); err == nil {
		err = out
	}
	return n, err
}
