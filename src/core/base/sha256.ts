/**
 * SHA-256 [FIPS 180-4] for rooms that run in a browser too, whose own digest is a promise: in JavaScript, or by the native one
 * that Node's rooms put in its place, which gives the same digits sooner.
 */

const roundConstants = Int32Array.from(firstPrimes(64), (prime) => fraction(Math.cbrt(prime)));
const initialState = firstPrimes(8).map((prime) => fraction(Math.sqrt(prime)));

const blockBytes = 64;
/** Of the message's length in bits, at the end of the last block. */
const lengthBytes = 8;

/** In JavaScript. */
export class Sha256 {
  readonly #state = Int32Array.from(initialState);
  readonly #block = new Uint8Array(blockBytes);
  readonly #words = new Int32Array(blockBytes);
  #numBytes = 0;

  update(data: Uint8Array | string): this {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const held = this.#numBytes % blockBytes;
    this.#numBytes += bytes.length;
    let from = 0;
    if (held > 0) {
      from = Math.min(bytes.length, blockBytes - held);
      this.#block.set(bytes.subarray(0, from), held);
      if (held + from < blockBytes) return this;
      this.#mix(this.#block, 0);
    }
    for (; from + blockBytes <= bytes.length; from += blockBytes) this.#mix(bytes, from);
    this.#block.set(bytes.subarray(from));
    return this;
  }

  /** Hexadecimal. Nothing can be added afterwards. */
  digest(): string {
    const numBits = BigInt(this.#numBytes) * 8n;
    const padding = new Uint8Array(blockBytes - ((this.#numBytes + lengthBytes) % blockBytes) + lengthBytes);
    padding[0] = 0x80;
    new DataView(padding.buffer).setBigUint64(padding.length - lengthBytes, numBits);
    this.update(padding);
    return Array.from(this.#state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #mix(bytes: Uint8Array, from: number): void {
    const w = this.#words;
    for (let i = 0, at = from; i < 16; i++, at += 4)
      w[i] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]!;
      const y = w[i - 2]!;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = w[i - 16]! + s0 + w[i - 7]! + s1;
    }
    const state = this.#state;
    let [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!];
    let [e, f, g, h] = [state[4]!, state[5]!, state[6]!, state[7]!];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const first = (h + s1 + ((e & f) ^ (~e & g)) + roundConstants[i]! + w[i]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const majority = (a & b) ^ (a & c) ^ (b & c);
      h = g;
      g = f;
      f = e;
      e = (d + first) | 0;
      d = c;
      c = b;
      b = a;
      a = (first + s0 + majority) | 0;
    }
    state[0]! += a;
    state[1]! += b;
    state[2]! += c;
    state[3]! += d;
    state[4]! += e;
    state[5]! += f;
    state[6]! += g;
    state[7]! += h;
  }
}

type Digest = (parts: readonly (Uint8Array | string)[]) => string;

let digest: Digest = (parts) => {
  const hash = new Sha256();
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** Hexadecimal SHA-256 of bytes and texts, one behind the other. */
export function sha256(...parts: readonly (Uint8Array | string)[]): string {
  return digest(parts);
}

/** Has `sha256` computed by another implementation of it. */
export function useSha256(native: Digest): void {
  digest = native;
}

/** The first 32 bits behind the point. */
function fraction(x: number): number {
  return Math.floor((x % 1) * 2 ** 32);
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}
