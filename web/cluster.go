package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/chessrelay/chessrelay/broadcast/engine"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/web/base"
	"github.com/chessrelay/chessrelay/web/edge"
	"github.com/go-chi/chi/v5"
)

// forwardedHeader marks a request that one node sends to another. The other must not pass it on
// again, since leadership may move faster than a request.
const forwardedHeader = "X-Chessrelay-Forwarded"

// getCluster is GET /api/cluster. Only the leader knows how far the others are, so this node
// fetches the leader's view. Without a leader it shows what it sees itself. The edges are those
// that follow this node.
func (s *Server) getCluster(r *http.Request) (base.Answer, error) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if s.Edge != nil {
		return s.shown(r, s.edgeCluster(), s.publicEdge)
	}
	status, err := s.Node.Status(ctx)
	if err != nil {
		return base.Answer{}, err
	}
	out := clusterJSON{Sources: s.clusterSources(r, time.Now())}
	if status.LeaderID != 0 && status.LeaderID != status.NodeID && r.Header.Get(forwardedHeader) == "" {
		if leaders, err := s.leadersView(ctx, status); err == nil {
			status.Members, out.Sources = leaders.Members, leaders.Sources
		}
	}
	if status.Members == nil { // a node that just joined knows no member yet: a list, not null
		status.Members = []consensus.MemberStatus{}
	}
	out.Status, out.Edges, out.boardsAge, out.Engine = status, s.edges(), s.boardsAge(), s.engineStats()
	return s.shown(r, out, func() publicCluster { return s.publicMember(status) })
}

// clusterJSON is the cluster, the sources that its leader polls, and the edges that follow the node
// that answers.
type clusterJSON struct {
	consensus.Status
	boardsAge
	Sources []clusterSource      `json:"sources,omitempty"`
	Edges   []edge.SessionStatus `json:"edges"`
	Engine  *engine.Stats        `json:"engine,omitempty"` // of the node that answers
}

func (s *Server) leadersView(ctx context.Context, status consensus.Status) (clusterJSON, error) {
	var out clusterJSON
	u, err := s.leaderURL()
	if err != nil {
		return out, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.JoinPath("/api/cluster").String(), nil)
	if err != nil {
		return out, err
	}
	req.Header.Set(forwardedHeader, status.Node)
	req.Header.Set(voucherHeader, s.voucher(time.Now()))
	res, err := (&http.Client{Transport: s.cfg.Peers}).Do(req)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return out, errors.New(res.Status)
	}
	return out, decodeLimited(res.Body, &out)
}

// leaderURL returns the URL of the leader's API.
func (s *Server) leaderURL() (*url.URL, error) {
	m, err := s.Node.FindMember(s.Node.Leader().String())
	if err != nil || m.HTTP == "" {
		return nil, consensus.ErrNoLeader
	}
	return url.Parse(m.HTTP)
}

// removeMember is DELETE /api/cluster/members/{id}; id may be a name.
func (s *Server) removeMember(r *http.Request) (base.Answer, error) {
	m, err := s.member(r)
	if err != nil {
		return base.Answer{}, err
	}
	ctx, cancel := s.Deadline(r)
	defer cancel()
	if err := s.Node.Remove(ctx, m.ID); err != nil {
		return base.Answer{}, err
	}
	return base.OK(map[string]any{"removed": m})
}

// changeMember is POST /api/cluster/members/{id} {"suffrage":"voter"|"learner"}.
func (s *Server) changeMember(r *http.Request) (base.Answer, error) {
	m, err := s.member(r)
	if err != nil {
		return base.Answer{}, err
	}
	var in struct {
		Suffrage string `json:"suffrage"`
	}
	if err := base.ReadJSON(r, &in); err != nil {
		return base.Answer{}, err
	}
	if in.Suffrage != "voter" && in.Suffrage != "learner" {
		return base.Answer{}, base.BadRequest("suffrage must be voter or learner, not %q", in.Suffrage)
	}
	ctx, cancel := s.Deadline(r)
	defer cancel()
	if err := s.Node.SetVoter(ctx, m.ID, in.Suffrage == "voter"); err != nil {
		return base.Answer{}, err
	}
	return base.OK(map[string]any{"id": m.ID, "name": m.Name, "suffrage": in.Suffrage})
}

// member returns the member that the path names, by id or by name.
func (s *Server) member(r *http.Request) (consensus.Member, error) {
	id, err := url.PathUnescape(chi.URLParam(r, "id"))
	if err != nil {
		return consensus.Member{}, base.BadRequest("the member's name cannot be read: %v", err)
	}
	return s.Node.FindMember(id)
}

// moveLeader is POST /api/cluster/leader {"to": id or name}. The request is passed on to the
// leader: only the leader can do it.
func (s *Server) moveLeader(r *http.Request) (base.Answer, error) {
	var in struct {
		To string `json:"to"`
	}
	if err := base.ReadJSON(r, &in); err != nil {
		return base.Answer{}, err
	}
	if in.To == "" {
		return base.Answer{}, base.BadRequest("to is missing: the name or the id of the new leader")
	}
	m, err := s.Node.FindMember(in.To)
	if err != nil {
		return base.Answer{}, err
	}
	ctx, cancel := s.Deadline(r)
	defer cancel()
	if err := s.Node.TransferLeadership(ctx, m.ID); err != nil {
		return base.Answer{}, err
	}
	return base.OK(map[string]any{"leader": m.Name, "leaderId": m.ID})
}

// toLeader passes requests on to the leader's API, unless this node leads.
func (s *Server) toLeader(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Node.Leader() == s.Node.ID() || r.Header.Get(forwardedHeader) != "" {
			next.ServeHTTP(w, r)
			return
		}
		u, err := s.leaderURL()
		if err != nil {
			s.Fail(w, r, err)
			return
		}
		proxy := &httputil.ReverseProxy{
			Transport: s.cfg.Peers,
			Rewrite: func(p *httputil.ProxyRequest) {
				p.SetURL(u)
				p.Out.Header.Set(forwardedHeader, s.Node.Name())
				p.Out.Header.Del("Origin") // judged here already
			},
			ModifyResponse: func(res *http.Response) error {
				for name := range res.Header { // the leader has set the same headers as this node; each must be there once
					w.Header().Del(name)
				}
				return nil
			},
			ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
				s.Log.Info("the leader's API cannot be reached", "url", u, "err", err)
				s.Fail(w, r, consensus.ErrNoLeader)
			},
		}
		proxy.ServeHTTP(w, r)
	})
}
