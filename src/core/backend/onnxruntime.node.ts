/**
 * The one module that imports ONNX Runtime, and the place where its telemetry is switched off. Since 1.29 it resolves a
 * Microsoft address on its own and writes a device id and an event database below the home folder, unless the environment
 * says ORT_DISABLE_TELEMETRY=1 when its first session is created. A value that the user has set is left as it is.
 */
import { isMainThread } from "node:worker_threads";
import { InferenceSession, listSupportedBackends, Tensor } from "onnxruntime-node";
import { OcellusError } from "../base/index.js";

export { type InferenceSession, Tensor };

const name = "ORT_DISABLE_TELEMETRY";
if (isMainThread) process.env[name] ??= "1";

/** @throws `unavailable` in a worker thread that was started before the main thread imported this module */
export async function createSession(
  model: string | Uint8Array,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  requireTelemetrySetting();
  return InferenceSession.create(model as string /* or bytes: the overloads take no union */, options);
}

/** The execution providers of the installed package. @throws as `createSession` */
export function supportedBackends(): ReturnType<typeof listSupportedBackends> {
  requireTelemetrySetting();
  return listSupportedBackends();
}

/** `process.env` of a worker thread is a copy: setting it there does not reach ONNX Runtime, which reads the process's own. */
function requireTelemetrySetting(): void {
  if (process.env[name] !== undefined) return;
  throw new OcellusError(
    "unavailable",
    `this worker thread cannot switch off ONNX Runtime's telemetry: import ocellus in the main thread before the worker starts, or start the process with ${name}=1`,
    { details: { variable: name } },
  );
}
