#include <map>
#include <ostream>

#include "mabert/app/loaded_model.h"
#include "mabert/app/verbs.h"
#include "mabert/core/error.h"
#include "mabert/train/checkpoint_export.h"

namespace mabert::app {

int run_export(const ExportArguments& arguments, std::ostream& out) {
  static const std::map<std::string, at::ScalarType> kTypes{
      {"float32", at::kFloat}, {"bfloat16", at::kBFloat16}, {"float16", at::kHalf}};
  const auto type = kTypes.find(arguments.dtype);
  if (type == kTypes.end())
    throw UsageError("--dtype: expected float32, bfloat16 or float16, got " + arguments.dtype);
  const train::Checkpoint checkpoint(find_checkpoint(arguments.run));
  train::export_checkpoint(checkpoint, std::filesystem::absolute(arguments.directory), type->second);
  out << arguments.directory.string() << ": weights of " << checkpoint.directory().string() << " in "
      << arguments.dtype << '\n';
  return 0;
}

}  // namespace mabert::app
