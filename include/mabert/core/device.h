#pragma once

#include <string_view>

#include <c10/core/Device.h>

namespace mabert {

/// Device named `auto` (the first CUDA device if there is one, else the CPU), `cpu`, `cuda` or `cuda:N`.
/// Errors: UsageError for another name, DeviceError when that device does not exist. Source: own.
c10::Device parse_device(std::string_view name);

/// Makes every kernel in the process repeatable (or lifts that); sets the cuBLAS workspace that this needs,
/// so call it before the first CUDA call. Source: own.
void set_deterministic(bool on);

}  // namespace mabert
