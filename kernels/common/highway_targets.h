#pragma once

// Run-time dispatch between the baseline, AVX2 and AVX-512: the targets between them bring little and cost
// compile time.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
