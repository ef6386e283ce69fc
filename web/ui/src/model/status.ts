import type { Phase } from "../net/connection.ts";
import { t } from "../text/text.ts";
import { formatAge } from "./clock.ts";
import type { Live } from "./live.ts";

export type Status = "live" | "reconnecting" | "stale";

/**
 * How up to date the page is, and the words for it. `local` is a time on our clock, like
 * Live.heardAt.
 */
export interface Condition {
  readonly status: Status;
  readonly text: string;
  /** The page has not been connected yet: there is nothing to warn of. */
  readonly first?: boolean;
}

/**
 * A node sends something every 10 s. After a longer silence it is no longer live, but not yet given
 * up.
 */
const quiet = 15_000;

/** The text that a diverged node shows instead of boards. */
export const divergedText = "This server’s boards have diverged from those of the others, so it shows none. Please watch on another server.";

export function condition(phase: Phase, live: Live, local: number): Condition {
  const since = live.heardAt === undefined ? 0 : local - live.heardAt;
  const shown = live.heardAt === undefined ? "" : ` · boards as of ${formatAge(since + live.age)} ago`;
  switch (phase.kind) {
    case "connecting":
      if (phase.diverged) return { status: "stale", text: `This server’s boards have diverged; trying again…${shown}` };
      if (live.heardAt === undefined && phase.attempt === 0) return { status: "reconnecting", text: "Connecting…", first: true };
      if (phase.node !== undefined) return { status: "reconnecting", text: `Trying ${hostOf(phase.node)}…${shown}` };
      return { status: "reconnecting", text: `Reconnecting…${shown}` };
    case "waiting": {
      const seconds = Math.max(0, Math.ceil((phase.until - local) / 1000));
      if (phase.diverged) return { status: "stale", text: `This server’s boards have diverged; trying again in ${seconds} s${shown}` };
      return { status: "reconnecting", text: `Reconnecting in ${seconds} s${shown}` };
    }
    case "refused":
      return { status: "stale", text: "Not connected: the server refused this page’s request" };
    case "open":
      if (live.round === undefined) return { status: "reconnecting", text: "Connecting…", first: true };
      if (live.stale) return { status: "stale", text: `Behind by ${formatAge(live.age + since)}: this server has lost the broadcast` };
      if (since > quiet) return { status: "stale", text: `Nothing heard for ${formatAge(since)}` };
      return { status: "live", text: t("connected") };
  }
}

/** The name of another node, for a person. */
function hostOf(node: string): string {
  return node.replace(/^https?:\/\//, "").replace(/\/$/, "");
}
