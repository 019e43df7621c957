// SPDX-License-Identifier: MIT
// Sum over the neighbours of feature times filter: its derivatives.
//
// The loops that matter are functions of their own: inlined into larger ones they make compilers
// run out of registers.
#pragma once

#include "convolution.h"

#include <memory>

namespace gaunt::GAUNT_INSTRUCTION_SET {

/// What the adjoint of a centre means for some columns of its moments: the transpose of `couple`.
template <class Real, int Columns>
[[gnu::noinline]] void couple_transposed(const Convolution<Real> &shape, const Real *adjoint,
                                         int64_t n_blocks, Vector<Real> *moments)
{
  const int n_moments =
      (shape.filter_degree + 1) * (shape.filter_degree + 1) * shape.n_features;
  for (int moment = 0; moment < n_moments; ++moment)
    for (int v = 0; v < Columns; ++v) moments[moment * n_blocks + v] = Vector<Real>{};
  int64_t c = 0;
  for (int output = 0; output < shape.n_outputs; ++output, adjoint += shape.channels) {
    Vector<Real> a[Columns];
#pragma GCC unroll 4
    for (int v = 0; v < Columns; ++v) a[v] = load(adjoint + v * lanes<Real>);
    for (; c < shape.n_couplings && shape.couplings[c].output == output; ++c) {
      Vector<Real> *to = moments + shape.couplings[c].moment * n_blocks;
#pragma GCC unroll 4
      for (int v = 0; v < Columns; ++v) to[v] += shape.couplings[c].value * a[v];
    }
  }
}

/// A few edges of one centre: what the adjoints dM of its moments mean for h, R and Y.
template <class Numbers, class Radial> class EdgeGradients {
  using Real = typename Numbers::Real;
  using Lanes = typename Numbers::Lanes;

 public:
  EdgeGradients(const Convolution<Real> &shape, const ConvolutionGradient<Real> &out)
      : shape_(shape), out_(out),
        n_harmonics_((shape.filter_degree + 1) * (shape.filter_degree + 1)),
        n_blocks_(shape.channels / lanes<Real>), n_columns_(shape.n_features * n_blocks_),
        n_radial_(shape.n_radial * n_blocks_), radial_(shape),
        messages_(new Lanes[edge_tile<Numbers> * n_columns_]),
        of_features_(out.features ? new Lanes[edge_tile<Numbers> * n_columns_] : nullptr),
        of_radial_(new Lanes[edge_tile<Numbers> * n_radial_])
  {
  }

  /// adjoints dM, [lm][k][registers of channels]
  template <int Edges> void make(int64_t first, const Vector<Real> *adjoints)
  {
    radial_.start_edges({first, first + Edges});
    if (of_features_)
      for (int i = 0; i < Edges * n_columns_; ++i) of_features_[i] = Lanes{};
    for (int i = 0; i < Edges * n_radial_; ++i) of_radial_[i] = Lanes{};
    for (int l = 0; l <= shape_.filter_degree; ++l) {
      for (int feature = 0; feature < shape_.n_features; ++feature)
        in_tiles<column_tile>(n_blocks_, [&](int block, auto count) {
          filter<Edges, decltype(count)::value>(first, l, feature, block, adjoints);
        });
      in_tiles<4>(2 * l + 1, [&](int m, auto orders) {
        store_harmonics<Edges, decltype(orders)::value>(first, l * l + m, adjoints);
      });
    }
    for (int e = 0; e < Edges; ++e) {
      radial_.store_gradient(out_, e, of_radial_.get() + e * n_radial_);
      if (of_features_) add_features(first + e, of_features_.get() + e * n_columns_);
    }
  }

 private:
  /// F = Σ_m Y_lm dM; h gets R F, and R gets h F. The messages R h are kept for the harmonics.
  template <int Edges, int Columns>
  [[gnu::noinline]] void filter(int64_t first, int l, int feature, int block,
                                const Vector<Real> *adjoints)
  {
    // Unlike members, locals are known not to change whatever is stored.
    const int64_t n_columns = n_columns_, n_radial = n_radial_;
    const int64_t column = feature * n_blocks_ + block;
    const int64_t radial = (shape_.n_radial > 1 ? l * n_blocks_ : 0) + block;
    const Input<Real> features = shape_.features;
    Lanes filtered[Edges][Columns] = {};
    adjoints += l * l * n_columns + column;
    for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm, adjoints += n_columns) {
      typename Numbers::Scalar y[Edges];
#pragma GCC unroll 8
      for (int e = 0; e < Edges; ++e)
        y[e] = scalar<Numbers>(shape_.harmonics, (first + e) * n_harmonics_ + lm);
#pragma GCC unroll 4
      for (int v = 0; v < Columns; ++v)
#pragma GCC unroll 8
        for (int e = 0; e < Edges; ++e) filtered[e][v] += y[e] * adjoints[v];
    }
    Lanes *messages = messages_.get() + column;
    Lanes *of_features = of_features_ ? of_features_.get() + column : nullptr;
    Lanes *of_radial = of_radial_.get() + radial;
#pragma GCC unroll 8
    for (int e = 0; e < Edges; ++e) {
      const Lanes *const functions = radial_.of_edge(e) + radial;
      const int64_t row = shape_.neighbours[first + e] * n_columns + column;
#pragma GCC unroll 4
      for (int v = 0; v < Columns; ++v) {
        const Lanes h = load<Numbers>(features, (row + v) * lanes<Real>), r = functions[v];
        messages[e * n_columns + v] = r * h;
        if (of_features) of_features[e * n_columns + v] += r * filtered[e][v];
        of_radial[e * n_radial + v] += h * filtered[e][v];
      }
    }
  }

