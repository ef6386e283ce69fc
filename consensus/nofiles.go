package consensus

import (
	"fmt"
	"time"

	"github.com/chessrelay/chessrelay/store"
)

// A node that waits for file descriptors tries again every filesPause, and warns every
// filesWarning.
const (
	filesPause   = 50 * time.Millisecond
	filesWarning = 10 * time.Second
)

// untilFiles repeats write while it fails because too many files are open. That is no failed disk:
// the store has changed nothing, and nothing is acknowledged meanwhile. If the node closes first,
// the error is ErrClosed.
func (n *Node) untilFiles(write func() error) error {
	began, warned := time.Now(), time.Time{}
	for {
		err := write()
		if !store.OutOfFiles(err) {
			if err == nil && !warned.IsZero() {
				n.log.Warn("writing to disk again: file descriptors are free", "waited", time.Since(began))
			}
			return err
		}
		if time.Since(warned) >= filesWarning {
			warned = time.Now()
			n.log.Warn("cannot write to disk: too many files are open; raise the limit (ulimit -n, LimitNOFILE=)",
				"err", err, "waiting", time.Since(began))
		}
		select {
		case <-time.After(filesPause):
		case <-n.ctx.Done():
			return fmt.Errorf("%w: %w", ErrClosed, err)
		}
	}
}
