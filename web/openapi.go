package web

import (
	_ "embed"
	"net/http"
)

// openAPIDocument describes the API for programs; docs/api.md is for people.
//
//go:embed openapi.json
var openAPIDocument []byte

// openAPI is GET /api/openapi.json.
func openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(openAPIDocument)
}
