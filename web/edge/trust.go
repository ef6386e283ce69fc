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

// An edge learns URLs from its upstream, which may lie. So the token goes only to upstreams that
// were named, and to those for which a member vouches; see [consensus.Vouch].

// maxVouch bounds the answer, in bytes.
const maxVouch = 16 << 10

// ErrUnvouched is returned for an upstream that must not see the token.
var ErrUnvouched = errors.New("the operator did not name it, and no member vouches for it")

// isNamed reports whether the operator named c. A URL from an invitation does not count: another
// program may listen there by now.
func (l *LogClient) isNamed(c *upstream) bool { return c.rank < l.upstreams.named && !l.cfg.Invited }

// neverShows returns why c can never be shown the token, if that is known without asking it.
func (l *LogClient) neverShows(c *upstream) error {
	if l.cfg.Token == "" || l.isNamed(c) {
		return nil
	}
	return l.unprovable()
}

func (l *LogClient) unprovable() error {
	if len(l.cfg.Voucher.Authority) == 0 {
		return fmt.Errorf("%w: this edge has no invitation, so it does not know the cluster's authority", ErrUnvouched)
	}
	return nil
}

// vouch asks upstream, by client, to prove that the URL is a member's. The question does not carry
// the token.
func (l *LogClient) vouch(ctx context.Context, client *http.Client, upstream string) error {
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
		return refusal(res) // it may succeed later
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("%w: %w", ErrUnvouched, refusal(res))
	}
	var v consensus.Vouch
	if err := json.NewDecoder(io.LimitReader(res.Body, maxVouch)).Decode(&v); err != nil {
		return fmt.Errorf("%w: its answer is not a proof: %.200q", ErrUnvouched, err.Error())
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxVouch)) // so that the connection can be reused
	l.mu.Lock()
	key, told := l.state.Keys[upstream], !l.heard.IsZero()
	l.mu.Unlock()
	if told && key == "" {
		return fmt.Errorf("%w: no member of the cluster has this URL", ErrUnvouched)
	}
	if _, err := l.cfg.Voucher.Check(v, upstream, nonce, key, l.cfg.Now()); err != nil {
		return fmt.Errorf("%w: %w", ErrUnvouched, err)
	}
	return nil
}
