package main

import "syscall"

const tmpfsMagic = 0x01021994

// tmpfs reports whether dir is kept in memory.
func tmpfs(dir string) bool {
	var s syscall.Statfs_t
	return syscall.Statfs(dir, &s) == nil && s.Type == tmpfsMagic
}
