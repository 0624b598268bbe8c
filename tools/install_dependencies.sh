#!/usr/bin/env bash
# Installs what the build needs: Debian packages (only those missing) and, under .deps/, LibTorch unpacked from its
# Python wheel (no Python at run time) and sentencepiece as static libraries. Versions and checksums: cmake/dependencies.lock.
#
#   tools/install_dependencies.sh              install what is missing; a second run does nothing and needs no network
#   MABERT_TORCH_ROOT=DIR  …                   use the LibTorch in DIR (has include/ and lib/) instead of fetching one
#   MABERT_DEPS_DIR=DIR    …                   put .deps elsewhere
#   MABERT_WITH_CUDA=1     …                   also unpack LibTorch's CUDA libraries and, where no CUDA 13 toolkit is
#                                              installed, fetch the compiler (100 MB; no driver, no GPU needed);
#                                              implied by the presets that need it (MABERT_PRESET=ci, cuda-…)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
deps=${MABERT_DEPS_DIR:-$root/.deps}
lock=$root/cmake/dependencies.lock
say() { printf '[dependencies] %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

packages=(g++ cmake ninja-build ccache libyaml-cpp-dev libspdlog-dev libgtest-dev libcli11-dev nlohmann-json3-dev
          libhwy-dev liblzma-dev libxxhash-dev)
# Only for fetching and unpacking; not needed once .deps is complete.
fetch_packages=(python3-pip python3-setuptools python3-wheel unzip ca-certificates)

install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || die "not Debian or Ubuntu: install these by hand: ${missing[*]}"
  local sudo=''; [ "$(id -u)" -eq 0 ] || sudo=sudo
  say "installing ${missing[*]}"
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# pinned NAME...: the lock file's entries; is_pinned FOLDER NAME...: is what FOLDER holds made from the same?
pinned() { local name; for name in "$@"; do grep -A1 "^$name==" "$lock"; done; }
is_pinned() { local folder=$1; shift; [ -e "$folder/pinned" ] && [ "$(cat "$folder/pinned")" = "$(pinned "$@")" ]; }

# fetch NAME...: downloads the named entries of the lock file into $work, checksums verified by pip.
fetch() {
  local name
  for name in "$@"; do
    grep -A1 "^$name==" "$lock" >"$work/$name.lock" || die "$lock has no entry $name"
    local kind=(--only-binary=:all: --python-version 3.11 --platform manylinux_2_28_x86_64
                --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64)
    [ "$name" = sentencepiece ] && kind=(--no-binary=:all: --no-build-isolation)
    say "fetching $(head -n 1 "$work/$name.lock" | cut -d' ' -f1)"
    /usr/bin/python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes "${kind[@]}" \
      -d "$work" -r "$work/$name.lock" || die "could not fetch $name: is the network reachable?"
  done
}

install_torch() {
  local site=$deps/site wanted='torch/include/* torch/lib/libc10.so torch/lib/libtorch_cpu.so torch/lib/libgomp*'
  local mark=$site/complete-cpu
  is_pinned "$site" torch nvidia-cuda-runtime nvidia-cuda-cupti || rm -rf "$site"
  [ -n "${MABERT_WITH_CUDA:-}" ] && { wanted='torch/include/* torch/lib/*.so*'; mark=$site/complete-cuda; }
  { [ -e "$mark" ] || [ -e "$site/complete-cuda" ]; } && return
  install_packages "${fetch_packages[@]}"
  fetch torch nvidia-cuda-runtime nvidia-cuda-cupti
  rm -rf "$site" && mkdir -p "$site"
  say 'unpacking LibTorch'
  (set -f; unzip -q -o "$work"/torch-*.whl $wanted -d "$site")
  for wheel in "$work"/nvidia_cuda_*.whl; do unzip -q -o "$wheel" 'nvidia/*/lib/*' -d "$site"; done
  pinned torch nvidia-cuda-runtime nvidia-cuda-cupti >"$site/pinned"
  touch "$mark"
  rm -f "$work"/*.whl
}

# Is there a toolkit that compiles and links? Some have no headers, some are too old for LibTorch's.
has_cuda_toolkit() {
  local nvcc=${CUDACXX:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
  "$nvcc" --version 2>/dev/null | grep -qE 'release (1[3-9]|[2-9][0-9])\.' &&
    echo '#include <cuda_runtime.h>
          #include <cub/version.cuh>
          __global__ void kernel() {}
          int main() {}' | "$nvcc" -x cu -cudart shared -o "$work/toolkit-test" - >"$work/toolkit-test.log" 2>&1
}

install_cuda_compiler() {
  local prefix=$deps/cuda wheels=(nvidia-cuda-nvcc nvidia-cuda-crt nvidia-nvvm nvidia-cuda-cccl nvidia-cuda-runtime)
  is_pinned "$prefix" "${wheels[@]}" && return
  rm -rf "$prefix"
  has_cuda_toolkit && return
  install_packages "${fetch_packages[@]}"
  fetch "${wheels[@]}"
  say 'unpacking the CUDA compiler'
  for wheel in "$work"/nvidia_*.whl; do unzip -q -o "$wheel" 'nvidia/cu13/*' -d "$work/cuda"; done
  rm -f "$work"/*.whl
  mv "$work/cuda/nvidia/cu13" "$prefix"
  ln -s lib "$prefix/lib64"
  ln -s libcudart.so.13 "$prefix/lib/libcudart.so"
  CUDACXX=$prefix/bin/nvcc has_cuda_toolkit || { cat "$work/toolkit-test.log" >&2; die 'the fetched CUDA compiler does not work'; }
  pinned "${wheels[@]}" >"$prefix/pinned"
}

install_sentencepiece() {
  local prefix=$deps/sentencepiece
  is_pinned "$prefix" sentencepiece && return
  install_packages "${fetch_packages[@]}"
  fetch sentencepiece
  say 'building sentencepiece'
  mkdir -p "$work/sentencepiece" && tar -xzf "$work"/sentencepiece-*.tar.gz -C "$work/sentencepiece" --strip-components=1
  {
    cmake -S "$work/sentencepiece/sentencepiece" -B "$work/sentencepiece/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
      -DSPM_ENABLE_SHARED=OFF -DSPM_ENABLE_TCMALLOC=OFF -DCMAKE_CXX_VISIBILITY_PRESET=hidden \
      -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_INSTALL_PREFIX="$prefix" &&
    ninja -C "$work/sentencepiece/build" sentencepiece-static sentencepiece_train-static
  } >"$work/sentencepiece.log" 2>&1 || { tail -n 20 "$work/sentencepiece.log" >&2; die 'sentencepiece did not build'; }
  rm -rf "$prefix" && mkdir -p "$prefix/lib" "$prefix/include"
  find "$work/sentencepiece/build" -name 'libsentencepiece*.a' -exec cp {} "$prefix/lib/" \;
  cp "$work/sentencepiece/sentencepiece/src/sentencepiece_processor.h" \
     "$work/sentencepiece/sentencepiece/src/sentencepiece_trainer.h" "$prefix/include/"
  pinned sentencepiece >"$prefix/pinned"
}

case "${1:-}" in
  '') ;;
  -h|--help) sed -n '2,11p' "$0"; exit 0 ;;
  *) die "unknown argument $1 (see --help)" ;;
esac
case "${MABERT_PRESET:-}" in ci|cuda-*) MABERT_WITH_CUDA=1 ;; esac
[ "$(uname -m)" = x86_64 ] || die 'only x86-64 is supported'
mkdir -p "$deps"
work=$(mktemp -d "$deps/work.XXXXXX"); trap 'rm -rf "$work"' EXIT
install_packages "${packages[@]}"
[ -n "${MABERT_TORCH_ROOT:-}" ] || install_torch
[ -z "${MABERT_WITH_CUDA:-}" ] || install_cuda_compiler
install_sentencepiece
