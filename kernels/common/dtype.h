#pragma once

namespace mabert::kernels {

/// Element type of an operator's inputs, for code without torch headers.
enum class DType { f32, f64, bf16, f16 };

}  // namespace mabert::kernels
