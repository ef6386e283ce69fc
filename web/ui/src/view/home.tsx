import { lastMoveText } from "../model/brief.ts";
import { formatAge } from "../model/clock.ts";
import type { Overview, OverviewEvent, OverviewRound } from "../model/wire.ts";
import type { Found } from "../net/api.ts";
import { t } from "../text/text.ts";
import { clockTime } from "./bar.tsx";
import { Icon } from "./icon.tsx";
import { MiniBoard } from "./miniboard.tsx";
import { PersonName } from "./person.tsx";
import { Empty, TournamentCard } from "./tournaments.tsx";

interface Props {
  readonly overview?: Overview;
  readonly error?: string;
  readonly now: number;
  readonly query: string;
  readonly found?: Found;
  readonly hideResults: boolean;
  readonly onSeek: (query: string) => void;
  readonly onMore: (next: string) => void;
}

export function HomeView(p: Props) {
  const { overview: o, error, query } = p;
  return (
    <div class="home">
      <header class="head">
        <h1>{t("tournaments")}</h1>
        <label class="find">
          <Icon name="search" />
          <span class="hidden">{t("searchEvents")}</span>
          <input type="search" maxLength={80} placeholder={t("searchEvents")} value={query} onInput={(e) => p.onSeek(e.currentTarget.value)} />
        </label>
      </header>
      {error && (
        <p class="notice" role="alert">
          {error} {o && t("asItWas")}
        </p>
      )}
      {query.trim() !== "" ? <Results {...p} /> : o ? <Parts {...p} overview={o} /> : !error && <p class="message quiet">{t("moment")}</p>}
    </div>
  );
}

function Results({ found, now, onMore }: Props) {
  if (!found) return <p class="message quiet">{t("moment")}</p>;
  if (found.tournaments.length === 0) return <p class="message quiet">{t("nothingFound")}</p>;
  return (
    <section class="column results" aria-live="polite">
      {found.tournaments.map((to) => (
        <TournamentCard key={to.id} tournament={to} now={now} />
      ))}
      {found.next && (
        <button type="button" class="button" onClick={() => onMore(found.next!)}>
          {t("more")}
        </button>
      )}
    </section>
  );
}

function Parts({ overview: o, now, hideResults }: Props & { overview: Overview }) {
  if (o.live.length + o.soon.length + o.finished.length === 0) return <Empty />;
  return (
    <>
      {o.live.length > 0 && (
        <section aria-labelledby="live-now">
          <h2 id="live-now">{t("liveNow")}</h2>
          <ul class="live-rounds">
            {o.live.map((r) => (
              <LiveCard key={r.round.id} of={r} now={now} hideResults={hideResults} />
            ))}
          </ul>
        </section>
      )}
      {o.soon.length > 0 && (
        <section aria-labelledby="soon">
          <h2 id="soon">{t("soonHead")}</h2>
          <ul class="lines card">
            {o.soon.map((r) => (
              <SoonLine key={r.round.id} of={r} now={now} />
            ))}
          </ul>
        </section>
      )}
      {o.finished.length > 0 && (
        <section aria-labelledby="over">
          <h2 id="over">{t("finishedHead")}</h2>
          <ul class="lines card">
            {o.finished.map((e) => (
              <OverLine key={e.id} of={e} />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

/** A round that goes on: its leading board in little, how many play, and when somebody last moved. */
function LiveCard({ of: r, now, hideResults }: { of: OverviewRound; now: number; hideResults: boolean }) {
  const b = r.board;
  return (
    <li class="live-round" data-tournament={r.tournament} data-round={r.round.id}>
      <a href={`/round/${r.round.id}`}>
        {b && (
          <span class="lead" aria-hidden="true">
            <MiniBoard key={b.id} fen={b.fen} ply={b.ply} uci={b.lastMove?.uci} />
          </span>
        )}
        <span class="words">
          <b class="event-name">{r.tournamentName}</b>
          <span>
            {r.round.name} <span class="stage-sign live">{t("live")}</span>
          </span>
          <span class="tally">{r.playing > 0 || hideResults ? t("playing", { n: r.playing, all: r.boards }) : t("boardCount", { n: r.boards })}</span>
          {b && (
            <span class="pair">
              <PersonName player={b.white} /> – <PersonName player={b.black} />
            </span>
          )}
          <span class="quiet">
            {b && lastMoveText(b)}
            {r.lastMoveAt !== undefined && ` · ${t("lastMoveAgo", { time: formatAge(Math.max(0, now - r.lastMoveAt)) })}`}
          </span>
        </span>
      </a>
    </li>
  );
}

function SoonLine({ of: r, now }: { of: OverviewRound; now: number }) {
  const at = r.round.startsAt!;
  return (
    <li data-tournament={r.tournament} data-round={r.round.id}>
      <a href={`/round/${r.round.id}`}>
        <b>{r.tournamentName}</b>
        <span>{r.round.name}</span>
        <time class="quiet" dateTime={new Date(at).toISOString()}>
          {at > now ? `${t("soon", { time: formatAge(at - now) })}, ${dayAndTime(at)}` : t("soonLate", { time: dayAndTime(at) })}
        </time>
      </a>
    </li>
  );
}

function OverLine({ of: e }: { of: OverviewEvent }) {
  return (
    <li data-tournament={e.id}>
      <a href={`/tournament/${e.id}`}>
        <b>{e.name}</b>
        <span>{[e.location, t("roundCount", { n: e.rounds })].filter(Boolean).join(" · ")}</span>
        <time class="quiet" dateTime={new Date(e.at).toISOString()}>
          {new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }).format(e.at)}
        </time>
      </a>
    </li>
  );
}

/** A time in the viewer's zone, with the day if it is not today. */
function dayAndTime(at: number): string {
  const day =
    new Date(at).toDateString() === new Date().toDateString()
      ? ""
      : `${new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" }).format(at)} `;
  return day + clockTime(at);
}
