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

  void prepare(int64_t, int64_t) {}

  Lanes operator()(int64_t edge, int l, int channel) const
  {
    return load<Numbers>(shape_.radial, offset(edge, l, channel));
  }

  void add_gradient(const ConvolutionGradient<Real> &out, int64_t edge, int l, int channel,
                    const Lanes &gradient, Lanes &) const
  {
    store(out.radial + offset(edge, l, channel), result(gradient));
  }

  void finish(const ConvolutionGradient<Real> &, int64_t, const Lanes &) const {}

 private:
  int64_t offset(int64_t edge, int l, int channel) const
  {
    return (edge * (shape_.filter_degree + 1) + l) * shape_.channels + channel;
  }

  const Convolution<Real> &shape_;
};

/// Radial functions from a table of splines.
template <class Numbers> class RadialSplines {
  using Real = typename Numbers::Real;
  using Scalar = typename Numbers::Scalar;
  using Lanes = typename Numbers::Lanes;

 public:
  explicit RadialSplines(const Convolution<Real> &shape)
      : shape_(shape), row_((shape.filter_degree + 1) * shape.channels)
  {
  }

  /// Find the places of the edges of one centre in the table.
  void prepare(int64_t begin, int64_t end)
  {
    begin_ = begin;
    if (end - begin > capacity_) {
      capacity_ = end - begin;
      edges_.reset(new Edge[capacity_]);
    }
    for (int64_t edge = begin; edge < end; ++edge) edges_[edge - begin] = place(edge);
  }

  Lanes operator()(int64_t edge, int l, int channel) const
  {
    const Edge &at = edges_[edge - begin_];
    return combine(at.node + l * shape_.channels + channel, at.value);
  }

  void add_gradient(const ConvolutionGradient<Real> &, int64_t edge, int l, int channel,
                    const Lanes &gradient, Lanes &along_edge) const
  {
    const Edge &at = edges_[edge - begin_];
    along_edge += gradient * combine(at.node + l * shape_.channels + channel, at.slope);
  }

  void finish(const ConvolutionGradient<Real> &out, int64_t edge, const Lanes &along_edge) const
  {
    out.distances[edge] = sum(result(along_edge));
  }

 private:
  struct Edge {
    const Real *node;
    Scalar value[6], slope[6]; // value, slope and curvature of a node and of the next one
  };

  Edge place(int64_t edge) const
  {
    const Scalar x = scalar<Numbers>(shape_.distances, edge) * (1 / shape_.step);
    int node;
    if constexpr (sizeof(Scalar) == sizeof(Real))
      node = static_cast<int>(x);
    else
      node = static_cast<int>(x.value);
    node = node < 0 ? 0 : node > shape_.n_nodes - 2 ? shape_.n_nodes - 2 : node;
    // The polynomials of Hermite's quintic interpolation, and their derivatives.
    const Scalar t = x - constant(node), u = constant(1) - t;
    const Scalar tt = t * t, uu = u * u, six = Real(6) * t;
    const Scalar steepest = Real(30) * (tt * uu);
    const Real half = Real(0.5), per_step = 1 / shape_.step;
    return {shape_.table + 3 * static_cast<int64_t>(row_) * node,
            {(constant(1) + Real(3) * t + six * t) * (uu * u),
             (constant(1) + Real(3) * t) * (t * uu * u), half * (tt * uu * u),
             (constant(10) - Real(15) * t + six * t) * (tt * t),
             (Real(3) * t - constant(4)) * (tt * t * u), half * (tt * t * uu)},
            {Real(-1) * per_step * steepest,
             per_step * ((constant(1) + Real(2) * t - Real(15) * tt) * uu),
             (per_step * half) * ((constant(2) - Real(5) * t) * (t * uu)), per_step * steepest,
             per_step * ((Real(28) * t - constant(12) - Real(15) * tt) * tt),
             (per_step * half) * ((constant(3) - Real(5) * t) * (tt * u))}};
  }

  static Scalar constant(Real x)
  {
    if constexpr (sizeof(Scalar) == sizeof(Real))
      return x;
    else
      return {x, 0};
  }

  /// The rows after a node are its values, slopes and curvatures, and those of the next node.
  Lanes combine(const Real *at, const Scalar (&weights)[6]) const
  {
    Lanes total = weights[0] * load(at);
#pragma GCC unroll 5
    for (int row = 1; row < 6; ++row) total += weights[row] * load(at + row * row_);
    return total;
  }

  const Convolution<Real> &shape_;
  const int row_;
  int64_t begin_ = 0, capacity_ = 0;
  std::unique_ptr<Edge[]> edges_;
};

