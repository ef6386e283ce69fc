package edge

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/chessrelay/chessrelay/consensus"
)

// An edge learns of upstreams from its upstream, which may lie. So the token goes to those that
// were named, and to those that the cluster's authority vouches for: see consensus.Vouch.

// maxVouch bounds the answer, in bytes.
const maxVouch = 16 << 10

// ErrUnvouched is returned for an upstream that the token is not shown to.
var ErrUnvouched = errors.New("it was learnt of and not vouched for")

// isNamed reports whether whoever started this edge has named c. Those that an invitation names,
// other nodes may have taken over since.
func (f *Follower) isNamed(c *upstream) bool { return c.rank < f.upstreams.named && !f.cfg.Invited }

// neverShows returns why c, which was learnt of, cannot be shown the token, as far as is known
// without asking.
func (f *Follower) neverShows(c *upstream) error {
	if f.cfg.Token == "" || f.isNamed(c) {
		return nil
	}
	return f.unprovable()
}

func (f *Follower) unprovable() error {
	if len(f.cfg.Voucher.Authority) == 0 {
		return fmt.Errorf("%w: this edge has no invitation, by which it would know the cluster's authority", ErrUnvouched)
	}
	return nil
}

// vouch asks by client for a proof that upstream is the URL of a member. The token is not in the
// question.
func (f *Follower) vouch(ctx context.Context, client *http.Client, upstream string) error {
	nonce := make([]byte, consensus.VouchNonceSize)
	_, _ = rand.Read(nonce) // never fails, see crypto/rand
	q := url.Values{"url": {upstream}, "nonce": {hex.EncodeToString(nonce)}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, upstream+"/feed/vouch?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	res, err := client.Do(r)
	if err != nil {
		return whyNone(err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode >= http.StatusInternalServerError:
		return refusal(res) // it may pass
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("%w: %w", ErrUnvouched, refusal(res))
	}
	var v consensus.Vouch
	if err := json.NewDecoder(io.LimitReader(res.Body, maxVouch)).Decode(&v); err != nil {
		return fmt.Errorf("%w: its answer is no proof: %.200q", ErrUnvouched, err.Error())
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxVouch)) // so that the connection serves again
	f.mu.Lock()
	key := f.state.Keys[upstream]
	f.mu.Unlock()
	if _, err := f.cfg.Voucher.Check(v, upstream, nonce, key, f.cfg.Now()); err != nil {
		return fmt.Errorf("%w: %w", ErrUnvouched, err)
	}
	return nil
}
