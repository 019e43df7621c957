// SPDX-License-Identifier: MIT
// Spherical harmonics of the directions of edges and their derivatives; one edge in each lane of a
// register.
#pragma once

#include "numbers.h"

#include <cmath>

namespace gaunt::GAUNT_INSTRUCTION_SET {

/// Factors of the recurrence of `gaunt_md.sphere.spherical_harmonics`.
template <class Real> struct Recurrence {
  explicit Recurrence(int degree)
  {
    double q = 1 / std::sqrt(4 * 3.14159265358979323846);
    for (int m = 0; m <= degree; ++m) {
      if (m > 0) q *= std::sqrt(m == 1 ? 3.0 : (2.0 * m + 1) / (2.0 * m));
      sectoral[m] = static_cast<Real>(q);
      for (int l = m + 1; l <= degree; ++l) {
        rising[l][m] = static_cast<Real>(std::sqrt((4.0 * l * l - 1) / (1.0 * l * l - m * m)));
        falling[l][m] = static_cast<Real>(
            std::sqrt(((l - 1.0) * (l - 1) - m * m) / (4.0 * (l - 1) * (l - 1) - 1)));
      }
    }
  }
  Real sectoral[max_filter_degree + 1];
  Real rising[max_filter_degree + 1][max_filter_degree + 1];
  Real falling[max_filter_degree + 1][max_filter_degree + 1];
};

template <class Real, class Number>
inline void evaluate_harmonics(int degree, const Recurrence<Real> &factors, const Number &x,
                               const Number &y, const Number &z, Number *harmonics)
{
  Number cosine = one<Number>(), sine = {}; // real and imaginary part of (x + iy)^m
  for (int m = 0; m <= degree; ++m) {
    Number before = {}, polynomial = factors.sectoral[m] * one<Number>();
    for (int l = m; l <= degree; ++l) {
      if (l > m) {
        const Number next = factors.rising[l][m] *
                            (z * polynomial - factors.falling[l][m] * before);
        before = polynomial;
        polynomial = next;
      }
      harmonics[l * l + l + m] = polynomial * cosine;
      if (m > 0) harmonics[l * l + l - m] = polynomial * sine;
    }
    const Number turned = x * cosine - y * sine;
    sine = x * sine + y * cosine;
    cosine = turned;
  }
}

/// 1/√x
template <class V> inline V inverse_root(const V &x)
{
  V result;
  for (unsigned lane = 0; lane < sizeof(V) / sizeof(x[0]); ++lane)
    result[lane] = 1 / std::sqrt(x[lane]);
  return result;
}
template <class V> inline Dual<V> inverse_root(const Dual<V> &x)
{
  const V root = inverse_root(x.value);
  return {root, V{} - x.tangent * root * root * root / 2};
}

/// Make a unit vector of r and return 1/|r|.
template <class Number> inline Number normalise(Number (&r)[3])
{
  const Number inverse = inverse_root(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
  for (Number &component : r) component = component * inverse;
  return inverse;
}

/// A component of the vectors of as many edges as there are lanes; beyond the end, of the last.
template <class Real>
inline Vector<Real> gather(const Real *vectors, int64_t edge, int64_t end, int component)
{
  Vector<Real> gathered;
  for (int lane = 0; lane < lanes<Real>; ++lane) {
    const int64_t at = edge + lane < end ? edge + lane : end - 1;
    gathered[lane] = vectors[3 * at + component];
  }
  return gathered;
}

template <class Real> void harmonics(const Harmonics<Real> &shape, Range edges, Real *out)
{
  using V = Vector<Real>;
  const int n = (shape.degree + 1) * (shape.degree + 1);
  const Recurrence<Real> factors(shape.degree);
  V values[(max_filter_degree + 1) * (max_filter_degree + 1)];
  Dual<V> moving[(max_filter_degree + 1) * (max_filter_degree + 1)];
  for (int64_t edge = edges.begin; edge < edges.end; edge += lanes<Real>) {
    V r[3];
    for (int k = 0; k < 3; ++k) r[k] = gather(shape.vectors.value, edge, edges.end, k);
    if (shape.vectors.tangent) {
      Dual<V> s[3];
      for (int k = 0; k < 3; ++k)
        s[k] = {r[k], gather(shape.vectors.tangent, edge, edges.end, k)};
      normalise(s);
      evaluate_harmonics(shape.degree, factors, s[0], s[1], s[2], moving);
      for (int lm = 0; lm < n; ++lm) values[lm] = moving[lm].tangent;
    } else {
      normalise(r);
      evaluate_harmonics(shape.degree, factors, r[0], r[1], r[2], values);
    }
    for (int lane = 0; lane < lanes<Real> && edge + lane < edges.end; ++lane)
      for (int lm = 0; lm < n; ++lm) out[(edge + lane) * n + lm] = values[lm][lane];
  }
}

/// Σ_lm a_lm ∂Y_lm/∂r_k; for dual vectors with its tangent. Makes unit vectors of r.
template <class Real, class Number>
inline void contract_gradient(int degree, const Recurrence<Real> &factors, Number (&r)[3],
                              const Vector<Real> *adjoint, Number (&gradient)[3])
{
  const Number inverse = normalise(r);
  Dual<Number> values[(max_filter_degree + 1) * (max_filter_degree + 1)];
  for (int k = 0; k < 3; ++k) {
    Dual<Number> s[3] = {{r[0], {}}, {r[1], {}}, {r[2], {}}};
    s[k].tangent = one<Number>();
    evaluate_harmonics(degree, factors, s[0], s[1], s[2], values);
    gradient[k] = Number{};
    for (int lm = 0; lm < (degree + 1) * (degree + 1); ++lm)
      gradient[k] += values[lm].tangent * adjoint[lm];
  }
  // Along r nothing changes.
  const Number along = r[0] * gradient[0] + r[1] * gradient[1] + r[2] * gradient[2];
  for (int k = 0; k < 3; ++k) gradient[k] = (gradient[k] - r[k] * along) * inverse;
}

template <class Real>
void harmonics_gradient(const Harmonics<Real> &shape, const Real *adjoint, Range edges,
                        Real *gradient)
{
  using V = Vector<Real>;
  const int n = (shape.degree + 1) * (shape.degree + 1);
  const Recurrence<Real> factors(shape.degree);
  V weights[(max_filter_degree + 1) * (max_filter_degree + 1)] = {};
  for (int64_t edge = edges.begin; edge < edges.end; edge += lanes<Real>) {
    V r[3], total[3];
    for (int k = 0; k < 3; ++k) r[k] = gather(shape.vectors.value, edge, edges.end, k);
    for (int lane = 0; lane < lanes<Real> && edge + lane < edges.end; ++lane)
      for (int lm = 0; lm < n; ++lm) weights[lm][lane] = adjoint[(edge + lane) * n + lm];
    if (shape.vectors.tangent) {
      Dual<V> s[3], moving[3];
      for (int k = 0; k < 3; ++k)
        s[k] = {r[k], gather(shape.vectors.tangent, edge, edges.end, k)};
      contract_gradient(shape.degree, factors, s, weights, moving);
      for (int k = 0; k < 3; ++k) total[k] = moving[k].tangent;
    } else {
      contract_gradient(shape.degree, factors, r, weights, total);
    }
    for (int lane = 0; lane < lanes<Real> && edge + lane < edges.end; ++lane)
      for (int k = 0; k < 3; ++k) gradient[3 * (edge + lane) + k] = total[k][lane];
  }
}

} // namespace gaunt::GAUNT_INSTRUCTION_SET
