// SPDX-License-Identifier: MIT
// Numbers that a register full of channels is made of, with and without a derivative.
#pragma once

#include "kernels.h"

namespace gaunt::GAUNT_INSTRUCTION_SET {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int vector_registers = 32;
#else
constexpr int vector_registers = 16;
#endif

template <class Real> struct VectorOf {
  // Compilers' own vector type: arithmetic on it is arithmetic on registers.
  typedef Real type __attribute__((vector_size(vector_bytes)));
};
template <class Real> using Vector = typename VectorOf<Real>::type;

/// Channels in one register.
template <class Real> constexpr int lanes = vector_bytes / static_cast<int>(sizeof(Real));

/// a + ε b with ε² = 0: a number and its derivative.
template <class Number> struct Dual {
  Number value, tangent;
};

template <class N> inline Dual<N> operator+(const Dual<N> &a, const Dual<N> &b)
{
  return {a.value + b.value, a.tangent + b.tangent};
}
template <class N> inline Dual<N> operator-(const Dual<N> &a, const Dual<N> &b)
{
  return {a.value - b.value, a.tangent - b.tangent};
}
template <class N> inline void operator+=(Dual<N> &a, const Dual<N> &b)
{
  a.value += b.value;
  a.tangent += b.tangent;
}
template <class A, class B>
inline auto operator*(const Dual<A> &a, const Dual<B> &b)
    -> Dual<decltype(a.value * b.value)>
{
  return {a.value * b.value, a.value * b.tangent + a.tangent * b.value};
}
/// With a constant on either side.
template <class A, class B>
inline auto operator*(const A &a, const Dual<B> &b) -> Dual<decltype(a * b.value)>
{
  return {a * b.value, a * b.tangent};
}
template <class A, class B>
inline auto operator*(const Dual<A> &a, const B &b) -> Dual<decltype(a.value * b)>
{
  return {a.value * b, a.tangent * b};
}

/// The numbers of a plain evaluation.
template <class R> struct Plain {
  using Real = R;
  using Scalar = R;
  using Lanes = Vector<R>;
};

/// The numbers of a derivative in a direction.
template <class R> struct Directional {
  using Real = R;
  using Scalar = Dual<R>;
  using Lanes = Dual<Vector<R>>;
};

template <class Real> inline Vector<Real> load(const Real *from)
{
  Vector<Real> vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}
template <class Real> inline void store(Real *to, Vector<Real> vector)
{
  __builtin_memcpy(to, &vector, sizeof vector);
}

template <class Numbers, class Real = typename Numbers::Real>
inline typename Numbers::Lanes load(const Input<Real> &from, int64_t offset)
{
  if constexpr (sizeof(typename Numbers::Lanes) == vector_bytes)
    return load(from.value + offset);
  else
    return {load(from.value + offset), load(from.tangent + offset)};
}

template <class Numbers, class Real = typename Numbers::Real>
inline typename Numbers::Scalar scalar(const Input<Real> &from, int64_t offset)
{
  if constexpr (sizeof(typename Numbers::Lanes) == vector_bytes)
    return from.value[offset];
  else
    return {from.value[offset], from.tangent[offset]};
}

template <class N> struct One {
  static N make() { return N{} + 1; }
};
template <class N> struct One<Dual<N>> {
  static Dual<N> make() { return {One<N>::make(), N{}}; }
};
/// One in every lane, with tangent zero.
template <class N> inline N one() { return One<N>::make(); }

/// What is asked for: the value, or its derivative in the direction.
template <class V> inline V result(const V &value) { return value; }
template <class V> inline V result(const Dual<V> &number) { return number.tangent; }

template <class V> inline auto sum(const V &vector)
{
  // Halves are added until one number is left: fewer dependent additions than one by one.
  constexpr int n = sizeof(V) / sizeof(vector[0]);
  decltype(vector[0] + 0) parts[n];
  __builtin_memcpy(parts, &vector, sizeof vector);
#pragma GCC unroll 4
  for (int half = n / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) parts[i] += parts[i + half];
  return parts[0];
}

} // namespace gaunt::GAUNT_INSTRUCTION_SET
