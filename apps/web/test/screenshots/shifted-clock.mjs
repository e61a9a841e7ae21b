/** Loaded before the server (`node --import`): its clock goes wrong by so many milliseconds, so that a day of history takes two minutes. */
const shift = Number(process.env.CLOCK_SHIFT_MS ?? 0);
const { now } = Date;
Date.now = () => now() + shift;
