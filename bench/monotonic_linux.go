package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// processStart and clockAtStart are the same moment, by Go's clock and by the one that all
// processes share.
var processStart, clockAtStart = time.Now(), sharedClock()

func sharedClock() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // it is always there
	return time.Duration(t.Nano())
}

// clock is a time that can be compared between processes, and that nobody sets.
func clock() time.Duration { return clockAtStart + time.Since(processStart) }
