// SPDX-License-Identifier: GPL-2.0-or-later

#include "feature_exchange.h"

#include <algorithm>
#include <cstring>

using namespace LAMMPS_NS;

namespace {

template <typename Real> void add_numbers(void *target, const void *source, int n)
{
  auto *to = static_cast<Real *>(target);
  const auto *from = static_cast<const Real *>(source);
  for (int k = 0; k < n; ++k) to[k] += from[k];
}

}  // namespace

void FeatureExchange::clear(int n_atoms, int width, int size)
{
  n_numbers = width;
  n_bytes = width * size;
  n_doubles = (n_bytes + static_cast<int>(sizeof(double)) - 1) / static_cast<int>(sizeof(double));
  rows_.assign(static_cast<std::size_t>(n_atoms) * n_doubles, 0.0);
}

void FeatureExchange::add(void *target, const void *source) const
{
  if (n_bytes == n_numbers * static_cast<int>(sizeof(float)))
    add_numbers<float>(target, source, n_numbers);
  else
    add_numbers<double>(target, source, n_numbers);
}

void FeatureExchange::take(const void *rows, const std::vector<int> &indices, int begin, int end)
{
  const auto *bytes = static_cast<const char *>(rows);
  for (std::size_t a = begin; a < static_cast<std::size_t>(end); ++a)
    std::memcpy(row(indices[a]), bytes + a * n_bytes, n_bytes);
}

void FeatureExchange::give(void *rows, const std::vector<int> &indices, int begin, int end) const
{
  auto *bytes = static_cast<char *>(rows);
  for (std::size_t a = begin; a < static_cast<std::size_t>(end); ++a)
    std::memcpy(bytes + a * n_bytes, row(indices[a]), n_bytes);
}

void FeatureExchange::add_to(void *rows, const std::vector<int> &indices, int begin, int end) const
{
  auto *bytes = static_cast<char *>(rows);
  for (std::size_t a = begin; a < static_cast<std::size_t>(end); ++a)
    add(bytes + a * n_bytes, row(indices[a]));
}

int FeatureExchange::pack(int n, const int *list, double *buffer) const
{
  for (int i = 0; i < n; ++i, buffer += n_doubles) std::copy_n(row(list[i]), n_doubles, buffer);
  return n * n_doubles;
}

void FeatureExchange::unpack(int n, int first, const double *buffer)
{
  std::copy_n(buffer, static_cast<std::size_t>(n) * n_doubles, row(first));
}

int FeatureExchange::pack_reverse(int n, int first, double *buffer) const
{
  std::copy_n(row(first), static_cast<std::size_t>(n) * n_doubles, buffer);
  return n * n_doubles;
}

void FeatureExchange::unpack_reverse(int n, const int *list, const double *buffer)
{
  for (int i = 0; i < n; ++i, buffer += n_doubles) add(row(list[i]), buffer);
}

double FeatureExchange::memory_usage() const
{
  return static_cast<double>(sizeof(double) * rows_.capacity());
}
