package store

import "sort"

// termRuns knows the term of every entry of the log without the entries: where each term begins.
// Terms change seldom.
type termRuns []termRun

type termRun struct{ from, term uint64 }

// add takes the term of the entry behind the last one.
func (t *termRuns) add(index, term uint64) {
	if n := len(*t); n == 0 || (*t)[n-1].term != term {
		*t = append(*t, termRun{index, term})
	}
}

// at is the term of entry i, which is in the log.
func (t termRuns) at(i uint64) uint64 {
	return t[t.find(i)-1].term
}

// find is how many runs begin at or before i.
func (t termRuns) find(i uint64) int {
	return sort.Search(len(t), func(k int) bool { return t[k].from > i })
}

// truncate forgets the entries from index on.
func (t *termRuns) truncate(index uint64) {
	if index == 0 {
		*t = nil
		return
	}
	*t = (*t)[:t.find(index-1)]
}

// drop forgets the entries before index.
func (t *termRuns) drop(index uint64) {
	if n := t.find(index); n > 1 {
		*t = append(termRuns(nil), (*t)[n-1:]...)
	}
}
