import { chips, orders, type Chip, type Order } from "./boards.ts";

export const sizes = ["small", "medium", "large", "list"] as const;
export type Size = (typeof sizes)[number];

/** What a viewer prefers. The browser keeps it. */
export interface Settings {
  /** Undefined: by the number of boards. */
  readonly size?: Size;
  readonly order: Order;
  readonly chip: Chip;
  readonly spotlight?: boolean;
  /** The keys of people; see [personKey]. */
  readonly followed: readonly string[];
  readonly hideResults: boolean;
  readonly sound: boolean;
  readonly figurines: boolean;
  readonly squares: Squares;
}

/** The colours of the squares. */
export const squareColours = ["green", "brown", "blue", "grey"] as const;
export type Squares = (typeof squareColours)[number];

export const usual: Settings = { order: "board", chip: "all", followed: [], hideResults: false, sound: false, figurines: false, squares: "green" };

/** No more than this many people are kept. */
const mostFollowed = 500;

/** The settings in a text of ours. Anything else in it is ignored: an older page may have written it. */
export function parseSettings(text: string | null): Settings {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    return usual;
  }
  if (typeof value !== "object" || value === null) return usual;
  const v = value as Record<string, unknown>;
  const one = <T extends string>(list: readonly T[], x: unknown): T | undefined => list.find((l) => l === x);
  return {
    size: one(sizes, v.size),
    order: one(orders, v.order) ?? usual.order,
    chip: one(chips, v.chip) ?? usual.chip,
    spotlight: typeof v.spotlight === "boolean" ? v.spotlight : undefined,
    followed: Array.isArray(v.followed) ? v.followed.filter((f): f is string => typeof f === "string").slice(0, mostFollowed) : [],
    hideResults: v.hideResults === true,
    sound: v.sound === true,
    figurines: v.figurines === true,
    squares: one(squareColours, v.squares) ?? usual.squares,
  };
}

/** The settings with a person followed, or no longer followed. */
export function toggled(s: Settings, person: string): Settings {
  const followed = s.followed.includes(person) ? s.followed.filter((f) => f !== person) : [person, ...s.followed].slice(0, mostFollowed);
  return { ...s, followed };
}

/** The size in which so many boards are drawn. */
export function sizeFor(s: Settings, boards: number): Size {
  return s.size ?? (boards > 32 ? "list" : "medium");
}

/** What the address of a framed page chooses: `?squares=brown&results=hidden`. */
export function choices(search: string): Partial<Settings> {
  const asked = new URLSearchParams(search);
  const squares = squareColours.find((c) => c === asked.get("squares"));
  return { ...(squares && { squares }), ...(asked.get("results") === "hidden" && { hideResults: true }) };
}
