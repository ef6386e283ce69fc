import { parseSettings, usual, type Settings } from "../model/settings.ts";

const key = "chessrelay.settings";
let current: Settings | undefined;
const listeners = new Set<() => void>();

/** What a site that frames the page has chosen. It is not kept. */
let forced: Partial<Settings> = {};

/** Has the page obey these, whatever the viewer's settings are. */
export function force(what: Partial<Settings>): void {
  forced = what;
}

/** The viewer's settings. */
export function settings(): Settings {
  return { ...own(), ...forced };
}

function own(): Settings {
  if (current === undefined) {
    try {
      current = parseSettings(localStorage.getItem(key));
    } catch {
      current = usual; // the browser stores nothing for us
    }
  }
  return current;
}

/** Changes the settings, and keeps them if the browser lets us. */
export function change(next: Partial<Settings>): void {
  current = { ...own(), ...next };
  try {
    localStorage.setItem(key, JSON.stringify(current));
  } catch {
    // They hold until the page is closed.
  }
  for (const l of listeners) l();
}

/** Calls f after each change, also one that another tab made. */
export function onChange(f: () => void): void {
  listeners.add(f);
}

window.addEventListener("storage", (event) => {
  if (event.key !== key) return;
  current = undefined;
  for (const l of listeners) l();
});
