// SPDX-License-Identifier: MIT
// Matrices that mix channels, one for each degree: small dense products in registers.
#pragma once

#include "numbers.h"

#include <type_traits>

namespace gaunt::GAUNT_INSTRUCTION_SET {

/// Rows of x times a panel of Registers registers of columns.
template <class Real, int Rows, int Registers>
inline void multiply_panel(const DegreeLinear<Real> &shape, const Real *const (&x)[Rows],
                           const Real *weight, Real *const (&y)[Rows])
{
  Vector<Real> sums[Rows][Registers] = {};
  if (shape.adds)
    for (int row = 0; row < Rows; ++row)
      for (int v = 0; v < Registers; ++v) sums[row][v] = load(y[row] + v * lanes<Real>);
  for (int c = 0; c < shape.channels_in; ++c) {
    Vector<Real> w[Registers];
#pragma GCC unroll 4
    for (int v = 0; v < Registers; ++v) w[v] = load(weight + v * lanes<Real>);
#pragma GCC unroll 8
    for (int row = 0; row < Rows; ++row)
#pragma GCC unroll 4
      for (int v = 0; v < Registers; ++v) sums[row][v] += x[row][c] * w[v];
    weight += shape.channels_out;
  }
  for (int row = 0; row < Rows; ++row)
    for (int v = 0; v < Registers; ++v) store(y[row] + v * lanes<Real>, sums[row][v]);
}

template <class Real, int Rows>
inline void multiply_rows(const DegreeLinear<Real> &shape, int l, int64_t first_row,
                          Range nodes, Real *out)
{
  constexpr int registers = vector_registers == 32 ? 4 : 2;
  const int orders = 2 * l + 1, n_coefficients = (shape.degree + 1) * (shape.degree + 1);
  const int64_t size = static_cast<int64_t>(shape.channels_in) * shape.channels_out;
  const Real *x[Rows], *matrix = shape.weight + l * size;
  Real *y[Rows];
  for (int row = 0; row < Rows; ++row) {
    const int64_t at = (nodes.begin + (first_row + row) / orders) * n_coefficients + l * l +
                       (first_row + row) % orders;
    x[row] = shape.x + at * shape.channels_in;
    y[row] = out + at * shape.channels_out;
  }
  int column = 0;
  const auto panel = [&](auto width) {
    multiply_panel<Real, Rows, decltype(width)::value>(shape, x, matrix + column, y);
    column += decltype(width)::value * lanes<Real>;
    for (int row = 0; row < Rows; ++row) y[row] += decltype(width)::value * lanes<Real>;
  };
  while (column + registers * lanes<Real> <= shape.channels_out)
    panel(std::integral_constant<int, registers>());
  while (column < shape.channels_out) panel(std::integral_constant<int, 1>());
}

template <class Real> void degree_linear(const DegreeLinear<Real> &shape, Range nodes, Real *out)
{
  constexpr int rows = vector_registers == 32 ? 6 : 4;
  constexpr int64_t nodes_in_cache = 16;
  for (int64_t begin = nodes.begin; begin < nodes.end; begin += nodes_in_cache) {
    const int64_t end = begin + nodes_in_cache < nodes.end ? begin + nodes_in_cache : nodes.end;
    for (int l = 0; l <= shape.degree; ++l) {
      const int64_t n_rows = (end - begin) * (2 * l + 1);
      int64_t row = 0;
      for (; row + rows <= n_rows; row += rows)
        multiply_rows<Real, rows>(shape, l, row, {begin, end}, out);
      for (; row < n_rows; ++row) multiply_rows<Real, 1>(shape, l, row, {begin, end}, out);
    }
  }
}

/// Columns become rows, a line of the cache at a time.
template <class Real>
void transpose(const Real *matrix, int64_t rows, int64_t columns, Real *out)
{
  constexpr int rows_at_once = 4;
  for (int64_t begin = 0; begin < columns; begin += channel_multiple<Real>)
    for (int64_t row = 0; row < rows; row += rows_at_once)
      for (int64_t column = begin; column < begin + channel_multiple<Real>; ++column)
        for (int r = 0; r < rows_at_once; ++r)
          out[column * rows + row + r] = matrix[(row + r) * columns + column];
}

/// Rows of the weight's gradient, one for each of Inputs channels, Registers registers wide.
template <class Real, int Inputs, int Registers>
inline void add_outer_products(const DegreeLinear<Real> &shape, const Real *adjoint, int l,
                               Range nodes, int input, int column, Real *gradient)
{
  const int n_coefficients = (shape.degree + 1) * (shape.degree + 1);
  Vector<Real> sums[Inputs][Registers];
  const int64_t row = static_cast<int64_t>(l) * shape.channels_in + input;
  Real *to = gradient + row * shape.channels_out + column;
  for (int i = 0; i < Inputs; ++i)
    for (int v = 0; v < Registers; ++v)
      sums[i][v] = load(to + i * shape.channels_out + v * lanes<Real>);
  for (int64_t node = nodes.begin; node < nodes.end; ++node)
    for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
      const int64_t row = node * n_coefficients + lm;
      const Real *x = shape.x + row * shape.channels_in + input;
      const Real *a = adjoint + row * shape.channels_out + column;
      Vector<Real> values[Registers];
#pragma GCC unroll 4
      for (int v = 0; v < Registers; ++v) values[v] = load(a + v * lanes<Real>);
#pragma GCC unroll 8
      for (int i = 0; i < Inputs; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < Registers; ++v) sums[i][v] += x[i] * values[v];
    }
  for (int i = 0; i < Inputs; ++i)
    for (int v = 0; v < Registers; ++v)
      store(to + i * shape.channels_out + v * lanes<Real>, sums[i][v]);
}

template <class Real>
void degree_linear_weights(const DegreeLinear<Real> &shape, const Real *adjoint, Range nodes,
                           Real *gradient)
{
  constexpr int inputs = vector_registers == 32 ? 6 : 4;
  constexpr int registers = vector_registers == 32 ? 4 : 2;
  constexpr int64_t nodes_in_cache = 16;
  for (int64_t begin = nodes.begin; begin < nodes.end; begin += nodes_in_cache) {
    const int64_t end = begin + nodes_in_cache;
    const Range part = {begin, end < nodes.end ? end : nodes.end};
    for (int l = 0; l <= shape.degree; ++l)
      for (int column = 0; column < shape.channels_out;) {
        const bool wide = column + registers * lanes<Real> <= shape.channels_out;
        const auto columns = [&](auto width) {
          constexpr int count = decltype(width)::value;
          int input = 0;
          for (; input + inputs <= shape.channels_in; input += inputs)
            add_outer_products<Real, inputs, count>(shape, adjoint, l, part, input, column,
                                                    gradient);
          for (; input < shape.channels_in; ++input)
            add_outer_products<Real, 1, count>(shape, adjoint, l, part, input, column, gradient);
          column += count * lanes<Real>;
        };
        if (wide)
          columns(std::integral_constant<int, registers>());
        else
          columns(std::integral_constant<int, 1>());
      }
  }
}

} // namespace gaunt::GAUNT_INSTRUCTION_SET
