// SPDX-License-Identifier: MIT
// Many-body products: mixes, product and projection of a few nodes at a time, within the cache.
#pragma once

#include "degree_linear.h"
#include "grid_product.h"

#include <memory>

namespace gaunt::GAUNT_INSTRUCTION_SET {

/// The mixes of a few nodes, of which the product is made.
template <class Real> class Mixes {
 public:
  explicit Mixes(const ManyBody<Real> &shape)
      : shape_(shape), width_(shape.n_factors * shape.channels),
        size_(static_cast<int64_t>(shape.degree + 1) * (shape.degree + 1) * width_),
        size_in_(static_cast<int64_t>(shape.degree + 1) * (shape.degree + 1) * shape.channels_in),
        values_(new Real[size_ * nodes_at_once])
  {
    if (directional()) tangents_.reset(new Real[size_ * nodes_at_once]);
  }

  /// More would not fit into a core's cache beside the matrices.
  static constexpr int64_t nodes_at_once = 8;

  bool directional() const { return shape_.x.tangent != nullptr; }
  Real *values() const { return values_.get(); }
  Real *tangents() const { return tangents_.get(); }

  /// Mix the functions of some nodes.
  void mix(Range nodes)
  {
    const Range rows = {0, nodes.end - nodes.begin};
    degree_linear(linear(of_nodes(shape_.x.value, nodes), shape_.mix.value), rows, values());
    if (!directional()) return;
    degree_linear(linear(of_nodes(shape_.x.tangent, nodes), shape_.mix.value), rows, tangents());
    if (shape_.mix.tangent)
      degree_linear(linear(of_nodes(shape_.x.value, nodes), shape_.mix.tangent, true), rows,
                    tangents());
  }

  /// The product of the mixes of these nodes.
  GridProduct<Real> product(Range nodes) const
  {
    GridProduct<Real> product{};
    product.channels = shape_.channels;
    product.n_factors = shape_.n_factors;
    for (int q = 0; q < shape_.n_factors; ++q) {
      product.degree[q] = shape_.degree;
      product.factors[q].value = values() + q * shape_.channels;
      product.factors[q].tangent = directional() ? tangents() + q * shape_.channels : nullptr;
      product.node_stride[q] = size_;
      product.coefficient_stride[q] = width_;
    }
    product.weights.value = shape_.weights.value + nodes.begin * width_;
    if (directional()) product.weights.tangent = shape_.weights.tangent + nodes.begin * width_;
    product.n_tiles = shape_.n_tiles;
    product.n_evaluated = (shape_.degree + 1) * (shape_.degree + 1);
    product.evaluation = shape_.evaluation;
    product.degree_out = shape_.degree_out;
    product.projection = shape_.projection;
    return product;
  }

  /// Put the gradients by the mixes in place of the mixes; then `tangents` are those of the
  /// gradients, and `values` the gradients themselves.
  void differentiate(const GridProduct<Real> &product, const Real *adjoint, Range nodes,
                     Real *weights)
  {
    GridProductGradient<Real> out{};
    for (int q = 0; q < shape_.n_factors; ++q) {
      Real *plain = values() + q * shape_.channels;
      out.factors[q] = directional() ? tangents() + q * shape_.channels : plain;
      out.plain[q] = directional() ? plain : nullptr;
      out.node_stride[q] = size_;
      out.coefficient_stride[q] = width_;
    }
    out.weights = weights ? weights + nodes.begin * width_ : nullptr;
    grid_product_gradient(product, adjoint, {0, nodes.end - nodes.begin}, out);
  }

  /// What the gradients by the mixes mean for the functions.
  void gradient_of_functions(Range nodes, Real *x) const
  {
    const Range rows = {0, nodes.end - nodes.begin};
    Real *to = x + nodes.begin * size_in_;
    degree_linear(transposed(directional() ? tangents() : values(), shape_.mix_transposed.value),
                  rows, to);
    if (shape_.mix_transposed.tangent)
      degree_linear(transposed(values(), shape_.mix_transposed.tangent, true), rows, to);
  }

  /// What they mean for the matrices, added to `mix`.
  void gradient_of_matrices(Range nodes, Real *mix) const
  {
    const Range rows = {0, nodes.end - nodes.begin};
    const auto add = [&](const Real *x, const Real *gradients) {
      degree_linear_weights(linear(of_nodes(x, nodes), nullptr), gradients, rows, mix);
    };
    add(shape_.x.value, directional() ? tangents() : values());
    if (directional()) add(shape_.x.tangent, values());
  }

 private:
  const Real *of_nodes(const Real *x, Range nodes) const
  {
    return x + nodes.begin * size_in_;
  }
  DegreeLinear<Real> linear(const Real *x, const Real *matrix, bool adds = false) const
  {
    return {shape_.degree, shape_.channels_in, width_, x, matrix, adds};
  }
  DegreeLinear<Real> transposed(const Real *x, const Real *matrix, bool adds = false) const
  {
    return {shape_.degree, width_, shape_.channels_in, x, matrix, adds};
  }

  const ManyBody<Real> &shape_;
  const int width_; // channels of all factors
  const int64_t size_, size_in_; // of the mixes of one node, and of the function they are made of
  std::unique_ptr<Real[]> values_, tangents_;
};

/// A few nodes at a time.
template <class Real, class Work> void in_blocks(Range nodes, const Work &work)
{
  constexpr int64_t size = Mixes<Real>::nodes_at_once;
  for (int64_t begin = nodes.begin; begin < nodes.end; begin += size)
    work(Range{begin, begin + size < nodes.end ? begin + size : nodes.end});
}

template <class Real> void many_body(const ManyBody<Real> &shape, Range nodes, Real *out)
{
  const int64_t size =
      static_cast<int64_t>(shape.degree_out + 1) * (shape.degree_out + 1) * shape.channels;
  Mixes<Real> mixes(shape);
  in_blocks<Real>(nodes, [&](Range block) {
    mixes.mix(block);
    grid_product(mixes.product(block), {0, block.end - block.begin}, out + block.begin * size);
  });
}

template <class Real>
void many_body_gradient(const ManyBody<Real> &shape, const Real *adjoint, Range nodes,
                        const ManyBodyGradient<Real> &out)
{
  const int64_t size =
      static_cast<int64_t>(shape.degree_out + 1) * (shape.degree_out + 1) * shape.channels;
  Mixes<Real> mixes(shape);
  in_blocks<Real>(nodes, [&](Range block) {
    mixes.mix(block);
    mixes.differentiate(mixes.product(block), adjoint + block.begin * size, block, out.weights);
    if (out.x) mixes.gradient_of_functions(block, out.x);
    if (out.mix) mixes.gradient_of_matrices(block, out.mix);
  });
}

} // namespace gaunt::GAUNT_INSTRUCTION_SET
