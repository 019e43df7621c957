// SPDX-License-Identifier: MIT
// What the operators share: tensors as arrays, threads, and how operators call one another.
#pragma once

#include "kernels.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>
#include <vector>

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;
using Tensors = std::vector<Tensor>;

/// A tensor as the kernels read it.
Tensor dense(const Tensor &tensor) { return tensor.contiguous(); }

/// With channels, the last dimension, in multiples of what the kernels ask for.
template <class Real> Tensor padded(const Tensor &tensor)
{
  const int64_t odd = tensor.size(-1) % gaunt::channel_multiple<Real>;
  return odd == 0 ? tensor.contiguous()
                  : at::constant_pad_nd(tensor, {0, gaunt::channel_multiple<Real> - odd});
}

Tensor narrowed(const Tensor &tensor, int64_t channels)
{
  return tensor.size(-1) == channels ? tensor : tensor.narrow(-1, 0, channels).contiguous();
}

template <class Real> gaunt::Input<Real> input(const Tensor &value)
{
  return {value.const_data_ptr<Real>(), nullptr};
}

/// Run parts of [0, n) on torch's threads, always the same parts for a number of threads.
void in_parallel(int64_t n, int64_t parts,
                 const std::function<void(gaunt::Range, int64_t part)> &work)
{
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part)
      work({n * part / parts, n * (part + 1) / parts}, part);
  });
}

int64_t parts_for(int64_t n)
{
  return std::clamp<int64_t>(at::get_num_threads(), 1, std::max<int64_t>(n, 1));
}

/// [points][columns] → [tiles][columns][tile_points]; points that fill the last tile count nothing.
template <class Real> Tensor tiled(const Tensor &matrix)
{
  constexpr int64_t points = gaunt::tile_points;
  const int64_t columns = matrix.size(1);
  Tensor tiles =
      at::zeros({(matrix.size(0) + points - 1) / points, columns, points}, matrix.options());
  const auto from = matrix.accessor<Real, 2>();
  auto to = tiles.accessor<Real, 3>();
  for (int64_t point = 0; point < matrix.size(0); ++point)
    for (int64_t column = 0; column < columns; ++column)
      to[point / points][column][point % points] = from[point][column];
  return tiles;
}

/// [matrices][rows][columns] → [matrices][columns][rows], both padded.
template <class Real> Tensor transposed(const Tensor &matrices)
{
  const int64_t rows = matrices.size(1), columns = matrices.size(2);
  Tensor result = at::empty({matrices.size(0), columns, rows}, matrices.options());
  for (int64_t l = 0; l < matrices.size(0); ++l)
    gaunt::kernels<Real>().transpose(matrices.const_data_ptr<Real>() + l * rows * columns, rows,
                                     columns, result.data_ptr<Real>() + l * rows * columns);
  return result;
}

/// 1, 4, 9, ... → 0, 1, 2, ...
int degree_of(int64_t coefficients)
{
  int degree = 0;
  while ((degree + 1) * (degree + 1) < coefficients) ++degree;
  TORCH_CHECK((degree + 1) * (degree + 1) == coefficients, "gaunt: ", coefficients,
              " coefficients are not (degree + 1)^2");
  return degree;
}

template <class Body> auto for_dtype(const Tensor &tensor, Body &&body)
{
  TORCH_CHECK(tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble,
              "gaunt: dtype ", tensor.scalar_type(), " is neither float32 nor float64");
  return tensor.scalar_type() == at::kFloat ? body(float()) : body(double());
}

template <class Signature> auto operator_named(const char *name)
{
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").template typed<Signature>();
}

/// The sum of what the parts have added up, each in an array of its own.
Tensor sum_of_parts(const Tensor &arrays)
{
  return arrays.size(0) == 1 ? arrays[0] : arrays.sum(0);
}

/// Refuse an array whose shape does not go with the others: loops would run beyond its end.
void check_shape(const char *name, const Tensor &tensor, at::IntArrayRef expected)
{
  TORCH_CHECK(tensor.sizes() == expected, "gaunt: ", name, " of shape ", tensor.sizes(),
              " where ", expected, " is expected");
}

/// Gradients that nobody wanted are empty and have no tangents.
bool is_tangent(const Tensor &tensor) { return tensor.defined() && tensor.numel() > 0; }

Tensor or_zeros(const Tensor &tangent, const Tensor &like)
{
  return is_tangent(tangent) ? tangent : at::zeros_like(like);
}

std::optional<Tensor> optional(const Tensor &tensor)
{
  return tensor.defined() ? std::optional<Tensor>(tensor) : std::nullopt;
}

} // namespace
