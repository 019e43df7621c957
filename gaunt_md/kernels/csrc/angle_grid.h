// SPDX-License-Identifier: MIT
// Functions on a grid of angles θ and φ: sums over l for each m, then sums over m, and back.
//
// Latitudes come in pairs θ (north) and π - θ (south), where Y_lm differs by the sign (-1)^(l + m).
// Longitudes come in fours φ, -φ, π + φ and π - φ, where cos mφ and sin mφ differ by signs, too:
// even and odd m of cosines and of sines are summed at φ alone. The loops stay functions of their
// own: where they are inlined into larger ones, compilers run out of registers.
#pragma once

#include "numbers.h"

namespace gaunt::GAUNT_INSTRUCTION_SET {

/// Pairs of latitudes, and fours of longitudes, that are worked on together in registers.
constexpr int tile_latitudes = 2, tile_longitudes = 2;

/// Points of a pair of latitudes with the same four longitudes.
constexpr int points_of_longitude = 8;

/// Where the sum over l for an order m is, at the north; that at the south follows.
inline int place_of(int degree, int m) { return 2 * (degree + m); }

/// Sums over l of coefficients x_lm times Q_l|m|(θ), for each m at some latitudes.
///
/// matrix [Latitudes][columns], series [Latitudes][m = -degree..degree][north, south]
template <int Latitudes, class Real, class Lanes>
[[gnu::noinline]] void sum_degrees(const Real *matrix, int columns, int degree, const Lanes *x,
                                    Lanes *series)
{
  const int size = place_of(degree, degree + 1);
  for (int m = 0; m <= degree; ++m) {
    const auto sum = [&](int l, Lanes(&cosine)[Latitudes], Lanes(&sine)[Latitudes]) {
      for (; l <= degree; l += 2) {
        const int middle = l * l + l;
        const Lanes x_cosine = x[middle + m], x_sine = x[middle - m];
#pragma GCC unroll 2
        for (int t = 0; t < Latitudes; ++t) {
          const Real profile = matrix[t * columns + middle + m];
          cosine[t] += profile * x_cosine;
          sine[t] += profile * x_sine;
        }
      }
    };
    // Even and odd l + m. For m = 0 sines are cosines once more.
    Lanes cosine[2][Latitudes] = {}, sine[2][Latitudes] = {};
    sum(m, cosine[0], sine[0]);
    sum(m + 1, cosine[1], sine[1]);
#pragma GCC unroll 2
    for (int t = 0; t < Latitudes; ++t) {
      Lanes *to = series + t * size;
      to[place_of(degree, m)] = cosine[0][t] + cosine[1][t];
      to[place_of(degree, m) + 1] = cosine[0][t] - cosine[1][t];
      to[place_of(degree, -m)] = sine[0][t] + sine[1][t];
      to[place_of(degree, -m) + 1] = sine[0][t] - sine[1][t];
    }
  }
}

/// Add what series mean for coefficients: the transpose of `sum_degrees`.
template <int Latitudes, class Real, class Lanes>
[[gnu::noinline]] void add_degrees(const Real *matrix, int columns, int degree,
                                    const Lanes *series, Lanes *x)
{
  const int size = place_of(degree, degree + 1);
  for (int m = 0; m <= degree; ++m) {
    Lanes cosine[2][Latitudes], sine[2][Latitudes];
#pragma GCC unroll 2
    for (int t = 0; t < Latitudes; ++t) {
      const Lanes *from = series + t * size;
      const auto part = [&](int order, Lanes(&parities)[2][Latitudes]) {
        const Lanes *pair = from + place_of(degree, order);
        parities[0][t] = pair[0] + pair[1];
        parities[1][t] = pair[0] - pair[1];
      };
      part(m, cosine);
      part(-m, sine);
    }
    const auto add = [&](int l, const Lanes(&cosine)[Latitudes], const Lanes(&sine)[Latitudes]) {
      for (; l <= degree; l += 2) {
        const int middle = l * l + l;
        Lanes x_cosine = x[middle + m], x_sine = x[middle - m];
#pragma GCC unroll 2
        for (int t = 0; t < Latitudes; ++t) {
          const Real profile = matrix[t * columns + middle + m];
          x_cosine += profile * cosine[t];
          x_sine += profile * sine[t];
        }
        x[middle + m] = x_cosine;
        x[middle - m] = x_sine;
      }
    };
    add(m, cosine[0], sine[0]);
    add(m + 1, cosine[1], sine[1]);
  }
}

/// Call `each(m, 0)` and `each(m + 1, 1)` for all orders in pairs: the parity runs with them.
template <class Each> inline void in_pairs(int m, int degree, const Each &each)
{
  for (; m < degree; m += 2) {
    each(m, 0);
    each(m + 1, 1);
  }
  if (m == degree) each(m, 0);
}

/// Values of a series at some longitudes: [Longitudes][φ, -φ, π + φ, π - φ][north, south].
///
/// waves [Longitudes][columns], of which the middle one belongs to m = 0
template <int Longitudes, class Real, class Lanes>
[[gnu::noinline]] void sum_orders(const Real *waves, int columns, int degree, const Lanes *series,
                                  Lanes *values)
{
  constexpr int n = 2 * Longitudes; // north and south of each
  const auto sum = [&](int first, int sign, Lanes(&parts)[2][n]) {
    in_pairs(first, degree, [&](int m, int part) {
      const Lanes *from = series + place_of(degree, sign * m);
      const Lanes north = from[0], south = from[1];
#pragma GCC unroll 4
      for (int p = 0; p < Longitudes; ++p) {
        const Real wave = waves[p * columns + columns / 2 + sign * m];
        parts[part][2 * p] += wave * north;
        parts[part][2 * p + 1] += wave * south;
      }
    });
  };
  Lanes cosines[2][n] = {}; // of even and odd m
  sum(0, 1, cosines);
  Lanes sines[2][n] = {}; // of odd and even m
  sum(1, -1, sines);
#pragma GCC unroll 8
  for (int i = 0; i < n; ++i) {
    Lanes *to = values + i / 2 * points_of_longitude + i % 2;
    const Lanes cosine = cosines[0][i] + cosines[1][i], sine = sines[1][i] + sines[0][i];
    to[0] = cosine + sine;
    to[2] = cosine - sine;
    const Lanes opposite_cosine = cosines[0][i] - cosines[1][i];
    const Lanes opposite_sine = sines[1][i] - sines[0][i];
    to[4] = opposite_cosine + opposite_sine;
    to[6] = opposite_cosine - opposite_sine;
  }
}

/// Add what values at some longitudes mean for a series: the transpose of `sum_orders`.
template <int Longitudes, class Real, class Lanes>
[[gnu::noinline]] void add_orders(const Real *waves, int columns, int degree, const Lanes *values,
                                  Lanes *series)
{
  constexpr int n = 2 * Longitudes;
  Lanes cosines[2][n], sines[2][n];
#pragma GCC unroll 8
  for (int i = 0; i < n; ++i) {
    const Lanes *from = values + i / 2 * points_of_longitude + i % 2;
    const Lanes cosine = from[0] + from[2], opposite_cosine = from[4] + from[6];
    cosines[0][i] = cosine + opposite_cosine;
    cosines[1][i] = cosine - opposite_cosine;
    const Lanes sine = from[0] - from[2], opposite_sine = from[4] - from[6];
    sines[0][i] = sine - opposite_sine;
    sines[1][i] = sine + opposite_sine;
  }
  const auto add = [&](int first, int sign, const Lanes(&parts)[2][n]) {
    in_pairs(first, degree, [&](int m, int part) {
      Lanes *to = series + place_of(degree, sign * m);
      Lanes north = to[0], south = to[1];
#pragma GCC unroll 4
      for (int p = 0; p < Longitudes; ++p) {
        const Real wave = waves[p * columns + columns / 2 + sign * m];
        north += wave * parts[part][2 * p];
        south += wave * parts[part][2 * p + 1];
      }
      to[0] = north;
      to[1] = south;
    });
  };
  add(0, 1, cosines);
  add(1, -1, sines);
}

} // namespace gaunt::GAUNT_INSTRUCTION_SET
