/** Dice that fall the same way for the same seed: sfc32, seeded by a hash of its name. */

export class Dice {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;
  readonly #name: string;

  /** @param name the seed, and what it is for: `7/network` rolls otherwise than `7/people` */
  constructor(name: string) {
    this.#name = name;
    [this.#a, this.#b, this.#c] = hash(name);
    for (let warm = 0; warm < 12; warm += 1) this.#roll();
  }

  /** Dice of their own, so that rolls made in one part do not shift those of another. */
  for(part: string): Dice {
    return new Dice(`${this.#name}/${part}`);
  }

  /** [0, 1). */
  next = (): number => this.#roll() / 2 ** 32;

  /** A number in [from, to). */
  between(from: number, to: number): number {
    return from + (to - from) * this.next();
  }

  /** A whole number in [from, to]. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.whole(0, from.length - 1)];
    if (picked === undefined) throw new RangeError('nothing to pick from');
    return picked;
  }

  /** One of the values, each as likely as its weight says. */
  weighed<T>(weights: readonly (readonly [number, T])[]): T {
    let left = this.between(
      0,
      weights.reduce((sum, [weight]) => sum + weight, 0),
    );
    for (const [weight, value] of weights) {
      left -= weight;
      if (left < 0) return value;
    }
    return this.pick(weights)[1];
  }

  /** The pause until the next of events that come independently, `mean` apart. */
  pause(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  bytes = (size: number): Uint8Array => Uint8Array.from({ length: size }, () => this.#roll() & 255);

  #roll(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }
}

/** Three numbers from a text (FNV-1a with three offsets). */
function hash(text: string): [number, number, number] {
  const one = (offset: number): number => {
    let value = offset;
    for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
    return value ^ (value >>> 15);
  };
  return [one(0x811c9dc5), one(0x9e3779b9), one(0x85ebca6b)];
}
