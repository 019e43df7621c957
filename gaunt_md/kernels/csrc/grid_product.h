// SPDX-License-Identifier: MIT
// Products of functions on the sphere by their values on a grid, and their derivatives.
#pragma once

#include "numbers.h"

#include <memory>

namespace gaunt::GAUNT_INSTRUCTION_SET {

/// Values of one factor at the points s of a tile and at the opposite points -s.
template <class Lanes> struct TileValues {
  Lanes at[tile_points], opposite[tile_points];
};

template <class Numbers>
inline void evaluate(const GridProduct<typename Numbers::Real> &shape, int factor, int tile,
                     int64_t node, int channel, TileValues<typename Numbers::Lanes> &values)
{
  using Lanes = typename Numbers::Lanes;
  Lanes parts[2][tile_points] = {}; // of even and of odd degree
  const auto *matrix =
      shape.evaluation + static_cast<int64_t>(tile) * shape.n_evaluated * tile_points;
  int64_t from = node * shape.node_stride[factor] + channel;
  const auto add_degree = [&](int l, Lanes(&part)[tile_points]) {
    for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
      const Lanes x = load<Numbers>(shape.factors[factor], from);
#pragma GCC unroll 8
      for (int p = 0; p < tile_points; ++p) part[p] += matrix[lm * tile_points + p] * x;
      from += shape.coefficient_stride[factor];
    }
  };
  for (int l = 0; l <= shape.degree[factor]; l += 2) {
    add_degree(l, parts[0]);
    if (l < shape.degree[factor]) add_degree(l + 1, parts[1]);
  }
#pragma GCC unroll 8
  for (int p = 0; p < tile_points; ++p) {
    values.at[p] = parts[0][p] + parts[1][p];
    values.opposite[p] = parts[0][p] - parts[1][p];
  }
}

/// Add what values at the points of a tile mean for coefficients: the transpose of `evaluate`.
template <class Real, class Lanes, class Add>
inline void project(const Real *matrix, int degree, const TileValues<Lanes> &values, Add &&add)
{
  Lanes parts[2][tile_points];
#pragma GCC unroll 8
  for (int p = 0; p < tile_points; ++p) {
    parts[0][p] = values.at[p] + values.opposite[p];
    parts[1][p] = values.at[p] - values.opposite[p];
  }
  const auto add_degree = [&](int l, const Lanes(&part)[tile_points]) {
    for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
      Lanes total = {};
#pragma GCC unroll 8
      for (int p = 0; p < tile_points; ++p) total += matrix[lm * tile_points + p] * part[p];
      add(lm, total);
    }
  };
  for (int l = 0; l <= degree; l += 2) {
    add_degree(l, parts[0]);
    if (l < degree) add_degree(l + 1, parts[1]);
  }
}

/// A product without weights has the weight one innermost and zeros elsewhere.
template <class Numbers>
inline void load_weights(const GridProduct<typename Numbers::Real> &shape, int64_t node,
                         int channel, typename Numbers::Lanes *weights)
{
  using Lanes = typename Numbers::Lanes;
  for (int q = 0; q < shape.n_factors; ++q)
    if (shape.weights.value)
      weights[q] = load<Numbers>(shape.weights,
                                 (node * shape.n_factors + q) * shape.channels + channel);
    else
      weights[q] = q == shape.n_factors - 1 ? one<Lanes>() : Lanes{};
}

template <class Numbers>
void multiply(const GridProduct<typename Numbers::Real> &shape, Range nodes,
              typename Numbers::Real *out)
{
  using Real = typename Numbers::Real;
  using Lanes = typename Numbers::Lanes;
  const int n_out = (shape.degree_out + 1) * (shape.degree_out + 1);
  const std::unique_ptr<Lanes[]> sums(new Lanes[n_out]);
  for (int64_t node = nodes.begin; node < nodes.end; ++node)
    for (int channel = 0; channel < shape.channels; channel += lanes<Real>) {
      for (int o = 0; o < n_out; ++o) sums[o] = Lanes{};
      Lanes weights[max_factors];
      load_weights<Numbers>(shape, node, channel, weights);
      for (int tile = 0; tile < shape.n_tiles; ++tile) {
        TileValues<Lanes> product = {}, factor;
        for (int q = shape.n_factors - 1; q >= 0; --q) {
          evaluate<Numbers>(shape, q, tile, node, channel, factor);
#pragma GCC unroll 8
          for (int p = 0; p < tile_points; ++p) {
            product.at[p] = factor.at[p] * (product.at[p] + weights[q]);
            product.opposite[p] = factor.opposite[p] * (product.opposite[p] + weights[q]);
          }
        }
        project(shape.projection + static_cast<int64_t>(tile) * n_out * tile_points,
                shape.degree_out, product, [&](int o, const Lanes &x) { sums[o] += x; });
      }
      for (int o = 0; o < n_out; ++o)
        store(out + (node * n_out + o) * shape.channels + channel, result(sums[o]));
    }
}

