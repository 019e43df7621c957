// SPDX-License-Identifier: MIT
/*
 * The contract of the kernels: plain loops over plain arrays, no framework.
 *
 * Conventions
 *   - arrays are dense, the last index runs fastest, and it is the channel wherever there is one;
 *   - the number of channels is a multiple of `channel_multiple<Real>`;
 *   - a function works on the part of the nodes (or edges) that it is given and writes only what
 *     belongs to that part, so that threads need no locks; exceptions are marked *added to*;
 *   - degrees count from 0 to L inclusive; coefficients are in the order l*l + l + m.
 *
 * Derivatives. Each operation f has a function for its value and one for its gradient, the sum of
 * an adjoint times the derivative of f by every input. Second derivatives are derivatives of these
 * two in a direction: where inputs come with tangents, both functions return how their result
 * changes per unit step in the direction of the tangents instead of the result itself. The same
 * loops, with dual numbers in place of numbers, do that.
 */
#pragma once

#include <cstdint>

namespace gaunt {

/// Rows of this many channels fill whole registers on every machine.
template <class Real> constexpr int channel_multiple = 64 / sizeof(Real);

constexpr int max_filter_degree = 8;
constexpr int max_factors = 16;

/// The part of an operation that one thread does.
struct Range {
  int64_t begin, end;
};

/// Numbers, and their derivatives in the direction asked for; null if none is.
template <class Real> struct Input {
  const Real *value = nullptr;
  const Real *tangent = nullptr;
};

/**
 * Convolution: A_i = G : Σ_e h_j ⊗ (R Y)_e over the edges e of centre i, where j is the neighbour.
 *
 * The moments M[lm, k] = Σ_e Y_lm R_l h_k are summed in registers; the couplings, the nonzero
 * elements of G, are applied once for each centre.
 */
template <class Real> struct Convolution {
  struct Coupling {
    int output; // index of a coefficient of A
    int moment; // lm * features + k
    Real value;
  };

  int channels;
  int n_features; // coefficients k of h
  int filter_degree;
  int n_radial;  // functions R of an edge and channel: filter_degree + 1, or one for all degrees
  int n_outputs; // coefficients of A
  int64_t n_couplings;
  const Coupling *couplings; // output by output

  const int64_t *first;      // [centres + 1] edges of centre i: first[i] ... first[i + 1] - 1
  const int64_t *neighbours; // [edges]

  Input<Real> features;  // h [atoms][n_features][channels]
  Input<Real> harmonics; // Y [edges][(filter_degree + 1)^2]
  Input<Real> radial;    // R [edges][n_radial][channels], unless there is a table

  // Radial functions as quintic Hermite splines: values, slopes times step and curvatures times
  // step^2 at equidistant nodes. Forces have two continuous derivatives then.
  const Real *table = nullptr; // [n_nodes][3][n_radial][channels]
  int n_nodes = 0;
  Real step = 0;
  Input<Real> distances; // [edges]
};

/// Where the gradient of a convolution goes; null for what nobody wants.
template <class Real> struct ConvolutionGradient {
  Real *features;  // like h; *added to*, at neighbours too: each thread needs an array of its own
  Real *harmonics; // like Y
  Real *radial;    // like R; with a table: null
  Real *distances; // [edges]; without a table: null
};

/**
 * Product of functions on the sphere by their values on a grid.
 *
 * out = P [f_1 (w_1 + f_2 (w_2 + f_3 (w_3 + ...)))] with weights, out = P [f_1 f_2 f_3 ...]
 * without; f_q are values of the factors and P projects to coefficients.
 *
 * The grid is one of points, or one of angles if there are waves. Of points, s and -s, only one is
 * stored: even degrees have the same value at both, odd ones opposite values. On angles sums over l
 * come first, those over m follow, which is less work from degree 4 on and about as much at 2 and 3;
 * weights are not supported there. A latitude θ stands for π - θ, too, and a longitude φ for -φ,
 * π + φ and π - φ; evaluation and projection are of θ alone, harmonics without cos mφ and
 * sin |m|φ, the waves.
 */
template <class Real> struct GridProduct {
  int channels;
  int n_factors;
  int degree[max_factors];
  Input<Real> factors[max_factors];    // coefficients of the first node
  int64_t node_stride[max_factors];    // from one node to the next
  int64_t coefficient_stride[max_factors];
  Input<Real> weights; // [nodes][n_factors][channels], or null

  int n_tiles;            // of `tile_points` points each
  int n_evaluated;        // columns of the evaluation
  const Real *evaluation; // [n_tiles][n_evaluated][tile_points]; angles: [n_latitudes][n_evaluated]
  int degree_out;
  const Real *projection; // [n_tiles][(degree_out + 1)^2][tile_points]; angles: [n_latitudes][...]

  int n_latitudes = 0;
  int n_longitudes = 0;
  int n_waves = 0;             // m = -degree..degree for some degree
  const Real *waves = nullptr; // [n_longitudes][n_waves]
};

template <class Real> struct GridProductGradient {
  Real *factors[max_factors]; // with strides as below; may be the factors themselves
  Real *plain[max_factors] = {}; // with tangents: the gradients themselves, too; or null
  int64_t node_stride[max_factors];
  int64_t coefficient_stride[max_factors];
  Real *weights; // [nodes][n_factors][channels], or null
};

/// Points that are worked on together; more wait in memory for registers.
constexpr int tile_points = 5;

/// y[i, lm] = Σ_c x[i, lm, c] W_l[c]: one matrix for each degree.
template <class Real> struct DegreeLinear {
  int degree;
  int channels_in; // any number
  int channels_out;
  const Real *x;      // [nodes][(degree + 1)^2][channels_in]
  const Real *weight; // [degree + 1][channels_in][channels_out]
  bool adds = false;  // to y instead of overwriting it
};

/// y[i, lm, c] = x[i, lm, c] w[l, c]: one weight for each degree and channel.
template <class Real> struct DegreeWeights {
  int degree;
  int channels;
  const Real *x;      // [nodes][(degree + 1)^2][channels]
  int64_t x_stride;   // from one node to the next; zero if all are the same
  const Real *weight; // [degree + 1][channels]
};

/**
 * Product of differently mixed copies of one function, the many-body product of an atom.
 *
 * out = P [f_1 (w_1 + f_2 (w_2 + ...))] with the mixes f_q = x W_q, all of one degree. The mixes of
 * a few nodes at a time are made, multiplied and forgotten: they are the largest array of a
 * potential by far, and never leave the cache.
 */
template <class Real> struct ManyBody {
  int channels_in;
  int channels;
  int degree;
  int n_factors;
  Input<Real> x;              // [nodes][(degree + 1)^2][channels_in]
  Input<Real> mix;            // [degree + 1][channels_in][n_factors][channels]
  Input<Real> mix_transposed; // [degree + 1][n_factors][channels][channels_in]; for gradients only
  Input<Real> weights;        // [nodes][n_factors][channels]
  // If x has a tangent, weights have one, too; a mix without one is constant.

  int n_tiles;
  const Real *evaluation; // [n_tiles][(degree + 1)^2][tile_points]
  int degree_out;
  const Real *projection; // [n_tiles][(degree_out + 1)^2][tile_points]
};

/// Where the gradient of a many-body product goes; null for what nobody wants.
template <class Real> struct ManyBodyGradient {
  Real *x;       // like x
  Real *mix;     // like mix; *added to*: each thread needs an array of its own
  Real *weights; // like weights
};

/// Real orthonormal spherical harmonics of the directions of vectors.
template <class Real> struct Harmonics {
  int degree;
  Input<Real> vectors; // [edges][3]
};

/// The operations for one kind of processor. Results named `out` are overwritten.
template <class Real> struct Kernels {
  /// out [centres][n_outputs][channels]; range of centres.
  void (*convolution)(const Convolution<Real> &, Range, Real *out);
  /// adjoint like out; range of centres.
  void (*convolution_gradient)(const Convolution<Real> &, const Real *adjoint, Range,
                               const ConvolutionGradient<Real> &);
  /// out [nodes][(degree_out + 1)^2][channels]; range of nodes.
  void (*grid_product)(const GridProduct<Real> &, Range, Real *out);
  void (*grid_product_gradient)(const GridProduct<Real> &, const Real *adjoint, Range,
                                const GridProductGradient<Real> &);
  /// out [nodes][(degree_out + 1)^2][channels]; range of nodes.
  void (*many_body)(const ManyBody<Real> &, Range, Real *out);
  void (*many_body_gradient)(const ManyBody<Real> &, const Real *adjoint, Range,
                             const ManyBodyGradient<Real> &);
  /// out [nodes][(degree + 1)^2][channels_out]; range of nodes.
  void (*degree_linear)(const DegreeLinear<Real> &, Range, Real *out);
  /// adjoint like out; gradient by the weight, like it, is *added to*; range of nodes.
  void (*degree_linear_weights)(const DegreeLinear<Real> &, const Real *adjoint, Range,
                                Real *gradient);
  /// out [columns][rows]; both are multiples of `channel_multiple`.
  void (*transpose)(const Real *matrix, int64_t rows, int64_t columns, Real *out);
  /// out like x, but dense; range of nodes.
  void (*degree_weights)(const DegreeWeights<Real> &, Range, Real *out);
  /// adjoint like out, from node to node by its own stride; x_gradient like out; weight_gradient,
  /// like the weight, is *added to*; range of nodes.
  void (*degree_weights_gradient)(const DegreeWeights<Real> &, const Real *adjoint,
                                  int64_t adjoint_stride, Range, Real *x_gradient,
                                  Real *weight_gradient);
  /// out [edges][(degree + 1)^2]; range of edges.
  void (*harmonics)(const Harmonics<Real> &, Range, Real *out);
  /// adjoint like out, gradient [edges][3]; range of edges.
  void (*harmonics_gradient)(const Harmonics<Real> &, const Real *adjoint, Range, Real *gradient);
};

/// The fastest kernels that this processor can run, unless $ATEN_CPU_CAPABILITY is "avx2" or
/// "default", as for torch's own.
template <class Real> const Kernels<Real> &kernels();

/// Their name: "avx512", "avx2" or "baseline".
const char *instruction_set();

} // namespace gaunt
