// SPDX-License-Identifier: MIT
// Products of functions on the sphere by their values on a grid of angles, and their derivatives.
#pragma once

#include "angle_grid.h"

#include <memory>
#include <vector>

namespace gaunt::GAUNT_INSTRUCTION_SET {

/// One function of some channels of a node: with lanes of 64 bytes 3 kB at degree 2, 40 kB at 14.
template <class Real, class Lanes> class AngleFunction {
 public:
  /// The matrix, [pairs of latitudes][columns], is an evaluation or a projection.
  AngleFunction(const GridProduct<Real> &grid, const Real *matrix, int columns, int degree)
      : grid_(grid), matrix_(matrix), columns_(columns), degree_(degree),
        series_size_(place_of(degree, degree + 1)), coefficients_(new Lanes[size()]),
        sums_(new Lanes[size()]), series_(new Lanes[tile_latitudes * series_size_]),
        values_(new Lanes[points_of_longitude * grid.n_longitudes])
  {
  }

  int size() const { return (degree_ + 1) * (degree_ + 1); }

  /// Values at the points of one pair of latitudes.
  Lanes *values() const { return values_.get(); }

  /// What the values at all points mean for the coefficients.
  const Lanes *sums() const { return sums_.get(); }

  template <class Numbers> void read(const Input<Real> &from, int64_t offset, int64_t stride)
  {
    for (int lm = 0; lm < size(); ++lm)
      coefficients_[lm] = load<Numbers>(from, offset + lm * stride);
  }

  void clear_sums()
  {
    for (int lm = 0; lm < size(); ++lm) sums_[lm] = Lanes{};
  }

  template <int Latitudes> void coefficients_to_series(int latitude)
  {
    sum_degrees<Latitudes>(matrix_ + latitude * columns_, columns_, degree_, coefficients_.get(),
                           series_.get());
  }

  template <int Latitudes> void series_to_sums(int latitude)
  {
    add_degrees<Latitudes>(matrix_ + latitude * columns_, columns_, degree_, series_.get(),
                           sums_.get());
  }

  void series_to_values(int latitude_in_tile)
  {
    const Lanes *series = series_.get() + latitude_in_tile * series_size_;
    in_tiles<tile_longitudes>(grid_.n_longitudes, [&](int first, auto count) {
      sum_orders<decltype(count)::value>(grid_.waves + first * grid_.n_waves, grid_.n_waves,
                                         degree_, series, values() + first * points_of_longitude);
    });
  }

  void values_to_series(const Lanes *values, int latitude_in_tile)
  {
    Lanes *series = series_.get() + latitude_in_tile * series_size_;
    for (int i = 0; i < series_size_; ++i) series[i] = Lanes{};
    in_tiles<tile_longitudes>(grid_.n_longitudes, [&](int first, auto count) {
      add_orders<decltype(count)::value>(grid_.waves + first * grid_.n_waves, grid_.n_waves,
                                         degree_, values + first * points_of_longitude, series);
    });
  }

 private:
  const GridProduct<Real> &grid_;
  const Real *matrix_;
  int columns_, degree_, series_size_;
  std::unique_ptr<Lanes[]> coefficients_, sums_, series_, values_;
};

template <class Real, class Lanes> using AngleFunctions = std::vector<AngleFunction<Real, Lanes>>;

template <class Numbers, class Real = typename Numbers::Real>
AngleFunctions<Real, typename Numbers::Lanes> make_factors(const GridProduct<Real> &shape)
{
  AngleFunctions<Real, typename Numbers::Lanes> factors;
  for (int q = 0; q < shape.n_factors; ++q)
    factors.emplace_back(shape, shape.evaluation, shape.n_evaluated, shape.degree[q]);
  return factors;
}

template <class Numbers, class Real = typename Numbers::Real>
void read_factors(const GridProduct<Real> &shape, int64_t node, int channel,
                  AngleFunctions<Real, typename Numbers::Lanes> &factors)
{
  for (int q = 0; q < shape.n_factors; ++q)
    factors[q].template read<Numbers>(shape.factors[q], node * shape.node_stride[q] + channel,
                                      shape.coefficient_stride[q]);
}

template <class Numbers>
void multiply_on_angles(const GridProduct<typename Numbers::Real> &shape, Range nodes,
                        typename Numbers::Real *out)
{
  using Real = typename Numbers::Real;
  using Lanes = typename Numbers::Lanes;
  const int n_out = (shape.degree_out + 1) * (shape.degree_out + 1);
  const int points = points_of_longitude * shape.n_longitudes;
  auto factors = make_factors<Numbers>(shape);
  AngleFunction<Real, Lanes> product(shape, shape.projection, n_out, shape.degree_out);
  for (int64_t node = nodes.begin; node < nodes.end; ++node)
    for (int channel = 0; channel < shape.channels; channel += channels_at_once<Numbers>) {
      read_factors<Numbers>(shape, node, channel, factors);
      product.clear_sums();
      in_tiles<tile_latitudes>(shape.n_latitudes, [&](int latitude, auto count) {
        constexpr int latitudes = decltype(count)::value;
        for (auto &factor : factors) factor.template coefficients_to_series<latitudes>(latitude);
        for (int t = 0; t < latitudes; ++t) {
          for (auto &factor : factors) factor.series_to_values(t);
          Lanes *values = factors.back().values();
          for (int q = 0; q < shape.n_factors - 1; ++q) {
            const Lanes *others = factors[q].values();
            for (int p = 0; p < points; ++p) values[p] = values[p] * others[p];
          }
          product.values_to_series(values, t);
        }
        product.template series_to_sums<latitudes>(latitude);
      });
      for (int o = 0; o < n_out; ++o)
        store(out + (node * n_out + o) * shape.channels + channel, result(product.sums()[o]));
    }
}

/// Values become the gradients of their product: each the adjoint times all others.
/// A number of factors known to the compiler (Factors > 0) keeps everything in registers.
template <int Factors, class Lanes, class Adjoint>
inline void differentiate_product(int n_factors, int points, const Adjoint *adjoint,
                                  Lanes *const *values)
{
  const int n = Factors > 0 ? Factors : n_factors;
  for (int p = 0; p < points; ++p) {
    Lanes after[Factors > 0 ? Factors : max_factors]; // the product of the factors after each
    after[n - 1] = one<Lanes>();
    for (int q = n - 2; q >= 0; --q) after[q] = values[q + 1][p] * after[q + 1];
    Lanes before = one<Lanes>() * adjoint[p];
    for (int q = 0; q < n; ++q) {
      const Lanes value = values[q][p];
      values[q][p] = before * after[q];
      before = before * value;
    }
  }
}

template <class Numbers>
void multiply_on_angles_gradient(const GridProduct<typename Numbers::Real> &shape,
                                 const typename Numbers::Real *adjoint, Range nodes,
                                 const GridProductGradient<typename Numbers::Real> &out)
{
  using Real = typename Numbers::Real;
  using Lanes = typename Numbers::Lanes;
  using Adjoint = Plain<Real>; // has no tangent
  const int n_out = (shape.degree_out + 1) * (shape.degree_out + 1);
  const int points = points_of_longitude * shape.n_longitudes;
  auto factors = make_factors<Numbers>(shape);
  Lanes *values[max_factors];
  for (int q = 0; q < shape.n_factors; ++q) values[q] = factors[q].values();
  AngleFunction<Real, typename Adjoint::Lanes> seed(shape, shape.projection, n_out,
                                                    shape.degree_out);
  for (int64_t node = nodes.begin; node < nodes.end; ++node)
    for (int channel = 0; channel < shape.channels; channel += channels_at_once<Numbers>) {
      read_factors<Numbers>(shape, node, channel, factors);
      for (auto &factor : factors) factor.clear_sums();
      seed.template read<Adjoint>({adjoint, nullptr}, node * n_out * shape.channels + channel,
                                  shape.channels);
      in_tiles<tile_latitudes>(shape.n_latitudes, [&](int latitude, auto count) {
        constexpr int latitudes = decltype(count)::value;
        seed.template coefficients_to_series<latitudes>(latitude);
        for (auto &factor : factors) factor.template coefficients_to_series<latitudes>(latitude);
        for (int t = 0; t < latitudes; ++t) {
          seed.series_to_values(t);
          for (auto &factor : factors) factor.series_to_values(t);
          if (shape.n_factors == 2)
            differentiate_product<2>(2, points, seed.values(), values);
          else
            differentiate_product<0>(shape.n_factors, points, seed.values(), values);
          for (auto &factor : factors) factor.values_to_series(factor.values(), t);
        }
        for (auto &factor : factors) factor.template series_to_sums<latitudes>(latitude);
      });
      for (int q = 0; q < shape.n_factors; ++q) {
        Real *to = out.factors[q] + node * out.node_stride[q] + channel;
        for (int lm = 0; lm < factors[q].size(); ++lm)
          store(to + lm * out.coefficient_stride[q], result(factors[q].sums()[lm]));
      }
    }
}

} // namespace gaunt::GAUNT_INSTRUCTION_SET
