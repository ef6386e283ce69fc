package main

import (
	"cmp"
	"slices"
)

// quantile is the smallest of the sorted values that a share q of them do not exceed; q is in (0, 1].
// The zero value if there are none.
func quantile[T any](sorted []T, q float64) T {
	var zero T
	if len(sorted) == 0 {
		return zero
	}
	at := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(at, 0), len(sorted)-1)]
}

// median is the middle one of the values, the lower of two; the zero value if there are none.
func median[T cmp.Ordered](values []T) T {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return quantile(sorted, 0.5)
}
