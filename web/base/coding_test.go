package base

import (
	"net/http"
	"testing"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		accepted []string
		want     Coding
	}{
		{nil, Identity},
		{[]string{""}, Identity},
		{[]string{"gzip, deflate, br, zstd"}, Brotli},
		{[]string{"gzip", "br"}, Brotli}, // two lines are one list
		{[]string{"gzip;q=1.0, br;q=0.5"}, Gzip},
		{[]string{"GZIP ; Q=0.3"}, Gzip},
		{[]string{"br;q=0, *"}, Gzip},
		{[]string{"*;q=0.1"}, Brotli},
		{[]string{"gzip;q=0"}, Identity},
		{[]string{"identity"}, Identity},
		{[]string{"gzip;q=NaN, br;q=2"}, Identity},
		{[]string{"gzip;level=9"}, Identity},
		{[]string{"deflate, x-gzip"}, Identity},
	} {
		r := &http.Request{Header: http.Header{"Accept-Encoding": c.accepted}}
		if got := Choose(r, Brotli, Gzip); got != c.want {
			t.Errorf("%q: %q, not %q", c.accepted, got, c.want)
		}
	}
}

func TestHasTag(t *testing.T) {
	for _, c := range []struct {
		have []string
		tag  string
		want bool
	}{
		{nil, `"a"`, false},
		{[]string{`"a"`}, `"a"`, true},
		{[]string{`"a"`}, `W/"a"`, true},
		{[]string{`W/"a"`}, `"a"`, true},
		{[]string{`"x", W/"a"`}, `W/"a"`, true},
		{[]string{`"x"`, `"a"`}, `"a"`, true},
		{[]string{`*`}, `"a"`, true},
		{[]string{`"x"`}, `"a"`, false},
		{[]string{`a`}, `"a"`, false},
	} {
		r := &http.Request{Header: http.Header{"If-None-Match": c.have}}
		if got := HasTag(r, c.tag); got != c.want {
			t.Errorf("%q has %s: %v", c.have, c.tag, got)
		}
	}
}
