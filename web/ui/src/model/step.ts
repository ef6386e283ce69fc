/**
 * The ply that the viewer looks at. At the end of the game the viewer follows it. A viewer who went
 * back stays there while the game goes on.
 */
export interface Step {
  /** The ply on show; null follows the game. */
  readonly ply: number | null;
  /** The length of the game when the viewer left its end, to count the missed plies. */
  readonly left: number;
}

export const following: Step = { ply: null, left: 0 };

/** The ply to show in a game of `total` plies. */
export function shown(step: Step, total: number): number {
  return step.ply === null ? total : Math.min(step.ply, total);
}

/** How many plies came since the viewer went back. */
export function missed(step: Step, total: number): number {
  return step.ply === null ? 0 : Math.max(0, total - step.left);
}

/** Goes to `ply`. At the end, the viewer follows the game again. */
export function goTo(step: Step, ply: number, total: number): Step {
  const to = Math.max(0, ply);
  if (to >= total) return following;
  return { ply: to, left: step.ply === null ? total : step.left };
}

/** Moves by so many plies, forward or back. */
export function by(step: Step, plies: number, total: number): Step {
  return goTo(step, shown(step, total) + plies, total);
}

/**
 * The step after the game changed to `total` plies. A viewer at a ply that was taken back goes to
 * the new end.
 */
export function afterChange(step: Step, total: number): Step {
  if (step.ply === null) return step;
  if (step.ply >= total && step.left > total) return following;
  return step.left > total ? { ...step, left: total } : step;
}
