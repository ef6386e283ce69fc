package node

import (
	"syscall"
	"time"
)

// Usage is what a process has used since it began.
type Usage struct {
	CPU    time.Duration `json:"cpu"`    // user and system
	MaxRSS int64         `json:"maxRss"` // bytes
}

// OwnUsage is what this process has used.
func OwnUsage() (Usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return Usage{}, err
	}
	return Usage{CPU: time.Duration(r.Utime.Nano() + r.Stime.Nano()), MaxRSS: r.Maxrss << 10}, nil
}
