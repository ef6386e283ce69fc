//go:build !linux

package main

import (
	"encoding/json"
	"errors"
	"net"
)

var errOnlyLinux = errors.New("the benchmark of many spectators needs Linux: it is made of epoll and of many loopback addresses")

func openFanFloor(*venue, net.Listener) (fanHub, error) { return nil, errOnlyLinux }
func openCrowd(json.RawMessage) (caller, error)         { return nil, errOnlyLinux }
func checkFanLimits(int) error                          { return errOnlyLinux }
