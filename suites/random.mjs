// Seeded choices: the same seed makes the same run.

export function random(seed) {
  let state = (seed >>> 0) || 1;
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit) => next() % limit;
  return { below, one: (list) => list[below(list.length)], chance: (percent) => below(100) < percent };
}
