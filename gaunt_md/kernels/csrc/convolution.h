// SPDX-License-Identifier: MIT
// Sum over the neighbours of feature times filter.
//
// The loops that matter are functions of their own: inlined into larger ones they make compilers
// run out of registers.
#pragma once

#include "radial_functions.h"

#include <memory>

namespace gaunt::GAUNT_INSTRUCTION_SET {

/// Registers of channels, and orders m, that are worked on together.
constexpr int column_tile = 4;
template <class Numbers> constexpr int order_tile = edge_tile<Numbers>;

/// The moments of some orders and columns: sums over edges of Y times messages, in registers.
///
/// messages [edges][Columns], moments [orders][stride]
template <class Numbers, int Orders, int Columns>
[[gnu::noinline]] void sum_moments(const Input<typename Numbers::Real> &harmonics, int n_harmonics,
                                   Range edges, int lm, const typename Numbers::Lanes *messages,
                                   typename Numbers::Lanes *moments, int64_t stride)
{
  using Lanes = typename Numbers::Lanes;
  Lanes sums[Orders][Columns] = {};
  for (int64_t edge = edges.begin; edge < edges.end; ++edge, messages += Columns) {
    Lanes message[Columns];
#pragma GCC unroll 4
    for (int v = 0; v < Columns; ++v) message[v] = messages[v];
#pragma GCC unroll 8
    for (int m = 0; m < Orders; ++m) {
      const auto y = scalar<Numbers>(harmonics, edge * n_harmonics + lm + m);
#pragma GCC unroll 4
      for (int v = 0; v < Columns; ++v) sums[m][v] += y * message[v];
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < Orders; ++m)
#pragma GCC unroll 4
    for (int v = 0; v < Columns; ++v) moments[m * stride + v] = sums[m][v];
}

/// The moments M[lm, k] = Σ_e Y_lm R_l h_k of one centre after the other.
template <class Numbers, class Radial> class Moments {
  using Real = typename Numbers::Real;
  using Lanes = typename Numbers::Lanes;

 public:
  explicit Moments(const Convolution<Real> &shape)
      : shape_(shape), n_harmonics_((shape.filter_degree + 1) * (shape.filter_degree + 1)),
        n_blocks_(shape.channels / lanes<Real>), radial_(shape),
        moments_(new Lanes[n_harmonics_ * shape.n_features * n_blocks_])
  {
  }

  /// [lm][k][registers of channels]
  const Lanes *of_centre(Range edges)
  {
    edges_ = edges;
    const int64_t n_edges = edges.end - edges.begin;
    if (n_edges > capacity_) {
      capacity_ = n_edges;
      messages_.reset(new Lanes[capacity_ * shape_.n_radial * column_tile]);
    }
    radial_.start_centre(edges);
    for (int feature = 0; feature < shape_.n_features; ++feature)
      in_tiles<column_tile>(n_blocks_, [&](int block, auto count) {
        constexpr int columns = decltype(count)::value;
        make_messages<columns>(feature, block);
        sum_messages<columns>(feature, block);
      });
    return moments_.get();
  }

 private:
  /// R h of some columns, [n_radial][edges][Columns].
  template <int Columns> [[gnu::noinline]] void make_messages(int feature, int block)
  {
    const int64_t stride = (edges_.end - edges_.begin) * Columns;
    Lanes *to = messages_.get();
    for (int64_t edge = edges_.begin; edge < edges_.end; ++edge, to += Columns) {
      const int64_t row = shape_.neighbours[edge] * shape_.n_features + feature;
      Lanes h[Columns];
#pragma GCC unroll 4
      for (int v = 0; v < Columns; ++v)
        h[v] = load<Numbers>(shape_.features, row * shape_.channels + (block + v) * lanes<Real>);
      for (int r = 0; r < shape_.n_radial; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < Columns; ++v)
          to[r * stride + v] = radial_.of_centre(edge, r * n_blocks_ + block + v) * h[v];
    }
  }

  template <int Columns> void sum_messages(int feature, int block)
  {
    const int64_t of_degree = shape_.n_radial > 1 ? (edges_.end - edges_.begin) * Columns : 0;
    const int64_t stride = shape_.n_features * n_blocks_;
    for (int l = 0; l <= shape_.filter_degree; ++l)
      in_tiles<order_tile<Numbers>>(2 * l + 1, [&](int m, auto orders) {
        const int lm = l * l + m;
        sum_moments<Numbers, decltype(orders)::value, Columns>(
            shape_.harmonics, n_harmonics_, edges_, lm, messages_.get() + l * of_degree,
            moments_.get() + lm * stride + feature * n_blocks_ + block, stride);
      });
  }

  const Convolution<Real> &shape_;
  const int n_harmonics_, n_blocks_;
  Radial radial_;
  Range edges_ = {};
  int64_t capacity_ = 0;
  std::unique_ptr<Lanes[]> moments_, messages_;
};

/// What the couplings make of some columns of the moments of one centre.
template <class Numbers, int Columns>
[[gnu::noinline]] void couple(const Convolution<typename Numbers::Real> &shape,
                              const typename Numbers::Lanes *moments, int64_t n_blocks,
                              typename Numbers::Real *out)
{
  using Real = typename Numbers::Real;
  int64_t c = 0;
  for (int output = 0; output < shape.n_outputs; ++output, out += shape.channels) {
    typename Numbers::Lanes sums[Columns] = {};
    for (; c < shape.n_couplings && shape.couplings[c].output == output; ++c)
#pragma GCC unroll 4
      for (int v = 0; v < Columns; ++v)
        sums[v] += shape.couplings[c].value * moments[shape.couplings[c].moment * n_blocks + v];
#pragma GCC unroll 4
    for (int v = 0; v < Columns; ++v) store(out + v * lanes<Real>, result(sums[v]));
  }
}

template <class Numbers, class Radial>
void convolve(const Convolution<typename Numbers::Real> &shape, Range centres,
              typename Numbers::Real *out)
{
  using Real = typename Numbers::Real;
  const int n_blocks = shape.channels / lanes<Real>;
  Moments<Numbers, Radial> all_moments(shape);
  for (int64_t centre = centres.begin; centre < centres.end; ++centre) {
    const auto *moments = all_moments.of_centre({shape.first[centre], shape.first[centre + 1]});
    Real *to = out + centre * shape.n_outputs * shape.channels;
    in_tiles<column_tile>(n_blocks, [&](int block, auto count) {
      couple<Numbers, decltype(count)::value>(shape, moments + block, n_blocks,
                                              to + block * lanes<Real>);
    });
  }
}

template <class Real>
void convolution(const Convolution<Real> &shape, Range centres, Real *out)
{
  const bool directional = shape.features.tangent != nullptr;
  if (shape.table == nullptr)
    directional ? convolve<Directional<Real>, RadialRows<Directional<Real>>>(shape, centres, out)
                : convolve<Plain<Real>, RadialRows<Plain<Real>>>(shape, centres, out);
  else
    directional ? convolve<Directional<Real>, RadialSplines<Directional<Real>>>(shape, centres, out)
                : convolve<Plain<Real>, RadialSplines<Plain<Real>>>(shape, centres, out);
}

} // namespace gaunt::GAUNT_INSTRUCTION_SET
