import { parseFrames, type Frame } from "../model/wire.ts";

// Close codes of /live.
const goingAway = 4000; // come back
const tooSlow = 4001; // come back with since
const badRequest = 4400;
const ended = 4403; // what was shown to see it
const noSuchRound = 4404;
const otherCluster = 4409;

/** A node says something at least every 10 s; one that is silent for longer than this is dead, whatever TCP thinks. */
export const silence = 25_000;
/** A connection that has not said hello by then is given up. */
const openTimeout = 10_000;
/** On coming back to the page, a connection that missed one status frame already is not waited for any longer. */
const overdue = 12_000;
/** A connection that lasted this long was a good one: the next failure starts to count from one. */
const lasting = 10_000;

const firstDelay = 500;
const lastDelay = 20_000;

/** How far the connection is. */
export type Phase =
  | { readonly kind: "connecting"; readonly attempt: number; readonly diverged?: true }
  | { readonly kind: "open" }
  /** Nothing is under way until `until`, a time on the clock of Options.now. */
  | { readonly kind: "waiting"; readonly attempt: number; readonly until: number; readonly diverged?: true }
  /** There is no point in trying again. */
  | { readonly kind: "refused"; readonly reason: Refusal };

/** Why a connection is not tried again. "ended": the viewing link. */
export type Refusal = "no-round" | "deleted" | "ended" | "bad-request";

export interface Options {
  /** The address without a cursor: wss://host/live?round=… Asked before every attempt. */
  readonly url: () => string;
  /** Where we are. Asked before every attempt. */
  readonly cursor: () => { since: number; cluster?: string };
  readonly onFrames: (frames: readonly Frame[]) => void;
  readonly onPhase: (phase: Phase) => void;
  /** Milliseconds on a clock that only goes forward. */
  readonly now?: () => number;
  readonly random?: () => number;
  readonly open?: (url: string) => Channel;
  /** The same by Server-Sent Events, at the address that [eventsUrl] makes. */
  readonly openEvents?: (url: string) => Channel;
}

/** What carries frames: a WebSocket, or what looks like one. */
export interface Channel {
  onmessage: ((message: { data: unknown }) => void) | null;
  onclose: ((close: { code: number; reason?: string }) => void) | null;
  /** Missing where nothing can be said to the node. */
  send?(text: string): void;
  close(): void;
}

/** After this many WebSockets in a row that ended before a word was heard, Server-Sent Events are tried: some proxy lets none through. */
const mute = 2;

/** Where the same frames come as Server-Sent Events. */
export function eventsUrl(live: string): string {
  return live.replace(/^ws/, "http").replace("/live?", "/events?");
}

function webSocket(url: string): Channel {
  return new WebSocket(url) as unknown as Channel;
}

/** An EventSource that looks like a WebSocket. It comes back only when it is told to: [Connection] knows better when. */
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

/** How long to wait before an attempt, counted from 1: it doubles, up to a limit, and half of it is chance, so that a
 * thousand spectators do not all come back in the same instant. */
export function backoff(attempt: number, random: number): number {
  const most = Math.min(lastDelay, firstDelay * 2 ** Math.min(attempt - 1, 10));
  return most / 2 + (most / 2) * random;
}

/**
 * One spectator's connection, which comes back by itself from where it was. It owns one channel at most, and one
 * timer. Open it once, and close it once.
 */
