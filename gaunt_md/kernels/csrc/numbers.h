// SPDX-License-Identifier: MIT
// Numbers that a register full of channels is made of, with and without a derivative.
#pragma once

#include "kernels.h"

#include <type_traits>

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

/// Two registers that are worked on together: each constant that both are multiplied with is
/// loaded once.
template <class V> struct Pair {
  V first, second;
};

template <class V> inline Pair<V> operator+(const Pair<V> &a, const Pair<V> &b)
{
  return {a.first + b.first, a.second + b.second};
}
template <class V> inline Pair<V> operator-(const Pair<V> &a, const Pair<V> &b)
{
  return {a.first - b.first, a.second - b.second};
}
template <class V> inline Pair<V> operator*(const Pair<V> &a, const Pair<V> &b)
{
  return {a.first * b.first, a.second * b.second};
}
template <class V, class Real> inline Pair<V> operator*(Real a, const Pair<V> &b)
{
  return {a * b.first, a * b.second};
}
template <class V> inline void operator+=(Pair<V> &a, const Pair<V> &b)
{
  a.first += b.first;
  a.second += b.second;
}

/// The numbers of a plain evaluation.
template <class R> struct Plain {
  using Real = R;
  using Scalar = R;
  using Lanes = Vector<R>;
};

/// Those of a plain evaluation of twice as many channels at once.
template <class R> struct Wide {
  using Real = R;
  using Lanes = Pair<Vector<R>>;
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

template <class Real> inline void store(Real *to, const Pair<Vector<Real>> &pair)
{
  store(to, pair.first);
  store(to + lanes<Real>, pair.second);
}

/// Loads of the numbers of a kind.
template <class Numbers> struct Loader;
template <class R> struct Loader<Plain<R>> {
  static Vector<R> load_from(const Input<R> &from, int64_t offset)
  {
    return load(from.value + offset);
  }
};
template <class R> struct Loader<Wide<R>> {
  static Pair<Vector<R>> load_from(const Input<R> &from, int64_t offset)
  {
    return {load(from.value + offset), load(from.value + offset + lanes<R>)};
  }
};
template <class R> struct Loader<Directional<R>> {
  static Dual<Vector<R>> load_from(const Input<R> &from, int64_t offset)
  {
    return {load(from.value + offset), load(from.tangent + offset)};
  }
};

template <class Numbers, class Real = typename Numbers::Real>
inline typename Numbers::Lanes load(const Input<Real> &from, int64_t offset)
{
  return Loader<Numbers>::load_from(from, offset);
}

/// Channels that the numbers of a kind hold.
template <class Numbers>
constexpr int channels_at_once =
    lanes<typename Numbers::Real> *
    (std::is_same_v<Numbers, Wide<typename Numbers::Real>> ? 2 : 1);

template <class Numbers, class Real = typename Numbers::Real>
inline typename Numbers::Scalar scalar(const Input<Real> &from, int64_t offset)
{
  if constexpr (std::is_same_v<Numbers, Plain<Real>>)
    return from.value[offset];
  else
    return {from.value[offset], from.tangent[offset]};
}

template <class N> struct One {
  static N make() { return N{} + 1; }
};
template <class V> struct One<Pair<V>> {
  static Pair<V> make() { return {V{} + 1, V{} + 1}; }
};
template <class N> struct One<Dual<N>> {
  static Dual<N> make() { return {One<N>::make(), N{}}; }
};
/// One in every lane, with tangent zero.
template <class N> inline N one() { return One<N>::make(); }

/// What is asked for: the value, or its derivative in the direction.
template <class V> inline V result(const V &value) { return value; }
template <class V> inline V result(const Dual<V> &number) { return number.tangent; }

/// Call `work(first, count)` for tiles of Most, then for a smaller one; the count is a constant.
template <int Most, class Work> inline void in_tiles(int n, const Work &work)
{
  int first = 0;
  for (; first + Most <= n; first += Most) work(first, std::integral_constant<int, Most>());
  if constexpr (Most > 1)
    if (first < n)
      in_tiles<Most - 1>(n - first, [&](int rest, auto count) { work(first + rest, count); });
}

template <class Real, int Lanes> struct LanesOf {
  typedef Real type __attribute__((vector_size(Lanes * sizeof(Real))));
};

/// The sum of all lanes: halves are added until two numbers are left.
template <class V> inline auto sum(const V &vector)
{
  using Real = std::remove_cv_t<std::remove_reference_t<decltype(vector[0])>>;
  constexpr int n = sizeof(V) / sizeof(Real);
  if constexpr (n == 2) {
    return vector[0] + vector[1];
  } else {
    typename LanesOf<Real, n / 2>::type halves[2];
    __builtin_memcpy(halves, &vector, sizeof vector);
    return sum(halves[0] + halves[1]);
  }
}

} // namespace gaunt::GAUNT_INSTRUCTION_SET
