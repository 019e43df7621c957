// SPDX-License-Identifier: MIT
// Products of functions on the sphere by their values on a grid of points, and their derivatives.
#pragma once

#include "angle_product.h"

#include <memory>

namespace gaunt::GAUNT_INSTRUCTION_SET {

/// Values of one factor at the points s of a tile and at the opposite points -s.
template <class Lanes> struct TileValues {
  Lanes at[tile_points], opposite[tile_points];
};

/// Values at the points of a tile of what is even and odd: sums of coefficients x_lm times matrix.
template <class Lanes, class Real, class Coefficient>
inline void evaluate(const Real *matrix, int degree, const Coefficient &coefficient,
                     TileValues<Lanes> &values)
{
  const auto sum_degrees = [&](int l, Lanes(&part)[tile_points]) {
    for (; l <= degree; l += 2)
      for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
        const Lanes x = coefficient(lm);
#pragma GCC unroll 8
        for (int p = 0; p < tile_points; ++p) part[p] += matrix[lm * tile_points + p] * x;
      }
  };
  // One parity after the other: the sums of both do not fit into the registers.
  Lanes even[tile_points] = {};
  sum_degrees(0, even);
#pragma GCC unroll 8
  for (int p = 0; p < tile_points; ++p) values.at[p] = even[p];
  Lanes odd[tile_points] = {};
  sum_degrees(1, odd);
#pragma GCC unroll 8
  for (int p = 0; p < tile_points; ++p) {
    const Lanes one = values.at[p];
    values.at[p] = one + odd[p];
    values.opposite[p] = one - odd[p];
  }
}

template <class Numbers>
inline void evaluate_factor(const GridProduct<typename Numbers::Real> &shape, int factor, int tile,
                            int64_t node, int channel,
                            TileValues<typename Numbers::Lanes> &values)
{
  const auto *matrix =
      shape.evaluation + static_cast<int64_t>(tile) * shape.n_evaluated * tile_points;
  const int64_t from = node * shape.node_stride[factor] + channel;
  const int64_t stride = shape.coefficient_stride[factor];
  evaluate(matrix, shape.degree[factor],
           [&](int lm) { return load<Numbers>(shape.factors[factor], from + lm * stride); },
           values);
}

/// Add what values at the points of a tile mean for coefficients: the transpose of `evaluate`.
template <class Real, class Lanes>
inline void project(const Real *matrix, int degree, const TileValues<Lanes> &values, Lanes *sums)
{
  const auto add_degrees = [&](int l, const Lanes(&part)[tile_points]) {
    for (; l <= degree; l += 2)
      for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
        Lanes total = sums[lm];
#pragma GCC unroll 8
        for (int p = 0; p < tile_points; ++p) total += matrix[lm * tile_points + p] * part[p];
        sums[lm] = total;
      }
  };
  Lanes part[tile_points];
#pragma GCC unroll 8
  for (int p = 0; p < tile_points; ++p) part[p] = values.at[p] + values.opposite[p];
  add_degrees(0, part);
#pragma GCC unroll 8
  for (int p = 0; p < tile_points; ++p) part[p] = values.at[p] - values.opposite[p];
  add_degrees(1, part);
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
  using Lanes = typename Numbers::Lanes;
  const int n_out = (shape.degree_out + 1) * (shape.degree_out + 1);
  const std::unique_ptr<Lanes[]> sums(new Lanes[n_out]);
  for (int64_t node = nodes.begin; node < nodes.end; ++node)
    for (int channel = 0; channel < shape.channels; channel += channels_at_once<Numbers>) {
      for (int o = 0; o < n_out; ++o) sums[o] = Lanes{};
      Lanes weights[max_factors];
      load_weights<Numbers>(shape, node, channel, weights);
      for (int tile = 0; tile < shape.n_tiles; ++tile) {
        TileValues<Lanes> product = {}, factor;
        for (int q = shape.n_factors - 1; q >= 0; --q) {
          evaluate_factor<Numbers>(shape, q, tile, node, channel, factor);
#pragma GCC unroll 8
          for (int p = 0; p < tile_points; ++p) {
            product.at[p] = factor.at[p] * (product.at[p] + weights[q]);
            product.opposite[p] = factor.opposite[p] * (product.opposite[p] + weights[q]);
          }
        }
        project(shape.projection + static_cast<int64_t>(tile) * n_out * tile_points,
                shape.degree_out, product, sums.get());
      }
      for (int o = 0; o < n_out; ++o)
        store(out + (node * n_out + o) * shape.channels + channel, result(sums[o]));
    }
}

