package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/web/base"
)

// This file guards what only operators may see: /metrics, the whole of GET /api/cluster, and
// profiles. The public sees the names of the nodes, their roles, and whether their boards are
// stale.

// adminPort marks, in a context, a request that came by the operators' own port.
type adminPort struct{}

// Admin serves the operators' own port: all that the node serves elsewhere, as an operator sees it,
// and profiles.
func (s *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), adminPort{}, true))
		if strings.HasPrefix(r.URL.Path, "/debug/") {
			s.forAdmins(mux).ServeHTTP(w, r)
			return
		}
		s.ServeHTTP(w, r)
	})
}

// admin reports whether the client is an operator. It is one if it shows an admin's token or comes
// by the operators' port. Without such a port, a client on this machine is one, too.
func (s *Server) admin(r *http.Request) bool {
	if base.CallerOf(r).Can(base.Administer, "", "") {
		return true
	}
	if !s.NamesUs(r) || base.IsForeign(r) { // another site's page, in an operator's browser
		return false
	}
	return r.Context().Value(adminPort{}) != nil || !s.cfg.AdminPort && fromThisMachine(r)
}

// forAdmins refuses everybody but operators.
func (s *Server) forAdmins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch c := base.CallerOf(r); {
		case s.admin(r):
			next.ServeHTTP(w, r)
		case c.Token != nil:
			s.Fail(w, r, base.Refused(c, base.Administer))
		case s.Access.Needed():
			s.Fail(w, r, base.UnknownCaller(r, c))
		default:
			s.Fail(w, r, &base.Error{
				Status: http.StatusForbidden, Code: "forbidden",
				Message: "this is for operators: ask on the node's own machine, or start the node with --admin-http ADDR, or make a token",
			})
		}
	})
}

// voucherHeader carries one member's proof to another: the time, signed with the key that members
// share. With it, the leader tells a member its whole view, whoever that member asks for.
const voucherHeader = "X-Chessrelay-Voucher"

// voucherLifetime bounds how far the clocks of two members may differ. A voucher lets its bearer
// only read.
const voucherLifetime = 5 * time.Minute

func (s *Server) voucher(now time.Time) string {
	at := strconv.FormatInt(now.Unix(), 10)
	h := hmac.New(sha256.New, []byte("chessrelay member\n"+s.Key))
	h.Write([]byte(at))
	return at + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// vouched reports whether a member sent the request.
func (s *Server) vouched(r *http.Request) bool {
	shown := r.Header.Get(voucherHeader)
	at, _, _ := strings.Cut(shown, ".")
	seconds, err := strconv.ParseInt(at, 10, 64)
	made := time.Unix(seconds, 0)
	return err == nil && time.Since(made).Abs() <= voucherLifetime && hmac.Equal([]byte(shown), []byte(s.voucher(made)))
}

// shown answers operators and members with the whole, and all others with what is public.
func (s *Server) shown(r *http.Request, whole any, public func() publicCluster) (base.Answer, error) {
	if s.vouched(r) || s.admin(r) {
		return base.OK(whole)
	}
	return base.OK(public())
}

// staleAfter is how long a member may have no word from the leader, or lack an entry, before its
// boards count as stale.
const staleAfter = 1500 * time.Millisecond

// publicCluster is what the public sees of the cluster. Nothing in it changes with each log entry.
type publicCluster struct {
	Public    bool         `json:"public"`
	ClusterID string       `json:"clusterId"`
	Node      string       `json:"node"`
	Role      string       `json:"role"`
	Leader    string       `json:"leader"`
	Stale     bool         `json:"stale"`
	Members   []publicNode `json:"members"`
}

type publicNode struct {
	Name  string `json:"name"`
	Role  string `json:"role"`
	Stale *bool  `json:"stale,omitempty"` // nil: only the leader knows, and could not be asked
}

func (s *Server) publicMember(status consensus.Status) publicCluster {
	out := publicCluster{
		Public: true, ClusterID: s.Origin.ClusterID(), Node: s.Origin.Name(), Leader: status.Leader,
		Stale: s.boardsAge().AgeMs > staleAfter.Milliseconds() || s.Origin.Diverged() != "", Members: []publicNode{},
	}
	for _, m := range status.Members {
		n := publicNode{Name: m.Name, Role: string(m.Role)}
		switch {
		case m.Diverged: // the public is not told why a node is unusable
			n.Stale = new(true)
		case m.State == "leader":
			n.Stale = new(false)
		case m.State == "replicate":
			n.Stale = new(m.LagMs > staleAfter.Milliseconds())
		case m.State == "unknown":
		default:
			n.Stale = new(true)
		}
		if m.ID == status.NodeID {
			out.Role, n.Stale = n.Role, &out.Stale
		}
		out.Members = append(out.Members, n)
	}
	return out
}

func (s *Server) publicEdge() publicCluster {
	e := s.Edge
	report := e.Report()
	return publicCluster{
		Public: true, ClusterID: e.ClusterID(), Node: e.Name(), Role: "edge",
		Leader: report.Leader.Name, Stale: report.Stale || e.Diverged() != "", Members: []publicNode{},
	}
}
