import { parseFrames, type Frame } from "../model/wire.ts";

// Close codes of /live.
const goingAway = 4000; // come back
const tooSlow = 4001; // come back with since
const badRequest = 4400;
const ended = 4403; // the token or viewing link ended
const noSuchRound = 4404;
const otherCluster = 4409;

/**
 * A node sends something at least every 10 s. After this long a silence it is dead, whatever TCP
 * reports.
 */
export const silence = 25_000;
/** A connection without a hello by then is given up. */
const openTimeout = 10_000;
/**
 * When the viewer comes back to the page, a connection that has missed one status frame is
 * replaced.
 */
const overdue = 12_000;
/** After a connection that lasted this long, failures count from one again. */
const lasting = 10_000;

const firstDelay = 500;
const lastDelay = 20_000;

/** The phase of the connection. */
export type Phase =
  | { readonly kind: "connecting"; readonly attempt: number; readonly diverged?: true; readonly node?: string }
  | { readonly kind: "open" }
  /** Nothing is under way until `until`, a time on the clock of Options.now. */
  | { readonly kind: "waiting"; readonly attempt: number; readonly until: number; readonly diverged?: true; readonly node?: string }
  /** A new attempt is pointless. */
  | { readonly kind: "refused"; readonly reason: Refusal };

/** Why a connection is not tried again. "ended": the viewing link. */
export type Refusal = "no-round" | "deleted" | "ended" | "bad-request";

export interface Options {
  /**
   * Returns the address without a cursor: wss://host/live?round=… Called before every attempt, with
   * the URL of a node unless it is that of the page.
   */
  readonly url: (node?: string) => string;
  /** Whether the page's own node answers again. Asked while we are at another one. */
  readonly homeAnswers?: () => Promise<boolean>;
  /** Returns our cursor. Called before every attempt. */
  readonly cursor: () => { since: number; cluster?: string };
  readonly onFrames: (frames: readonly Frame[]) => void;
  readonly onPhase: (phase: Phase) => void;
  /** Milliseconds on a monotonic clock. */
  readonly now?: () => number;
  readonly random?: () => number;
  readonly open?: (url: string) => Channel;
  /** Does the same by Server-Sent Events, at the address that [eventsUrl] makes. */
  readonly openEvents?: (url: string) => Channel;
}

/** A carrier of frames: a WebSocket, or an object that looks like one. */
export interface Channel {
  onmessage: ((message: { data: unknown }) => void) | null;
  onclose: ((close: { code: number; reason?: string }) => void) | null;
  /** Missing if the channel cannot send. */
  send?(text: string): void;
  close(): void;
}

/**
 * After this many WebSockets in a row that ended without a frame, Server-Sent Events are tried:
 * some proxies let no WebSocket through.
 */
const mute = 2;

/** The address of the same frames as Server-Sent Events. */
export function eventsUrl(live: string): string {
  return live.replace(/^ws/, "http").replace("/live?", "/events?");
}

function webSocket(url: string): Channel {
  return new WebSocket(url) as unknown as Channel;
}

/**
 * An EventSource that looks like a WebSocket. It never reconnects by itself: [Connection] decides
 * when.
 */
export function events(url: string): Channel {
  const source = new EventSource(url);
  const channel: Channel = { onmessage: null, onclose: null, close: () => source.close() };
  const end = (code: number, reason = "") => {
    source.close();
    channel.onclose?.({ code, reason });
  };
  source.onmessage = (message) => channel.onmessage?.({ data: message.data });
  source.onerror = () => end(1006);
  source.addEventListener("close", (message) => end(...farewell(String((message as MessageEvent).data))));
  return channel;
}

function farewell(text: string): [code: number, reason: string] {
  try {
    const { code, reason } = JSON.parse(text) as { code: number; reason?: string };
    return [Number(code) || 1006, String(reason ?? "")];
  } catch {
    return [1006, ""];
  }
}

/**
 * How long to wait before an attempt, counted from 1. It doubles, up to a limit. Half of it is
 * random, so a thousand spectators do not all come back at once.
 */
export function backoff(attempt: number, random: number): number {
  const most = Math.min(lastDelay, firstDelay * 2 ** Math.min(attempt - 1, 10));
  return most / 2 + (most / 2) * random;
}

/** One attempt to connect. */
interface Attempt {
  readonly channel: Channel;
  readonly byEvents: boolean;
  readonly openedAt: number;
  heardAt: number;
}

