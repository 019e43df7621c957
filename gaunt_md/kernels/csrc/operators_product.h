// SPDX-License-Identifier: MIT
// gaunt::grid_product, products of functions on a grid.
#pragma once

#include "operators.h"

namespace {

using Waves = std::optional<Tensor>;

/// Points, one of s and -s each, or with waves angles, with what evaluates and projects there.
struct GridArguments {
  Tensors factors;   // [nodes][(L_q + 1)^2][channels] each
  Tensor evaluation; // [points or latitudes][columns]
  Tensor projection; // [points or latitudes][(degree_out + 1)^2]
  Waves waves;       // [longitudes][2 degree + 1]
};

/// The first factor, of which there must be one.
const Tensor &first_of(at::TensorList factors)
{
  TORCH_CHECK(!factors.empty() && factors.size() <= gaunt::max_factors, "gaunt: products of ",
              factors.size(), " factors are not made at once, only those of 1 to ",
              gaunt::max_factors);
  return factors[0];
}

void check(const GridArguments &a)
{
  const Tensor &first = first_of(a.factors);
  TORCH_CHECK(first.dim() == 3, "gaunt: a factor of shape ", first.sizes(),
              " where [nodes, coefficients, channels] is expected");
  check_shape("evaluation", a.evaluation, {a.evaluation.size(0), a.evaluation.size(-1)});
  check_shape("projection", a.projection, {a.evaluation.size(0), a.projection.size(-1)});
  int degree = degree_of(a.projection.size(1));
  for (const Tensor &factor : a.factors) {
    TORCH_CHECK(factor.dim() == 3 && factor.size(0) == first.size(0) &&
                    factor.size(2) == first.size(2) && factor.size(1) <= a.evaluation.size(1),
                "gaunt: a factor of shape ", factor.sizes(), " beside one of shape ",
                first.sizes(), " on a grid for ", a.evaluation.size(1), " coefficients");
    degree = std::max(degree, degree_of(factor.size(1)));
  }
  if (!a.waves) return;
  check_shape("waves", *a.waves, {a.waves->size(0), a.waves->size(-1)});
  const int64_t orders = a.waves->size(1);
  TORCH_CHECK(orders % 2 == 1 && orders > 2 * degree, "gaunt: waves of ", orders,
              " orders where an odd number of at least ", 2 * degree + 1, " is expected");
}

template <class Real> class GridProductCall {
 public:
  GridProductCall(const GridArguments &a, const Tensor *tangents)
      : channels_(a.factors[0].size(-1)), nodes_(a.factors[0].size(0))
  {
    check(a);
    shape.n_factors = static_cast<int>(a.factors.size());
    for (size_t q = 0; q < a.factors.size(); ++q) {
      const Tensor &factor = a.factors[q];
      // Tangents are read with the strides of the values: both are dense.
      factors_.push_back(tangents ? padded<Real>(factor) : readable(factor));
      shape.degree[q] = degree_of(factor.size(1));
      shape.factors[q] = input<Real>(factors_[q]);
      shape.node_stride[q] = factors_[q].stride(0);
      shape.coefficient_stride[q] = factors_[q].stride(1);
      if (tangents) {
        tangents_.push_back(padded<Real>(tangents[q]));
        shape.factors[q].tangent = tangents_[q].template const_data_ptr<Real>();
      }
    }
    shape.channels = static_cast<int>(factors_[0].size(2));
    evaluation_ = a.waves ? dense(a.evaluation) : tiled<Real>(a.evaluation);
    projection_ = a.waves ? dense(a.projection) : tiled<Real>(a.projection);
    (a.waves ? shape.n_latitudes : shape.n_tiles) = static_cast<int>(evaluation_.size(0));
    if (a.waves) {
      waves_ = dense(*a.waves);
      shape.n_longitudes = static_cast<int>(waves_.size(0));
      shape.n_waves = static_cast<int>(waves_.size(1));
      shape.waves = waves_.template const_data_ptr<Real>();
    }
    shape.n_evaluated = static_cast<int>(evaluation_.size(1));
    shape.evaluation = evaluation_.template const_data_ptr<Real>();
    shape.degree_out = degree_of(a.projection.size(1));
    shape.projection = projection_.template const_data_ptr<Real>();
  }

  Tensor value() const
  {
    Tensor out = at::empty({nodes_, projection_.size(1), shape.channels}, factors_[0].options());
    in_parallel(nodes_, parts_for(nodes_), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().grid_product(shape, range, out.data_ptr<Real>());
    });
    return narrowed(out, channels_);
  }

  /// Gradients of the factors.
  Tensors gradient(const Tensor &adjoint) const
  {
    check_shape("adjoint", adjoint, {nodes_, projection_.size(1), channels_});
    const Tensor a = padded<Real>(adjoint);
    gaunt::GridProductGradient<Real> out{};
    Tensors gradients;
    for (int q = 0; q < shape.n_factors; ++q) {
      gradients.push_back(at::empty(factors_[q].sizes(), factors_[q].options()));
      out.factors[q] = gradients[q].data_ptr<Real>();
      out.node_stride[q] = gradients[q].stride(0);
      out.coefficient_stride[q] = gradients[q].stride(1);
    }
    in_parallel(nodes_, parts_for(nodes_), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().grid_product_gradient(shape, a.const_data_ptr<Real>(), range, out);
    });
    for (Tensor &gradient : gradients) gradient = narrowed(gradient, channels_);
    return gradients;
  }

 private:
  /// Channels must be dense; the other strides may be what they are.
  static Tensor readable(const Tensor &factor)
  {
    const bool whole = factor.size(2) % gaunt::channel_multiple<Real> == 0;
    return whole && factor.stride(2) == 1 && factor.numel() > 0 ? factor : padded<Real>(factor);
  }

  gaunt::GridProduct<Real> shape{};
  Tensors factors_, tangents_;
  Tensor evaluation_, projection_, waves_;
  int64_t channels_, nodes_;
};