/// In reverse through f_1 (w_1 + f_2 (w_2 + ...)) at one point: values become their gradients.
/// A number of factors known to the compiler (Factors > 0) keeps everything in registers.
template <int Factors, class Lanes, class Adjoint>
inline void differentiate(int n_factors, const Lanes *weights, const Adjoint &adjoint,
                          Lanes *values, Lanes *weight_gradients)
{
  constexpr int64_t stride = sizeof(TileValues<Lanes>) / sizeof(Lanes);
  if (Factors > 0) n_factors = Factors;
  Lanes inner[Factors > 0 ? Factors : max_factors]; // what each factor is multiplied with
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

/// The same at all points of a tile.
template <int Factors, class Lanes, class Adjoint>
inline void differentiate_tile(int n_factors, const Lanes *weights,
                               const TileValues<Adjoint> &adjoint, TileValues<Lanes> *values,
                               Lanes *weight_gradients)
{
  Lanes sums[Factors > 0 ? Factors : max_factors] = {};
  for (int p = 0; p < tile_points; ++p) {
    differentiate<Factors>(n_factors, weights, adjoint.at[p], &values->at[p], sums);
    differentiate<Factors>(n_factors, weights, adjoint.opposite[p], &values->opposite[p], sums);
  }
  for (int q = 0; q < n_factors; ++q) weight_gradients[q] += sums[q];
}

template <class Numbers>
void multiply_gradient(const GridProduct<typename Numbers::Real> &shape,
                       const typename Numbers::Real *adjoint, Range nodes,
                       const GridProductGradient<typename Numbers::Real> &out)
{
  using Real = typename Numbers::Real;
  using Lanes = typename Numbers::Lanes;
  // The adjoint has no tangent.
  using AdjointNumbers =
      std::conditional_t<std::is_same_v<Numbers, Wide<Real>>, Wide<Real>, Plain<Real>>;
  using Adjoint = typename AdjointNumbers::Lanes;
  const int n_out = (shape.degree_out + 1) * (shape.degree_out + 1);
  int64_t n_coefficients = 0, first[max_factors];
  for (int q = 0; q < shape.n_factors; ++q) {
    first[q] = n_coefficients;
    n_coefficients += (shape.degree[q] + 1) * (shape.degree[q] + 1);
  }
  const std::unique_ptr<Lanes[]> sums(new Lanes[n_coefficients]);
  TileValues<Lanes> factors[max_factors];
  for (int64_t node = nodes.begin; node < nodes.end; ++node)
    for (int channel = 0; channel < shape.channels; channel += channels_at_once<Numbers>) {
      for (int64_t c = 0; c < n_coefficients; ++c) sums[c] = Lanes{};
      Lanes weights[max_factors], weight_gradients[max_factors] = {};
      load_weights<Numbers>(shape, node, channel, weights);
      for (int tile = 0; tile < shape.n_tiles; ++tile) {
        TileValues<Adjoint> seed;
        evaluate(shape.projection + static_cast<int64_t>(tile) * n_out * tile_points,
                 shape.degree_out,
                 [&](int lm) {
                   return load<AdjointNumbers>(Input<Real>{adjoint, nullptr},
                                               (node * n_out + lm) * shape.channels + channel);
                 },
                 seed);
        for (int q = 0; q < shape.n_factors; ++q)
          evaluate_factor<Numbers>(shape, q, tile, node, channel, factors[q]);
        switch (shape.n_factors) {
          case 2: differentiate_tile<2>(2, weights, seed, factors, weight_gradients); break;
          case 3: differentiate_tile<3>(3, weights, seed, factors, weight_gradients); break;
          default:
            differentiate_tile<0>(shape.n_factors, weights, seed, factors, weight_gradients);
        }
        const Real *matrix =
            shape.evaluation + static_cast<int64_t>(tile) * shape.n_evaluated * tile_points;
        for (int q = 0; q < shape.n_factors; ++q)
          project(matrix, shape.degree[q], factors[q], sums.get() + first[q]);
      }
      for (int q = 0; q < shape.n_factors; ++q) {
        Real *to = out.factors[q] + node * out.node_stride[q] + channel;
        for (int lm = 0; lm < (shape.degree[q] + 1) * (shape.degree[q] + 1); ++lm)
          store(to + lm * out.coefficient_stride[q], result(sums[first[q] + lm]));
        if constexpr (std::is_same_v<Numbers, Directional<Real>>)
          if (out.plain[q])
            for (int lm = 0; lm < (shape.degree[q] + 1) * (shape.degree[q] + 1); ++lm)
              store(out.plain[q] + (to - out.factors[q]) + lm * out.coefficient_stride[q],
                    sums[first[q] + lm].value);
        if (out.weights)
          store(out.weights + (node * shape.n_factors + q) * shape.channels + channel,
                result(weight_gradients[q]));
      }
    }
}

template <class Real> bool fits_pairs(int channels) { return channels % (2 * lanes<Real>) == 0; }

template <class Real> void grid_product(const GridProduct<Real> &shape, Range nodes, Real *out)
{
  if (shape.waves)
    return shape.factors[0].tangent ? multiply_on_angles<Directional<Real>>(shape, nodes, out)
                                    : multiply_on_angles<Plain<Real>>(shape, nodes, out);
  shape.factors[0].tangent           ? multiply<Directional<Real>>(shape, nodes, out)
  : fits_pairs<Real>(shape.channels) ? multiply<Wide<Real>>(shape, nodes, out)
                                     : multiply<Plain<Real>>(shape, nodes, out);
}

template <class Real>
void grid_product_gradient(const GridProduct<Real> &shape, const Real *adjoint, Range nodes,
                           const GridProductGradient<Real> &out)
{
  if (shape.waves)
    return shape.factors[0].tangent
               ? multiply_on_angles_gradient<Directional<Real>>(shape, adjoint, nodes, out)
               : multiply_on_angles_gradient<Plain<Real>>(shape, adjoint, nodes, out);
  shape.factors[0].tangent ? multiply_gradient<Directional<Real>>(shape, adjoint, nodes, out)
  : fits_pairs<Real>(shape.channels) ? multiply_gradient<Wide<Real>>(shape, adjoint, nodes, out)
                                     : multiply_gradient<Plain<Real>>(shape, adjoint, nodes, out);
}

} // namespace gaunt::GAUNT_INSTRUCTION_SET
