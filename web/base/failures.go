package base

import (
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/chessrelay/chessrelay/broadcast"
)

const (
	// An address may show this many bad tokens at once, and one more each failureEvery.
	failureBurst = 60
	failureEvery = time.Second
	// failureLines is how many are logged at once; one more is logged each second.
	failureLines = 10
	// maxFailing is how many addresses are counted at a time.
	maxFailing = 4096
)

// failures counts bad tokens by the address that they came from. It never refuses a client with a
// good token because of others at its address. Tokens cannot be guessed, so the limit only protects
// the log and saves the work that a bad token causes. The zero value is ready.
type failures struct {
	total, limited, silent atomic.Uint64 // silent is how many were not logged since the last line

	mu  sync.Mutex
	of  map[string]*rate.Limiter // guarded by mu
	log *rate.Limiter            // guarded by mu
}

// tooMany reports whether the next bad token of the address will be one too many.
func (f *failures) tooMany(address string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.of[address]
	return l != nil && l.Tokens() < 1
}

// count counts a bad token, and reports whether it is one too many.
func (f *failures) count(log *slog.Logger, address string, r *http.Request) (limited bool) {
	f.total.Add(1)
	f.mu.Lock()
	limited = !f.limiter(address).Allow()
	if f.log == nil {
		f.log = rate.NewLimiter(rate.Every(time.Second), failureLines)
	}
	loud := f.log.Allow()
	f.mu.Unlock()
	if limited {
		f.limited.Add(1)
	}
	if loud {
		log.Warn("a token was refused: it is not known here, was revoked or has expired",
			"address", address, "method", r.Method, "path", r.URL.Path, "tooMany", limited, "linesLeftOut", f.silent.Swap(0))
	} else {
		f.silent.Add(1)
	}
	return limited
}

// limiter returns the limiter of the address. f.mu is held.
func (f *failures) limiter(address string) *rate.Limiter {
	if l := f.of[address]; l != nil {
		return l
	}
	if f.of == nil {
		f.of = make(map[string]*rate.Limiter)
	}
	if len(f.of) >= maxFailing {
		maps.DeleteFunc(f.of, func(_ string, l *rate.Limiter) bool { return l.Tokens() >= failureBurst })
	}
	for other := range f.of {
		if len(f.of) < maxFailing {
			break
		}
		delete(f.of, other)
	}
	l := rate.NewLimiter(rate.Every(failureEvery), failureBurst)
	f.of[address] = l
	return l
}

// limitedAddress returns the address that failures are counted for. A client with one IPv6 address
// has its whole /64, so that counts as one address.
func limitedAddress(r *http.Request, proxies []netip.Prefix) string {
	text := broadcast.Address(r, proxies)
	if at, err := netip.ParseAddr(text); err == nil && at.Is6() {
		if net64, err := at.Prefix(64); err == nil {
			return net64.String()
		}
	}
	return text
}