/// The moments of orders m ... m + Orders - 1 and Features features of one centre, in registers.
template <class Numbers, int Orders, int Features, class Radial>
inline void sum_moments(const Convolution<typename Numbers::Real> &shape, const Radial &radial,
                        int64_t begin, int64_t end, int l, int order, int feature, int channel,
                        typename Numbers::Lanes *moments)
{
  using Lanes = typename Numbers::Lanes;
  const int n_harmonics = (shape.filter_degree + 1) * (shape.filter_degree + 1);
  const int lm = l * l + order;
  Lanes moment[Orders][Features] = {};
  for (int64_t edge = begin; edge < end; ++edge) {
    const int64_t row = shape.neighbours[edge] * shape.n_features + feature;
    const Lanes r = radial(edge, l, channel);
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

/// Features that are worked on together: as many as registers allow.
constexpr int feature_tile = vector_registers == 32 ? 4 : 1;

template <class Numbers, int Features, class Radial>
inline void sum_moments(const Convolution<typename Numbers::Real> &shape, const Radial &radial,
                        int64_t begin, int64_t end, int feature, int channel,
                        typename Numbers::Lanes *moments)
{
  for (int l = 0; l <= shape.filter_degree; ++l) {
    int order = 0;
    const auto tile = [&](auto orders) {
      sum_moments<Numbers, decltype(orders)::value, Features>(shape, radial, begin, end, l, order,
                                                              feature, channel, moments);
      order += decltype(orders)::value;
    };
    while (2 * l + 1 - order >= 7) tile(std::integral_constant<int, 7>());
    if (2 * l + 1 - order >= 5) tile(std::integral_constant<int, 5>());
    if (2 * l + 1 - order >= 3) tile(std::integral_constant<int, 3>());
    while (2 * l + 1 - order >= 1) tile(std::integral_constant<int, 1>());
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
    const int64_t begin = shape.first[centre], end = shape.first[centre + 1];
    radial.prepare(begin, end);
    for (int channel = 0; channel < shape.channels; channel += lanes<Real>) {
      int feature = 0;
      for (; feature + feature_tile <= shape.n_features; feature += feature_tile)
        sum_moments<Numbers, feature_tile>(shape, radial, begin, end, feature, channel,
                                           moments.get());
      for (; feature < shape.n_features; ++feature)
        sum_moments<Numbers, 1>(shape, radial, begin, end, feature, channel, moments.get());
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
    const Lanes r = radial(edge, l, channel);
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
    const int64_t begin = shape.first[centre], end = shape.first[centre + 1];
    radial.prepare(begin, end);
    for (int block = 0; block < n_blocks; ++block) {
      Vector<Real> *moments = moment_adjoints.get() + block * n_moments;
      for (int moment = 0; moment < n_moments; ++moment) moments[moment] = Vector<Real>{};
      const Real *from = adjoint + centre * shape.n_outputs * shape.channels + block * lanes<Real>;
      for (int64_t c = 0; c < shape.n_couplings; ++c)
        moments[shape.couplings[c].moment] +=
            shape.couplings[c].value * load(from + shape.couplings[c].output * shape.channels);
    }
    for (int64_t edge = begin; edge < end; ++edge) {
      Lanes harmonics_gradient[(max_filter_degree + 1) * (max_filter_degree + 1)];
      for (int lm = 0; lm < n_harmonics; ++lm) harmonics_gradient[lm] = Lanes{};
      Lanes along_edge = {};
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
          radial.add_gradient(out, edge, l, channel, radial_gradient[l], along_edge);
      }
      radial.finish(out, edge, along_edge);
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
