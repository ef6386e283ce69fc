package consensus

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
)

// secureLine connects two ends by TLS over loopback, with or without lines.
func secureLine(t testing.TB, lines bool) (near, far net.Conn) {
	t.Helper()
	authority, signer, err := newAuthority("c")
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCredentials("c", newKey(), authority, signer, "")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := c.issue(1, c.public(), 1, noEnd.AddDate(-2, 0, 0))
	if err == nil {
		err = c.show(certificate)
	}
	ln, lerr := net.Listen("tcp", "127.0.0.1:0")
	if err != nil || lerr != nil {
		t.Fatal(err, lerr)
	}
	defer ln.Close()
	a, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	if !lines {
		return tls.Client(a, c.client(1, nil)), tls.Server(b, c.server())
	}
	la, lb := newTLSLine(a), newTLSLine(b)
	return &tlsConn{tls.Client(la, c.client(1, nil)), la}, &tlsConn{tls.Server(lb, c.server()), lb}
}

// TestTLSLine sends much and little over a line, in both directions.
func TestTLSLine(t *testing.T) {
	near, far := secureLine(t, true)
	var sent bytes.Buffer
	for i := range 300 {
		sent.Write(bytes.Repeat([]byte{byte(i)}, 1+i*i*7%(3*maxRecord)))
	}
	want := sent.Bytes()
	done := make(chan error, 1)
	go func() {
		got := make([]byte, len(want))
		_, err := io.ReadFull(far, got)
		if err == nil && !bytes.Equal(got, want) {
			err = fmt.Errorf("something else came")
		}
		if err == nil {
			_, err = far.Write(got)
		}
		done <- err
	}()
	for at := 0; at < len(want); {
		n := min(1+at%(2*maxWrite), len(want)-at)
		if _, err := near.Write(want[at : at+n]); err != nil {
			t.Fatal(err)
		}
		at += n
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(near, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("back: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// BenchmarkTLSLine is a write, and its echo of 64 bytes, over TLS with and without lines.
func BenchmarkTLSLine(b *testing.B) {
	for _, size := range []int{200, 6 << 10, 100 << 10} {
		for _, lines := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/lines=%v", size, lines), func(b *testing.B) {
				near, far := secureLine(b, lines)
				go func() { _, _ = far.Write([]byte{0}) }()
				if _, err := near.Read(make([]byte, 1)); err != nil { // the handshake is done
					b.Fatal(err)
				}
				go func() {
					buf := make([]byte, size)
					for {
						if _, err := io.ReadFull(far, buf); err != nil {
							return
						}
						if _, err := far.Write(buf[:64]); err != nil {
							return
						}
					}
				}()
				out, in := make([]byte, size), make([]byte, 64)
				b.SetBytes(int64(size))
				for b.Loop() {
					if _, err := near.Write(out); err != nil {
						b.Fatal(err)
					}
					if _, err := io.ReadFull(near, in); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
