package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// These are what many spectators need besides their sockets.
const (
	fanSpareFiles = 300
	// fanBacklog is how many connections the kernel must hold for a listener.
	fanBacklog = 1024
	// fanMemory is how many bytes a spectator may take in the system that takes most, with the
	// kernel's buffers on both sides.
	fanMemory = 100 << 10
)

// checkFanLimits says which limits of this machine are too low for so many spectators in all.
func checkFanLimits(spectators int) error {
	var errs []error
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return err
	}
	if each := uint64(min(spectators, maxFanSpectators) + fanSpareFiles); files.Max < each {
		errs = append(errs, fmt.Errorf("a process may have %d files open, and %d are needed: raise the hard limit (ulimit -Hn)", files.Max, each))
	}
	if n, err := readNumber("/proc/sys/net/core/somaxconn"); err != nil {
		errs = append(errs, err)
	} else if n < fanBacklog {
		errs = append(errs, fmt.Errorf("net.core.somaxconn is %d, and %d are needed: sysctl net.core.somaxconn=%d", n, fanBacklog, fanBacklog))
	}
	var low, high int
	if data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err != nil {
		errs = append(errs, err)
	} else if _, err := fmt.Sscan(string(data), &low, &high); err != nil || high-low < 10*fanPerAddress {
		errs = append(errs, fmt.Errorf("net.ipv4.ip_local_port_range is %d to %d, and %d ports are needed", low, high, 10*fanPerAddress))
	}
	if err := bindable(fanAddress(1, maxFanSpectators)); err != nil {
		errs = append(errs, err)
	}
	if free, err := availableMemory(); err != nil {
		errs = append(errs, err)
	} else if need := uint64(spectators) * fanMemory; free < need {
		errs = append(errs, fmt.Errorf("%d MB of memory are free, and %d spectators need %d MB: give fewer with --spectators, and --scale=false", free>>20, spectators, need>>20))
	}
	if len(errs) > 0 {
		return fmt.Errorf("this machine does not allow %d spectators: %w", spectators, errors.Join(errs...))
	}
	return nil
}

// bindable checks that all of 127.0.0.0/8 is this machine's.
func bindable(addr [4]byte) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: addr}); err != nil {
		return fmt.Errorf("the loopback address %d.%d.%d.%d, from which spectators would come, is not there: %w", addr[0], addr[1], addr[2], addr[3], err)
	}
	return nil
}

func readNumber(path string) (n int, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(string(data), &n)
	return n, err
}

// availableMemory is how many bytes are available without swapping.
func availableMemory() (uint64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "MemAvailable:"); ok {
			var kib uint64
			_, err := fmt.Sscan(value, &kib)
			return kib << 10, err
		}
	}
	return 0, errors.Join(lines.Err(), errors.New("/proc/meminfo does not tell MemAvailable"))
}
