import type { VNode } from "preact";
import { formatAge } from "../model/clock.ts";
import { changes, pipeline, type Pipeline, type Poll } from "../model/pipeline.ts";
import type { Condition } from "../model/status.ts";
import type { PublicCluster } from "../model/wire.ts";
import { cluster } from "../net/api.ts";
import { ClusterView } from "../view/cluster.tsx";
import { PublicClusterView } from "../view/publiccluster.tsx";
import { Loading } from "../view/notfound.tsx";
import { local, type Page, type Shell } from "./page.ts";

/** The pause between an answer and the next request. */
const pause = 1000;
/** A node asks the leader for at most 2 s; one that takes longer than this is gone. */
const patience = 5000;

/**
 * `/cluster`: the pipeline, live. It asks while it is visible, and keeps the last picture when
 * there is no answer.
 */
export class ClusterPage implements Page {
  #poll: Poll | undefined;
  #picture: Pipeline | undefined;
  /** Replaces both for the public. */
  #public: { at: number; status: PublicCluster } | undefined;
  #turn = 0;
  #failed = false;
  #asking: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #look = () => {
    if (document.visibilityState === "visible") this.#ask();
    else this.#rest();
  };

  constructor(private readonly shell: Shell) {}

  open(): void {
    document.addEventListener("visibilitychange", this.#look);
    window.addEventListener("pageshow", this.#look);
    window.addEventListener("online", this.#look);
    this.#look();
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.#look);
    window.removeEventListener("pageshow", this.#look);
    window.removeEventListener("online", this.#look);
    this.#rest();
  }

  title(): string {
    return "Cluster · chessrelay";
  }

  condition(): { condition: Condition } {
    return { condition: this.#condition() };
  }

  view(): VNode {
    if (this.#public) return <PublicClusterView cluster={this.#public.status} />;
    return this.#picture ? <ClusterView pipeline={this.#picture} turn={this.#turn} /> : <Loading />;
  }

  #condition(): Condition {
    const last = this.#public ?? this.#poll;
    const shown = last ? ` · as of ${formatAge(local() - last.at)} ago` : "";
    if (this.#failed) return { status: "reconnecting", text: `This node does not answer${shown}` };
    if (this.#public) {
      const { leader, stale } = this.#public.status;
      return leader === "" ? { status: "stale", text: "No leader" } : stale ? { status: "stale", text: "Stale" } : { status: "live", text: "Live" };
    }
    if (!this.#picture) return { status: "reconnecting", text: "Connecting…" };
    if (this.#picture.diverged) return { status: "stale", text: "This node’s boards have diverged, and it shows none" };
    return this.#picture.leader === undefined ? { status: "stale", text: "No leader" } : { status: "live", text: "Live" };
  }

  /** Asks now instead of at the next poll. A request that is under way goes on. */
  #ask(): void {
    clearTimeout(this.#timer);
    if (this.#asking !== undefined) return;
    this.#asking = new AbortController();
    void this.#load(this.#asking);
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = undefined;
  }

  async #load(asking: AbortController): Promise<void> {
    const late = setTimeout(() => asking.abort(), patience);
    try {
      const status = await cluster(asking.signal);
      if (this.#asking !== asking) return;
      if (status.public) this.#public = { at: local(), status };
      else this.#take({ at: local(), status });
      this.#failed = false;
    } catch {
      if (this.#asking !== asking) return; // the page is no longer visible
      this.#failed = true;
    } finally {
      clearTimeout(late);
    }
    this.#asking = undefined;
    this.#timer = setTimeout(this.#look, pause);
    this.shell.redraw();
  }

  #take(poll: Poll): void {
    const picture = pipeline(this.#poll, poll);
    const news = changes(this.#picture, picture);
    this.#public = undefined;
    this.#poll = poll;
    this.#picture = picture;
    this.#turn++;
    if (news.length > 0) this.shell.announce(news.join(". "));
  }
}
