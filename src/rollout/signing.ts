/** Ed25519 over a manifest's canonical text: who vouches for a version. A key's id is the SHA-256 of its public half. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { OcellusError } from "../core/base/index.js";
import { type Manifest, signedText } from "./manifest.js";

/** A new pair in PEM. */
export function createSigningKeys(): { privateKey: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

/** @throws `invalid_request` for a key that is not Ed25519 in PEM. */
export function signManifest(manifest: Manifest, privateKeyPem: string): Manifest {
  const key = readKey(() => createPrivateKey(privateKeyPem), "private");
  const value = sign(null, Buffer.from(signedText(manifest)), key).toString("base64");
  return { ...manifest, signature: { keyId: keyIdOf(createPublicKey(key)), value } };
}

/** @returns what is wrong, if anything; a signature by a key that is not trusted is no signature. */
export function checkSignature(manifest: Manifest, trustedPem: readonly string[]): string | undefined {
  const { signature, tag } = manifest;
  if (!signature) return `${tag} is not signed`;
  const trusted = trustedPem.map((pem) => readKey(() => createPublicKey(pem), "public"));
  const key = trusted.find((candidate) => keyIdOf(candidate) === signature.keyId);
  if (!key) return `${tag} is signed by ${signature.keyId}, which is none of the trusted keys`;
  const holds = verify(null, Buffer.from(signedText(manifest)), key, Buffer.from(signature.value, "base64"));
  return holds ? undefined : `${tag}: its signature does not fit its manifest`;
}

function readKey(read: () => KeyObject, half: string): KeyObject {
  try {
    const key = read();
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // told below
  }
  throw new OcellusError(
    "invalid_request",
    `expected an Ed25519 ${half} key in PEM; \`ocellus rollout versions keygen\` makes a pair`,
    { details: { expected: `Ed25519 ${half} key` } },
  );
}

function keyIdOf(publicKey: KeyObject): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex")
    .slice(0, 32);
}
