//go:build !linux

package main

import "time"

var processStart = time.Now()

// clock is a time that processes can compare, as long as nobody sets it.
func clock() time.Duration { return time.Duration(processStart.UnixNano()) + time.Since(processStart) }