/** The state of a connection. */
interface State {
  phase: Phase;
  /** The attempt under way, if any. */
  attempt: Attempt | undefined;
  /** Attempts in a row that failed. */
  failures: number;
  /** WebSockets in a row that ended without a frame. */
  mute: number;
  /**
   * The last attempt by events also ended without a frame. Its status is hidden, and the cursor may
   * be the reason.
   */
  doubtsCursor: boolean;
  /** The next attempt begins with a snapshot. */
  forgetsCursor: boolean;
  /** The node asked us to come back, and we did so at once. If it asks again soon, we wait. */
  hurried: boolean;
  /** A node has sent something of the round. */
  known: boolean;
  /**
   * The node said that its boards have diverged. The browser hides the status with which it refuses
   * sockets.
   */
  diverged: boolean;
  /** Other nodes that we may go to. */
  nodes: readonly string[];
  /** The node that we are at, or try; undefined: the page's own. */
  node: string | undefined;
  /** Attempts since a node last spoke to us. */
  tries: number;
}

/** Another node is tried this soon; some of it is random, so that not all come at once. */
const nextNode = 100;
/** While we are at another node, the page's own is asked so often whether it is back. */
const homeward = 20_000;
/** More nodes than this are not tried. */
const mostNodes = 8;

/** The nodes that a page may use: one of https cannot call one of http. */
function usable(nodes: readonly string[] | undefined, secure: boolean): readonly string[] {
  return (nodes ?? []).filter((n) => typeof n === "string" && (secure ? /^https:\/\// : /^https?:\/\//).test(n)).slice(0, mostNodes);
}

/**
 * One spectator's connection. After a loss it reconnects by itself and resumes at its cursor. It
 * owns at most one channel and one timer. Open it once and close it once.
 */
export class Connection {
  readonly #options: Options;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #state: State = {
    phase: { kind: "connecting", attempt: 0 },
    attempt: undefined,
    failures: 0,
    mute: 0,
    doubtsCursor: false,
    forgetsCursor: false,
    hurried: false,
    known: false,
    diverged: false,
    nodes: [],
    node: undefined,
    tries: 0,
  };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #home: ReturnType<typeof setTimeout> | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
  }

  open(): void {
    this.#connect();
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#home);
    this.#drop();
  }

  /** The node that we are at; undefined: the page's own. */
  get node(): string | undefined {
    return this.#state.node;
  }

  /** Forgets the cursor and begins again with a snapshot. */
  restart(): void {
    this.#state.forgetsCursor = true;
    this.#connect();
  }

  /** Sends text to the node, if the connection is open and can carry it. */
  send(text: string): boolean {
    const { phase, attempt } = this.#state;
    if (phase.kind !== "open" || attempt?.channel.send === undefined) return false;
    attempt.channel.send(text);
    return true;
  }

  /**
   * Closes the channel until [check]. A browser may keep a page that the user left, and its socket
   * with it.
   */
  sleep(): void {
    if (this.#state.phase.kind === "refused") return;
    clearTimeout(this.#timer);
    this.#drop();
    this.#set({ kind: "waiting", attempt: this.#state.failures, until: this.#now() });
  }

  /** Records that the node said by HTTP that its boards have diverged. */
  diverge(): void {
    const { phase, diverged } = this.#state;
    if (diverged || (phase.kind !== "waiting" && phase.kind !== "connecting")) return;
    this.#state.diverged = true;
    this.#set({ ...phase, diverged: true });
  }

  /** Reconnects if needed. Call it when the page becomes visible again, or the network is back. */
  check(): void {
    const { phase, attempt } = this.#state;
    const late = attempt !== undefined && this.#now() - attempt.heardAt > overdue;
    if (phase.kind === "waiting" || (phase.kind === "open" && late)) this.#connect();
  }

  #connect(): void {
    clearTimeout(this.#timer);
    this.#drop();
    const state = this.#state;
    const byEvents = state.mute >= mute && state.node === undefined;
    const at = this.#options.url(state.node) + this.#resume(byEvents);
    state.forgetsCursor = false;
    this.#set({ kind: "connecting", attempt: state.failures, ...this.#why() });
    state.tries++;

    const channel = byEvents ? (this.#options.openEvents ?? events)(eventsUrl(at)) : (this.#options.open ?? webSocket)(at);
    const now = this.#now();
    const attempt: Attempt = { channel, byEvents, openedAt: now, heardAt: now };
    state.attempt = attempt;
    channel.onmessage = (message) => this.#heard(attempt, String(message.data));
    channel.onclose = (close) => this.#closed(attempt, close.code, close.reason ?? "");
    this.#watch(attempt, openTimeout);
  }

  /** The cursor as parameters of the address; if empty, the node begins with a snapshot. */
  #resume(byEvents: boolean): string {
    const { since, cluster } = this.#options.cursor();
    const { forgetsCursor, doubtsCursor } = this.#state;
    if (since === 0 || forgetsCursor || (byEvents && doubtsCursor)) return "";
    return `&since=${since}${cluster ? `&cluster=${encodeURIComponent(cluster)}` : ""}`;
  }

  #heard(attempt: Attempt, text: string): void {
    const state = this.#state;
    attempt.heardAt = this.#now();
    state.known = true;
    state.doubtsCursor = false;
    if (!attempt.byEvents) state.mute = 0;
    state.tries = 0;
    const frames = parseFrames(text);
    for (const f of frames) {
      if (f.type === "hello" && f.nodes !== undefined) state.nodes = usable(f.nodes, this.#options.url().startsWith("wss:"));
    }
    if (state.phase.kind !== "open") {
      state.diverged = false;
      this.#set({ kind: "open" });
      this.#watch(attempt, silence);
      this.#lookHome();
    }
    if (frames.length > 0) this.#options.onFrames(frames);
  }

  /**
   * Gives the attempt up after `limit` of silence. It reads the clock, because timers sleep when
   * the page does.
   */
  #watch(attempt: Attempt, limit: number): void {
    clearTimeout(this.#timer);
    const left = limit - (this.#now() - attempt.heardAt);
    if (left <= 0) {
      this.#drop();
      this.#unheard(attempt);
      this.#retry();
      return;
    }
    this.#timer = setTimeout(() => this.#watch(attempt, limit), left);
  }

  #closed(attempt: Attempt, code: number, why: string): void {
    const state = this.#state;
    state.attempt = undefined;
    if (code < 4000) this.#unheard(attempt);
    const lasted = state.phase.kind === "open" && this.#now() - attempt.openedAt > lasting;
    if (lasted) state.failures = 0;
    // If a node asks the client to come back, the client does so at once, unless it did a moment
    // ago.
    const asked = code === tooSlow || code === goingAway || code === otherCluster;
    const soon = asked && (lasted || !state.hurried);
    state.hurried = soon;
    switch (code) {
      case tooSlow:
        return this.#retry(soon ? 0 : undefined);
      case goingAway:
        state.diverged = why.includes("diverged");
        return this.#retry(soon ? 200 + 1800 * this.#random() : undefined, true);
      case otherCluster:
        state.forgetsCursor = true;
        return this.#retry(soon ? 0 : undefined);
      case noSuchRound:
        // "this round was deleted", or 'the round "…" was deleted at …'
        if (why.includes("was deleted")) return this.#refuse("deleted");
        // A node that lags may not have the round yet; one that never had it will not get it.
        if (!state.known && this.#options.cursor().since === 0) return this.#refuse("no-round");
        return this.#retry();
      case ended:
        return this.#refuse("ended");
      case badRequest:
        // Only the cursor can be bad, if there was one.
        if (this.#options.cursor().since === 0 || state.failures > 3) return this.#refuse("bad-request");
        state.forgetsCursor = true;
        return this.#retry();
      default:
        return this.#retry();
    }
  }

  /**
   * Records an attempt without a frame. After some of them the next ones use the other kind of
   * channel.
   */
  #unheard(attempt: Attempt): void {
    const state = this.#state;
    if (state.phase.kind === "open" || state.node !== undefined) return;
    if (attempt.byEvents) state.doubtsCursor = true;
    state.mute = attempt.byEvents ? 0 : state.mute + 1;
  }

  /** Goes back to the page's own node once it answers again. */
  #lookHome(): void {
    clearTimeout(this.#home);
    const { homeAnswers } = this.#options;
    if (this.#state.node === undefined || homeAnswers === undefined) return;
    this.#home = setTimeout(async () => {
      const answers = await homeAnswers().catch(() => false);
      const { phase, node } = this.#state;
      if (node === undefined || phase.kind !== "open") return;
      if (!answers) return this.#lookHome();
      this.#state.node = undefined;
      this.#connect();
    }, homeward);
  }

  /**
   * Chooses the node of the next attempt: the page's own and all others in turn. Reports whether it
   * is one that has not been tried since a node last spoke to us.
   */
  #next(): boolean {
    const state = this.#state;
    if (state.nodes.length === 0) return false;
    const all = [undefined, ...state.nodes];
    state.node = all[(all.indexOf(state.node) + 1) % all.length];
    return state.tries < all.length;
  }

  #retry(delay?: number, elsewhere = delay === undefined): void {
    const attempt = ++this.#state.failures;
    const wait = elsewhere && this.#next() ? nextNode + 3 * nextNode * this.#random() : (delay ?? backoff(attempt, this.#random()));
    this.#set({ kind: "waiting", attempt, until: this.#now() + wait, ...this.#why() });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #why(): { diverged?: true; node?: string } {
    const { diverged, node } = this.#state;
    return { ...(diverged && { diverged: true as const }), ...(node !== undefined && { node }) };
  }

  #refuse(reason: Refusal): void {
    clearTimeout(this.#timer);
    this.#set({ kind: "refused", reason });
  }

  #drop(): void {
    const channel = this.#state.attempt?.channel;
    this.#state.attempt = undefined;
    if (channel === undefined) return;
    channel.onmessage = channel.onclose = null;
    channel.close();
  }

  #set(phase: Phase): void {
    this.#state.phase = phase;
    this.#options.onPhase(phase);
  }
}
