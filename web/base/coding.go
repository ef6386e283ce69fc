package base

import (
	"net/http"
	"strconv"
	"strings"
)

// A Coding is a content coding (RFC 9110, 8.4.1).
type Coding string

// The codings in which this node has answers.
const (
	Identity Coding = ""
	Gzip     Coding = "gzip"
	Brotli   Coding = "br"
)

// Choose returns the coding that the client prefers among those in have, which are in the node's
// order. It is Identity if the client accepts none of them.
func Choose(r *http.Request, have ...Coding) (best Coding) {
	accepted := strings.Join(r.Header.Values("Accept-Encoding"), ",")
	most := 0.0
	for _, c := range have {
		if q := quality(accepted, c); q > most {
			best, most = c, q
		}
	}
	return best
}

// quality returns how much the client wants the coding, from 0, not at all, to 1 (RFC 9110,
// 12.5.3).
func quality(accepted string, c Coding) (q float64) {
	for line := range strings.SplitSeq(accepted, ",") {
		name, weight, _ := strings.Cut(line, ";")
		switch name = strings.TrimSpace(name); {
		case strings.EqualFold(name, string(c)):
			return weightOf(weight)
		case name == "*":
			q = weightOf(weight) // unless the coding has a line of its own
		}
	}
	return q
}

// weightOf reads a weight such as "q=0.5". One that cannot be read refuses the coding.
func weightOf(text string) float64 {
	text = strings.TrimSpace(text)
	if text == "" {
		return 1
	}
	name, value, _ := strings.Cut(text, "=")
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !strings.EqualFold(strings.TrimSpace(name), "q") || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}

// HasTag reports whether the client has what the tag names. Tags are compared without regard to
// weakness (RFC 9110, 13.1.2).
func HasTag(r *http.Request, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for have := range strings.SplitSeq(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if have = strings.TrimSpace(have); have == "*" || strings.TrimPrefix(have, "W/") == tag {
			return true
		}
	}
	return false
}
