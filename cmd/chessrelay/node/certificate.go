package node

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// certificateCheck is how long a change of the files may go unnoticed while clients connect.
const certificateCheck = time.Second

// certificate is a pair of PEM files. It reads them again when they change, so a renewal needs no
// restart of the node. It checks the files when a client connects.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate]

	mu     sync.Mutex // one caller looks; the others go on with current
	looked time.Time
	seen   [2]fileVersion // of the files that were read last, whether taken or not
}

// fileVersion tells one content of a file from another, as far as possible without reading it.
type fileVersion struct {
	changed time.Time
	size    int64
}

func versionOf(file string) fileVersion {
	info, err := os.Stat(file)
	if err != nil {
		return fileVersion{}
	}
	return fileVersion{info.ModTime(), info.Size()}
}

// openCertificate reads the pair. At the start it takes an expired one, too, and logs that: nothing
// better is there.
func openCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log, looked: time.Now()}
	c.seen = c.versions()
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s and --tls-key %s cannot be used: %w", certFile, keyFile, err)
	}
	if err := expired(&pair); err != nil {
		log.Warn("browsers will refuse this node", "file", certFile, "err", err)
	}
	c.current.Store(&pair)
	return c, nil
}

func (c *certificate) versions() [2]fileVersion {
	return [2]fileVersion{versionOf(c.certFile), versionOf(c.keyFile)}
}

// get is tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.mu.TryLock() {
		if time.Since(c.looked) > certificateCheck {
			c.look()
			c.looked = time.Now()
		}
		c.mu.Unlock()
	}
	return c.current.Load(), nil
}

// look takes the files if they have changed and are a pair. A program may be between its two
// writes.
func (c *certificate) look() {
	now := c.versions() // before they are read: a later write makes another version
	if now == c.seen {
		return
	}
	c.seen = now
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err == nil {
		err = expired(&pair)
	}
	if err != nil {
		c.log.Warn("cannot use the new certificate; the node keeps the old one", "cert", c.certFile, "key", c.keyFile, "err", err)
		return
	}
	c.current.Store(&pair)
	c.log.Info("a new certificate is in use", "cert", c.certFile, "until", pair.Leaf.NotAfter)
}

func expired(pair *tls.Certificate) error {
	if end := pair.Leaf.NotAfter; time.Now().After(end) {
		return fmt.Errorf("the certificate has expired, at %s", end.Format(time.RFC3339))
	}
	return nil
}
