//go:build unix

package broadcast

import "golang.org/x/sys/unix"

// OpenFiles returns how many files the process may have open; 0: not known. The runtime has
// raised the soft limit to the hard one.
func OpenFiles() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(uint64(limit.Cur), 1<<30))
}
