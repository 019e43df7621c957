// SPDX-License-Identifier: MIT
// Radial functions of edges, a register of channels at a time: given, or from a table of splines.
#pragma once

#include "numbers.h"

#include <memory>

namespace gaunt::GAUNT_INSTRUCTION_SET {

/// Edges whose gradients are worked on together: their sums and what these are made of fill the
/// registers.
template <class Numbers>
constexpr int edge_tile = (vector_registers == 32 ? 5 : 3) * vector_bytes /
                          static_cast<int>(sizeof(typename Numbers::Lanes));

/// Radial functions given for every edge. The columns are registers, [n_radial][channels].
template <class Numbers> class RadialRows {
  using Real = typename Numbers::Real;
  using Lanes = typename Numbers::Lanes;

 public:
  explicit RadialRows(const Convolution<Real> &shape)
      : shape_(shape), n_columns_(shape.n_radial * shape.channels / lanes<Real>),
        of_edges_(new Lanes[edge_tile<Numbers> * n_columns_])
  {
  }

  void start_centre(Range) {}
  Lanes of_centre(int64_t edge, int column) const
  {
    return load<Numbers>(shape_.radial, (edge * n_columns_ + column) * lanes<Real>);
  }

  void start_edges(Range edges)
  {
    begin_ = edges.begin;
    const int64_t n = (edges.end - edges.begin) * n_columns_;
    for (int64_t i = 0; i < n; ++i)
      of_edges_[i] = load<Numbers>(shape_.radial, (begin_ * n_columns_ + i) * lanes<Real>);
  }
  const Lanes *of_edge(int e) const { return of_edges_.get() + e * n_columns_; }

  void store_gradient(const ConvolutionGradient<Real> &out, int e, const Lanes *gradient) const
  {
    Real *to = out.radial + (begin_ + e) * n_columns_ * lanes<Real>;
    for (int i = 0; i < n_columns_; ++i) store(to + i * lanes<Real>, result(gradient[i]));
  }

 private:
  const Convolution<Real> &shape_;
  const int n_columns_;
  int64_t begin_ = 0;
  std::unique_ptr<Lanes[]> of_edges_;
};

/// Radial functions from a table of splines. Kept is what is worked on: the values of all edges of
/// a centre, or the values and slopes of a few edges. Both are made for all channels at once, since
/// the table is read from slow memory, a line of the cache at a time.
template <class Numbers> class RadialSplines {
  using Real = typename Numbers::Real;
  using Scalar = typename Numbers::Scalar;
  using Lanes = typename Numbers::Lanes;

 public:
  explicit RadialSplines(const Convolution<Real> &shape)
      : shape_(shape), row_(shape.n_radial * shape.channels),
        n_columns_(row_ / lanes<Real>), of_edges_(new Lanes[2 * edge_tile<Numbers> * n_columns_])
  {
  }

  [[gnu::noinline]] void start_centre(Range edges)
  {
    begin_ = edges.begin;
    const int64_t n_edges = edges.end - edges.begin;
    if (n_edges > capacity_) {
      capacity_ = n_edges;
      of_centre_.reset(new Lanes[capacity_ * n_columns_]);
    }
    Lanes *row = of_centre_.get();
    for (int64_t edge = edges.begin; edge < edges.end; ++edge, row += n_columns_) {
      const Place at = place(edge);
      for (int i = 0; i < n_columns_; ++i) row[i] = combine(at.node + i * lanes<Real>, at.weights);
    }
  }
  Lanes of_centre(int64_t edge, int column) const
  {
    return of_centre_[(edge - begin_) * n_columns_ + column];
  }

  [[gnu::noinline]] void start_edges(Range edges)
  {
    begin_ = edges.begin;
    Lanes *row = of_edges_.get();
    for (int64_t edge = edges.begin; edge < edges.end; ++edge, row += 2 * n_columns_) {
      const Place at = place(edge);
      const Weights slopes = slope_weights(at.t);
      for (int i = 0; i < n_columns_; ++i) {
        row[i] = combine(at.node + i * lanes<Real>, at.weights);
        row[n_columns_ + i] = combine(at.node + i * lanes<Real>, slopes);
      }
    }
  }
  const Lanes *of_edge(int e) const { return of_edges_.get() + 2 * e * n_columns_; }

  void store_gradient(const ConvolutionGradient<Real> &out, int e, const Lanes *gradient) const
  {
    const Lanes *slopes = of_edge(e) + n_columns_;
    Lanes even = {}, odd = {};
    int i = 0;
    for (; i + 1 < n_columns_; i += 2) {
      even += gradient[i] * slopes[i];
      odd += gradient[i + 1] * slopes[i + 1];
    }
    if (i < n_columns_) even += gradient[i] * slopes[i];
    out.distances[begin_ + e] = sum(result(even + odd));
  }

 private:
  /// Of value, slope and curvature at a node and at the next one.
  struct Weights {
    Scalar of[6];
  };
  struct Place {
    const Real *node;
    Scalar t; // from the node to the next one
    Weights weights;
  };

  Place place(int64_t edge) const
  {
    const Scalar x = scalar<Numbers>(shape_.distances, edge) * (1 / shape_.step);
    const Real at = number(x), last = static_cast<Real>(shape_.n_nodes - 2);
    // What is no number is not above zero; the result is none either.
    const int node = at > 0 ? static_cast<int>(at < last ? at : last) : 0;
    const Scalar t = x - constant(node);
    return {shape_.table + 3 * static_cast<int64_t>(row_) * node, t, value_weights(t)};
  }

  static Real number(Real x) { return x; }
  static Real number(const Dual<Real> &x) { return x.value; }

  /// The polynomials of Hermite's quintic interpolation.
  static Weights value_weights(const Scalar &t)
  {
    const Scalar u = constant(1) - t, tt = t * t, uu = u * u, six = Real(6) * t;
    const Real half = Real(0.5);
    return {{(constant(1) + Real(3) * t + six * t) * (uu * u),
             (constant(1) + Real(3) * t) * (t * uu * u), half * (tt * uu * u),
             (constant(10) - Real(15) * t + six * t) * (tt * t),
             (Real(3) * t - constant(4)) * (tt * t * u), half * (tt * t * uu)}};
  }

  /// Their derivatives by the distance.
  Weights slope_weights(const Scalar &t) const
  {
    const Scalar u = constant(1) - t, tt = t * t, uu = u * u;
    const Real per_step = 1 / shape_.step, half = Real(0.5) * per_step;
    const Scalar steepest = (Real(30) * per_step) * (tt * uu);
    return {{Real(-1) * steepest,
             per_step * ((constant(1) + Real(2) * t - Real(15) * tt) * uu),
             half * ((constant(2) - Real(5) * t) * (t * uu)), steepest,
             per_step * ((Real(28) * t - constant(12) - Real(15) * tt) * tt),
             half * ((constant(3) - Real(5) * t) * (tt * u))}};
  }

  static Scalar constant(Real x)
  {
    if constexpr (sizeof(Scalar) == sizeof(Real))
      return x;
    else
      return {x, 0};
  }

  /// The rows after a node are its values, slopes and curvatures, and those of the next node.
  Lanes combine(const Real *at, const Weights &weights) const
  {
    Lanes total = weights.of[0] * load(at);
#pragma GCC unroll 5
    for (int row = 1; row < 6; ++row) total += weights.of[row] * load(at + row * row_);
    return total;
  }

  const Convolution<Real> &shape_;
  const int row_, n_columns_; // numbers and registers that one of the six rows has
  int64_t begin_ = 0, capacity_ = 0;
  std::unique_ptr<Lanes[]> of_centre_, of_edges_;
};

} // namespace gaunt::GAUNT_INSTRUCTION_SET
