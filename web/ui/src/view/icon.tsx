const paths = {
  first: "M7 5v14M18 6l-7 6 7 6",
  previous: "M15 6l-7 6 7 6",
  next: "M9 6l7 6-7 6",
  last: "M17 5v14M6 6l7 6-7 6",
  flip: "M8 4v15m0 0-4-4m4 4 4-4M16 20V5m0 0-4 4m4-4 4 4",
  search: "M10.5 17a6.5 6.5 0 1 1 0-13 6.5 6.5 0 0 1 0 13zm5-1.5L20 20",
  small: "M5 5h3v3H5zM10.5 5h3v3h-3zM16 5h3v3h-3zM5 10.5h3v3H5zM10.5 10.5h3v3h-3zM16 10.5h3v3h-3zM5 16h3v3H5zM10.5 16h3v3h-3zM16 16h3v3h-3z",
  medium: "M5 5h5.5v5.5H5zM13.5 5H19v5.5h-5.5zM5 13.5h5.5V19H5zM13.5 13.5H19V19h-5.5z",
  large: "M5 5h14v14H5z",
  list: "M5 7h14M5 12h14M5 17h14",
  spotlight: "M12 4v3M12 17v3M4 12h3M17 12h3M9 9h6v6H9z",
  pin: "M9 4h6l-1 6 3 3H7l3-3-1-6zM12 13v7",
  star: "M12 4.5l2.3 4.8 5.2.7-3.8 3.6.9 5.2-4.6-2.5-4.6 2.5.9-5.2L4.500 10l5.200-.7z",
  options: "M4 8h9m5 0h2M4 16h3m5 0h8M13 8a2.500 2.500 0 1 0 5 0 2.500 2.500 0 0 0-5 0zM7 16a2.500 2.500 0 1 0 5 0 2.500 2.500 0 0 0-5 0z",
  close: "M6 6l12 12M18 6L6 18",
  share: "M12 15V4m0 0L8 8m4-4 4 4M5 13v6h14v-6",
  eye: "M3 12s3.500-6 9-6 9 6 9 6-3.500 6-9 6-9-6-9-6zM12 14.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, full }: { name: IconName; full?: boolean }) {
  return (
    <svg class={full ? "icon full" : "icon"} viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
