//go:build !linux

package main

func tmpfs(string) bool { return false }