/// The adjoint at the points of a tile.
template <class Real>
inline void evaluate_adjoint(const GridProduct<Real> &shape, const Real *adjoint, int tile,
                             int64_t node, int channel, TileValues<Vector<Real>> &values)
{
  const int n_out = (shape.degree_out + 1) * (shape.degree_out + 1);
  const Real *matrix = shape.projection + static_cast<int64_t>(tile) * n_out * tile_points;
  Vector<Real> parts[2][tile_points] = {};
  for (int l = 0; l <= shape.degree_out; ++l)
    for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
      const Vector<Real> x = load(adjoint + (node * n_out + lm) * shape.channels + channel);
#pragma GCC unroll 8
      for (int p = 0; p < tile_points; ++p) parts[l % 2][p] += matrix[lm * tile_points + p] * x;
    }
#pragma GCC unroll 8
  for (int p = 0; p < tile_points; ++p) {
    values.at[p] = parts[0][p] + parts[1][p];
    values.opposite[p] = parts[0][p] - parts[1][p];
  }
}

/// In reverse through f_1 (w_1 + f_2 (w_2 + ...)) at one point: values become their gradients.
template <class Lanes, class Adjoint>
inline void differentiate(int n_factors, const Lanes *weights, const Adjoint &adjoint,
                          Lanes *values, int64_t stride, Lanes *weight_gradients)
{
  Lanes inner[max_factors]; // what each factor is multiplied with
  inner[n_factors - 1] = weights[n_factors - 1];
  for (int q = n_factors - 2; q >= 0; --q)
    inner[q] = weights[q] + values[(q + 1) * stride] * inner[q + 1];
  Lanes carried = values[0] * adjoint;
  values[0] = inner[0] * adjoint;
  weight_gradients[0] += carried;
  for (int q = 1; q < n_factors; ++q) {
    const Lanes value = values[q * stride];
    values[q * stride] = inner[q] * carried;
    carried = value * carried;
    weight_gradients[q] += carried;
  }
}

template <class Numbers>
void multiply_gradient(const GridProduct<typename Numbers::Real> &shape,
                       const typename Numbers::Real *adjoint, Range nodes,
                       const GridProductGradient<typename Numbers::Real> &out)
{
  using Real = typename Numbers::Real;
  using Lanes = typename Numbers::Lanes;
  int64_t n_coefficients = 0, first[max_factors];
  for (int q = 0; q < shape.n_factors; ++q) {
    first[q] = n_coefficients;
    n_coefficients += (shape.degree[q] + 1) * (shape.degree[q] + 1);
  }
  const std::unique_ptr<Lanes[]> sums(new Lanes[n_coefficients]);
  TileValues<Lanes> factors[max_factors];
  constexpr int64_t stride = sizeof(TileValues<Lanes>) / sizeof(Lanes);
  for (int64_t node = nodes.begin; node < nodes.end; ++node)
    for (int channel = 0; channel < shape.channels; channel += lanes<Real>) {
      for (int64_t c = 0; c < n_coefficients; ++c) sums[c] = Lanes{};
      Lanes weights[max_factors], weight_gradients[max_factors] = {};
      load_weights<Numbers>(shape, node, channel, weights);
      for (int tile = 0; tile < shape.n_tiles; ++tile) {
        TileValues<Vector<Real>> seed;
        evaluate_adjoint(shape, adjoint, tile, node, channel, seed);
        for (int q = 0; q < shape.n_factors; ++q)
          evaluate<Numbers>(shape, q, tile, node, channel, factors[q]);
        for (int p = 0; p < tile_points; ++p) {
          differentiate(shape.n_factors, weights, seed.at[p], &factors[0].at[p], stride,
                        weight_gradients);
          differentiate(shape.n_factors, weights, seed.opposite[p], &factors[0].opposite[p],
                        stride, weight_gradients);
        }
        const Real *matrix =
            shape.evaluation + static_cast<int64_t>(tile) * shape.n_evaluated * tile_points;
        for (int q = 0; q < shape.n_factors; ++q)
          project(matrix, shape.degree[q], factors[q],
                  [&](int lm, const Lanes &x) { sums[first[q] + lm] += x; });
      }
      for (int q = 0; q < shape.n_factors; ++q) {
        Real *to = out.factors[q] + node * out.node_stride[q] + channel;
        for (int lm = 0; lm < (shape.degree[q] + 1) * (shape.degree[q] + 1); ++lm)
          store(to + lm * out.coefficient_stride[q], result(sums[first[q] + lm]));
        if (out.weights)
          store(out.weights + (node * shape.n_factors + q) * shape.channels + channel,
                result(weight_gradients[q]));
      }
    }
}

template <class Real> void grid_product(const GridProduct<Real> &shape, Range nodes, Real *out)
{
  shape.factors[0].tangent ? multiply<Directional<Real>>(shape, nodes, out)
                           : multiply<Plain<Real>>(shape, nodes, out);
}

template <class Real>
void grid_product_gradient(const GridProduct<Real> &shape, const Real *adjoint, Range nodes,
                           const GridProductGradient<Real> &out)
{
  shape.factors[0].tangent ? multiply_gradient<Directional<Real>>(shape, adjoint, nodes, out)
                           : multiply_gradient<Plain<Real>>(shape, adjoint, nodes, out);
}

} // namespace gaunt::GAUNT_INSTRUCTION_SET
