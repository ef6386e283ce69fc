package relay

import (
	"strings"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// checkInfo checks a tournament's fields besides its name, description and location.
func checkInfo(i TournamentInfo) error {
	if i.Website != "" && !strings.HasPrefix(i.Website, "http://") && !strings.HasPrefix(i.Website, "https://") {
		return bad("website", "must begin with http:// or https://: %q does not", clip(i.Website, 32))
	}
	return firstError(
		checkText("format", i.Format, MaxName, false),
		checkText("timeControl", i.TimeControl, MaxName, false),
		checkText("timeZone", i.TimeZone, MaxShortText, false),
		checkText("players", i.Players, MaxName, false),
		checkText("website", i.Website, MaxWebsite, false),
	)
}

func emptyInfo(r *relaypb.TournamentInfo) bool {
	return r.Format == nil && r.TimeControl == nil && r.TimeZone == nil && r.Players == nil && r.Website == nil
}

// infoRecord returns nil if all fields are empty.
func infoRecord(i TournamentInfo) *relaypb.TournamentInfo {
	if i == (TournamentInfo{}) {
		return nil
	}
	return &relaypb.TournamentInfo{
		Format: optionalText(i.Format), TimeControl: optionalText(i.TimeControl), TimeZone: optionalText(i.TimeZone),
		Players: optionalText(i.Players), Website: optionalText(i.Website),
	}
}

func infoFrom(r *relaypb.TournamentInfo) TournamentInfo {
	return TournamentInfo{
		Format: r.GetFormat(), TimeControl: r.GetTimeControl(), TimeZone: r.GetTimeZone(), Players: r.GetPlayers(), Website: r.GetWebsite(),
	}
}

func optionalText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
