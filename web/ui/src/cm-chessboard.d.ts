// cm-chessboard has no types. These are the parts of it that we use.

declare module "cm-chessboard/src/Chessboard.js" {
  export class Chessboard {
    constructor(context: HTMLElement, props: object);
    setPosition(fen: string, animated?: boolean): Promise<void>;
    setOrientation(color: "w" | "b", animated?: boolean): Promise<void>;
    getExtension<T>(type: new (...args: never[]) => T): T;
    destroy(): void;
  }
}

declare module "cm-chessboard/src/model/Extension.js" {
  import type { Chessboard } from "cm-chessboard/src/Chessboard.js";
  export const EXTENSION_POINT: { readonly afterRedrawBoard: string };
  export class Extension {
    constructor(chessboard: Chessboard);
    readonly chessboard: Chessboard;
    registerExtensionPoint(name: string, callback: () => void): void;
  }
}
