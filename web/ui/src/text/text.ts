import { en } from "./en.ts";

export type Name = keyof typeof en;

/** A text, or one for each plural form of `{n}` that the language has. */
export type Entry = string | ({ readonly other: string } & Partial<Record<Intl.LDMLPluralRule, string>>);

/** All texts of one language. */
export type Table = Readonly<Record<Name, Entry>>;

let table: Table = en;
let plural = new Intl.PluralRules("en");
let locale: string | undefined;

/** The text with that name. Each `{value}` in it is replaced; `n` also chooses the plural form. */
export function t(name: Name, values: Readonly<Record<string, string | number>> = {}): string {
  const entry = table[name];
  const text = typeof entry === "string" ? entry : (entry[plural.select(Number(values.n))] ?? entry.other);
  return text.replace(/\{(\w+)\}/g, (whole, key: string) => {
    const value = values[key];
    return value === undefined ? whole : typeof value === "number" ? value.toLocaleString(locale) : value;
  });
}

/** Uses the texts of a language from now on. */
export function speakIn(language: string, texts: Table): void {
  table = texts;
  plural = new Intl.PluralRules(language);
  locale = language;
}

/** The language for Intl; undefined: the browser's. */
export function inLocale(): string | undefined {
  return locale;
}
