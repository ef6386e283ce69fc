let context: AudioContext | undefined;

/** The sound of a piece that is put down; a capture is brighter. */
export function knock(capture: boolean): void {
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume(); // until the viewer has clicked, there is no sound
  const at = context.currentTime;
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.type = "triangle";
  tone.frequency.setValueAtTime(capture ? 420 : 240, at);
  tone.frequency.exponentialRampToValueAtTime(90, at + 0.09);
  volume.gain.setValueAtTime(0.25, at);
  volume.gain.exponentialRampToValueAtTime(0.001, at + 0.12);
  tone.connect(volume).connect(context.destination);
  tone.start(at);
  tone.stop(at + 0.13);
}
