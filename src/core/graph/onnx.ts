/**
 * Graph → ONNX model file. Weights stay outside: each is a reference (file, offset, length) into the packed model's
 * weights file. Field numbers: onnx/onnx.proto3, IR version 9, opset 17, com.microsoft 1.
 */
import { invariant } from "../base/index.js";
import { byteLength, type DType } from "../tensor/index.js";
import { ops } from "./ops.js";
import { ProtobufWriter } from "./protobuf.js";
import type { AttributeValue, Graph, Initializer, Node, Subgraph, Value } from "./value.js";

/** Where the bytes of a weight lie: a file beside the model, by offset. */
export interface ExternalLocation {
  readonly file: string;
  readonly offset: number;
}

/** TensorProto.DataType */
const dataTypes: Readonly<Record<DType, number>> = {
  f32: 1,
  u8: 2,
  i8: 3,
  i16: 5,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
  bf16: 16,
  f8_e4m3: 17,
  f8_e5m2: 19,
};

/** AttributeProto.AttributeType */
const attributeTypes = { float: 1, int: 2, string: 3, graph: 5, ints: 7 } as const;

/** An ONNX ModelProto. `locate` says where the packed bytes of a weight initializer lie. */
export function encodeOnnx(graph: Graph, locate: (name: string) => ExternalLocation): Uint8Array {
  return new ProtobufWriter()
    .int(1, 9) // ir_version
    .string(2, "ocellus") // producer_name
    .message(7, (w) => writeGraph(w, graph, locate))
    .message(8, (w) => w.string(1, "").int(2, 17))
    .message(8, (w) => w.string(1, "com.microsoft").int(2, 1))
    .finish();
}

function writeGraph(w: ProtobufWriter, graph: Graph, locate: (name: string) => ExternalLocation): void {
  writeNodes(w, graph);
  for (const initializer of graph.initializers) w.message(5, (m) => writeInitializer(m, initializer, locate));
  writeInterface(w, graph);
}

function writeNodes(w: ProtobufWriter, { name, nodes }: Subgraph): void {
  for (const node of nodes) w.message(1, (m) => writeNode(m, node));
  w.string(2, name);
}

function writeInterface(w: ProtobufWriter, graph: Subgraph): void {
  for (const value of graph.inputs) w.message(11, (m) => writeValueInfo(m, value));
  for (const value of graph.outputs) w.message(12, (m) => writeValueInfo(m, value));
}

function writeNode(w: ProtobufWriter, node: Node): void {
  for (const input of node.inputs) w.string(1, input?.name ?? "");
  for (const output of node.outputs) w.string(2, output.name);
  w.string(3, node.name).string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) w.message(5, (m) => writeAttribute(m, name, value));
  w.string(7, ops[node.op as keyof typeof ops].domain);
}

function writeAttribute(w: ProtobufWriter, name: string, value: AttributeValue): void {
  w.string(1, name);
  if (typeof value === "string") {
    w.bytes(4, new TextEncoder().encode(value)).int(20, attributeTypes.string);
  } else if (typeof value === "number" && Number.isInteger(value)) {
    w.int(3, value).int(20, attributeTypes.int);
  } else if (typeof value === "number" || "float" in value) {
    w.float(2, typeof value === "number" ? value : value.float).int(20, attributeTypes.float);
  } else if ("nodes" in value) {
    w.message(6, (m) => {
      writeNodes(m, value);
      writeInterface(m, value);
    }).int(20, attributeTypes.graph);
  } else {
    for (const item of value) w.int(8, item);
    w.int(20, attributeTypes.ints);
  }
}

function writeInitializer(
  w: ProtobufWriter,
  { value, source }: Initializer,
  locate: (name: string) => ExternalLocation,
): void {
  const shape = value.shape.map((dimension) => {
    invariant(typeof dimension === "number", `initializer ${value.name} has a symbolic size`);
    return dimension;
  });
  for (const dimension of shape) w.int(1, dimension);
  w.int(2, dataTypes[value.dtype]).string(8, value.name);
  if ("bytes" in source) {
    w.bytes(9, source.bytes);
    return;
  }
  const { file, offset } = locate(value.name);
  const entries = { location: file, offset: String(offset), length: String(byteLength(value.dtype, shape)) };
  for (const [key, text] of Object.entries(entries)) w.message(13, (m) => m.string(1, key).string(2, text));
  w.int(14, 1); // data_location = EXTERNAL
}

function writeValueInfo(w: ProtobufWriter, value: Value): void {
  w.string(1, value.name).message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.int(1, dataTypes[value.dtype]).message(2, (shape) => {
        for (const dimension of value.shape) {
          shape.message(1, (d) => (typeof dimension === "number" ? d.int(1, dimension) : d.string(2, dimension)));
        }
      });
    }),
  );
}
