export function NotFound({ text }: { text: string }) {
  return (
    <section class="message">
      <h1>Nothing here</h1>
      <p>{text}</p>
      <p>
        <a href="/">All tournaments</a>
      </p>
    </section>
  );
}

export function Loading() {
  return <p class="message quiet">One moment…</p>;
}
