// SPDX-License-Identifier: MIT
// Which instruction set this processor has.
#include "kernels.h"

#include <cstdlib>
#include <string_view>

namespace gaunt {

#define GAUNT_DECLARE(set)                                                                         \
  namespace set {                                                                                  \
  const Kernels<float> &kernels_float();                                                           \
  const Kernels<double> &kernels_double();                                                         \
  }
GAUNT_DECLARE(baseline)
#if defined(__x86_64__)
GAUNT_DECLARE(avx2)
GAUNT_DECLARE(avx512)

namespace {
enum class Set { baseline, avx2, avx512 };

/// The best one, or a lesser one that torch is told to use, too.
Set best()
{
  const char *variable = std::getenv("ATEN_CPU_CAPABILITY");
  const std::string_view wanted = variable ? variable : "";
  if (wanted == "default") return Set::baseline;
  __builtin_cpu_init();
  if (wanted != "avx2" && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return Set::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Set::avx2;
  return Set::baseline;
}
const Set set = best();
} // namespace

template <> const Kernels<float> &kernels()
{
  return set == Set::avx512 ? avx512::kernels_float()
         : set == Set::avx2 ? avx2::kernels_float()
                            : baseline::kernels_float();
}
template <> const Kernels<double> &kernels()
{
  return set == Set::avx512 ? avx512::kernels_double()
         : set == Set::avx2 ? avx2::kernels_double()
                            : baseline::kernels_double();
}
const char *instruction_set()
{
  return set == Set::avx512 ? "avx512" : set == Set::avx2 ? "avx2" : "baseline";
}
#else
template <> const Kernels<float> &kernels() { return baseline::kernels_float(); }
template <> const Kernels<double> &kernels() { return baseline::kernels_double(); }
const char *instruction_set() { return "baseline"; }
#endif

} // namespace gaunt
