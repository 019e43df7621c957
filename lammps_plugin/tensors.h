// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/ATen.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace gaunt {

/// A tensor that reads an array of the caller. An empty array may be a null pointer.
template <typename Number> at::Tensor view(const Number *data, at::IntArrayRef shape)
{
  const auto options = c10::CppTypeToScalarType<Number>::value;
  if (data == nullptr) return at::empty(shape, options);
  return at::from_blob(const_cast<Number *>(data), shape, options);
}

/// Copy a result to an array of the caller, [size].
inline void copy(const at::Tensor &tensor, double *target, int64_t size)
{
  if (tensor.numel() != size)
    throw std::runtime_error("the potential gave " + std::to_string(tensor.numel()) +
                             " numbers where " + std::to_string(size) + " are expected");
  const auto values = tensor.to(at::kDouble).contiguous();
  std::copy_n(values.const_data_ptr<double>(), size, target);
}

}  // namespace gaunt