  /// Y_lm gets Σ_k R h_k dM[lm, k], summed over channels.
  template <int Edges, int Orders>
  [[gnu::noinline]] void store_harmonics(int64_t first, int lm, const Vector<Real> *adjoints)
  {
    const int64_t n_columns = n_columns_;
    const Lanes *messages = messages_.get();
    adjoints += lm * n_columns;
    Lanes sums[Edges][Orders] = {};
    for (int64_t column = 0; column < n_columns; ++column) {
      Lanes message[Edges];
#pragma GCC unroll 8
      for (int e = 0; e < Edges; ++e) message[e] = messages[e * n_columns + column];
#pragma GCC unroll 4
      for (int m = 0; m < Orders; ++m)
#pragma GCC unroll 8
        for (int e = 0; e < Edges; ++e)
          sums[e][m] += message[e] * adjoints[m * n_columns + column];
    }
    for (int e = 0; e < Edges; ++e)
      for (int m = 0; m < Orders; ++m)
        out_.harmonics[(first + e) * n_harmonics_ + lm + m] = sum(result(sums[e][m]));
  }

  void add_features(int64_t edge, const Lanes *gradient)
  {
    Real *to = out_.features + shape_.neighbours[edge] * n_columns_ * lanes<Real>;
    for (int i = 0; i < n_columns_; ++i, to += lanes<Real>)
      store(to, load(to) + result(gradient[i]));
  }

  const Convolution<Real> &shape_;
  const ConvolutionGradient<Real> &out_;
  const int n_harmonics_, n_blocks_;
  const int n_columns_, n_radial_; // registers of h and of R for one edge
  Radial radial_;
  std::unique_ptr<Lanes[]> messages_, of_features_, of_radial_;
};

template <class Numbers, class Radial>
void convolve_gradient(const Convolution<typename Numbers::Real> &shape,
                       const typename Numbers::Real *adjoint, Range centres,
                       const ConvolutionGradient<typename Numbers::Real> &out)
{
  using Real = typename Numbers::Real;
  const int n_blocks = shape.channels / lanes<Real>;
  const int n_moments =
      (shape.filter_degree + 1) * (shape.filter_degree + 1) * shape.n_features;
  const std::unique_ptr<Vector<Real>[]> moments(new Vector<Real>[n_moments * n_blocks]);
  EdgeGradients<Numbers, Radial> gradients(shape, out);
  for (int64_t centre = centres.begin; centre < centres.end; ++centre) {
    const Real *from = adjoint + centre * shape.n_outputs * shape.channels;
    in_tiles<column_tile>(n_blocks, [&](int block, auto count) {
      couple_transposed<Real, decltype(count)::value>(shape, from + block * lanes<Real>, n_blocks,
                                                      moments.get() + block);
    });
    const int64_t begin = shape.first[centre];
    const int n_edges = static_cast<int>(shape.first[centre + 1] - begin);
    in_tiles<edge_tile<Numbers>>(n_edges, [&](int first, auto edges) {
      gradients.template make<decltype(edges)::value>(begin + first, moments.get());
    });
  }
}

template <class Real>
void convolution_gradient(const Convolution<Real> &shape, const Real *adjoint, Range centres,
                          const ConvolutionGradient<Real> &out)
{
  using P = Plain<Real>;
  using D = Directional<Real>;
  const bool directional = shape.features.tangent != nullptr;
  if (shape.table == nullptr)
    directional ? convolve_gradient<D, RadialRows<D>>(shape, adjoint, centres, out)
                : convolve_gradient<P, RadialRows<P>>(shape, adjoint, centres, out);
  else
    directional ? convolve_gradient<D, RadialSplines<D>>(shape, adjoint, centres, out)
                : convolve_gradient<P, RadialSplines<P>>(shape, adjoint, centres, out);
}

} // namespace gaunt::GAUNT_INSTRUCTION_SET
