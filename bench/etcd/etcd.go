package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

// etcd is one server.
type etcd struct {
	*embed.Etcd
	cfg    node.Config
	client *clientv3.Client
}

// openEtcd opens the node that args, a node.Config, describe.
func openEtcd(_ context.Context, args json.RawMessage) (node.Node, error) {
	var cfg node.Config
	if err := json.Unmarshal(args, &cfg); err != nil {
		return nil, err
	}
	ec := embed.NewConfig()
	ec.Name = etcdName(cfg.Index)
	ec.Dir = cfg.Dir
	ec.LogLevel = "error"
	peer, client := etcdURL(cfg.OwnAddrs()[0]), etcdURL(cfg.OwnAddrs()[1])
	ec.ListenPeerUrls, ec.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	ec.ListenClientUrls, ec.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	var members []string
	for i, addrs := range cfg.Addrs {
		u := etcdURL(addrs[0])
		members = append(members, etcdName(i)+"="+u.String())
	}
	ec.InitialCluster = strings.Join(members, ",")
	e, err := embed.StartEtcd(ec)
	if err != nil {
		return nil, err
	}
	return &etcd{Etcd: e, cfg: cfg, client: v3client.New(e.Server)}, nil
}

func etcdName(index int) string       { return fmt.Sprintf("node-%d", index) }
func etcdURL(addr string) (u url.URL) { return url.URL{Scheme: "http", Host: addr} }

// Lead has the leader transfer leadership to this server.
func (e *etcd) Lead(ctx context.Context) error {
	select {
	case <-e.Server.ReadyNotify():
	case <-ctx.Done():
		return ctx.Err()
	}
	var endpoints []string
	for _, addrs := range e.cfg.Addrs {
		endpoints = append(endpoints, addrs[1])
	}
	return node.Until(ctx, "this server to lead", func() (bool, error) {
		if e.Server.Leader() == e.Server.MemberID() {
			return true, nil
		}
		var last error
		for _, endpoint := range endpoints { // all but the leader refuse
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			if last = etcdMoveLeader(ctx, endpoint, uint64(e.Server.MemberID())); last == nil {
				cancel()
				break
			}
			cancel()
		}
		return false, last
	})
}

func etcdMoveLeader(ctx context.Context, endpoint string, to uint64) error {
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Context: ctx, DialTimeout: time.Second})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.MoveLeader(ctx, to)
	return err
}

// HasApplied implements node.Counted. A revision is one put.
func (e *etcd) HasApplied() node.Applied { return node.Applied{Count: uint64(e.Server.KV().Rev())} }

// Submitter puts to a key of the worker's own, so the keys stay few.
func (e *etcd) Submitter(worker int) (func(context.Context) error, error) {
	key := fmt.Sprintf("moves/%d", worker)
	payload := make([]byte, node.PayloadSize)
	n := uint64(0)
	return func(ctx context.Context) error {
		n++
		binary.BigEndian.PutUint64(payload, n)
		_, err := e.client.Put(ctx, key, string(payload))
		return err
	}, nil
}
