import { formatAge } from "../model/clock.ts";
import { listedStage, type Stage } from "../model/stage.ts";
import type { Round, Tournament } from "../model/wire.ts";
import { t } from "../text/text.ts";
import { Icon } from "./icon.tsx";

export const tabs = ["boards", "standings", "moves", "info"] as const;
export type Tab = (typeof tabs)[number];

export interface BarProps {
  /** Its name and rounds, once they are known. */
  readonly event?: Tournament;
  readonly tournament?: string;
  readonly tournamentName?: string;
  readonly round?: Round;
  readonly stage?: Stage;
  readonly tab?: Tab;
  /** The node's time, for countdowns. */
  readonly now: number;
}

/** Where a tab of a round leads. */
export function tabHref(round: string, tab: Tab): string {
  return tab === "boards" ? `/round/${round}` : `/round/${round}/${tab}`;
}

/** What stays on top of every page of an event: the event, its rounds, the views of this round. */
export function Bar({ event, tournament, tournamentName, round, stage, tab, now }: BarProps) {
  const rounds = event?.rounds ?? [];
  const at = rounds.findIndex((r) => r.id === round?.id);
  const id = event?.id ?? tournament;
  return (
    <>
      <p class="event crumbs">{id && <a href={`/tournament/${id}`}>{event?.name ?? tournamentName ?? t("tournaments")}</a>}</p>
      {round && (
        <nav class="rounds-bar" aria-label={t("rounds")}>
          <Step round={rounds[at - 1]} tab={tab} now={now} previous />
          <span class="this-round" aria-current="page">
            <b>{round.name}</b> {stage && <StageSign stage={stage} now={now} />}
          </span>
          <Step round={at < 0 ? undefined : rounds[at + 1]} tab={tab} now={now} />
        </nav>
      )}
      {round && (
        <nav class="tabs" aria-label={t("views")}>
          {tabs.map((name) => (
            <a key={name} href={tabHref(round.id, name)} aria-current={name === tab ? "page" : undefined}>
              {t(name)}
            </a>
          ))}
        </nav>
      )}
    </>
  );
}

function Step({ round, tab, now, previous }: { round?: Round; tab?: Tab; now: number; previous?: boolean }) {
  if (!round) return null;
  const stage = listedStage(round);
  const wait = round.startsAt !== undefined && round.startsAt > now ? t("soon", { time: formatAge(round.startsAt - now) }) : "";
  return (
    <a
      class={previous ? "step previous" : "step next"}
      href={tabHref(round.id, tab ?? "boards")}
      rel={previous ? "prev" : "next"}
      title={t(previous ? "previousRound" : "nextRound", { name: round.name })}
    >
      {previous && <Icon name="previous" />}
      <span class="step-name">
        {round.name}
        {!previous && stage === "before" && wait && <span class="quiet"> {wait}</span>}
        {stage === "live" && <span class="stage-sign live"> {t("live")}</span>}
      </span>
      {!previous && <Icon name="next" />}
    </a>
  );
}

/** The state of the round, which says nothing about the connection. */
export function StageSign({ stage, now }: { stage: Stage; now: number }) {
  switch (stage.kind) {
    case "live":
      return <span class="stage-sign live">{t("live")}</span>;
    case "finished":
      return <span class="stage-sign">{t("finished")}</span>;
    case "held":
      return <span class="stage-sign">{stage.until === undefined ? t("notBegun") : t("held", { time: clockTime(stage.until) })}</span>;
    case "before":
      return (
        <span class="stage-sign">
          {stage.startsAt !== undefined && stage.startsAt > now ? t("soon", { time: formatAge(stage.startsAt - now) }) : t("notBegun")}
        </span>
      );
  }
}

/** A time of day in the viewer's zone. */
export function clockTime(at: number): string {
  return new Intl.DateTimeFormat(undefined, { timeStyle: "short" }).format(at);
}
