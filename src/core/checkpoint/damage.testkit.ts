/** Ways to damage a file: bytes changed, bytes put in, the end cut off. */
import fc from "fast-check";

export function damaged(whole: Uint8Array): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  const insertion = fc.tuple(
    fc.nat(whole.length),
    fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ maxLength: 9 })),
  );
  return fc.tuple(changes, insertion, fc.option(fc.nat(whole.length))).map(([edits, [at, bytes], length]) => {
    const mutated = Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at)]);
    for (const [position, value] of edits) mutated[position] = value;
    return mutated.subarray(0, length ?? mutated.length);
  });
}