Tensor grid_product(at::TensorList factors, const Tensor &evaluation, const Tensor &projection,
                    const Waves &waves)
{
  return for_dtype(first_of(factors), [&](auto real) {
    return GridProductCall<decltype(real)>({factors.vec(), evaluation, projection, waves}, nullptr)
        .value();
  });
}

Tensors grid_product_gradient(const Tensor &adjoint, at::TensorList factors,
                              const Tensor &evaluation, const Tensor &projection,
                              const Waves &waves)
{
  return for_dtype(first_of(factors), [&](auto real) {
    return GridProductCall<decltype(real)>({factors.vec(), evaluation, projection, waves}, nullptr)
        .gradient(adjoint);
  });
}

/// Derivatives of the product and of its gradients; tangents as the gradients come.
Tensors grid_product_second(const Tensor &adjoint, at::TensorList factors,
                            const Tensor &evaluation, const Tensor &projection,
                            const Waves &waves, at::TensorList tangents)
{
  return for_dtype(first_of(factors), [&](auto real) {
    const GridProductCall<decltype(real)> call({factors.vec(), evaluation, projection, waves},
                                               tangents.data());
    Tensors all{call.value()};
    for (const Tensor &gradient : call.gradient(adjoint)) all.push_back(gradient);
    return all;
  });
}

struct GridProductGradientFunction : Function<GridProductGradientFunction> {
  static variable_list forward(AutogradContext *context, const Tensor &adjoint,
                               at::TensorList factors, const Tensor &evaluation,
                               const Tensor &projection, const Waves &waves)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    static const auto op =
        operator_named<decltype(grid_product_gradient)>("gaunt::grid_product_gradient");
    variable_list saved{adjoint, evaluation, projection, waves.value_or(Tensor())};
    saved.insert(saved.end(), factors.begin(), factors.end());
    context->save_for_backward(saved);
    return op.call(adjoint, factors, evaluation, projection, waves);
  }

  static variable_list backward(AutogradContext *context, variable_list tangents)
  {
    const auto saved = context->get_saved_variables();
    const Tensors factors(saved.begin() + 4, saved.end());
    for (size_t q = 0; q < factors.size(); ++q) tangents[q] = or_zeros(tangents[q], factors[q]);
    static const auto op =
        operator_named<decltype(grid_product_second)>("gaunt::grid_product_second");
    auto gradients = op.call(saved[0], factors, saved[1], saved[2], optional(saved[3]), tangents);
    gradients.resize(gradients.size() + 3);
    return gradients;
  }
};

Tensors grid_product_gradient_autograd(const Tensor &adjoint, at::TensorList factors,
                                       const Tensor &evaluation, const Tensor &projection,
                                       const Waves &waves)
{
  return GridProductGradientFunction::apply(adjoint, factors, evaluation, projection, waves);
}

struct GridProductFunction : Function<GridProductFunction> {
  static Tensor forward(AutogradContext *context, at::TensorList factors, const Tensor &evaluation,
                        const Tensor &projection, const Waves &waves)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    static const auto op = operator_named<decltype(grid_product)>("gaunt::grid_product");
    variable_list saved{evaluation, projection, waves.value_or(Tensor())};
    saved.insert(saved.end(), factors.begin(), factors.end());
    context->save_for_backward(saved);
    return op.call(factors, evaluation, projection, waves);
  }

  static variable_list backward(AutogradContext *context, variable_list adjoints)
  {
    const auto saved = context->get_saved_variables();
    const Tensors factors(saved.begin() + 3, saved.end());
    static const auto op =
        operator_named<decltype(grid_product_gradient)>("gaunt::grid_product_gradient");
    auto gradients = op.call(adjoints[0], factors, saved[0], saved[1], optional(saved[2]));
    gradients.resize(gradients.size() + 3);
    return gradients;
  }
};

Tensor grid_product_autograd(at::TensorList factors, const Tensor &evaluation,
                             const Tensor &projection, const Waves &waves)
{
  return GridProductFunction::apply(factors, evaluation, projection, waves);
}

Tensor grid_product_meta(at::TensorList factors, const Tensor &, const Tensor &projection,
                         const Waves &)
{
  const Tensor &first = first_of(factors);
  return first.new_empty_symint({first.sym_size(0), projection.sym_size(1), first.sym_size(2)});
}

Tensors grid_product_gradient_meta(const Tensor &, at::TensorList factors, const Tensor &,
                                   const Tensor &, const Waves &)
{
  Tensors gradients;
  for (const Tensor &factor : factors)
    gradients.push_back(factor.new_empty_symint(factor.sym_sizes()));
  return gradients;
}

} // namespace
