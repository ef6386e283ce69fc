import type { VNode } from "preact";
import { NotFound } from "../view/notfound.tsx";
import type { Page } from "./page.ts";

/** Any address that is not a page. */
export class MissingPage implements Page {
  open(): void {}

  close(): void {}

  title(): string {
    return "No such page · chessrelay";
  }

  view(): VNode {
    return <NotFound text="There is no page at this address." />;
  }
}
