#include <ostream>
#include <thread>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <nlohmann/json.hpp>
#include <torch/version.h>

#include "mabert/app/verbs.h"

namespace mabert::app {
namespace {

nlohmann::ordered_json cuda_facts() {
  const at::Context& context = at::globalContext();
  nlohmann::ordered_json facts;
  facts["built_with_cuda"] = MABERT_BUILT_WITH_CUDA != 0;
  const int count = context.hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
  facts["devices"] = count;
  if (count == 0) {
    facts["hint"] = MABERT_BUILT_WITH_CUDA
                        ? "no CUDA device is visible to this program: is the driver installed?"
                        : "this program was built for the CPU; use the preset cuda-release for GPUs";
  }
  return facts;
}

}  // namespace

int run_doctor(bool json, std::ostream& out) {
  nlohmann::ordered_json facts;
  facts["mabert"] = MABERT_VERSION;
  facts["libtorch"] = TORCH_VERSION;
  facts["cpu"] = {{"threads", at::get_num_threads()},
                  {"hardware_threads", std::thread::hardware_concurrency()},
                  {"simd", at::get_cpu_capability()}};
  facts["cuda"] = cuda_facts();
  if (json) {
    out << facts.dump(2) << '\n';
    return 0;
  }
  for (const auto& [name, value] : facts.items()) {
    if (!value.is_object()) {
      out << name << ": " << (value.is_string() ? value.get<std::string>() : value.dump()) << '\n';
      continue;
    }
    out << name << ":\n";
    for (const auto& [key, fact] : value.items()) {
      out << "  " << key << ": " << (fact.is_string() ? fact.get<std::string>() : fact.dump()) << '\n';
    }
  }
  return 0;
}

}  // namespace mabert::app
