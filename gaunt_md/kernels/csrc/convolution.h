// SPDX-License-Identifier: MIT
// Sum over the neighbours of feature times filter, and its derivatives.
#pragma once

#include "numbers.h"

#include <memory>
#include <type_traits>

namespace gaunt::GAUNT_INSTRUCTION_SET {

/// Radial functions given for every edge.
template <class Numbers> class RadialRows {
  using Real = typename Numbers::Real;
  using Lanes = typename Numbers::Lanes;

 public:
  explicit RadialRows(const Convolution<Real> &shape) : shape_(shape) {}

  void start_centre(Range) {}
  Lanes of_centre(int64_t edge, int l, int channel) const { return at_edge(edge, l, channel); }

  void start_edge(int64_t) {}
  Lanes at_edge(int64_t edge, int l, int channel) const
  {
    return load<Numbers>(shape_.radial, offset(edge, l, channel));
  }
  void add_gradient(const ConvolutionGradient<Real> &out, int64_t edge, int l, int channel,
                    const Lanes &gradient)
  {
    store(out.radial + offset(edge, l, channel), result(gradient));
  }
  void finish_edge(const ConvolutionGradient<Real> &, int64_t) {}

 private:
  int64_t offset(int64_t edge, int l, int channel) const
  {
    return (edge * (shape_.filter_degree + 1) + l) * shape_.channels + channel;
  }

  const Convolution<Real> &shape_;
};

/// Radial functions from a table of splines. Kept is what is worked on: the values of all edges of
/// a centre, or the values and slopes of one edge. Both are made for all channels at once, since
/// the table is read from slow memory, a line of the cache at a time.
template <class Numbers> class RadialSplines {
  using Real = typename Numbers::Real;
  using Scalar = typename Numbers::Scalar;
  using Lanes = typename Numbers::Lanes;

 public:
  explicit RadialSplines(const Convolution<Real> &shape)
      : shape_(shape), row_((shape.filter_degree + 1) * shape.channels),
        n_blocks_(row_ / lanes<Real>), of_edge_(new Lanes[2 * n_blocks_])
  {
  }

  void start_centre(Range edges)
  {
    begin_ = edges.begin;
    const int64_t n_edges = edges.end - edges.begin;
    if (n_edges > capacity_) {
      capacity_ = n_edges;
      of_centre_.reset(new Lanes[capacity_ * n_blocks_]);
    }
    Lanes *row = of_centre_.get();
    for (int64_t edge = edges.begin; edge < edges.end; ++edge, row += n_blocks_) {
      const Place at = place(edge);
      for (int i = 0; i < n_blocks_; ++i) row[i] = combine(at.node + i * lanes<Real>, at.weights);
    }
  }

  Lanes of_centre(int64_t edge, int l, int channel) const
  {
    return of_centre_[(edge - begin_) * n_blocks_ + block(l, channel)];
  }

  void start_edge(int64_t edge)
  {
    const Place at = place(edge);
    const Weights slopes = slope_weights(at.t);
    for (int i = 0; i < n_blocks_; ++i) {
      of_edge_[2 * i] = combine(at.node + i * lanes<Real>, at.weights);
      of_edge_[2 * i + 1] = combine(at.node + i * lanes<Real>, slopes);
    }
    along_edge_ = Lanes{};
  }

  Lanes at_edge(int64_t, int l, int channel) const { return of_edge_[2 * block(l, channel)]; }

  void add_gradient(const ConvolutionGradient<Real> &, int64_t, int l, int channel,
                    const Lanes &gradient)
  {
    along_edge_ += gradient * of_edge_[2 * block(l, channel) + 1];
  }

  void finish_edge(const ConvolutionGradient<Real> &out, int64_t edge)
  {
    out.distances[edge] = sum(result(along_edge_));
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

  int block(int l, int channel) const { return (l * shape_.channels + channel) / lanes<Real>; }

  Place place(int64_t edge) const
  {
    const Scalar x = scalar<Numbers>(shape_.distances, edge) * (1 / shape_.step);
    int node;
    if constexpr (sizeof(Scalar) == sizeof(Real))
      node = static_cast<int>(x);
    else
      node = static_cast<int>(x.value);
    node = node < 0 ? 0 : node > shape_.n_nodes - 2 ? shape_.n_nodes - 2 : node;
    const Scalar t = x - constant(node);
    return {shape_.table + 3 * static_cast<int64_t>(row_) * node, t, value_weights(t)};
  }

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
  const int row_, n_blocks_; // numbers and registers that one of the six rows has
  int64_t begin_ = 0, capacity_ = 0;
  std::unique_ptr<Lanes[]> of_centre_, of_edge_;
  Lanes along_edge_;
};

/// The moments of orders m ... m + Orders - 1 and Features features of one centre, in registers.
template <class Numbers, int Orders, int Features, class Radial>
inline void sum_moments(const Convolution<typename Numbers::Real> &shape, const Radial &radial,
                        Range edges, int l, int order, int feature, int channel,
                        typename Numbers::Lanes *moments)
{
  using Lanes = typename Numbers::Lanes;
  const int n_harmonics = (shape.filter_degree + 1) * (shape.filter_degree + 1);
  const int lm = l * l + order;
  Lanes moment[Orders][Features] = {};
  for (int64_t edge = edges.begin; edge < edges.end; ++edge) {
    const int64_t row = shape.neighbours[edge] * shape.n_features + feature;
    const Lanes r = radial.of_centre(edge, l, channel);
    Lanes weighted[Features];
#pragma GCC unroll 4
    for (int k = 0; k < Features; ++k)
      weighted[k] = r * load<Numbers>(shape.features, (row + k) * shape.channels + channel);
#pragma GCC unroll 8
    for (int m = 0; m < Orders; ++m) {
      const auto y = scalar<Numbers>(shape.harmonics, edge * n_harmonics + lm + m);
#pragma GCC unroll 4
      for (int k = 0; k < Features; ++k) moment[m][k] += y * weighted[k];
    }
  }
  for (int m = 0; m < Orders; ++m)
    for (int k = 0; k < Features; ++k)
      moments[(lm + m) * shape.n_features + feature + k] = moment[m][k];
}

constexpr int feature_tile = 4;

/// Orders that are worked on together: as many as registers allow.
template <class Numbers, int Features> constexpr int order_tile()
{
  constexpr int registers = vector_registers == 32 ? 28 : 12;
  constexpr int sums = registers * vector_bytes / static_cast<int>(sizeof(typename Numbers::Lanes));
  return sums >= 7 * Features ? 7 : sums >= 5 * Features ? 5 : sums >= 3 * Features ? 3 : 1;
}

template <class Numbers, int Features, class Radial>
inline void sum_moments(const Convolution<typename Numbers::Real> &shape, const Radial &radial,
                        Range edges, int feature, int channel, typename Numbers::Lanes *moments)
{
  constexpr int most = order_tile<Numbers, Features>();
  for (int l = 0; l <= shape.filter_degree; ++l) {
    int order = 0;
    const auto tile = [&](auto orders) {
      constexpr int count = decltype(orders)::value;
      sum_moments<Numbers, count, Features>(shape, radial, edges, l, order, feature, channel,
                                            moments);
      order += count;
    };
    const auto left = [&] { return 2 * l + 1 - order; };
    while (left() >= most) tile(std::integral_constant<int, most>());
    if constexpr (most > 5)
      if (left() >= 5) tile(std::integral_constant<int, 5>());
    if constexpr (most > 3)
      if (left() >= 3) tile(std::integral_constant<int, 3>());
    if constexpr (most > 1)
      if (left() >= 2) tile(std::integral_constant<int, 2>());
    if (left() >= 1) tile(std::integral_constant<int, 1>());
  }
}

template <class Numbers, class Radial>
void convolve(const Convolution<typename Numbers::Real> &shape, Range centres,
              typename Numbers::Real *out)
{
  using Real = typename Numbers::Real;
  using Lanes = typename Numbers::Lanes;
  const int n_moments = (shape.filter_degree + 1) * (shape.filter_degree + 1) * shape.n_features;
  const std::unique_ptr<Lanes[]> moments(new Lanes[n_moments + shape.n_outputs]);
  Lanes *sums = moments.get() + n_moments;
  Radial radial(shape);
  for (int64_t centre = centres.begin; centre < centres.end; ++centre) {
    const Range edges = {shape.first[centre], shape.first[centre + 1]};
    radial.start_centre(edges);
    for (int channel = 0; channel < shape.channels; channel += lanes<Real>) {
      int feature = 0;
      for (; feature + feature_tile <= shape.n_features; feature += feature_tile)
        sum_moments<Numbers, feature_tile>(shape, radial, edges, feature, channel, moments.get());
      for (; feature < shape.n_features; ++feature)
        sum_moments<Numbers, 1>(shape, radial, edges, feature, channel, moments.get());
      for (int o = 0; o < shape.n_outputs; ++o) sums[o] = Lanes{};
      for (int64_t c = 0; c < shape.n_couplings; ++c)
        sums[shape.couplings[c].output] +=
            shape.couplings[c].value * moments[shape.couplings[c].moment];
      for (int o = 0; o < shape.n_outputs; ++o)
        store(out + (centre * shape.n_outputs + o) * shape.channels + channel, result(sums[o]));
    }
  }
}

/// One edge and one register of channels: what the adjoints of the moments mean for h, R and Y.
template <class Numbers, int Features, class Radial>
inline void edge_gradient(const Convolution<typename Numbers::Real> &shape, const Radial &radial,
                          int64_t edge, int feature, int channel,
                          const Vector<typename Numbers::Real> *moment_adjoints,
                          const ConvolutionGradient<typename Numbers::Real> &out,
                          typename Numbers::Lanes *radial_gradient,
                          typename Numbers::Lanes *harmonics_gradient)
{
  using Lanes = typename Numbers::Lanes;
  const int n_harmonics = (shape.filter_degree + 1) * (shape.filter_degree + 1);
  const int64_t row = shape.neighbours[edge] * shape.n_features + feature;
  Lanes h[Features], gradient[Features] = {};
#pragma GCC unroll 4
  for (int k = 0; k < Features; ++k)
    h[k] = load<Numbers>(shape.features, (row + k) * shape.channels + channel);
  for (int l = 0; l <= shape.filter_degree; ++l) {
    const Lanes r = radial.at_edge(edge, l, channel);
    Lanes filtered[Features] = {}; // Σ_m Y_lm dM[lm, k]
    for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
      const auto y = scalar<Numbers>(shape.harmonics, edge * n_harmonics + lm);
      const auto *adjoint = moment_adjoints + lm * shape.n_features + feature;
      Lanes along = {}; // Σ_k h_k dM[lm, k]
#pragma GCC unroll 4
      for (int k = 0; k < Features; ++k) {
        filtered[k] += y * adjoint[k];
        along += h[k] * adjoint[k];
      }
      harmonics_gradient[lm] += r * along;
    }
#pragma GCC unroll 4
    for (int k = 0; k < Features; ++k) {
      gradient[k] += r * filtered[k];
      radial_gradient[l] += h[k] * filtered[k];
    }
  }
  if (out.features == nullptr) return;
#pragma GCC unroll 4
  for (int k = 0; k < Features; ++k) {
    auto *at = out.features + (row + k) * shape.channels + channel;
    store(at, load(at) + result(gradient[k]));
  }
}

template <class Numbers, class Radial>
void convolve_gradient(const Convolution<typename Numbers::Real> &shape,
                       const typename Numbers::Real *adjoint, Range centres,
                       const ConvolutionGradient<typename Numbers::Real> &out)
{
  using Real = typename Numbers::Real;
  using Lanes = typename Numbers::Lanes;
  const int n_harmonics = (shape.filter_degree + 1) * (shape.filter_degree + 1);
  const int n_moments = n_harmonics * shape.n_features;
  const int n_blocks = shape.channels / lanes<Real>;
  const std::unique_ptr<Vector<Real>[]> moment_adjoints(new Vector<Real>[n_moments * n_blocks]);
  Radial radial(shape);
  for (int64_t centre = centres.begin; centre < centres.end; ++centre) {
    for (int block = 0; block < n_blocks; ++block) {
      Vector<Real> *moments = moment_adjoints.get() + block * n_moments;
      for (int moment = 0; moment < n_moments; ++moment) moments[moment] = Vector<Real>{};
      const Real *from = adjoint + centre * shape.n_outputs * shape.channels + block * lanes<Real>;
      for (int64_t c = 0; c < shape.n_couplings; ++c)
        moments[shape.couplings[c].moment] +=
            shape.couplings[c].value * load(from + shape.couplings[c].output * shape.channels);
    }
    for (int64_t edge = shape.first[centre]; edge < shape.first[centre + 1]; ++edge) {
      Lanes harmonics_gradient[(max_filter_degree + 1) * (max_filter_degree + 1)];
      for (int lm = 0; lm < n_harmonics; ++lm) harmonics_gradient[lm] = Lanes{};
      radial.start_edge(edge);
      for (int block = 0; block < n_blocks; ++block) {
        const Vector<Real> *moments = moment_adjoints.get() + block * n_moments;
        const int channel = block * lanes<Real>;
        Lanes radial_gradient[max_filter_degree + 1];
        for (int l = 0; l <= shape.filter_degree; ++l) radial_gradient[l] = Lanes{};
        int feature = 0;
        for (; feature + feature_tile <= shape.n_features; feature += feature_tile)
          edge_gradient<Numbers, feature_tile>(shape, radial, edge, feature, channel, moments, out,
                                               radial_gradient, harmonics_gradient);
        for (; feature < shape.n_features; ++feature)
          edge_gradient<Numbers, 1>(shape, radial, edge, feature, channel, moments, out,
                                    radial_gradient, harmonics_gradient);
        for (int l = 0; l <= shape.filter_degree; ++l)
          radial.add_gradient(out, edge, l, channel, radial_gradient[l]);
      }
      radial.finish_edge(out, edge);
      for (int lm = 0; lm < n_harmonics; ++lm)
        out.harmonics[edge * n_harmonics + lm] = sum(result(harmonics_gradient[lm]));
    }
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
