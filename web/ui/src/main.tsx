import { render } from "preact";
import { routeOf } from "./model/route.ts";
import type { Status } from "./model/status.ts";
import { BoardPage } from "./page/board.tsx";
import { ClusterPage } from "./page/cluster.tsx";
import { MissingPage } from "./page/missing.tsx";
import type { Page, Shell } from "./page/page.ts";
import { RoundPage } from "./page/round.tsx";
import { TournamentPage } from "./page/tournament.tsx";
import { TournamentsPage } from "./page/tournaments.tsx";
import { ShellView } from "./view/shell.tsx";
import { openLink } from "./net/link.ts";
import { choices } from "./model/settings.ts";
import { change, force, onChange, settings } from "./net/settings.ts";
import { loadSprite } from "./view/sprite.ts";

const root = document.getElementById("app")!;
const voices = {
  // These are outside what is drawn again: a screen reader only reads changes in them.
  moves: region(),
  status: region(),
};

const spoken: Record<Status, string> = { live: "Connected again", stale: "Out of date", reconnecting: "Connection lost, reconnecting" };

let page: Page;
let path: string;
let asked = false;
let told: Status | undefined;
/** Whether the dialog of settings is open. */
let choosing = false;

function choose(open: boolean): void {
  choosing = open;
  shell.redraw();
}

/** Where the page was scrolled to when the viewer left it, until it is as long again. */
let goBackTo: { readonly y: number; readonly until: number } | undefined;
history.scrollRestoration = "manual";

const shell: Shell = {
  redraw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(draw);
  },
  go(to) {
    history.replaceState({ y: scrollY }, "");
    history.pushState(null, "", to);
    show();
    scrollTo(0, 0);
  },
  announce(text) {
    voices.moves.textContent = text;
  },
};

function draw(): void {
  asked = false;
  const title = page.title();
  if (document.title !== title) document.title = title;
  const { condition, spectators } = page.condition?.() ?? {};
  render(
    <ShellView
      key={path}
      bar={embedded ? undefined : page.bar?.()}
      embedded={embedded}
      page={page.view()}
      condition={condition}
      spectators={spectators}
      settings={settings()}
      choosing={choosing}
      onSet={change}
      onChoose={choose}
    />,
    root,
  );
  root.dataset.squares = settings().squares;
  if (goBackTo && document.documentElement.scrollHeight - innerHeight >= goBackTo.y) {
    scrollTo(0, goBackTo.y);
    goBackTo = undefined;
  } else if (goBackTo && performance.now() > goBackTo.until) {
    goBackTo = undefined;
  }
  if (condition && condition.status !== told) {
    // The visible countdown changes each second; the spoken text changes only with the state.
    if (told !== undefined) voices.status.textContent = spoken[condition.status];
    // Until the page is live for the first time, there is nothing to say.
    if (told !== undefined || condition.status === "live") told = condition.status;
  }
}

/** A page in a frame of another site: without a bar, and its links lead out of the frame. */
const embedded = location.pathname.startsWith("/embed/");
function pageAt(path: string): Page {
  const route = routeOf(path.replace(/^\/embed(?=\/)/, ""));
  switch (route.page) {
    case "tournaments":
      return new TournamentsPage(shell);
    case "cluster":
      return new ClusterPage(shell);
    case "tournament":
      return new TournamentPage(shell, route.id);
    case "round":
      return new RoundPage(shell, route.id, route.tab);
    case "board":
      return new BoardPage(shell, route.id, route.board);
    case "missing":
      return new MissingPage();
  }
}

function show(): void {
  path = location.pathname;
  if (page?.turn?.(path)) return draw();
  page?.close();
  told = undefined;
  page = pageAt(path);
  page.open();
  draw();
}

/**
 * Follows links between our own pages in place. The browser handles all others, and those to be
 * opened elsewhere.
 */
document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin || link.hash) return;
  if (!/^\/(cluster|(round|tournament)\/.*)?$/.test(link.pathname)) return;
  event.preventDefault();
  if (embedded) return void open(link.href, "_blank", "noopener");
  shell.go(link.pathname + link.search);
  document.getElementById("main")?.focus({ preventScroll: true });
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.target instanceof Element && event.target.closest("input, select, textarea, [contenteditable]")) return;
  if (event.target instanceof Element && event.target.closest("dialog")) return;
  if (event.key === "?") choose(true);
  else if (event.key === "h") change({ hideResults: !settings().hideResults });
  else return page.key?.(event);
  event.preventDefault();
});

window.addEventListener("popstate", () => {
  if (openLink(location.hash)) return show();
  // A jump inside the page (the skip link) does not change the page.
  if (location.pathname === path) return;
  const { y } = (history.state ?? {}) as { y?: number };
  goBackTo = y === undefined ? undefined : { y, until: performance.now() + 3000 };
  show();
});

function region(): HTMLElement {
  const element = document.createElement("div");
  element.className = "hidden";
  element.setAttribute("aria-live", "polite");
  element.setAttribute("aria-atomic", "true");
  document.body.append(element);
  return element;
}

if (embedded) force(choices(location.search));
onChange(() => shell.redraw());
openLink(location.hash);
void loadSprite();
show();
