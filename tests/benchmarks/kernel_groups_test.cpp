#include "benchmarks/step/kernel_groups.h"

#include <gtest/gtest.h>

namespace mabert::bench {
namespace {

double ms_of(const std::vector<GroupTime>& times, const std::string& group) {
  for (const GroupTime& time : times) {
    if (time.group == group) return time.ms;
  }
  return 0;
}

TEST(KernelGroupsTest, NamesTellTheGroup) {
  EXPECT_EQ(
      kernel_group("void mabert::kernels::(anonymous namespace)::scan_forward_kernel<float>(ScanParams)"),
      "selective scan forward");
  EXPECT_EQ(
      kernel_group("void mabert::kernels::(anonymous namespace)::scan_backward_kernel<float>(ScanParams)"),
      "selective scan backward");
  EXPECT_EQ(kernel_group("void mabert::kernels::conv_forward_kernel<__nv_bfloat16, 8>(ConvParams)"),
            "convolution forward");
  EXPECT_EQ(kernel_group("void mabert::kernels::conv_weight_kernel<float>(ConvParams)"),
            "convolution backward");
  EXPECT_EQ(kernel_group("void pytorch_flash::flash_bwd_dq_dk_dv_loop_seqk_parallel_kernel<...>"),
            "attention");
  EXPECT_EQ(kernel_group("nvjet_tst_128x256_64x4_1x2_h_bz_coopB_TNT"), "matrix products");
  EXPECT_EQ(kernel_group("sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64_cublas"),
            "matrix products");
  EXPECT_EQ(
      kernel_group("void at::native::(anonymous namespace)::multi_tensor_apply_kernel<FusedAdamMathFunctor>"),
      "optimizer");
  EXPECT_EQ(kernel_group(
                "void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<c10::BFloat16, float>"),
            "norms");
  EXPECT_EQ(kernel_group("void mabert::kernels::cross_entropy_backward_kernel<float>"), "loss");
  EXPECT_EQ(kernel_group("void at::native::vectorized_elementwise_kernel<4, at::native::GeluBackward>"),
            "elementwise");
  EXPECT_EQ(kernel_group("void mabert::kernels::scan_finish_kernel<float>(ScanParams)"),
            "selective scan backward");
  EXPECT_EQ(kernel_group("void cub::detail::scan_by_key_kernel<int>"), "other");
}

TEST(KernelGroupsTest, SharedKernelsBelongToWhatRanBefore) {
  const std::vector<KernelTime> kernels{{"mabert::sum_parts_kernel", 4'000'000, 5'000'000},
                                        {"mabert::scan_backward_kernel", 0, 3'000'000},
                                        {"mabert::conv_forward_kernel", 6'000'000, 7'000'000},
                                        {"mabert::sum_parts_kernel", 8'000'000, 10'000'000}};
  const std::vector<GroupTime> times = group_times(kernels);
  EXPECT_DOUBLE_EQ(ms_of(times, "selective scan backward"), 4);
  EXPECT_DOUBLE_EQ(ms_of(times, "convolution forward"), 3);
  EXPECT_EQ(times.front().group, "selective scan backward");
  EXPECT_EQ(times.front().launches, 2);
}

TEST(KernelGroupsTest, BusyTimeCountsOverlapOnce) {
  EXPECT_DOUBLE_EQ(busy_ms({{"a", 0, 2'000'000}, {"b", 1'000'000, 3'000'000}, {"c", 5'000'000, 6'000'000}}),
                   4);
  EXPECT_DOUBLE_EQ(busy_ms({}), 0);
}

TEST(KernelGroupsTest, LongestKernelsComeFirst) {
  const auto longest =
      longest_kernels({{"a", 0, 1'000'000}, {"b", 1'000'000, 4'000'000}, {"a", 4'000'000, 5'000'000}}, 1);
  ASSERT_EQ(longest.size(), 1U);
  EXPECT_EQ(longest[0].group, "b");
}

}  // namespace
}  // namespace mabert::bench
