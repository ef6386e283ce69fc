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
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // this clock always exists
	return time.Duration(t.Nano())
}

// clock is a time that processes can compare, and that nobody sets.
func clock() time.Duration { return clockAtStart + time.Since(processStart) }
