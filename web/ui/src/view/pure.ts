import { Component } from "preact";

/**
 * A component that is drawn again only if one of its props changed. Functions do not count: they
 * only act.
 */
export abstract class Pure<P extends object, S = object> extends Component<P, S> {
  override shouldComponentUpdate(next: P): boolean {
    const now = this.props as Record<string, unknown>;
    return Object.entries(next).some(([key, value]) => value !== now[key] && typeof value !== "function");
  }
}