export class Connection {
  readonly #options: Options;
  readonly #now: () => number;
  readonly #random: () => number;
  #socket: Channel | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #phase: Phase = { kind: "connecting", attempt: 0 };
  #failures = 0;
  #heardAt = 0;
  #openedAt = 0;
  #fresh = false;
  #hurried = false;
  #known = false;
  /** How many WebSockets in a row have ended before a word was heard. */
  #muted = 0;
  #byEvents = false;
  /** The last attempt by events ended so too: the status that would say why is hidden, and it may be the cursor. */
  #doubt = false;
  /** The node's boards have diverged, it said. The status that it refuses sockets with is hidden from us. */
  #diverged = false;

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
    this.#drop();
  }

  /** Forgets the cursor and begins again with a snapshot. */
  restart(): void {
    this.#fresh = true;
    this.#connect();
  }

  /** Says something to the node, if that can be. */
  send(text: string): boolean {
    if (this.#phase.kind !== "open" || this.#socket?.send === undefined) return false;
    this.#socket.send(text);
    return true;
  }

  /** Lets go of the socket until [check]. A page that is left may be kept for the way back, and its socket with it. */
  sleep(): void {
    if (this.#phase.kind === "refused") return;
    clearTimeout(this.#timer);
    this.#drop();
    this.#set({ kind: "waiting", attempt: this.#failures, until: this.#now() });
  }

  /** The node said by HTTP that its boards have diverged. */
  diverge(): void {
    if (this.#diverged || (this.#phase.kind !== "waiting" && this.#phase.kind !== "connecting")) return;
    this.#diverged = true;
    this.#set({ ...this.#phase, diverged: true });
  }

  /** To be called when the page is looked at again, or the network is back. */
  check(): void {
    if (this.#phase.kind === "waiting" || (this.#phase.kind === "open" && this.#now() - this.#heardAt > overdue)) this.#connect();
  }

  #connect(): void {
    clearTimeout(this.#timer);
    this.#drop();
    const { url, cursor } = this.#options;
    const { since, cluster } = cursor();
    this.#byEvents = this.#muted >= mute;
    const resume = since > 0 && !this.#fresh && !(this.#byEvents && this.#doubt) ? `&since=${since}${cluster ? `&cluster=${encodeURIComponent(cluster)}` : ""}` : "";
    this.#fresh = false;
    this.#set({ kind: "connecting", attempt: this.#failures, ...this.#why() });

    const at = url() + resume;
    const socket = this.#byEvents ? (this.#options.openEvents ?? events)(eventsUrl(at)) : (this.#options.open ?? webSocket)(at);
    this.#socket = socket;
    this.#openedAt = this.#heardAt = this.#now();
    socket.onmessage = (message) => this.#heard(String(message.data));
    socket.onclose = (close) => this.#closed(close.code, close.reason ?? "");
    this.#watch(openTimeout);
  }

  #heard(text: string): void {
    this.#heardAt = this.#now();
    this.#known = true;
    this.#doubt = false;
    if (!this.#byEvents) this.#muted = 0;
    if (this.#phase.kind !== "open") {
      this.#diverged = false;
      this.#set({ kind: "open" });
      this.#watch(silence);
    }
    const frames = parseFrames(text);
    if (frames.length > 0) this.#options.onFrames(frames);
  }

  /** Gives the socket up once nothing was heard for `limit`. It looks at the clock, for timers sleep when the page does. */
  #watch(limit: number): void {
    clearTimeout(this.#timer);
    const left = limit - (this.#now() - this.#heardAt);
    if (left <= 0) {
      this.#drop();
      this.#unheard();
      this.#retry();
      return;
    }
    this.#timer = setTimeout(() => this.#watch(limit), left);
  }

  #closed(code: number, why: string): void {
    this.#socket = undefined;
    if (code < 4000) this.#unheard();
    const lasted = this.#phase.kind === "open" && this.#now() - this.#openedAt > lasting;
    if (lasted) this.#failures = 0;
    // A node that asks us to come back means it: at once, unless that is what was tried a moment ago.
    const asked = code === tooSlow || code === goingAway || code === otherCluster;
    const soon = asked && (lasted || !this.#hurried);
    this.#hurried = soon;
    switch (code) {
      case tooSlow:
        return this.#retry(soon ? 0 : undefined);
      case goingAway:
        this.#diverged = why.includes("diverged");
        return this.#retry(soon ? 200 + 1800 * this.#random() : undefined);
      case otherCluster:
        this.#fresh = true;
        return this.#retry(soon ? 0 : undefined);
      case noSuchRound:
        // "this round was deleted", or 'the round "…" was deleted at …'
        if (why.includes("was deleted")) return this.#refuse("deleted");
        // A node that lags may not have the round yet; one that never had it for us will not get it.
        if (!this.#known && this.#options.cursor().since === 0) return this.#refuse("no-round");
        return this.#retry();
      case ended:
        return this.#refuse("ended");
      case badRequest:
        // It can only be the cursor that is bad, if there was one.
        if (this.#options.cursor().since === 0 || this.#failures > 3) return this.#refuse("bad-request");
        this.#fresh = true;
        return this.#retry();
      default:
        return this.#retry();
    }
  }

  /** The attempt has failed. If nothing at all was heard, the next ones go another way. */
  #unheard(): void {
    if (this.#phase.kind === "open") return;
    if (this.#byEvents) this.#doubt = true;
    this.#muted = this.#byEvents ? 0 : this.#muted + 1;
  }

  #retry(delay?: number): void {
    this.#failures++;
    const wait = delay ?? backoff(this.#failures, this.#random());
    const until = this.#now() + wait;
    this.#set({ kind: "waiting", attempt: this.#failures, until, ...this.#why() });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #why(): { diverged?: true } {
    return this.#diverged ? { diverged: true } : {};
  }

  #refuse(reason: Refusal): void {
    clearTimeout(this.#timer);
    this.#set({ kind: "refused", reason });
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #set(phase: Phase): void {
    this.#phase = phase;
    this.#options.onPhase(phase);
  }
}
