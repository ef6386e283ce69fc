package node

import "testing"

func TestQuantile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for _, c := range []struct {
		sorted []int
		q      float64
		want   int
	}{
		{nil, 0.5, 0},
		{[]int{7}, 0.5, 7},
		{[]int{7}, 0.99, 7},
		{[]int{1, 2}, 0.5, 1},
		{[]int{1, 2, 3}, 0.5, 2},
		{hundred, 0.5, 50},
		{hundred, 0.99, 99},
		{hundred, 1, 100},
		{hundred[:10], 0.99, 10},
	} {
		if got := Quantile(c.sorted, c.q); got != c.want {
			t.Errorf("quantile %g of %d values: %d, want %d", c.q, len(c.sorted), got, c.want)
		}
	}
}

func TestSameApplied(t *testing.T) {
	for _, c := range []struct {
		a, b Applied
		want bool
	}{
		{Applied{Count: 1}, Applied{Count: 1}, true},
		{Applied{Count: 1}, Applied{Count: 2}, false},
		{Applied{Count: 1, Hash: "x"}, Applied{Count: 2, Hash: "x"}, true}, // one node was started again
		{Applied{Count: 1, Hash: "x"}, Applied{Count: 1, Hash: "y"}, false},
		{Applied{Count: 1, Hash: "x"}, Applied{Count: 1}, false},
	} {
		if c.a.Same(c.b) != c.want {
			t.Errorf("%+v and %+v: %v", c.a, c.b, !c.want)
		}
	}
}
