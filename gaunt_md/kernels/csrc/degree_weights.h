// SPDX-License-Identifier: MIT
// One weight for each degree and channel: bound by memory, so every array is read and written once.
#pragma once

#include "numbers.h"

namespace gaunt::GAUNT_INSTRUCTION_SET {

/// Call `work(node, row, weights)` for all rows of channels: where they and their weights begin.
template <class Real, class Work>
inline void for_rows(const DegreeWeights<Real> &shape, Range nodes, const Work &work)
{
  for (int64_t node = nodes.begin; node < nodes.end; ++node)
    for (int l = 0; l <= shape.degree; ++l)
      for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm)
        work(node, static_cast<int64_t>(lm) * shape.channels,
             static_cast<int64_t>(l) * shape.channels);
}

template <class Real> void degree_weights(const DegreeWeights<Real> &shape, Range nodes, Real *out)
{
  const int64_t size = static_cast<int64_t>(shape.degree + 1) * (shape.degree + 1) * shape.channels;
  for_rows(shape, nodes, [&](int64_t node, int64_t row, int64_t weights) {
    const Real *x = shape.x + node * shape.x_stride + row, *weight = shape.weight + weights;
    Real *to = out + node * size + row;
    for (int c = 0; c < shape.channels; c += lanes<Real>)
      store(to + c, load(x + c) * load(weight + c));
  });
}

template <class Real>
void degree_weights_gradient(const DegreeWeights<Real> &shape, const Real *adjoint,
                             int64_t adjoint_stride, Range nodes, Real *x_gradient,
                             Real *weight_gradient)
{
  const int64_t size = static_cast<int64_t>(shape.degree + 1) * (shape.degree + 1) * shape.channels;
  for_rows(shape, nodes, [&](int64_t node, int64_t row, int64_t weights) {
    const Real *x = shape.x + node * shape.x_stride + row, *weight = shape.weight + weights;
    const Real *a = adjoint + node * adjoint_stride + row;
    Real *to = x_gradient + node * size + row, *sums = weight_gradient + weights;
    for (int c = 0; c < shape.channels; c += lanes<Real>) {
      const Vector<Real> carried = load(a + c);
      store(to + c, carried * load(weight + c));
      store(sums + c, load(sums + c) + carried * load(x + c));
    }
  });
}

} // namespace gaunt::GAUNT_INSTRUCTION_SET
