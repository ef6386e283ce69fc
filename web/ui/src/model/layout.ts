/** A row of a long list: some items side by side, or a heading. */
export interface Row<Item, Head> {
  readonly top: number;
  readonly height: number;
  readonly items: readonly Item[];
  readonly head?: Head;
}

/** Items that belong together, with what stands above them, if anything. */
export interface Group<Item, Head> {
  readonly head?: Head;
  readonly items: readonly Item[];
}

/** Heights in pixels, each with the gap below it. */
export interface Measures {
  readonly columns: number;
  readonly item: number;
  readonly head: number;
}

/** The rows of all groups, from the top, and the height of them all. */
export function rowsOf<Item, Head>(
  groups: readonly Group<Item, Head>[],
  { columns, item, head }: Measures,
): { readonly rows: readonly Row<Item, Head>[]; readonly height: number } {
  const rows: Row<Item, Head>[] = [];
  let top = 0;
  const add = (height: number, items: readonly Item[], h?: Head) => {
    rows.push({ top, height, items, head: h });
    top += height;
  };
  for (const g of groups) {
    if (g.head !== undefined) add(head, [], g.head);
    for (let i = 0; i < g.items.length; i += columns) add(item, g.items.slice(i, i + columns));
  }
  return { rows, height: top };
}

/** The rows between two heights. Only these are drawn: there may be a thousand boards. */
export function visible<R extends { readonly top: number; readonly height: number }>(rows: readonly R[], from: number, to: number): readonly R[] {
  let first = 0;
  let last = rows.length;
  while (first < last) {
    const middle = (first + last) >> 1;
    const row = rows[middle]!;
    if (row.top + row.height <= from) first = middle + 1;
    else last = middle;
  }
  let end = first;
  while (end < rows.length && rows[end]!.top < to) end++;
  return rows.slice(first, end);
}

/** How many columns of at least `least` pixels fit, with the gap between them. */
export function columnsIn(width: number, least: number, gap: number): number {
  return Math.max(1, Math.floor((width + gap) / (least + gap)));
}
