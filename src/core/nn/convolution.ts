/** Convolutions over pictures, channels first. Norms behind them are folded into their weights by the one who stores these. */
import type { Scope, Value } from "../graph/index.js";

export interface ConvolutionOptions {
  readonly filters: number;
  readonly kernel: number;
  readonly stride: number;
  /** Every channel by itself. */
  readonly depthwise?: boolean;
}

/**
 * Keras's padding: of a stride of two all of it lies right and below, else it is even. x [N, C, H, W];
 * `name.weight` [filters, C or 1, kernel, kernel], `name.bias` [filters].
 */
export function convolution(
  scope: Scope,
  name: string,
  x: Value,
  { filters, kernel, stride, depthwise = false }: ConvolutionOptions,
): Value {
  const own = scope.at(name);
  const channels = x.shape[1] as number;
  const weight = own.weight("weight", [filters, depthwise ? 1 : channels, kernel, kernel]);
  const [before, after] = stride === 2 ? [0, kernel - 2] : [(kernel - 1) / 2, (kernel - 1) / 2];
  return own.op("Conv", [x, weight, own.weight("bias", [filters])], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [before, before, after, after],
    group: depthwise ? channels : 1,
  });
}

/** min(max(x, 0), 6) */
export function relu6(scope: Scope, x: Value): Value {
  return scope.op("Clip", [x, scope.float32(0), scope.float32(6)]);
}
